"""Nights whose runs are kept in a real PostgreSQL. Law: a dead incarnation's connection carries nothing any more.

What is committed there is written down in memory as well, where the watch looks; at dawn both must be the same.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.core.state.events import Entry, Event
from orchestrator.storage.home import Home
from orchestrator.storage.leases import Asking, Denied, Taken
from orchestrator.storage.postgres.database import Connection, Database
from orchestrator.storage.postgres.run_leases import RunLeases
from orchestrator.storage.postgres.store import PostgresStore
from orchestrator.storage.store import Journal, SlotLeases, Store
from orchestrator.storage.vault import Vault
from tests.builders.postgres_server import PASSWORD
from tests.simulation.book import require
from tests.simulation.memory import Killed, Life, MortalDisk, Record
from tests.simulation.scenarios import Night, broken_nights, live
from tests.simulation.worlds import Scenario

T = TypeVar("T")
_EMPTY = "TRUNCATE submission, component, run, event, inbox, brief, lease, waiter"
#: between two processes their leases end: the database's clock knows nothing of a night's time
_LATER = "UPDATE lease SET expires = '-infinity'"


class MortalDatabase(Database):
    """The way of one incarnation to the database."""

    def __init__(self, database: Database, life: Life) -> None:
        super().__init__(database.address, PASSWORD)
        self.life = life

    def beside(self) -> Database:
        return MortalDatabase(self, self.life)

    def ask(self, work: Callable[[Connection], T], left: Callable[[], float] | None = None) -> T:
        if self.life.dead:
            raise Killed("database")
        return super().ask(work, left)


class MirroredStore(PostgresStore):
    """One incarnation's store, over records in memory that hold the same."""

    def __init__(
        self, database: Database, root: Path, records: dict[str, Record], life: Life, heard: Callable[[Entry], None]
    ) -> None:
        super().__init__(MortalDatabase(database, life), Home(root / "home"))
        self._root, self._records, self._life, self._heard = root, records, life, heard

    def create(self, run: str, plan: str, events: Sequence[Event], at: float) -> bool:
        names = ",".join(type(event).__name__ for event in events)
        self._life.at(f"before {names}")
        if not super().create(run, plan, events, at):
            return False
        self._records[run], entries = Record.born(plan, events, at)
        for entry in entries:
            self._heard(entry)
        self._life.at(f"after {names}")
        return True

    def journal(self, run: str, holder: str) -> Journal:
        return MirroredJournal(super().journal(run, holder), self._records[run], self._life, self._heard)

    def leases(self, holder: str) -> SlotLeases:
        return PatientLeases(self.holdings, holder)

    def vault(self, run: str) -> Vault:
        return Vault(self._root / run, MortalDisk(self._life), margin=0)

    @property
    def over(self) -> bool:
        """Whether its incarnation is dead."""
        return self._life.dead

    def close(self) -> None:
        with suppress(Killed):
            super().close()
        self._database.close()


class PatientLeases(RunLeases):
    """Waits for each answer: how long the database took in real time must not show in a night's."""

    def claim(self, keys: Sequence[str]) -> Taken | Denied | Asking:
        return self.take(keys)

    def give_back(self, keys: Sequence[str]) -> None:
        self.release(keys)


@dataclass
class MirroredJournal:
    """The journal of one incarnation."""

    kept: Journal
    record: Record
    life: Life
    heard: Callable[[Entry], None]

    def append(self, events: Sequence[Event], at: float) -> tuple[Entry, ...]:
        names = ",".join(type(event).__name__ for event in events)
        self.life.at(f"before {names}")
        entries = self.kept.append(events, at)
        require(self.record.add(events, at)[1] == entries, "promise 5: what was written is not what was asked")
        for entry in entries:
            self.heard(entry)
        self.life.at(f"after {names}")
        return entries

    def __getattr__(self, name: str) -> Any:
        return getattr(self.kept, name)


@dataclass
class PostgresKeeps:
    """Keeps one night's runs in a database."""

    database: Database
    #: of the night; who only gives an order has no folder of its own
    root: Path
    stores: list[MirroredStore] = field(default_factory=list)

    def __call__(self, root: Path, records: dict[str, Record], life: Life, heard: Callable[[Entry], None]) -> Store:
        for each in [store for store in self.stores if store.over]:
            self.stores.remove(each)
            each.close()
        self.database.ask(lambda db: db.execute(_LATER))
        Home(self.root / "home").make()
        self.stores.append(MirroredStore(self.database, self.root, records, life, heard))
        return self.stores[-1]

    def close(self) -> None:
        """End what the night's processes left open."""
        while self.stores:
            self.stores.pop().close()


def live_in_postgres(told: Scenario, database: Database, root: Path) -> Night:
    """A night as `live` gives it, every entry of which is in the database at dawn."""
    database.ask(lambda db: db.execute(_EMPTY))
    keeps = PostgresKeeps(database, root)
    try:
        night = live(without_power_cuts(told), root, keeps)
    finally:
        keeps.close()
    store = PostgresStore(database.beside(), Home(root / "home"))
    try:
        require(store.run_ids() == sorted(night.records), "promise 5: the database holds other runs")
        for run, record in night.records.items():
            require([row for row, _ in store.kept(run)] == record.rows, f"promise 5: run {run} is another one there")
    finally:
        store.close()
    return night


def without_power_cuts(told: Scenario) -> Scenario:
    """What was committed there no power cut at our host can take."""
    return replace(told, kills=tuple(replace(kill, power=False) for kill in told.kills))


def nights_in(database: Database, seeds: Sequence[int]) -> list[str]:
    """What went wrong in these nights."""
    return broken_nights(lambda drawn, root: live_in_postgres(drawn, database, root), seeds)
