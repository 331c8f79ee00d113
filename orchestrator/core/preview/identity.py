"""What a plan's names stand for, so that a change board sees what `prod` is. Law: preview and run tell the same."""

from collections.abc import Mapping

from orchestrator.core.model.instance_facts import Facts
from orchestrator.core.model.inventory import InstanceDetails
from orchestrator.core.model.place import Place
from orchestrator.core.plan.plan import Instance, Plan


def places_of(plan: Plan, facts: Mapping[str, Facts], users: Mapping[str, str]) -> tuple[Place, ...]:
    """Every instance that the plan uses; `users` are the IAM users behind its credentials."""
    names = dict.fromkeys(name for m in plan.migrations for name in (m.source, *(t.instance for t in m.targets)))
    return tuple(_place(plan.instances[name], facts.get(name), users) for name in names)


def _place(instance: Instance, facts: Facts | None, users: Mapping[str, str]) -> Place:
    called = facts.details.name if facts is not None and isinstance(facts.details, InstanceDetails) else ""
    known = tuple(f"{name} ({users[name]})" if name in users else name for name in instance.credentials)
    return Place(
        instance.name, instance.endpoint, instance.region, instance.project_id, instance.instance_id, called, known
    )  # fmt: skip
