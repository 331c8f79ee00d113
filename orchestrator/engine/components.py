"""A plan handed to a fleet, and one of its components conducted. Law: rows first; whoever starts it looks at them.

What conducts a component is the engine of every run, over the plan's part and a store in which the plan is that part.
How it ended is written while the component is still held, so that nobody else begins with it meanwhile.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress

import anyio

from orchestrator.core.plan.plan import Plan
from orchestrator.core.selection.components import Component, part_of, split
from orchestrator.core.state.slots import SlotRule
from orchestrator.core.state.submissions import MOST_TRIES, ComponentState, Submission, SubmittedComponent
from orchestrator.engine.past_runs import keep_briefs, own_of, read_run, runs_of
from orchestrator.engine.runs import Runs, Wish
from orchestrator.engine.runtime import Runtime
from orchestrator.errors import (
    ExitCode,
    HeldElsewhere,
    JournalUnreachable,
    LeaseLost,
    MemoryFailed,
    OperatorError,
    RomaMigrateError,
)
from orchestrator.roma import Roma
from orchestrator.storage.locks import Holder
from orchestrator.storage.store import LocalStore


def submit(
    store: LocalStore, plan: Plan, text: str, users: Mapping[str, str], runtime: Runtime, note: str = ""
) -> tuple[Submission, list[SubmittedComponent]]:
    """Hand a plan to a fleet: its rows are committed when this returns. `text` is the plan file's.

    `users` are the IAM users behind its credentials, as far as they are known here. Raises HeldElsewhere (6) where a
    submission of this plan is not done or a process runs it, OperatorError where it cannot be conducted by components.
    """
    own = own_of(store, plan.name, runs_of(store, plan.name))
    if own and own[-1].unfinished:
        raise OperatorError(
            f"run {own[-1].run} of plan {plan.name} is unfinished, and no component goes on with it",
            next_step="roma-migrate run PLAN ends it, or roma-migrate run --abandon PLAN",
        )
    found = split(plan, SlotRule(plan.settings.one_job_per, dict(users))).components
    for each in found:
        _must_be_reached(each)
    id_ = f"s{runtime.wall().strftime('%Y%m%d-%H%M%S')}-{int(runtime.draw() * 16**4):04x}"
    submission = Submission(id_, plan.name, plan.path, text, runtime.user, runtime.host, note, runtime.now())
    components = [
        SubmittedComponent(
            f"{id_}.{number}", id_, plan.name, each.migrations, each.groups[0] if each.groups else "", each.keys
        )
        for number, each in enumerate(found, 1)
    ]
    store.submissions.submit(submission, components)
    return submission, components


def _must_be_reached(component: Component) -> None:
    if len(component.groups) > 1:
        raise OperatorError(
            f"{', '.join(component.migrations[:3])}: these migrations must be conducted by one worker, and their "
            f"instances name the groups {', '.join(component.groups)}, which no worker reaches all",
            next_step="give the instances one group, or separate the migrations: preview shows what joins them",
        )


def runs_for(
    store: LocalStore, component: SubmittedComponent, plan: Plan, roma: Roma, users: Mapping[str, str], runtime: Runtime
) -> Runs:
    """What conducts a component; `plan` is the whole submitted one."""
    return Runs(part_of(plan, component.migrations), store.of_component(component), roma, users, runtime)


async def conduct(runs: Runs, store: LocalStore, component: SubmittedComponent, holder: Holder) -> SubmittedComponent:
    """Begin the component's run or go on with it, until nothing more can be done; the component as it stands then.

    `runs` come from `runs_for`, and take the signals meanwhile. Raises HeldElsewhere where one of its instances or
    slots is held, LeaseLost and JournalUnreachable: of these nothing is noted. A defect is noted as 70, and raised.
    A cancellation is noted as no death of its process, and held is nothing then.
    """
    submissions, offload = store.submissions, runs.runtime.offload
    holding: AbstractContextManager[None] = runs.store.hold(component.plan, holder)
    with anyio.CancelScope(shield=True):
        await offload(holding.__enter__)
    try:
        now = await offload(submissions.tried, component.id)
        if now.state is not ComponentState.WAITING:
            return now
        try:
            code, why, not_before = await _end_of(runs, now)
        except (HeldElsewhere, LeaseLost, JournalUnreachable):
            raise
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await offload(submissions.ended, component.id, int(ExitCode.TERMINATED), "left as it began", 0.0)
            raise
        except Exception as defect:
            await offload(submissions.ended, component.id, int(ExitCode.DEFECT), repr(defect), 0.0)
            raise
        left = await offload(submissions.ended, component.id, int(code), why, not_before)
        if left.state is ComponentState.DONE:
            await offload(_keep_brief, store, left.run)
        return left
    finally:
        with anyio.CancelScope(shield=True):
            await offload(holding.__exit__, None, None, None)


def _keep_brief(store: LocalStore, run: str) -> None:
    """Whoever tells of the submission later folds none of its ended runs."""
    with suppress(MemoryFailed):
        keep_briefs(store, [read_run(store, run)])


async def _end_of(runs: Runs, component: SubmittedComponent) -> tuple[ExitCode, str, float]:
    """Code, reason, and epoch seconds before which it need not be tried again."""
    if component.tries > MOST_TRIES:
        times = f"{MOST_TRIES} times a process that conducted it was gone before it had ended"
        return ExitCode.DEFECT, f"{times}: it may be what ends them", 0.0
    try:
        ended = (await runs.run(Wish())).outcome
    except (HeldElsewhere, LeaseLost, JournalUnreachable):
        raise
    except RomaMigrateError as error:
        return error.exit_code, error.message, 0.0
    return ended.code, "; ".join(why.sentence for why in ended.whys), ended.not_before
