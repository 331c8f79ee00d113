"""All runs of one plan in a home, folded, for what belongs to the plan and not to a run. Law: reads only."""

from dataclasses import dataclass

from orchestrator.cli.context.find_run import Found
from orchestrator.core.report.handover import PlanHandover, of_plan, of_run
from orchestrator.core.state.events import Entry, RunBegan
from orchestrator.core.state.progress import Progress
from orchestrator.engine.runs import folded
from orchestrator.errors import OperatorError
from orchestrator.storage.home import Home


@dataclass(frozen=True, slots=True)
class FoldedRun:
    """One run: its entries, and the same believed."""

    found: Found
    entries: list[Entry]
    progress: Progress
    began: RunBegan


def runs_of_plan(home: Home, plan: str) -> tuple[FoldedRun, ...]:
    """Oldest first, without the shells of runs that never began; raises JournalDamaged."""
    return tuple(each for run in home.run_ids() if (each := _folded(Found(home, run))) and each.began.plan == plan)


def runs_beside(found: Found) -> tuple[FoldedRun, ...]:
    """Every run of the plan that this run carries out; raises OperatorError where it never began."""
    mine = _folded(found)
    if mine is None:
        raise OperatorError(f"run {found.run} never began: it is an empty shell", next_step="roma-migrate runs")
    return runs_of_plan(found.home, mine.began.plan)


def handover_of(runs: tuple[FoldedRun, ...]) -> PlanHandover:
    """What these runs left to people, and what of it is done."""
    return of_plan(of_run(each.found.run, each.entries, each.progress) for each in runs)


def _folded(found: Found) -> FoldedRun | None:
    entries = found.entries()
    progress = folded(iter(entries))
    return FoldedRun(found, entries, progress, progress.began) if progress.began is not None else None
