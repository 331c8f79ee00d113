"""Promises 18 and 19 as a fold over the journal: nothing is asked for before a person's word, nor outside a window.

Law: read from the plan and its words alone; the program's own arithmetic of windows is not used.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from orchestrator.core.plan.plan import Gate, Plan
from orchestrator.core.plan.windows import DAYS, Window
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry
from tests.simulation.book import Book, Intent, require

_WEEK = 7 * 24 * 60 * 60


class Permitted:
    """Judges each request by the wall clock as it stood when its intent was written."""

    def __init__(self, plan: Plan, wall: Callable[[], float]) -> None:
        self.wall = wall
        self.windows = {each.name: each.windows for each in plan.instances.values()}
        self.migrations = {each.name: each for each in plan.migrations}
        self.plan = plan
        #: whether the plan makes anything wait
        self.binds = bool(plan.windows or any(self.windows.values()) or any(
            each.windows or each.gate is Gate.IMPORTS for each in plan.migrations
        ))  # fmt: skip
        self.begin()

    def begin(self) -> None:
        """A run begins."""
        self.halted = ""
        self.opened = False
        self.until = 0.0
        #: delivery, and batch of its own or of its backups -> migrations that wait for it
        self.whose: dict[str, set[str]] = defaultdict(set)

    def again(self, entries: Iterable[Entry]) -> None:
        """After a power cut: what is still in the journal was judged when it was heard."""
        self.begin()
        for entry in entries:
            self._note(entry.event)

    def heard(self, entry: Entry, book: Book) -> None:
        """`book` knows who is who, and not yet this entry."""
        match entry.event:
            case e.ExportRequested() | e.ImportRequested() | e.ProbeRequested() as intent:
                self._judge(intent, book)
            case event:
                self._note(event)

    def _note(self, event: e.Event) -> None:
        match event:
            case e.RunBegan():
                self.begin()
                self.until = event.hours.until
            case e.RunResumed():
                self.until = event.hours.until
            case e.RunPaused() | e.RunStopped():
                self.halted = type(event).__name__
            case e.RunContinued(gate=""):
                self.halted = ""
            case e.RunContinued():
                self.opened = True
            case e.DeliveryScheduled():
                for name in (event.delivery, event.batch, *event.backups):
                    self.whose[name].add(event.migration)
            case e.Split(delivery=parent, children=children):
                for child in children:
                    self.whose[child.delivery] |= self.whose[parent]
                    self.whose[child.batch] |= self.whose[parent]
            case e.BackupsChosen(delivery=delivery, backups=backups):
                for batch in backups:
                    self.whose[batch] |= self.whose[delivery]
            case e.GateReached():
                require(any(m.gate is Gate.IMPORTS for m in self.migrations.values()), "promise 18: there is no gate")
            case _:
                pass

    def _judge(self, intent: Intent, book: Book) -> None:
        what = f"{type(intent).__name__} at {self.wall():.0f}"
        require(not self.halted, f"promise 18: {what} behind {self.halted}")
        require(not self.until or self.wall() < self.until, f"promise 19: {what} after --until")
        match intent:
            case e.ImportRequested(delivery=delivery):
                (name,) = self.whose[delivery]
                migration = self.migrations[name]
                gated = migration.gate is Gate.IMPORTS and not self.opened
                require(not gated, f"promise 18: {what} before the gate is opened")
                levels = (self.plan.windows, migration.windows, self.windows[book.place_of(intent)])
                require(self._open(levels), f"promise 19: {what} outside its window")
            case e.ExportRequested(batch=batch):
                source = self.windows[book.place_of(intent)]
                ways = [self._export_levels(name, source) for name in self.whose[batch]]
                require(any(map(self._open, ways)), f"promise 19: {what} outside its window")
            case e.ProbeRequested(instance=instance):
                require(
                    self._open((self.plan.windows, self.windows[instance])), f"promise 19: {what} outside its window"
                )

    def _export_levels(self, name: str, source: tuple[Window, ...]) -> tuple[tuple[Window, ...], ...]:
        migration = self.migrations[name]
        return (source,) if migration.export_ahead else (self.plan.windows, migration.windows, source)

    def _open(self, levels: Iterable[tuple[Window, ...]]) -> bool:
        return all(any(self._is_open(window) for window in level) for level in levels if level)

    def _is_open(self, window: Window) -> bool:
        """By the second of the week, in the window's zone; no clock changes in these weeks."""
        now = datetime.fromtimestamp(self.wall(), UTC).astimezone(ZoneInfo(window.timezone))
        second = ((now.weekday() * 24 + now.hour) * 60 + now.minute) * 60 + now.second + now.microsecond / 1e6
        opens, closes = (_second_of(text) for text in (window.opens, window.closes))
        return (second - opens) % _WEEK < (closes - opens) % _WEEK


def _second_of(text: str) -> int:
    day, _, clock = text.partition(" ")
    hour, _, minute = clock.partition(":")
    return ((DAYS.index(day) * 24 + int(hour)) * 60 + int(minute)) * 60
