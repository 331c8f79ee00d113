"""The runs of a home, folded from their journals. Law: read only; no live run is disturbed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from orchestrator.core.preview.approval import Carried
from orchestrator.core.report.brief import Brief, Brought, brief_of, brought_of, stored_of
from orchestrator.core.report.handover import concerns
from orchestrator.core.report.outcome import outcome
from orchestrator.core.scheduling.write_rate import LearnedRates
from orchestrator.core.selection.routes import EarlierImports, Kept
from orchestrator.core.state.events import Entry
from orchestrator.core.state.folding import folded
from orchestrator.core.state.progress import Progress
from orchestrator.engine.poll_timing import PollTiming
from orchestrator.errors import MemoryFailed
from orchestrator.storage.store import Store

#: how many of the home's latest runs teach durations and rates
LEARNED_RUNS = 3


class Reads(Protocol):
    """What may be read of a home's runs: `storage.store.Store` without its writing half."""

    def run_ids(self) -> list[str]:
        """Every run, oldest first."""
        ...

    def runs_of(self, plan: str) -> list[str]:
        """Every run of a plan that can matter to this process, oldest first."""
        ...

    def read(self, run: str) -> Iterator[Entry]:
        """A run's entries; raises JournalDamaged, MemoryFailed."""
        ...

    def brief(self, run: str) -> Brief | None:
        """What is needed of an ended run again and again, where it is kept."""
        ...


class PastRun:
    """One run of the home: its brief where one is kept, else its journal, folded at the latest when it is asked for."""

    def __init__(
        self,
        run: str,
        progress: Progress | Callable[[], Progress],
        brief: Brief | None = None,
        for_people: Sequence[Entry] = (),
    ) -> None:
        self.run, self.brief = run, brief
        #: those of its entries that tell what it left to people, where its journal was folded
        self.for_people = for_people
        self._progress = progress

    @property
    def progress(self) -> Progress:
        """All that its journal tells; raises JournalDamaged."""
        if not isinstance(self._progress, Progress):
            self._progress = self._progress()
        return self._progress

    @property
    def unfinished(self) -> bool:
        return self.brief is None and self.progress.began is not None and self.progress.ended is None

    @property
    def ended_at(self) -> float:
        """Epoch seconds; 0 where it has not ended."""
        return self.brief.ended.ended_at if self.brief else self.progress.ended_at if self._ended else 0.0

    @property
    def began_at(self) -> float:
        return self.brief.ended.began_at if self.brief is not None else self.progress.began_at

    @property
    def approved(self) -> str:
        """The approved preview that it consumed, "" where there was none."""
        if self.brief is not None:
            return self.brief.ended.approved
        return self.progress.began.approved if self.progress.began is not None else ""

    @property
    def begun(self) -> bool:
        return self.brief is not None or self.progress.began is not None

    @property
    def trials(self) -> tuple[tuple[str, str], ...]:
        """(widening, what `auto` has seen of it)."""
        return self.brief.trials if self.brief is not None else self.progress.trials.told

    def stored(self) -> Iterable[tuple[str, float]]:
        """Each package that lies in its vault, and since when."""
        return self.brief.stored if self.brief is not None else stored_of(self.progress)

    def brought(self) -> Iterable[Brought]:
        """Each asset that is at a target by it."""
        return self.brief.brought if self.brief is not None else brought_of(self.progress)

    @property
    def _ended(self) -> bool:
        return self.progress.ended is not None


def read_run(store: Reads, run: str) -> PastRun:
    """Fold a run's journal; raises JournalDamaged. A live run is not disturbed."""
    for_people: list[Entry] = []
    return PastRun(run, folded(_noted(store.read(run), for_people)), for_people=for_people)


def _noted(entries: Iterable[Entry], for_people: list[Entry]) -> Iterator[Entry]:
    for entry in entries:
        if concerns(entry.event):
            for_people.append(entry)
        yield entry


def runs_of(store: Reads, plan: str) -> list[PastRun]:
    """Every run of a plan, oldest first; raises MemoryFailed for a damaged one of this plan, not for another plan's."""
    return [_known(store, run) for run in store.runs_of(plan)]


def _known(store: Reads, run: str) -> PastRun:
    brief = store.brief(run)
    return PastRun(run, lambda: folded(store.read(run)), brief) if brief is not None else read_run(store, run)


def own_of(store: Store, plan: str, past: Sequence[PastRun]) -> list[PastRun]:
    """Those of these runs with which this process may go on, oldest first."""
    own = set(store.own_runs(plan))
    return [each for each in past if each.run in own]


def keep_briefs(store: Store, past: Sequence[PastRun]) -> None:
    """Keep what was folded, so that the next command need not; the plan is held by the caller."""
    for each in past:
        if each.brief is None and each.progress.ended is not None:
            told = outcome(each.progress, {})
            if (made := brief_of(each.run, each.for_people, each.progress, told)) is not None:
                store.keep_brief(each.run, made)


def history(past: Sequence[PastRun]) -> EarlierImports:
    """What earlier runs of the plan brought to its targets."""
    return EarlierImports(
        {
            (each.target, each.prefix, each.source, each.asset): Kept(each.ids, each.owner, run.run, each.update_time)
            for run in past
            for each in run.brought()
        }
    )


def carried(past: Sequence[PastRun]) -> list[Carried]:
    """Which approved preview each of these runs consumed, if any."""
    return [Carried(each.run, each.approved, each.unfinished) for each in past if each.begun]


@dataclass(frozen=True, slots=True)
class Lessons:
    """What earlier runs teach, read anew in each command: their journals keep it."""

    timing: PollTiming = field(default_factory=PollTiming)
    rates: LearnedRates = field(default_factory=LearnedRates)

    def learn(self, entries: Iterable[Entry]) -> None:
        """From one run's journal."""
        self.timing.learn(_heard(entries, self.rates))


def _heard(entries: Iterable[Entry], rates: LearnedRates) -> Iterator[Entry]:
    for entry in entries:
        rates.hear(entry)
        yield entry


def learned(store: Reads, run: str = "") -> Lessons:
    """What the home's latest runs, up to this one if it is named, teach; a damaged one teaches nothing."""
    lessons = Lessons()
    for earlier in [each for each in store.run_ids() if not run or each <= run][-LEARNED_RUNS:]:
        with suppress(MemoryFailed):
            lessons.learn(store.read(earlier))
    return lessons
