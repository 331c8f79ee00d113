"""A saved preview that binds a submission, divided among its components. Law: no worker carries out anything else.

Whether it is this plan's, young enough and unused is judged once, when the plan is submitted. How far things have moved
since is judged by each worker, which reads the instances, as `run --approved` judges it.
"""

import math
from collections.abc import Iterable, Sequence

from orchestrator.core.plan.plan import Plan
from orchestrator.core.preview.approval import Refused, Saved, usable
from orchestrator.core.preview.approval_file import from_json, to_json
from orchestrator.core.preview.approved_part import approved_part, drift_of_plan
from orchestrator.core.preview.drift import judge
from orchestrator.core.selection.components import Component, part_of
from orchestrator.core.state.submissions import Approved, SubmittedComponent
from orchestrator.engine.admission import ANEW, Approval, refusal
from orchestrator.engine.past_runs import PastRun, carried
from orchestrator.errors import OperatorError, PreflightBlocked
from orchestrator.storage.submissions import Submissions


def must_be_usable(approval: Approval, plan: Plan, past: Sequence[PastRun], now: float) -> None:
    """Raises PreflightBlocked (4) for a preview that is not of this plan as it is, too old, or was carried out."""
    saved = approval.saved
    match usable(saved, plan.name, carried(past), now, approval.max_age):
        case Refused(why=why, next_step=next_step):
            raise PreflightBlocked(why, next_step=next_step)
        case _:
            pass
    try:
        drifts = drift_of_plan(saved, plan)
    except OperatorError as error:
        raise PreflightBlocked(f"the saved preview does not fit the plan: {error.message}", next_step=ANEW) from None
    if not judge(drifts, approval.hold_drifted, approval.accept_changed).starts:
        raise PreflightBlocked(*refusal(saved, drifts), next_step=ANEW)


def divided(approval: Approval, plan: Plan, components: Iterable[Component]) -> dict[Component, str]:
    """What of the preview is each component's, as a document; raises PreflightBlocked (4) where it cannot be divided.

    A component of which nothing was approved is not among them.
    """
    saved = approval.saved
    if not saved.knows_digests:
        raise PreflightBlocked(
            f"this preview was saved by roma-migrate {saved.version}, which noted no digest of each migration: "
            "it cannot be divided among workers",
            next_step=ANEW,
        )
    parts = {each: approved_part(saved, part_of(plan, each.migrations)) for each in components}
    found = {each: to_json(part) for each, part in parts.items() if part is not None}
    if not found:
        raise PreflightBlocked(f"nothing moves in preview {saved.digest}", next_step=ANEW)
    return found


def approved_of(approval: Approval) -> Approved:
    """What is told of it beside the plan, and what the operator answers for."""
    saved = approval.saved
    return Approved(
        saved.id, saved.digest, saved.by, saved.saved_at, approval.signed_by, approval.hold_drifted,
        approval.accept_changed, saved.note,
    )  # fmt: skip


def approval_for(submissions: Submissions, component: SubmittedComponent) -> Approval | None:
    """What whoever conducts the component carries out; None where any state of things is fine.

    Raises OperatorError where the row's document is not what was submitted.
    """
    approved = submissions.submission(component.submission).approved
    if approved is None:
        return None
    saved = _read(submissions.approved_part(component.id), component, approved)
    # It was young enough when it was submitted: what waits for a worker or a person does not grow too old.
    return Approval(saved, math.inf, approved.hold_drifted, approved.accept_changed, approved.signed_by)


def _read(text: str, component: SubmittedComponent, approved: Approved) -> Saved:
    try:
        saved = from_json(text)
    except OperatorError as error:
        raise _damaged(component, error.message) from None
    if saved.id != approved.id:
        raise _damaged(component, "it is another one's")
    return saved


def _damaged(component: SubmittedComponent, why: str) -> OperatorError:
    way = "roma-migrate submit --abandon --approved FILE PLAN"  # in the sentence: of a component only that is kept
    told = f"what was approved of component {component.id} is damaged in the database: {why}; submit it anew: {way}"
    return OperatorError(told, next_step=way)


__all__ = ["approval_for", "approved_of", "divided", "must_be_usable"]
