"""All runs of one plan, folded, for what belongs to the plan and not to a run.

Law: reads only; one run's damage never hides the others, and is told.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from orchestrator.cli.context.find_run import Found, plan_of
from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.report.handover import PlanHandover, RunHandover, of_plan, of_run
from orchestrator.core.state.events import Entry, RunBegan
from orchestrator.core.state.folding import folded
from orchestrator.core.state.progress import Progress
from orchestrator.errors import MemoryFailed, OperatorError
from orchestrator.storage.store import LocalStore

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FoldedRun:
    """One run: its entries, and the same believed."""

    found: Found
    entries: list[Entry]
    progress: Progress
    began: RunBegan


def runs_of_plan(terminal: Terminal, store: LocalStore, plan: str) -> tuple[FoldedRun, ...]:
    """Oldest first, without the shells of runs that never began and without those that are damaged."""
    return tuple(_each(terminal, store, plan, _folded))


def left_by_plan(terminal: Terminal, store: LocalStore, plan: str) -> PlanHandover:
    """What all runs of a plan left to people; of those that have ended long ago their briefs tell it."""
    return of_plan(_each(terminal, store, plan, _left))


def runs_beside(terminal: Terminal, found: Found) -> tuple[FoldedRun, ...]:
    """Every run of the plan that this run carries out; raises OperatorError where it never began, JournalDamaged."""
    mine = _folded(found)
    if mine is None:
        raise OperatorError(f"run {found.run} never began: it is an empty shell", next_step="roma-migrate runs")
    return runs_of_plan(terminal, found.store, mine.began.plan)


def handover_of(runs: tuple[FoldedRun, ...]) -> PlanHandover:
    """What these runs left to people, and what of it is done."""
    return of_plan(of_run(each.found.run, each.entries, each.progress) for each in runs)


def _each(terminal: Terminal, store: LocalStore, plan: str, read: Callable[[Found], T | None]) -> Iterator[T]:
    for found in (Found(store, run) for run in store.run_ids()):
        if plan_of(found.store, found.run) != plan:
            continue
        try:
            told = read(found)
        except MemoryFailed as error:
            terminal.warn(f"run {found.run} cannot be read, and what it left to people is not told: {error.message}")
        else:
            if told is not None:
                yield told


def _left(found: Found) -> RunHandover | None:
    if (brief := found.store.brief(found.run)) is not None:
        return brief.left
    folded_run = _folded(found)
    return of_run(found.run, folded_run.entries, folded_run.progress) if folded_run is not None else None


def _folded(found: Found) -> FoldedRun | None:
    entries = found.entries()
    progress = folded(iter(entries))
    return FoldedRun(found, entries, progress, progress.began) if progress.began is not None else None
