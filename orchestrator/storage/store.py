"""Where runs are remembered, opened by name. Law: one door, so that neither the engine nor a command knows a database.

`HomeStore` keeps runs in a home directory, the simulation keeps them in memory, a fleet will keep them in PostgreSQL
behind the same protocol. `tests/storage/test_store_contract.py` says of each store what is promised here.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from orchestrator.core.state.submissions import SubmittedComponent
from orchestrator.errors import MemoryFailed
from orchestrator.storage.briefs import BriefHead, head_of, to_bytes
from orchestrator.storage.disk import Disk
from orchestrator.storage.home import Home, head_path
from orchestrator.storage.locks import Holder, held_briefly, held_plan, who_holds
from orchestrator.storage.placing import place, place_folder, remove_folder, sweep_aside
from orchestrator.storage.submissions import NoSubmissions, Submissions

if TYPE_CHECKING:  # most commands only look, and a list of runs opens no journal: they start without the rest
    from orchestrator.core.report.brief import Brief
    from orchestrator.core.report.ended_run import EndedRun
    from orchestrator.core.state.events import Entry, Event
    from orchestrator.storage.chain import Row
    from orchestrator.storage.journal import JournalReader
    from orchestrator.storage.leases import Asking, Denied, Taken
    from orchestrator.storage.shared_packages import Vaults
    from orchestrator.storage.vault import Vault

#: what may lie beside a journal that an earlier version began to make and never wrote to
_SHELL = frozenset({"journal.db", "journal.db-wal", "journal.db-shm", "journal.db-journal"})
#: how a run's first entry begins, wherever it lies in a file that is no database any more
_BEGAN = re.compile(rb'\{"plan":("(?:[^"\\]|\\.){1,400}"),"plan_file":')
#: bytes of such a file that are looked through
_MOST_SEARCHED = 64 * 1024 * 1024
#: bytes in which a brief's first line mostly ends
_LINE = 4096


class Journal(Protocol):
    """What the engine needs of a journal, which has been read when it is handed out; PostgreSQL will serve the same."""

    def append(self, events: "Sequence[Event]", at: float) -> "tuple[Entry, ...]":
        """All or none, on the disk when it returns; raises LeaseLost, MemoryFailed."""
        ...

    def read(self, after: int = 0) -> "Iterator[Entry]":
        """In order; raises JournalDamaged."""
        ...

    def take_requests(self) -> "list[tuple[int, Event]]":
        """What operators asked of a live run and nobody has answered."""
        ...

    def answer(self, request: int, text: str) -> None: ...

    def close(self) -> None: ...


class SlotLeases(Protocol):
    """Slots leased between processes (`storage.leases.Leases`)."""

    def take(self, keys: list[str]) -> "Taken | Denied": ...

    def claim(self, keys: list[str]) -> "Taken | Denied | Asking":
        """The same for an event loop, which nothing may keep waiting; with `give_back`, in the order they come."""
        ...

    def renew(self) -> tuple[str, ...]:
        """Those that another has taken meanwhile; may raise LeaseLost in their place."""
        ...

    @property
    def ttl(self) -> float:
        """Seconds that a lease lives without being renewed."""
        ...

    def must_hold(self) -> None:
        """Raises LeaseLost where another may hold one of them, or soon may; returns at once."""
        ...

    def confirm(self) -> None:
        """The same, after they were renewed within the last second; raises LeaseLost."""
        ...

    def release(self, keys: list[str]) -> None: ...

    def give_back(self, keys: list[str]) -> None:
        """The same for an event loop: it is done a moment later."""
        ...

    def share(self, users: Collection[str]) -> None:
        """From now on this process works as these users, until it closes: their rates are divided among all who do."""
        ...

    def sharers(self, user: str) -> int:
        """How many processes work as this user, as of the last renewal; at least 1."""
        ...

    def close(self) -> None: ...


class Store(Protocol):
    """Runs, and who conducts them. Every method may raise MemoryFailed."""

    # --- looking: leaves no trace, and disturbs no live run ---

    def run_ids(self) -> list[str]:
        """Every run, oldest first."""
        ...

    def plan_of(self, run: str) -> str:
        """The name of a run's plan, known even where its journal is damaged; "" if it never began or nothing tells."""
        ...

    def read(self, run: str) -> "Iterator[Entry]":
        """A run's entries; raises JournalDamaged."""
        ...

    def component_of(self, run: str) -> str:
        """The component of a submission that a run conducts, or "" where it conducts a whole plan."""
        ...

    def runs_of(self, plan: str) -> list[str]:
        """Every run of a plan that can matter to this process, oldest first."""
        ...

    def own_runs(self, plan: str) -> list[str]:
        """Those with which this process may go on: of the whole plan, or of its component alone."""
        ...

    def cleared_runs(self, plan: str) -> list[str]:
        """Those whose packages this process may drop while it holds the plan: nobody else can write to them then.

        Where the store is a component's, also those of earlier submissions' components whose leases it holds all.
        """
        ...

    def brief(self, run: str) -> "Brief | None":
        """What is needed of an ended run again and again; None where none is kept, or the journal has changed since."""
        ...

    def ended(self, run: str) -> "EndedRun | None":
        """What a list of runs tells of it, from its brief alone."""
        ...

    def all_ended(self, runs: Sequence[str]) -> "Mapping[str, EndedRun]":
        """The same of many: those of which a line is kept, and whose journal has not changed since."""
        ...

    def kept(self, run: str) -> "list[tuple[Row, Entry]]":
        """A run's entries, each with the row that keeps it; raises JournalDamaged."""
        ...

    def followed(self, run: str) -> "AbstractContextManager[Callable[[], Iterator[Entry]]]":
        """What tells a run's entries piece by piece: at each call those since the last one; raises JournalDamaged."""
        ...

    def answered(self, run: str, request: int) -> str | None:
        """What the live run said to a request, or None so far."""
        ...

    def holder(self, plan: str) -> Holder | None:
        """The process that holds this plan now, or None; where the store is a component's, who holds that."""
        ...

    # --- writing ---

    def hold(self, plan: str, holder: Holder) -> AbstractContextManager[None]:
        """Hold a plan while the block runs; raises HeldElsewhere. A process that dies holds nothing.

        Where the store is a component's, that and all its instances and slots are held, and nothing else of the plan.
        """
        ...

    def create(self, run: str, plan: str, events: "Sequence[Event]", at: float) -> bool:
        """Begin a run, whole with its first entries or not at all; False where another process has taken this id."""
        ...

    def journal(self, run: str, holder: str) -> Journal:
        """The journal, read to its end, to be written by this holder alone: whoever wrote before can write no more."""
        ...

    def ask(self, run: str, event: "Event", at: float) -> int:
        """Leave a request for the process that conducts the run (`Journal.take_requests`); answers its number."""
        ...

    def keep_brief(self, run: str, brief: "Brief") -> None:
        """Keep it for later commands, as far as this store does; its plan is held by the caller."""
        ...

    def forget(self, run: str) -> None:
        """Remove a run with all that it holds; its plan is held by the caller."""
        ...

    def vault(self, run: str) -> "Vault": ...

    def leases(self, holder: str) -> SlotLeases:
        """Slots for what this process alone conducts: what the name held before is inherited."""
        ...


class LocalStore(Store, Protocol):
    """A store as the commands of one machine use it: packages and logs lie in a home, whatever keeps the journals."""

    @property
    def home(self) -> Home: ...

    @property
    def address(self) -> str:
        """What `--journal` takes to name it again; "" where the home itself keeps the journals."""
        ...

    @property
    def options(self) -> tuple[str, ...]:
        """What names it again on a command line, beside the home."""
        ...

    @property
    def submissions(self) -> Submissions:
        """What was submitted to a fleet; nothing, where the home itself keeps the journals."""
        ...

    def of_component(self, component: SubmittedComponent) -> "LocalStore":
        """The store of the process that conducts this component: in it, the plan is this component alone."""
        ...

    def scope_of(self, run: str) -> "LocalStore":
        """The store as whoever conducts this run, or writes to its journal, must have it."""
        ...

    def close(self) -> None:
        """End every connection; what is held is given back."""
        ...


class HomeStore:
    """A home directory's runs. `now` is in epoch seconds, and the same clock for all processes of the home."""

    address = ""

    def __init__(self, home: Home, disk: Disk | None = None, now: Callable[[], float] = time.time) -> None:
        self.home = home
        self._disk = disk or Disk()
        self._now = now
        #: where packages are kept; None: in the home alone
        self.vaults: Vaults | None = None
        #: run -> its plan, which never changes
        self._plans: dict[str, str] = {}
        #: run -> a brief that was read, and its first line then
        self._briefs: dict[str, tuple[bytes, Brief]] = {}
        #: what names this store again on a command line
        self.options: tuple[str, ...] = ()
        self.submissions: Submissions = NoSubmissions()

    def run_ids(self) -> list[str]:
        return self.home.run_ids()

    def plan_of(self, run: str) -> str:
        if run not in self._plans and (found := self._plan_found(run)):
            self._plans[run] = found
        return self._plans.get(run, "")

    def _plan_found(self, run: str) -> str:
        if (ended := self.ended(run)) is not None:
            return ended.plan
        from orchestrator.core.state.events import RunBegan

        try:
            for entry in self.read(run):
                return entry.event.plan if isinstance(entry.event, RunBegan) else ""
        except MemoryFailed:
            if not self._disk.exists(self.home.run_path(run)):
                raise
            return self._plan_told(run)
        return ""

    def _plan_told(self, run: str) -> str:
        """What lies beside a damaged journal says whose it is; an earlier version's is asked for its first entry."""
        with suppress(MemoryFailed):
            if self._disk.size(self.home.plan_of(run)) is not None:
                return self._content(self.home.plan_of(run)).decode(errors="replace").strip()
        for name in ("journal.db", "journal.db-wal"):
            with suppress(MemoryFailed, ValueError):
                if found := _BEGAN.search(self._content(self.home.journal(run).with_name(name))):
                    return str(json.loads(found[1]))
        return ""

    def component_of(self, run: str) -> str:
        return ""

    def runs_of(self, plan: str) -> list[str]:
        return [run for run in self.run_ids() if self.plan_of(run) == plan]

    def own_runs(self, plan: str) -> list[str]:
        return self.runs_of(plan)

    def cleared_runs(self, plan: str) -> list[str]:
        return self.own_runs(plan)

    def of_component(self, component: SubmittedComponent) -> "LocalStore":
        self.submissions.component(component.id)  # refuses: a home has none
        return self

    def scope_of(self, run: str) -> "LocalStore":
        return self

    def _content(self, path: Path) -> bytes:
        with self._disk.reading(path) as file:
            return file.read(0, min(file.size, _MOST_SEARCHED))

    def brief(self, run: str) -> "Brief | None":
        try:
            line, _, body = self._content(self.home.brief(run)).partition(b"\n")
            if (head := self._current(run, line)) is None:
                return None
            if run not in self._briefs or self._briefs[run][0] != line:
                self._briefs[run] = (line, head.brief(body))
            return self._briefs[run][1]
        except (MemoryFailed, ValueError):
            return None

    def ended(self, run: str) -> "EndedRun | None":
        try:
            with self._disk.reading(self.home.brief(run)) as file:
                begin = file.read(0, _LINE)
                line, told, _ = (begin if b"\n" in begin else file.read(0, file.size)).partition(b"\n")
            head = self._current(run, line) if told else None
        except (MemoryFailed, ValueError):
            return None
        return head.ended if head is not None else None

    def all_ended(self, runs: Sequence[str]) -> "Mapping[str, EndedRun]":
        return {run: ended for run in runs if (ended := self.ended(run)) is not None}

    def keep_brief(self, run: str, brief: "Brief") -> None:
        with suppress(MemoryFailed):  # where the disk refuses, the journal is folded again
            if journal := self._journal_state(run):
                place(self._disk, self.home.brief(run), to_bytes(brief, journal))

    def _current(self, run: str, line: bytes) -> BriefHead | None:
        """A brief's first line, where the journal is as it was; raises MemoryFailed, ValueError."""
        head = head_of(line)
        return head if head.journal == self._journal_state(run) else None

    def _journal_state(self, run: str) -> str:
        """Changes with each entry, of which the head tells, and with each change of the file; raises MemoryFailed.

        "" without a journal; of one without a head nothing is said.
        """
        journal = self.home.journal(run)
        stamp = self._disk.stamp(journal)
        return f"{stamp} {hashlib.sha256(self._content(head_path(journal))).hexdigest()}" if stamp is not None else ""

    def read(self, run: str) -> "Iterator[Entry]":
        if self._is_shell(run):
            return
        with self._opened(run) as journal:
            yield from journal.read()

    def kept(self, run: str) -> "list[tuple[Row, Entry]]":
        if self._is_shell(run):
            return []
        with self._opened(run) as journal:
            return list(journal.kept())

    @contextmanager
    def followed(self, run: str) -> "Iterator[Callable[[], Iterator[Entry]]]":
        if self._is_shell(run):
            yield lambda: iter(())
            return
        with self._opened(run) as journal:
            yield journal.news

    def _opened(self, run: str) -> "closing[JournalReader]":
        from orchestrator.storage.journal import JournalReader

        return closing(JournalReader(self.home.journal(run), run, self._disk))

    def answered(self, run: str, request: int) -> str | None:
        with self._opened(run) as journal:
            return journal.answered(request)

    def holder(self, plan: str) -> Holder | None:
        return who_holds(self.home.lock_of(plan))

    def hold(self, plan: str, holder: Holder) -> AbstractContextManager[None]:
        return held_plan(self.home.lock_of(plan), plan, holder)

    def create(self, run: str, plan: str, events: "Sequence[Event]", at: float) -> bool:
        from orchestrator.storage.heads import first_content
        from orchestrator.storage.journal import journal_content

        disk, path = self._disk, self.home.run_path(run)
        content, head = journal_content(run, events, at)
        journal = self.home.journal(run)
        files = {
            journal.name: content,
            head_path(journal).name: first_content(head, disk.boot()),
            self.home.plan_of(run).name: f"{plan}\n".encode(),
        }
        with held_briefly(self.home.lock):
            sweep_aside(disk, self.home.runs)
            if disk.exists(path):
                return False
            place_folder(disk, path, files)
        return True

    def forget(self, run: str) -> None:
        with held_briefly(self.home.lock):
            remove_folder(self._disk, self.home.run_path(run))
        self._plans.pop(run, None)
        self._briefs.pop(run, None)

    def journal(self, run: str, holder: str) -> Journal:
        from orchestrator.storage.journal import SqliteJournal

        return SqliteJournal(self.home.journal(run), run, holder, self._disk)

    def ask(self, run: str, event: "Event", at: float) -> int:
        from orchestrator.storage.journal import ask

        return ask(self.home.journal(run), run, event, at)

    def vault(self, run: str) -> "Vault":
        if self.vaults is not None:
            return self.vaults(run)
        from orchestrator.storage.vault import Vault

        return Vault(self.home.vault(run), self._disk)

    def close(self) -> None:
        """Nothing is open between two calls."""

    def leases(self, holder: str) -> SlotLeases:
        from orchestrator.storage.leases import Leases, slots_content

        if not self._disk.exists(self.home.slots):
            with held_briefly(self.home.lock):
                if not self._disk.exists(self.home.slots):
                    place(self._disk, self.home.slots, slots_content())
        return Leases(self.home.slots, holder, self._now)

    def _is_shell(self, run: str) -> bool:
        """Whether an earlier version was killed before this run had its first entry: nothing else lies there."""
        names = frozenset(self._disk.names(self.home.run_path(run)))
        if "journal.db" not in names or not names <= _SHELL:
            return False
        from orchestrator.storage.journal import never_began

        return never_began(self.home.journal(run))
