"""A store that can lose what was written since its last full sync, and a process that can die at any await.

Law: once an incarnation is dead, nothing that it still holds can write: its finally blocks run in vain.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from orchestrator.core.report.brief import Brief
from orchestrator.core.report.ended_run import EndedRun
from orchestrator.core.state.events import Entry, Event
from orchestrator.errors import HeldElsewhere, JournalDamaged, LeaseLost, MemoryFailed
from orchestrator.storage.chain import ChainBroken, Head, Row, checked
from orchestrator.storage.codec import from_text, rows_behind, to_text
from orchestrator.storage.disk import Disk, Operation
from orchestrator.storage.heads import (
    PLACE,
    Heads,
    HeadsUnreadable,
    first_content,
    must_be_forced,
    notes_of,
    reached,
)
from orchestrator.storage.leases import Asking, Denied, Taken
from orchestrator.storage.locks import Holder
from orchestrator.storage.store import Journal, SlotLeases
from orchestrator.storage.vault import Vault

T = TypeVar("T")

#: what a text says, read once: a night reads its journals again with each process, and an event cannot change
event_of = lru_cache(maxsize=8192)(from_text)


class Killed(BaseException):
    """This incarnation of the program is dead."""


@dataclass(slots=True)
class Life:
    """One incarnation of the program: dead from the moment it is killed."""

    dead: bool = False
    #: called before and after each journal write and remote call; may kill
    hook: Callable[[str], None] = field(default=lambda where: None)

    def at(self, where: str) -> None:
        """A point at which the program may die."""
        if self.dead:
            raise Killed(where)
        self.hook(where)

    def kill(self, where: str) -> None:
        self.dead = True
        raise Killed(where)


@dataclass(slots=True)
class Request:
    """What an operator asked of the process that conducts a run."""

    kind: str
    body: str
    answer: str | None = None


@dataclass(slots=True)
class Record:
    """One run's entries as text, what is noted of how far they had come, and what of both no power cut can take."""

    plan: str = ""
    rows: list[Row] = field(default_factory=list)
    #: entries that were forced to the disk
    forced: int = 0
    #: how many entries there were after each transaction: a power cut takes whole ones
    commits: list[int] = field(default_factory=list)
    #: the two places of `storage.heads`, and what of them was forced to the disk
    heads: bytearray = field(default_factory=bytearray)
    forced_heads: bytes = b""
    #: names the time since the host was started
    boot: str = "1"
    #: grows with each process that may write
    epoch: int = 0
    inbox: list[Request] = field(default_factory=list)

    @classmethod
    def born(cls, plan: str, events: Sequence[Event], at: float) -> tuple["Record", tuple[Entry, ...]]:
        """A run comes into being whole, and forced to the disk."""
        record = cls(plan)
        head, entries = record.add(events, at)
        record.forced = head.seq
        record.heads[:] = record.forced_heads = first_content(head, record.boot)
        return record, entries

    def add(self, events: Sequence[Event], at: float) -> tuple[Head, tuple[Entry, ...]]:
        """Write some entries as one transaction; the head behind them."""
        head = Head(self.rows[-1].seq, self.rows[-1].chain) if self.rows else Head()
        rows, head = rows_behind(head, events, at)
        self.rows += rows
        if must_be_forced(events):
            self.forced = head.seq
        self.commits.append(len(self.rows))
        return head, tuple(map(_entry_of, rows))

    def note(self, begin: int, content: bytes, *, forced: bool) -> None:
        """Write one of the two places."""
        self.heads[begin : begin + PLACE] = content
        if forced:
            self.forced_heads = bytes(self.heads)

    def lose_power(self, kept: int, places: Sequence[bool]) -> None:
        """Only so many entries are left; whether each place of the heads has what was written and never forced."""
        del self.rows[kept:]
        self.commits = [commit for commit in self.commits if commit <= kept]
        for begin, has in zip((0, PLACE), places, strict=True):
            if not has:
                self.heads[begin : begin + PLACE] = self.forced_heads[begin : begin + PLACE]
        self.boot = str(int(self.boot) + 1)


def entries_of(record: Record, after: int = 0) -> Iterator[Entry]:
    """What a record holds behind `after`; raises JournalDamaged where it is not what was written."""
    return (entry for _row, entry in kept_of(record, after))


def kept_of(record: Record, after: int = 0) -> Iterator[tuple[Row, Entry]]:
    """The same, each with the row that keeps it."""
    try:
        for row, _ in checked(record.rows, reached(bytes(record.heads), record.boot)):
            if row.seq > after:
                yield row, _entry_of(row)
    except (ChainBroken, HeadsUnreadable) as broken:
        raise JournalDamaged(str(broken)) from None


def _entry_of(row: Row) -> Entry:
    return Entry(row.seq, row.at, event_of(row.kind, row.body))


class MemoryJournal:
    """The journal of one incarnation over a record that outlives it."""

    def __init__(self, record: Record, life: Life, heard: Callable[[Entry], None]) -> None:
        self._record, self._life, self._heard = record, life, heard
        for _ in entries_of(record):
            pass  # it is read before it is handed out
        self._noted = Heads(notes_of(bytes(record.heads)), record.boot)
        record.epoch += 1
        self._epoch = record.epoch

    def append(self, events: Sequence[Event], at: float) -> tuple[Entry, ...]:
        names = ",".join(type(event).__name__ for event in events)
        self._life.at(f"before {names}")
        if self._record.epoch != self._epoch:
            raise LeaseLost("another process has taken over this run")
        head, entries = self._record.add(events, at)
        forced = must_be_forced(events)
        self._record.note(*self._noted.note(head, forced=forced), forced=forced)
        for entry in entries:
            self._heard(entry)
        self._life.at(f"after {names}")
        return entries

    def read(self, after: int = 0) -> Iterator[Entry]:
        return entries_of(self._record, after)

    def take_requests(self) -> list[tuple[int, Event]]:
        asked = enumerate(self._record.inbox)
        return [(number, from_text(each.kind, each.body)) for number, each in asked if each.answer is None]

    def answer(self, request: int, text: str) -> None:
        self._record.inbox[request].answer = text

    def close(self) -> None:
        """Nothing to close."""


class MemoryLeases:
    """Slots between the processes of one memory: slot -> who has it."""

    def __init__(self, slots: dict[str, str], holder: str) -> None:
        self._slots, self._holder = slots, holder
        self._held: set[str] = set()

    def take(self, keys: Sequence[str]) -> Taken | Denied:
        for key in sorted(keys):
            if self._slots.get(key, self._holder) != self._holder:
                return Denied(key, self._slots[key], 0.0, queued=False)
        self._slots.update(dict.fromkeys(keys, self._holder))
        self._held.update(keys)
        return Taken(dict.fromkeys(keys, 1))

    def claim(self, keys: Sequence[str]) -> Taken | Denied | Asking:
        return self.take(keys)

    def renew(self) -> tuple[str, ...]:
        return ()

    def give_back(self, keys: Sequence[str]) -> None:
        self.release(keys)

    def share(self, users: Collection[str]) -> None:
        keys = [f"works {self._holder} as {user}" for user in users]
        self._slots.update(dict.fromkeys(keys, self._holder))
        self._held.update(keys)

    def sharers(self, user: str) -> int:
        return max(1, sum(key.startswith("works ") and key.endswith(f" as {user}") for key in self._slots))

    @property
    def ttl(self) -> float:
        """It is never renewed."""
        return math.inf

    def must_hold(self) -> None:
        """A dead incarnation asks for nothing: the transport sees to that."""

    def confirm(self) -> None:
        """The same."""

    def release(self, keys: Sequence[str]) -> None:
        for key in self._held & set(keys):
            self._slots.pop(key, None)
            self._held.discard(key)

    def close(self) -> None:
        self.release(tuple(self._held))


class MortalDisk(Disk):
    """The real disk for the living; a dead incarnation touches nothing any more."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def perform(self, operation: Operation, path: Path, act: Callable[[], T]) -> T:
        if self._life.dead:
            raise Killed(f"{operation} {path.name}")
        return act()


@dataclass(slots=True)
class MemoryStore:
    """Every run of one simulated home, as one incarnation sees it; the records outlive it."""

    root: Path
    records: dict[str, Record]
    life: Life
    heard: Callable[[Entry], None]
    #: plan -> who holds it
    plans: dict[str, Holder] = field(default_factory=dict)
    #: slot -> who has it
    slots: dict[str, str] = field(default_factory=dict)

    def run_ids(self) -> list[str]:
        return sorted(self.records)

    def plan_of(self, run: str) -> str:
        return self._record(run).plan

    def component_of(self, run: str) -> str:
        return ""

    def runs_of(self, plan: str) -> list[str]:
        return [run for run in self.run_ids() if self.plan_of(run) == plan]

    def own_runs(self, plan: str) -> list[str]:
        return self.runs_of(plan)

    def cleared_runs(self, plan: str) -> list[str]:
        return self.own_runs(plan)

    def read(self, run: str) -> Iterator[Entry]:
        return entries_of(self._record(run))

    def brief(self, run: str) -> Brief | None:
        """Every night folds every run, so that what is kept cannot hide what the journal tells."""
        return None

    def ended(self, run: str) -> EndedRun | None:
        return None

    def all_ended(self, runs: Sequence[str]) -> Mapping[str, EndedRun]:
        return {}

    def keep_brief(self, run: str, brief: Brief) -> None:
        """Nothing is kept beside the records."""

    def kept(self, run: str) -> list[tuple[Row, Entry]]:
        return list(kept_of(self._record(run)))

    @contextmanager
    def followed(self, run: str) -> Iterator[Callable[[], Iterator[Entry]]]:
        record, told = self._record(run), 0

        def news() -> Iterator[Entry]:
            nonlocal told
            for entry in entries_of(record, told):
                told = entry.seq
                yield entry

        yield news

    def answered(self, run: str, request: int) -> str | None:
        asked = self._record(run).inbox
        return asked[request].answer if request < len(asked) else None

    def holder(self, plan: str) -> Holder | None:
        return self.plans.get(plan)

    @contextmanager
    def hold(self, plan: str, holder: Holder) -> Iterator[None]:
        if held := self.plans.get(plan):
            raise HeldElsewhere(f"plan {plan} is run by process {held.pid} on {held.host} since {held.since}")
        self.plans[plan] = holder
        try:
            yield
        finally:
            del self.plans[plan]

    def create(self, run: str, plan: str, events: Sequence[Event], at: float) -> bool:
        names = ",".join(type(event).__name__ for event in events)
        self.life.at(f"before {names}")
        if run in self.records:
            return False
        self.records[run], entries = Record.born(plan, events, at)
        for entry in entries:
            self.heard(entry)
        self.life.at(f"after {names}")
        return True

    def forget(self, run: str) -> None:
        del self.records[run]

    def journal(self, run: str, holder: str) -> Journal:
        return MemoryJournal(self._record(run), self.life, self.heard)

    def ask(self, run: str, event: Event, at: float) -> int:
        asked = self._record(run).inbox
        asked.append(Request(*to_text(event)))
        return len(asked) - 1

    def vault(self, run: str) -> Vault:
        return Vault(self.root / run, MortalDisk(self.life), margin=0)

    def leases(self, holder: str) -> SlotLeases:
        return MemoryLeases(self.slots, holder)

    def _record(self, run: str) -> Record:
        if run not in self.records:
            raise MemoryFailed(f"{run}: there is no journal", next_step="roma-migrate runs")
        return self.records[run]
