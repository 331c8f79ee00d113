"""Which run is finished, and how that begins, goes on and ends. Law: nothing is changed that was not previewed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from orchestrator.core.finish.first_values import FirstValues, first_looks, first_values
from orchestrator.core.finish.ground import Ground
from orchestrator.core.finish.kinds import BEFORE_IMPORT
from orchestrator.core.finish.looks import not_held
from orchestrator.core.finish.pairs import pairs_of
from orchestrator.core.finish.planning import FinishPlan, steps_of
from orchestrator.core.plan.plan import FinishStep, Plan
from orchestrator.core.selection.only import Only, parse_only
from orchestrator.core.state import change_events as c
from orchestrator.core.state.changes import Changes
from orchestrator.core.state.ends import End
from orchestrator.core.state.progress import Progress
from orchestrator.engine.change_loop import ChangeLoop
from orchestrator.engine.change_run import Carried, carried_out, conducted, loop_of, reads_of
from orchestrator.engine.past_runs import PastRun, runs_of
from orchestrator.engine.runs import Runs
from orchestrator.errors import OperatorError, PreflightBlocked
from orchestrator.storage.store import Journal, SlotLeases


@dataclass(frozen=True, slots=True)
class FinishWish:
    """What the operator asked of `finish`."""

    #: the named steps; none: all but those that need a person's own word
    steps: tuple[FinishStep, ...] = ()
    only: Only = field(default_factory=Only)
    unproved: bool = False
    note: str = ""
    #: digest that the finish must have; "" where none was approved
    digest: str = ""
    #: id of the saved preview with that digest
    approved: str = ""


async def preview_finish(runs: Runs, run: str, wish: FinishWish) -> FinishPlan:
    """What `finish` would do now; reads only. One that has begun shows what is left of it."""
    past = _chosen(runs_of(runs.store, runs.plan.name), run)
    return await _planned(runs, past.progress, wish)


async def first_values_of(runs: Runs, run: str, only: Only) -> FirstValues:
    """A values file for what the run brought to its one target; reads only. Raises as `preview_finish` does."""
    past = _chosen(runs_of(runs.store, runs.plan.name), run)
    ground = Ground(runs.plan, pairs_of(past.progress), only)
    seen = await reads_of(runs).seen(lambda seen: not_held(first_looks(ground, seen), seen))
    return first_values(run, ground, seen)


async def finish_run(runs: Runs, run: str, wish: FinishWish) -> Carried:
    """Finish a run, or go on with that; raises OperatorError (2), PreflightBlocked (4), and as `Runs.run` does."""
    past = _chosen(runs_of(runs.store, runs.plan.name), run)
    if past.progress.finishing.unfinished:
        _must_be_the_same(past.progress.finishing.began, wish)

    async def start(loop: ChangeLoop) -> None:
        if loop.progress.finishing.unfinished:
            await loop.remember(_resumed(runs, wish))
        else:
            planned = await _planned(runs, loop.progress, wish)
            _must_be_approved(planned, wish)
            await loop.begin(planned.changes, planned.left, _began(runs, planned, wish), planned.found)

    loop = await carried_out(runs, run, start)
    return Carried(run, loop.progress, loop.ends, loop.signal)


def prepares(runs: Runs) -> None:
    """Its runs create entries of the data dictionary before they import, where the plan asks for it."""

    async def prepare(run: str, opened: tuple[Journal, SlotLeases], progress: Progress) -> Mapping[str, End]:
        return await _before_import(runs, run, opened, progress)

    runs.prepare = prepare


async def _before_import(
    runs: Runs, run: str, opened: tuple[Journal, SlotLeases], progress: Progress
) -> Mapping[str, End]:
    steps, begun = steps_of(runs.plan, BEFORE_IMPORT), progress.finishing
    if not steps or (begun.began is not None and not _goes_before_import(begun)):
        return {}
    loop = loop_of(runs, run, opened, progress)
    if begun.unfinished:
        await loop.remember(_resumed(runs, FinishWish()))
    else:
        words = progress.began.only if progress.began is not None else ()
        only = parse_only(words, runs.plan) if words else Only()
        ground = Ground(_starting(runs.plan, progress), only=only)
        planned = await reads_of(runs).planned(ground, steps)
        if not planned.changes:
            return {}  # what differs is on the handover list
        await loop.begin(planned.changes, (), _began(runs, planned, FinishWish(only=ground.only)))
    await conducted(runs, loop)
    return loop.ends


def _starting(plan: Plan, progress: Progress) -> Plan:
    """The plan without what is held: where a migration is, those that deliver something start."""
    if progress.began is None or not progress.began.held:
        return plan
    names = {each.scheduled.migration for each in progress.deliveries.values()}
    return replace(plan, migrations=tuple(each for each in plan.migrations if each.name in names))


def _goes_before_import(begun: Changes) -> bool:
    """Whether the latest finish is one of this sort, and has not ended."""
    steps = begun.began.steps if isinstance(begun.began, c.FinishBegan) else ()
    return begun.unfinished and set(steps) <= {each.value for each in BEFORE_IMPORT}


async def _planned(runs: Runs, progress: Progress, wish: FinishWish) -> FinishPlan:
    steps = steps_of(runs.plan, wish.steps, progress.orders.opened)
    must_be_asked_for(runs.plan, wish.steps)
    ground = Ground(runs.plan, pairs_of(progress), wish.only, wish.unproved)
    return await reads_of(runs).planned(ground, steps)


def must_be_asked_for(plan: Plan, named: Sequence[FinishStep]) -> None:
    """Raises OperatorError where no migration of the plan asks for one of these steps."""
    known = steps_of(plan, tuple(FinishStep))
    if unwanted := [each.value for each in named if each not in known]:
        raise OperatorError(
            f"--step {unwanted[0]}: no migration of the plan asks for it",
            next_step=f"the plan's finish: asks for {', '.join(each.value for each in known) or 'nothing'}",
        )


def _must_be_approved(planned: FinishPlan, wish: FinishWish) -> None:
    if wish.digest and wish.digest != planned.digest:
        raise PreflightBlocked(
            f"what would be done is not what was approved: its digest was {wish.digest} and is {planned.digest}",
            next_step="look at it again, and save it again: roma-migrate finish RUN --dry-run --save FILE",
        )


def _must_be_the_same(begun: object, wish: FinishWish) -> None:
    """What has begun is gone on with: other steps wait until it has ended."""
    if not isinstance(begun, c.FinishBegan):
        return
    named = tuple(each.value for each in wish.steps)
    if (named and named != begun.steps) or (wish.only.words and wish.only.words != begun.only):
        raise OperatorError(
            f"a finish of {', '.join(begun.steps)} has begun and not ended",
            next_step="go on with it, without --step and --only: roma-migrate finish RUN",
        )


def _began(runs: Runs, planned: FinishPlan, wish: FinishWish) -> c.FinishBegan:
    me = runs.runtime
    steps = tuple(each.value for each in planned.steps)
    words = (steps, wish.only.words, planned.digest, wish.approved, wish.unproved)
    return c.FinishBegan(me.user, me.host, me.pid, me.version, wish.note, *words)


def _resumed(runs: Runs, wish: FinishWish) -> c.FinishResumed:
    me = runs.runtime
    return c.FinishResumed(me.user, me.host, me.pid, me.version, wish.note, runs.plan.settings.settle_quiet)


def _chosen(past: Sequence[PastRun], run: str) -> PastRun:
    chosen = next((each for each in past if each.run == run), None)
    if chosen is None:
        raise OperatorError(f"the plan has no run {run}", next_step="roma-migrate runs")
    unfinished = next((each for each in past if each.unfinished), None)
    if unfinished is not None:
        raise OperatorError(
            f"run {unfinished.run} of this plan is unfinished: nothing is finished beside it",
            next_step="go on with it, or end it: roma-migrate run --abandon PLAN",
        )
    if chosen.progress.changes.unfinished:
        raise OperatorError(
            f"the undo of run {run} has not ended: nothing is finished before it has",
            next_step=f"go on with it: roma-migrate undo {run}",
        )
    return chosen
