"""Which home and which run a command means. Law: what fits several things, or nothing, is a sentence, never a guess."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.cli.output.terminal import Terminal
from orchestrator.errors import MemoryFailed, OperatorError
from orchestrator.storage.home import Home, find_home, pick_run
from orchestrator.storage.locks import Holder
from orchestrator.storage.store import LocalStore
from orchestrator.storage.stores import Places, open_store

if TYPE_CHECKING:  # a list of runs believes no journal, and reads no plan
    from orchestrator.core.plan.plan import Plan
    from orchestrator.core.state.events import Entry
    from orchestrator.core.state.progress import Progress
    from orchestrator.core.state.submissions import SubmittedComponent


#: runs that a sentence names
_MOST_NAMED = 8


def home_of(terminal: Terminal, plan: Path | None) -> Home:
    """The home of this command, of which nothing is said; it need not exist."""
    return find_home(terminal.common.home, os.environ, plan, Path.cwd())


def journal_of(terminal: Terminal) -> str:
    """The address of the database that keeps the journals, or "" where the home does."""
    return terminal.common.journal or os.environ.get("ROMA_MIGRATE_JOURNAL", "")


def store_of(terminal: Terminal, plan: Path | None) -> LocalStore:
    """Where the runs of this command are kept, of which nothing is said; it is closed when the command ends."""
    home, common = home_of(terminal, plan), terminal.common
    home.must_be_ours()
    packages = common.packages or os.environ.get("ROMA_MIGRATE_PACKAGES", "")
    given = (("--journal", common.journal), ("--packages", _whole(common.packages)))
    options = tuple(word for name, value in given if value for word in (name, value))
    places = Places(journal_of(terminal), packages, options)
    store = open_store(home, places, os.environ, terminal.redactor.learn, terminal.warn)
    terminal.at_end.callback(store.close)
    return store


def store_for(terminal: Terminal, plan: Path | None) -> LocalStore:
    """The same, its home named on the first line; it need not exist."""
    terminal.name_home(home_of(terminal, plan).path)
    store = store_of(terminal, plan)
    if store.address:
        terminal.say(f"journal: {store.address}", event="journal", address=store.address)
    return store


def make_home(terminal: Terminal, home: Home) -> None:
    """Create what is missing of the home, and say what had to be mended."""
    if exposed := home.make():
        terminal.warn(f"was open to others, and is closed to them now: {exposed}")


def store_to_read(terminal: Terminal, plan: Path | None) -> LocalStore:
    """The same for a command that only looks, and so mends nothing."""
    store = store_for(terminal, plan)
    if exposed := store.home.exposed():
        terminal.warn(f"open to others: {exposed}; the next run closes it")
    return store


@dataclass(frozen=True, slots=True)
class Found:
    """One run, and the store that keeps it."""

    store: LocalStore
    run: str

    @property
    def home(self) -> Home:
        """Where its packages and its log lie."""
        return self.store.home

    def entries(self) -> "list[Entry]":
        """Its journal; raises JournalDamaged."""
        return list(self.store.read(self.run))

    def holder(self, progress: "Progress") -> Holder | None:
        """The process that conducts it now, or None. Only the latest run of a plan can be live."""
        if progress.began is None or progress.ended is not None:
            return None
        scope, plan = self.store.scope_of(self.run), progress.began.plan
        if self.store.run_ids()[-1] != self.run and scope.own_runs(plan)[-1:] != [self.run]:
            return None
        return scope.holder(plan)


@dataclass(frozen=True, slots=True)
class Submitted:
    """A plan that was handed to a fleet: one run for each of its components, once that has begun."""

    store: LocalStore
    id: str

    @property
    def plan(self) -> str:
        """The plan's name."""
        return self.store.submissions.submission(self.id).plan

    def components(self) -> "list[SubmittedComponent]":
        """As they stand now, in the plan's order."""
        return self.store.submissions.components(self.id)

    def asks_which(self, what: str) -> OperatorError:
        """What is of one run, and which there are, component by component."""
        own = [f"{each.run} ({each.name})" for each in self.components() if each.run]
        named = ", ".join(own[:_MOST_NAMED]) + (f" and {len(own) - _MOST_NAMED} more" if len(own) > _MOST_NAMED else "")
        return OperatorError(
            f"{what} is of one run, and plan {self.plan} was submitted as {self.id}, with one for each component that "
            f"has begun: name one of {named or 'them, when there are some'}",
            next_step=f"roma-migrate status {self.id} lists them",
        )

    def runs(self) -> list[Found]:
        """Those that have begun, in the same order."""
        return [Found(self.store, each.run) for each in self.components() if each.run]


def find_run(terminal: Terminal, word: str | None, what: str) -> Found:
    """RUN, for a command that is of one run, as find_meant understands it.

    Where that is what was handed to a fleet, the run must be named, unless there is only one; `what` asks for it.
    """
    meant = find_meant(terminal, word)
    if isinstance(meant, Found):
        return meant
    runs = meant.runs()
    if len(runs) == 1:
        return runs[0]
    raise meant.asks_which(what)


def find_meant(terminal: Terminal, word: str | None) -> Found | Submitted:
    """RUN: an id or a unique beginning of one, a plan's name, or a plan file (its latest run); default the latest.

    A submission likewise, named by its id, or the latest of a plan.
    """
    file = _plan_file(word)
    store = store_to_read(terminal, file)
    ids, submitted = store.run_ids(), store.submissions.ids()
    if not ids and not submitted:
        raise OperatorError(f"{_place_of(store)} holds no run", next_step="name the home: --home DIR")
    if word is None:
        return _latest(store, ids[-1:], submitted[-1:])
    if any(run.startswith(word) for run in ids):
        return Found(store, pick_run(ids, word))
    if any(each.startswith(word) or word.startswith(f"{each}.") for each in submitted):
        return _of_fleet(store, submitted, word)
    name = _read(file).name if file is not None else word
    run = next((run for run in reversed(ids) if plan_of(store, run) == name), None)
    of_plan = store.submissions.of_plan(name)
    if run is not None or of_plan:
        return _latest(store, [run] if run is not None else [], of_plan[-1:])
    kind = f"plan {name}" if file is not None else f"{word!r}"
    raise OperatorError(f"the home holds no run of {kind}", next_step="roma-migrate runs")


def _latest(store: LocalStore, runs: list[str], submitted: list[str]) -> Found | Submitted:
    """The younger of the two: a component's run is as young as its submission."""
    if not runs or (submitted and submitted[0].lstrip("s") > runs[0]):
        return Submitted(store, submitted[0])
    component = store.component_of(runs[0])
    return Submitted(store, store.submissions.component(component).submission) if component else Found(store, runs[0])


def _of_fleet(store: LocalStore, submitted: list[str], word: str) -> Found | Submitted:
    if "." not in word:
        return Submitted(store, pick_run(submitted, word))
    component = store.submissions.component(word)
    if not component.run:
        raise OperatorError(f"component {word} has not begun", next_step=f"roma-migrate status {component.submission}")
    return Found(store, component.run)


def plan_meant(terminal: Terminal, word: str | None) -> tuple[LocalStore, str]:
    """The store and the name of the plan that RUN means; a plan file means its plan, whether or not it ever ran."""
    file = _plan_file(word)
    if file is not None:
        return store_to_read(terminal, file), _read(file).name
    meant = find_meant(terminal, word)
    return meant.store, meant.plan if isinstance(meant, Submitted) else plan_of(meant.store, meant.run)


def _whole(place: str) -> str:
    """A folder by its whole path: the next command may be typed elsewhere."""
    return place if not place or "://" in place else str(Path(place).absolute())


def _place_of(store: LocalStore) -> str:
    return "the journal" if store.address else f"the home {store.home.path}"


def plan_of(store: LocalStore, run: str) -> str:
    """The name of the plan that a run carries out; "" where nothing tells it."""
    try:
        return store.plan_of(run)
    except MemoryFailed:
        return ""


def warn_of_strangers(terminal: Terminal, store: LocalStore) -> None:
    """Name the damaged runs of which nothing tells whose they are; they stop no plan."""
    for run in store.run_ids():
        if plan_of(store, run):
            continue
        try:
            any(store.read(run))
        except MemoryFailed as error:
            terminal.warn(
                f"run {run} is damaged, and nothing tells of which plan it is; if it is of this one, stop now and "
                f"restore it from a backup: {error.message}"
            )


def _plan_file(word: str | None) -> Path | None:
    if word is None:
        return None
    path = Path(word)
    return path if path.is_file() or path.suffix in {".yaml", ".yml"} else None


def _read(path: Path) -> "Plan":
    from orchestrator.storage.planfile import read_plan

    return read_plan(path)
