"""Which run is taken back, and how its undo begins, goes on and ends. Law: nothing is removed that was not previewed.

A run that has not ended is ended first, as by `run --abandon`: what its last process asked for may still arrive. Where
an import is undecided, nothing is ended and nothing removed: `resolve` comes first, for which an ended run is too late.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.core.model.failures import RequestFailed
from orchestrator.core.model.retries import READ_ATTEMPTS, Action, Request, decide
from orchestrator.core.plan.plan import Plan
from orchestrator.core.state import change_events as c
from orchestrator.core.state.ends import End
from orchestrator.core.state.lifecycle import DeliveryState
from orchestrator.core.state.progress import Progress
from orchestrator.core.undo.finishing import as_of_now, as_taken_back, finishing_undo, together
from orchestrator.core.undo.provenance import Asked, UndoPlan, undo_plan
from orchestrator.core.undo.restoration import Held
from orchestrator.engine.change_loop import ChangeLoop
from orchestrator.engine.change_run import Carried, carried_out
from orchestrator.engine.past_runs import PastRun, runs_of
from orchestrator.engine.runs import Runs
from orchestrator.engine.target_listings import TargetListings
from orchestrator.errors import (
    ExitCode,
    OperatorError,
    PreflightBlocked,
    ServiceRefuses,
    ServiceUnreachable,
)
from orchestrator.roma import InventoryDisagrees, Roma


@dataclass(frozen=True, slots=True)
class UndoWish:
    """What the operator asked of `undo`."""

    asked: Asked = field(default_factory=Asked)
    note: str = ""
    #: digest that the undo must have; "" where none was approved
    digest: str = ""
    #: id of the saved preview with that digest
    approved: str = ""


async def look_at(plan: Plan, roma: Roma, progress: Progress, users: Mapping[str, str], asked: Asked) -> UndoPlan:
    """What an undo of this run would do now; reads only. Raises ServiceRefuses (3), ServiceUnreachable (9)."""
    back = finishing_undo(progress.finishing, asked.only, asked.steps)
    of_apps = {each.instance for each in back.changes if each.fact("app")}
    targets = of_apps if asked.steps else of_apps | {life.target for life in progress.deliveries.values()}
    there = await _listed(plan, roma, targets)
    back = as_of_now(back, {name: held.inventory for name, held in there.items()})
    if asked.steps:
        return back
    held = {name: Held(as_taken_back(one.inventory, back.changes), one.ahead) for name, one in there.items()}
    return together(back, undo_plan(progress, held, users, asked, plan.settings.keep_backups))


async def _listed(plan: Plan, roma: Roma, instances: Collection[str]) -> dict[str, Held]:
    """What these instances hold now; raises ServiceRefuses (3), ServiceUnreachable (9)."""
    listings = TargetListings(plan, roma)
    held: dict[str, Held] = {}
    for instance in sorted(instances):
        try:
            there = await listings.assets(instance)
        except RequestFailed as error:
            raise _as_sentence(instance, error) from None
        except InventoryDisagrees as error:
            raise ServiceUnreachable(f"{instance}: {error.message}", next_step="run the same command again") from None
        held[instance] = Held(there.inventory, there.ahead)
    return held


def _as_sentence(instance: str, error: RequestFailed) -> ServiceRefuses | ServiceUnreachable:
    failed = error.failed
    told = f"{instance}: {error.request}: {failed.code} {failed.message}".replace("  ", " ").strip()
    if decide(Request.READ, failed, READ_ATTEMPTS, 0.0).action in {Action.OUTAGE, Action.REPEAT}:
        return ServiceUnreachable(told, next_step="check the endpoint and the network, then run the same command again")
    return ServiceRefuses(told, next_step="check the credentials in the plan and the user's permissions")


async def preview_undo(runs: Runs, run: str, asked: Asked) -> UndoPlan:
    """What `undo` would do now; reads only. An undo that has begun shows what is left of it."""
    past = _chosen(runs_of(runs.store, runs.plan.name), run)
    _must_be_known(runs, past.progress)
    return await look_at(runs.plan, runs.roma, past.progress, runs.users, asked)


async def undo_run(runs: Runs, run: str, wish: UndoWish) -> Carried:
    """Take a run back, or go on with that; raises OperatorError (2), PreflightBlocked (4), and as `Runs.run` does."""
    past = _chosen(runs_of(runs.store, runs.plan.name), run)
    _must_be_known(runs, past.progress)
    if past.unfinished:
        if undecided := _undecided(past.progress):
            return Carried(run, past.progress, undecided)
        ended = await runs.end(past, wish.note)
        if ended.progress.ended is None:
            ends = {"": End(ended.outcome.code, "; ".join(why.sentence for why in ended.outcome.whys))}
            return Carried(run, ended.progress, {} if runs.signal else ends, runs.signal)
    if past.progress.finishing.unfinished:
        given_up = await _give_up_finish(runs, run, wish)
        if given_up.progress.finishing.unfinished:
            return given_up

    async def start(loop: ChangeLoop) -> None:
        if loop.progress.changes.unfinished:
            await loop.remember(_resumed(runs, wish))
        else:
            planned, began = await _begun(runs, loop.progress, wish)
            await loop.begin(planned.changes, planned.left, began)

    loop = await carried_out(runs, run, start)
    return Carried(run, loop.progress, loop.ends, loop.signal)


async def _give_up_finish(runs: Runs, run: str, wish: UndoWish) -> Carried:
    """Settle what an unfinished finish has asked for, and ask for nothing more: else its inverse might come first."""

    async def start(loop: ChangeLoop) -> None:
        loop.settle_only = True
        me, quiet = runs.runtime, runs.plan.settings.settle_quiet
        await loop.remember(c.FinishResumed(me.user, me.host, me.pid, me.version, wish.note, quiet))

    loop = await carried_out(runs, run, start)
    return Carried(run, loop.progress, loop.ends, loop.signal)


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
    steps = tuple(each.value for each in wish.asked.steps)
    words = (wish.asked.only.words, wish.asked.include, planned.digest, wish.approved, steps)
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
