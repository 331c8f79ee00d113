"""Which migrations one process must conduct, and which several can. Law: a plan alone decides, the same each time.

Migrations that share an instance, a slot or an order (`after`) belong to one component: what of a fleet goes to one
worker. Two components share nothing for which one would have to wait for the other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from orchestrator.core.model.counts import agreed, count
from orchestrator.core.plan.plan import Instance, Migration, Plan
from orchestrator.core.state.slots import JobKind, SlotRule, instance_lease, slot_lease


@dataclass(frozen=True, slots=True)
class Component:
    """Migrations that one process conducts."""

    #: their names, in the plan's order
    migrations: tuple[str, ...]
    #: names of the instances that they read and write, sorted
    instances: tuple[str, ...]
    #: what the process must hold while it conducts them: instances and slots, sorted
    keys: tuple[str, ...]
    #: the worker groups that its instances name, sorted; more than one is reached by no worker
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """A plan as components, in the order of their first migrations."""

    components: tuple[Component, ...]
    #: how many there would be if each slot were free for all
    without_slots: int
    #: the `one_job_per` in force
    scope: str

    @property
    def migrations(self) -> int:
        """How many there are in all."""
        return sum(len(each.migrations) for each in self.components)

    @property
    def told(self) -> str:
        """How many workers can share the plan, and why no more, as one sentence."""
        many = len(self.components)
        of = f"{count(many, 'component')} of {count(self.migrations, 'migration')}"
        if many == self.migrations:
            return f"{of}: {_workers(many)}"
        largest = max((len(each.migrations) for each in self.components), default=0)
        if many < self.without_slots:
            why = f"migrations whose jobs share a slot (one_job_per: {self.scope}) are one component"
            more = f"by instances and `after` alone there would be {self.without_slots:,}"
            return f"{of}, the largest of {largest:,}: {_workers(many)}, because {why}; {more}"
        why = "migrations that share an instance or stand in an order (`after`) are one component"
        return f"{of}, the largest of {largest:,}: {_workers(many)}, because {why}"


def split(plan: Plan, rule: SlotRule) -> Split:
    """The components of a plan; `rule` knows the users behind its credentials."""
    instances = [_instance_keys(plan, each) for each in plan.migrations]
    whole = [held | set(_slot_keys(plan, each, rule)) for held, each in zip(instances, plan.migrations, strict=True)]
    found = tuple(_component(plan, places, whole) for places in _joined(plan, whole))
    return Split(found, len(_joined(plan, instances)), rule.scope.value)


def part_of(plan: Plan, migrations: Sequence[str]) -> Plan:
    """The plan of one component: its migrations and the instances that they name, and nothing else."""
    kept = tuple(each for each in plan.migrations if each.name in set(migrations))
    named = {name for each in kept for name in _named(each)}
    instances = {name: held for name, held in plan.instances.items() if name in named}
    return replace(plan, migrations=kept, instances=instances)


def _workers(many: int) -> str:
    return "one worker conducts all of it" if many == 1 else f"at most {many:,} {agreed(many, 'worker')} can share it"


def _component(plan: Plan, places: Sequence[int], keys: Sequence[set[str]]) -> Component:
    migrations = [plan.migrations[at] for at in places]
    instances = sorted({name for each in migrations for name in _named(each)})
    groups = sorted({group for name in instances if (group := plan.instances[name].group)})
    held = tuple(sorted(set().union(*(keys[at] for at in places))))
    return Component(tuple(each.name for each in migrations), tuple(instances), held, tuple(groups))


def _named(migration: Migration) -> list[str]:
    return [migration.source, *(each.instance for each in migration.targets)]


def _instance_keys(plan: Plan, migration: Migration) -> set[str]:
    return {instance_lease(plan.instances[name]) for name in _named(migration)}


def _slot_keys(plan: Plan, migration: Migration, rule: SlotRule) -> Iterator[str]:
    """Every slot that a job of this migration, or of its undo, may take: at a target exports prove and save too."""
    yield from _slots(plan.instances[migration.source], (JobKind.EXPORT,), rule)
    for target in migration.targets:
        yield from _slots(plan.instances[target.instance], tuple(JobKind), rule)


def _slots(instance: Instance, kinds: Sequence[JobKind], rule: SlotRule) -> Iterator[str]:
    for credentials in instance.credentials:
        for kind in kinds:
            yield slot_lease(rule.slot(instance, credentials, kind))


def _joined(plan: Plan, keys: Sequence[set[str]]) -> list[list[int]]:
    """Places of migrations, those together that share a key or an `after`, in the plan's order."""
    above = list(range(len(keys)))
    at = {each.name: place for place, each in enumerate(plan.migrations)}
    first: dict[str, int] = {}
    for place, held in enumerate(keys):
        for key in held:
            _join(above, first.setdefault(key, place), place)
        for earlier in plan.migrations[place].after:
            _join(above, at[earlier], place)
    groups: dict[int, list[int]] = {}
    for place in range(len(keys)):
        groups.setdefault(_top(above, place), []).append(place)
    return sorted(groups.values())


def _join(above: list[int], one: int, other: int) -> None:
    above[_top(above, other)] = _top(above, one)


def _top(above: list[int], place: int) -> int:
    while above[place] != place:
        above[place] = above[above[place]]
        place = above[place]
    return place
