"""A plan handed to a fleet, and one of its components conducted. Law: rows first; whoever starts it looks at them.

What conducts a component is the engine of every run, over the plan's part and a store in which the plan is that part.
How it ended is written while the component is still held, so that nobody else begins with it meanwhile.
"""

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass

import anyio

from orchestrator.core.plan.plan import Plan
from orchestrator.core.selection.components import Component, part_of, split
from orchestrator.core.state.slots import SlotRule
from orchestrator.core.state.submissions import MOST_TRIES, ComponentState, Submission, SubmittedComponent
from orchestrator.engine.admission import Approval
from orchestrator.engine.component_approvals import approval_for, approved_of, divided, must_be_usable
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
from orchestrator.storage.submissions import Submissions


@dataclass(frozen=True, slots=True)
class Handed:
    """A plan as it is submitted."""

    plan: Plan
    #: the plan file's
    text: str
    note: str = ""
    #: the saved preview that the workers carry out, and nothing else
    approval: Approval | None = None
    #: give up first what is left of an earlier submission, where it never began
    abandon: bool = False


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What became of it."""

    submission: Submission
    components: tuple[SubmittedComponent, ...]
    #: of the earlier submission
    given_up: tuple[SubmittedComponent, ...] = ()


def submit(store: LocalStore, handed: Handed, users: Mapping[str, str], runtime: Runtime) -> HandedOver:
    """Hand a plan to a fleet: its rows are committed when this returns.

    `users` are the IAM users behind its credentials, as far as they are known here. Raises HeldElsewhere (6) where a
    submission of this plan is not done or a process runs it, OperatorError where it cannot be conducted by components,
    PreflightBlocked (4) where the saved preview is not of this plan as it is, too old or used.
    """
    plan, approval = handed.plan, handed.approval
    if handed.abandon:
        _must_not_have_begun(store.submissions, plan.name)
    else:
        store.submissions.must_be_over(plan.name, approval.saved.id if approval is not None else "")
    past = runs_of(store, plan.name)
    own = own_of(store, plan.name, past)
    if own and own[-1].unfinished:
        raise OperatorError(
            f"run {own[-1].run} of plan {plan.name} is unfinished, and no component goes on with it",
            next_step="roma-migrate run PLAN ends it, or roma-migrate run --abandon PLAN",
        )
    found = split(plan, SlotRule(plan.settings.one_job_per, dict(users))).components
    parts: Mapping[Component, str] = {}
    if approval is not None:
        must_be_usable(approval, plan, past, runtime.now())
        parts = divided(approval, plan, found)
        found = tuple(parts)
    for each in found:
        _must_be_reached(each)
    submission = _submission(handed, runtime)
    rows = {each: _row(submission, number, each) for number, each in enumerate(found, 1)}
    told = f"given up by {runtime.user} on {runtime.host}; before: "
    given_up = store.submissions.give_up(plan.name, told) if handed.abandon else ()
    approved = {rows[each].id: part for each, part in parts.items()}
    store.submissions.submit(submission, tuple(rows.values()), approved)
    return HandedOver(submission, tuple(rows.values()), tuple(given_up))


def _submission(handed: Handed, runtime: Runtime) -> Submission:
    id_ = f"s{runtime.wall().strftime('%Y%m%d-%H%M%S')}-{int(runtime.draw() * 16**4):04x}"
    plan, approved = handed.plan, approved_of(handed.approval) if handed.approval is not None else None
    at = runtime.now()
    return Submission(id_, plan.name, plan.path, handed.text, runtime.user, runtime.host, handed.note, at, approved)


def _row(submission: Submission, number: int, component: Component) -> SubmittedComponent:
    group = component.groups[0] if component.groups else ""
    id_ = f"{submission.id}.{number}"
    return SubmittedComponent(id_, submission.id, submission.plan, component.migrations, group, component.keys)


def _must_not_have_begun(submissions: Submissions, plan: str) -> None:
    """Raises HeldElsewhere where a component of the plan's submission has begun, or waits for no person."""
    for id_ in submissions.of_plan(plan)[-1:]:
        for each in submissions.components(id_):
            if each.state is ComponentState.DONE or (each.state is ComponentState.PARKED and not each.run):
                continue
            stands = f"has begun with run {each.run}" if each.run else "waits for a worker"
            raise HeldElsewhere(
                f"component {each.id} {stands}: only what waits for a person and never began is given up",
                next_step=f"roma-migrate status {id_}",
            )


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
    """What conducts a component; `plan` is the whole submitted one.

    A component that is not done although its run has ended was left by a process that died in between: that end is
    told, however long ago it was, and nothing begins anew.
    """
    runs = Runs(part_of(plan, component.migrations), store.of_component(component), roma, users, runtime)
    runs.end_is_told, runs.tell_again = (lambda run: False), math.inf
    return runs


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
            code, why, not_before = await _end_of(runs, submissions, now)
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


async def _end_of(runs: Runs, submissions: Submissions, component: SubmittedComponent) -> tuple[ExitCode, str, float]:
    """Code, reason, and epoch seconds before which it need not be tried again."""
    if component.tries > MOST_TRIES:
        times = f"{MOST_TRIES} times a process that conducted it was gone before it had ended"
        return ExitCode.DEFECT, f"{times}: it may be what ends them", 0.0
    try:
        approval = await runs.runtime.offload(approval_for, submissions, component)
        ended = (await runs.run(Wish(approval=approval))).outcome
    except (HeldElsewhere, LeaseLost, JournalUnreachable):
        raise
    except RomaMigrateError as error:
        return error.exit_code, "; ".join(line.strip() for line in error.lines), 0.0
    return ended.code, "; ".join(why.sentence for why in ended.whys), ended.not_before
