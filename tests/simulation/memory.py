"""A store that can lose what was written since its last full sync, and a process that can die at any await.

Law: once an incarnation is dead, nothing that it still holds can write: its finally blocks run in vain.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from orchestrator.core.state.events import INTENTS, Entry, Event
from orchestrator.storage.codec import from_text, to_text
from orchestrator.storage.disk import Disk, Operation
from orchestrator.storage.journal import Journal
from orchestrator.storage.leases import Denied, Taken
from orchestrator.storage.store import SlotLeases
from orchestrator.storage.vault import Vault

T = TypeVar("T")


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
class Record:
    """One run's entries as text, and how many of them no power cut can take."""

    rows: list[tuple[float, str, str]] = field(default_factory=list)
    synced: int = 0
    #: how many entries there were after each transaction: a power cut takes whole ones
    commits: list[int] = field(default_factory=list)


class MemoryJournal:
    """The journal of one incarnation over a record that outlives it."""

    def __init__(self, record: Record, life: Life, heard: Callable[[Entry], None]) -> None:
        self._record, self._life, self._heard = record, life, heard

    def append(self, events: Sequence[Event], at: float) -> tuple[Entry, ...]:
        names = ",".join(type(event).__name__ for event in events)
        self._life.at(f"before {names}")
        entries = []
        for event in events:
            kind, body = to_text(event)
            self._record.rows.append((at, kind, body))
            entries.append(Entry(len(self._record.rows), at, from_text(kind, body)))
        if any(isinstance(event, INTENTS) for event in events):
            self._record.synced = len(self._record.rows)
        self._record.commits.append(len(self._record.rows))
        for entry in entries:
            self._heard(entry)
        self._life.at(f"after {names}")
        return tuple(entries)

    def read(self, after: int = 0) -> Iterator[Entry]:
        return entries_of(self._record, after)

    def take_requests(self) -> list[tuple[int, Event]]:
        return []

    def answer(self, request: int, text: str) -> None:
        """Nobody asked."""

    def close(self) -> None:
        """Nothing to close."""


def entries_of(record: Record, after: int = 0) -> Iterator[Entry]:
    """What a record holds behind `after`."""
    for place, (at, kind, body) in enumerate(record.rows[after:], after + 1):
        yield Entry(place, at, from_text(kind, body))


class FreeLeases:
    """One process alone: every slot is to be had."""

    def take(self, keys: list[str]) -> Taken | Denied:
        return Taken(dict.fromkeys(keys, 1))

    def renew(self) -> tuple[str, ...]:
        return ()

    def release(self, keys: list[str]) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""


class MortalDisk(Disk):
    """The real disk for the living; a dead incarnation touches nothing any more."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def perform(self, operation: Operation, path: Path, act: Callable[[], T]) -> T:
        if self._life.dead:
            raise Killed(f"{operation} {path.name}")
        return act()


class MemoryStore:
    """Every run of one simulated home; `reborn` gives the next incarnation's view of it."""

    def __init__(self, root: Path, records: dict[str, Record], life: Life, heard: Callable[[Entry], None]) -> None:
        self.root, self.records, self.life, self._heard = root, records, life, heard

    def run_ids(self) -> list[str]:
        return sorted(self.records)

    def read(self, run: str) -> Iterator[Entry]:
        return entries_of(self.records[run])

    def create(self, run: str) -> None:
        self.records[run] = Record()

    def journal(self, run: str, holder: str) -> Journal:
        return MemoryJournal(self.records[run], self.life, self._heard)

    def vault(self, run: str) -> Vault:
        return Vault(self.root / run, MortalDisk(self.life), margin=0)

    def leases(self, holder: str, now: Callable[[], float]) -> SlotLeases:
        return FreeLeases()
