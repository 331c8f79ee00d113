"""Lanes as they move: bars on a terminal, lines elsewhere. Law: only what was measured is shown."""

import os
from collections.abc import Callable
from types import TracebackType
from typing import IO, Self, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.table import Column
from rich.text import Text

from orchestrator.cli.output.lane_status import LaneStatus, LaneStatuses
from orchestrator.cli.output.tables import width
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.output.times import clock
from orchestrator.core.state.events import Entry
from orchestrator.core.state.progress import Progress

#: more lanes than this share one bar
MOST_BARS = 15


class Show:
    """What the operator sees of a run's lanes while it goes on."""

    def __init__(self, terminal: Terminal, say: Callable[..., None]) -> None:
        self._terminal = terminal
        self._say = say
        self._statuses = LaneStatuses()
        self._bars = _Board(terminal) if terminal.watched else None
        self._told: dict[str, tuple[int, int, int]] = {}

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def begin(self, progress: Progress) -> None:
        """A run is known: from now on its lanes are shown."""
        self._statuses = LaneStatuses.of(progress)
        self._redraw(list(self._statuses.lanes.values()))

    def take(self, progress: Progress, entry: Entry) -> None:
        """One entry is believed."""
        self._redraw(self._statuses.take(progress, entry))

    def _redraw(self, touched: list[LaneStatus]) -> None:
        if self._bars is not None:
            self._bars.draw(self._statuses, touched)
        elif not self._terminal.common.json_log:
            for lane in touched:
                self._line(lane)

    def _line(self, lane: LaneStatus) -> None:
        """A plain line whenever a number has changed."""
        now = (lane.there, lane.verified, lane.troubled)
        before = self._told.get(lane.name, (0, 0, 0))
        if now == before:
            return
        self._told[lane.name] = now
        told = {"imported": f"{lane.there}/{lane.selected}", "verified": lane.verified + lane.skipped}
        if lane.troubled:
            told["set_aside"] = lane.troubled
        self._say("progress", lane=lane.name, **told)


class _Board:
    """The bars."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        # Three columns stay free: a terminal that echoes ^C would otherwise break the line and shift the bars.
        console = Console(
            file=cast("IO[str]", terminal.err), force_terminal=True, highlight=False, width=width() - 3,
            no_color="NO_COLOR" in os.environ,
        )  # fmt: skip
        self._bars = Bars(
            TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", max_width=22)),
            BarColumn(bar_width=14),
            MofNCompleteColumn(),
            TextColumn("{task.fields[words]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
            console=console,
            refresh_per_second=4,
            expand=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._note_reachability: TaskID | None = None

    def start(self) -> None:
        self._bars.start()
        self._terminal.above = self._above

    def stop(self) -> None:
        self._terminal.above = None
        self._bars.stop()

    def _above(self, text: str) -> None:
        self._bars.console.print(Text.from_ansi(text), soft_wrap=True)

    def draw(self, statuses: LaneStatuses, touched: list[LaneStatus]) -> None:
        if len(statuses.lanes) > MOST_BARS:
            lanes = statuses.lanes.values()
            done = sum(lane.there >= lane.selected for lane in lanes)
            words = f"{done} of {len(lanes)} lanes there"
            self._set("all", sum(x.there for x in lanes), sum(x.selected for x in lanes), words)
        else:
            for lane in touched:
                self._set(lane.name, lane.there, lane.selected, lane.words)
        self._set_weather(statuses)

    def _set(self, name: str, done: int, total: int, words: str) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total, words=words)
        self._bars.update(self._tasks[name], completed=done, total=total, words=words)

    def _set_weather(self, statuses: LaneStatuses) -> None:
        if self._note_reachability is not None:
            self._bars.remove_task(self._note_reachability)
            self._note_reachability = None
        if statuses.down:
            told = ", ".join(f"no answer since {clock(since)}" for since in statuses.down.values())
            self._note_reachability = self._bars.add_task(next(iter(statuses.down)), total=None, words=told)
