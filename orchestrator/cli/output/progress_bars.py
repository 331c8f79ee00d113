"""Lanes as they move: a board on a terminal, lines elsewhere. Law: only what was measured is shown as progress."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self, cast

from rich.console import Console
from rich.live import Live
from rich.text import Text

from orchestrator.cli.output.lane_status import LaneStatus, LaneStatuses
from orchestrator.cli.output.progress_board import DONE, Left, Screen, board
from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.model.counts import count
from orchestrator.core.plan.plan import Plan
from orchestrator.core.scheduling.forecast import Planned, forecast
from orchestrator.core.scheduling.timetable import Predict, basis_of, planned_left
from orchestrator.core.state.events import Entry
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import SlotRule

#: the board is drawn so often in a second
REFRESH = 2
#: what is left is played again after so many seconds at the soonest, and after so many times what playing it took
EVERY, SPARING = 2.0, 50.0


@dataclass(frozen=True, slots=True)
class Model:
    """What the preview's model needs to play what is left."""

    plan: Plan
    rule: SlotRule
    predict: Predict
    now: Callable[[], float]


class Show:
    """What the operator sees of a run's lanes while it goes on."""

    def __init__(self, terminal: Terminal, say: Callable[..., None]) -> None:
        self._terminal = terminal
        self._say = say
        self._statuses = LaneStatuses()
        self._board = _Board(terminal) if terminal.watched else None
        self._told: dict[str, tuple[int, int, int]] = {}

    def __enter__(self) -> Self:
        if self._board is not None:
            self._board.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._board is not None:
            self._board.stop()

    def begin(self, progress: Progress, model: Model) -> None:
        """A run is known: from now on its lanes are shown."""
        self._statuses = LaneStatuses.of(progress, model.predict)
        if self._board is not None:
            self._board.begin(self._statuses, progress, model)
        else:
            self._lines(list(self._statuses.lanes.values()))

    def take(self, progress: Progress, entry: Entry) -> None:
        """One entry is believed."""
        if self._board is not None:
            self._board.take(self._statuses, progress, entry)
        else:
            self._lines(self._statuses.take(progress, entry))

    def _lines(self, touched: list[LaneStatus]) -> None:
        if not self._terminal.common.json_log:
            for lane in touched:
                self._line(lane)

    def _line(self, lane: LaneStatus) -> None:
        """A plain line whenever a number has changed."""
        now = (lane.there, lane.verified, lane.troubled)
        before = self._told.get(lane.name, (0, 0, 0))
        if now == before:
            return
        self._told[lane.name] = now
        told: dict[str, object] = {"imported": f"{lane.there}/{lane.selected}", "verified": lane.verified}
        told |= {"skipped": lane.skipped} if lane.skipped else {}
        told |= {"set_aside": lane.troubled} if lane.troubled else {}
        self._say("progress", lane=lane.name, text=_in_words(lane), **told)


def _in_words(lane: LaneStatus) -> str:
    """`orders@prod: 97 of 230 assets at the target: 90 verified; 14 set aside`."""
    told = f"{lane.name}: {lane.there:,} of {count(lane.selected, 'asset')} at the target"
    parts = [f"{n:,} {word}" for word, n in (("verified", lane.verified), ("skipped", lane.skipped)) if n]
    aside = f"; {lane.troubled:,} set aside" if lane.troubled else ""
    return told + (f": {', '.join(parts)}" if parts else "") + aside


class _Board:
    """The board. It is drawn by a thread of its own, so that times go on while the run waits."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._lock = threading.Lock()
        self._statuses = LaneStatuses()
        self._model: Model | None = None
        self._began = 0.0
        self._planned: Planned | None = None
        self._planned_at = 0.0
        self._next_plan = 0.0
        self._left: Left | None = None
        console = Console(
            file=cast("IO[str]", terminal.err), force_terminal=True, highlight=False, no_color=not terminal.coloured
        )
        self._live = Live(
            console=console, refresh_per_second=REFRESH, get_renderable=self._drawn, vertical_overflow="crop"
        )

    def start(self) -> None:
        self._live.start()
        self._terminal.above = self._above

    def stop(self) -> None:
        self._terminal.above = None
        with self._lock:
            self._left = self._planned = None  # what is left behind on the screen tells of no future
        self._live.stop()

    def _above(self, text: str) -> None:
        self._live.console.print(Text.from_ansi(text))

    def begin(self, statuses: LaneStatuses, progress: Progress, model: Model) -> None:
        with self._lock:
            self._statuses, self._model, self._began = statuses, model, model.now()
        self._plan(progress, model)

    def take(self, statuses: LaneStatuses, progress: Progress, entry: Entry) -> None:
        with self._lock:
            statuses.take(progress, entry)
        if self._model is not None and time.monotonic() >= self._next_plan:
            self._plan(progress, self._model)

    def _plan(self, progress: Progress, model: Model) -> None:
        """What is left, as values that the drawing thread may play."""
        now = model.now()
        planned = planned_left(basis_of(model.plan, model.rule, model.predict), progress, now)
        self._next_plan = time.monotonic() + EVERY
        with self._lock:
            self._planned, self._planned_at = planned, now

    def _drawn(self) -> Text:
        if self._model is None:
            return Text("")
        self._play(self._model)
        with self._lock:
            # Three columns stay free: a terminal that echoes ^C would otherwise break the line and shift the board.
            columns, rows = self._terminal.size
            screen = Screen(columns - 3, rows, self._model.now(), self._began, self._left)
            lines = board(self._statuses, screen)
        text = Text("\n".join(lines), no_wrap=True, overflow="crop")
        text.highlight_regex(f"{DONE}+", "green")
        text.highlight_regex(r"(?m)^\+ .*$|^ {6}\S.*$", "dim")
        return text

    def _play(self, model: Model) -> None:
        with self._lock:
            planned, self._planned = self._planned, None
        if planned is None:
            return
        began = time.monotonic()
        self._left = left_of(planned, self._planned_at)
        self._next_plan = max(self._next_plan, time.monotonic() + SPARING * (time.monotonic() - began))


def left_of(planned: Planned, at: float) -> Left:
    """What is left, as the preview's model plays it; `at` is the moment at which it was planned, epoch seconds."""
    guessed = any(each.duration.guessed for each in planned.jobs)
    return Left(at, forecast(planned).p50 if planned.jobs else 0.0, guessed)
