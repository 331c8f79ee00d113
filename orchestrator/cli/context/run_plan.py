"""The plan that a run carries out. Law: what was submitted is read as it was submitted, wherever its file lay."""

from pathlib import Path

from orchestrator.cli.context.find_run import Found
from orchestrator.core.plan.plan import Plan
from orchestrator.core.state.events import RunBegan
from orchestrator.storage.planfile import plan_in, read_plan


def plan_of_run(found: Found, began: RunBegan) -> Plan:
    """The plan file as it is now, or the text that a fleet was given; raises OperatorError, PlanInvalid."""
    path, component = Path(began.plan_file), found.store.component_of(found.run)
    if not component:
        return read_plan(path)
    kept = found.store.submissions
    return plan_in(kept.submission(kept.component(component).submission).plan_text, path)
