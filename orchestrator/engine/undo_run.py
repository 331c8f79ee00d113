"""Which run is taken back, and how its undo begins, goes on and ends. Law: nothing is removed that was not previewed.

A run that has not ended is ended first, as by `run --abandon`: what its last process asked for may still arrive. Where
an import is undecided, nothing is ended and nothing removed: `resolve` comes first, for which an ended run is too late.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.core.state import change_events as c
from orchestrator.core.state.ends import End
from orchestrator.core.state.folding import folded
from orchestrator.core.state.lifecycle import DeliveryState
from orchestrator.core.state.progress import Progress
from orchestrator.core.undo.provenance import Asked, UndoPlan
from orchestrator.engine.past_runs import PastRun, learned, runs_of
from orchestrator.engine.runs import Runs
from orchestrator.engine.undoing import Undoing, look_at
from orchestrator.errors import PRECEDENCE, ExitCode, OperatorError, PreflightBlocked


@dataclass(frozen=True, slots=True)
class UndoWish:
    """What the operator asked of `undo`."""

    asked: Asked = field(default_factory=Asked)
    note: str = ""
    #: digest that the undo must have; "" where none was approved
    digest: str = ""
    #: id of the saved preview with that digest
    approved: str = ""


@dataclass(frozen=True, slots=True)
class Undone:
    """How an undo left this process."""

    run: str
    progress: Progress
    ends: Mapping[str, End]
    #: the signal that stopped it, or ""
    signal: str = ""

    @property
    def code(self) -> ExitCode:
        """The gravest of what stopped it; 1 where something of the run is left."""
        if self.progress.changes.ended is not None:
            return ExitCode(self.progress.changes.ended.code)
        codes = {ExitCode(end.code) for end in self.ends.values()}
        if codes:
            return min(codes, key=PRECEDENCE.index)
        return {"SIGINT": ExitCode.INTERRUPTED, "SIGTERM": ExitCode.TERMINATED}.get(self.signal, ExitCode.NOT_FINISHED)


async def preview_undo(runs: Runs, run: str, asked: Asked) -> UndoPlan:
    """What `undo` would do now; reads only. An undo that has begun shows what is left of it."""
    past = _chosen(runs_of(runs.store, runs.plan.name), run)
    _must_be_known(runs, past.progress)
    return await look_at(runs.plan, runs.roma, past.progress, runs.users, asked)


async def undo_run(runs: Runs, run: str, wish: UndoWish) -> Undone:
    """Take a run back, or go on with that; raises OperatorError (2), PreflightBlocked (4), and as `Runs.run` does."""
    past = _chosen(runs_of(runs.store, runs.plan.name), run)
    _must_be_known(runs, past.progress)
    if past.unfinished:
        if undecided := _undecided(past.progress):
            return Undone(run, past.progress, undecided)
        ended = await runs.end(past, wish.note)
        if ended.progress.ended is None:
            ends = {"": End(ended.outcome.code, "; ".join(why.sentence for why in ended.outcome.whys))}
            return Undone(run, ended.progress, {} if runs.signal else ends, runs.signal)
    with runs.opened(run) as (journal, leases):
        progress = await runs.runtime.offload(lambda: folded(journal.read()))
        teaches, vault = learned(runs.store, run), runs.store.vault(run)
        undoing = Undoing(runs.plan, runs.roma, journal, leases, progress, runs.users, runs.runtime, teaches, vault)
        undoing.listen = lambda entry: runs.listen(progress, entry) if runs.listen is not None else None
        if progress.changes.unfinished:
            await undoing.resume(_resumed(runs, wish))
        else:
            await undoing.begin(*await _begun(runs, progress, wish))
        if runs.announce is not None:
            runs.announce(run, True, progress)
        runs.undoing = undoing
        try:
            if runs.signal:
                undoing.stop(runs.signal)
            await undoing.run()
        finally:
            runs.undoing = None
        return Undone(run, progress, undoing.ends, undoing.signal)


def _undecided(progress: Progress) -> Mapping[str, End]:
    """Imports that only a person can judge: to end the run now would leave them unknown for ever."""
    told = "is undecided: until somebody resolves it, nobody knows which assets the run made"
    lives = (progress.deliveries[name] for name in sorted(progress.open))
    return {
        life.id: End(ExitCode.UNDECIDED, f"{life.id} {told}") for life in lives if life.state is DeliveryState.UNDECIDED
    }


async def _begun(runs: Runs, progress: Progress, wish: UndoWish) -> tuple[UndoPlan, c.UndoBegan]:
    planned = await look_at(runs.plan, runs.roma, progress, runs.users, wish.asked)
    if wish.digest and wish.digest != planned.digest:
        raise PreflightBlocked(
            f"what would be undone is not what was approved: its digest was {wish.digest} and is {planned.digest}",
            next_step="look at it again, and save it again: roma-migrate undo RUN --dry-run --save FILE",
        )
    runtime = runs.runtime
    words = (wish.asked.only.words, wish.asked.include, planned.digest, wish.approved)
    return planned, c.UndoBegan(runtime.user, runtime.host, runtime.pid, runtime.version, wish.note, *words)


def _resumed(runs: Runs, wish: UndoWish) -> c.UndoResumed:
    runtime = runs.runtime
    quiet = runs.plan.settings.settle_quiet
    return c.UndoResumed(runtime.user, runtime.host, runtime.pid, runtime.version, wish.note, quiet)


def _chosen(past: Sequence[PastRun], run: str) -> PastRun:
    chosen = next((each for each in past if each.run == run), None)
    if chosen is None:
        raise OperatorError(f"the plan has no run {run}", next_step="roma-migrate runs")
    other = next((each for each in past if each.unfinished and each.run != run), None)
    if other is not None:
        raise OperatorError(
            f"run {other.run} of this plan is unfinished: nothing is undone beside it",
            next_step="go on with it, or end it: roma-migrate run --abandon PLAN",
        )
    return chosen


def _must_be_known(runs: Runs, progress: Progress) -> None:
    gone = sorted({life.target for life in progress.deliveries.values()} - set(runs.plan.instances))
    if gone:
        raise OperatorError(
            f"the run imported into {', '.join(gone)}, which the plan no longer names",
            next_step="put the instance back into the plan until the run is undone",
        )
