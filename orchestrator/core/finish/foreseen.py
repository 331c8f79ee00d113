"""What a run will do before it imports, from what its preview has read anyway. Law: pure; the same rows as `finish`."""

from collections.abc import Mapping

from orchestrator.core.finish.ground import Ground
from orchestrator.core.finish.kinds import BEFORE_IMPORT
from orchestrator.core.finish.looks import DICTIONARY, Seen
from orchestrator.core.finish.planning import FinishPlan, finish_plan, steps_of
from orchestrator.core.model.instance_facts import Facts
from orchestrator.core.plan.plan import Plan
from orchestrator.core.selection.only import Only


def before_import(plan: Plan, facts: Mapping[str, Facts], only: Only) -> FinishPlan:
    """Entries of the data dictionary that a run of this plan would create."""
    seen = Seen({(name, DICTIONARY): each.dictionaries for name, each in facts.items()})
    return finish_plan(Ground(plan, only=only), steps_of(plan, BEFORE_IMPORT), seen)
