"""The plan that a run carries out. Law: what was submitted is read as it was submitted, wherever its file lay."""

from pathlib import Path

from orchestrator.cli.context.find_run import Found
from orchestrator.core.plan.plan import Plan
from orchestrator.core.selection.components import part_of
from orchestrator.core.state.events import RunBegan
from orchestrator.storage.planfile import plan_in, read_plan


def plan_of_run(found: Found, began: RunBegan) -> Plan:
    """The plan file as it is now, or the text that a fleet was given; raises OperatorError, PlanInvalid."""
    path, component = Path(began.plan_file), found.store.component_of(found.run)
    if not component:
        return read_plan(path)
    kept = found.store.submissions
    return plan_in(kept.submission(kept.component(component).submission).plan_text, path)


def part_of_run(found: Found, plan: Plan) -> Plan:
    """What a run carries out of its plan: of a component its own migrations, and no secret of another one's."""
    component = found.store.component_of(found.run)
    return part_of(plan, found.store.submissions.component(component).migrations) if component else plan
