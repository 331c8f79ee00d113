"""Where a plan's runs are remembered, opened by name. Law: one door, so that the engine knows no file and no database.

`HomeStore` keeps them in a home directory; a fleet will keep them in PostgreSQL behind the same protocol.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Protocol

from orchestrator.core.state.events import Entry
from orchestrator.storage.disk import Disk
from orchestrator.storage.home import Home
from orchestrator.storage.journal import Journal, SqliteJournal
from orchestrator.storage.leases import Denied, Leases, Taken
from orchestrator.storage.vault import Vault


class SlotLeases(Protocol):
    """Slots leased between processes (`storage.leases.Leases`)."""

    def take(self, keys: list[str]) -> Taken | Denied: ...

    def renew(self) -> tuple[str, ...]: ...

    def release(self, keys: list[str]) -> None: ...

    def close(self) -> None: ...


class Store(Protocol):
    """The runs of one home."""

    def run_ids(self) -> list[str]:
        """Every run, oldest first."""
        ...

    def read(self, run: str) -> Iterator[Entry]:
        """A run's entries; disturbs no live run. Raises JournalDamaged, MemoryFailed."""
        ...

    def create(self, run: str) -> None:
        """Make room for a new run."""
        ...

    def journal(self, run: str, holder: str) -> Journal:
        """The journal, to be written by this holder alone: whoever wrote before can write no more."""
        ...

    def vault(self, run: str) -> Vault: ...

    def leases(self, holder: str, now: Callable[[], float]) -> SlotLeases:
        """Slots for what this process alone conducts: what the name held before is inherited."""
        ...


class HomeStore:
    """A home directory's runs."""

    def __init__(self, home: Home, disk: Disk | None = None) -> None:
        self.home = home
        self._disk = disk or Disk()

    def run_ids(self) -> list[str]:
        return self.home.run_ids()

    def read(self, run: str) -> Iterator[Entry]:
        with closing(SqliteJournal(self.home.journal(run), run)) as journal:
            yield from journal.read()

    def create(self, run: str) -> None:
        self.home.make_run(run)

    def journal(self, run: str, holder: str) -> Journal:
        return SqliteJournal(self.home.journal(run), run, holder)

    def vault(self, run: str) -> Vault:
        return Vault(self.home.vault(run), self._disk)

    def leases(self, holder: str, now: Callable[[], float]) -> SlotLeases:
        return Leases(self.home.slots, holder, now)
