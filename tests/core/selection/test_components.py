"""Which migrations one process must conduct, and why there are not more components."""

from dataclasses import replace

import pytest

from orchestrator.core.plan.plan import Instance, Migration, Plan, Scope, Settings
from orchestrator.core.selection.components import Split, part_of, split
from orchestrator.core.state.slots import SlotRule
from tests.builders.plans import instance, migration, plan


def pairs(number: int, users: int = 0) -> Plan:
    """So many migrations, each between two instances of its own; `users` of the targets, or one for each."""
    instances: list[Instance] = []
    migrations: list[Migration] = []
    for at in range(number):
        user = at % users if users else at
        instances += [instance(f"from{at}", f"s{at}", host="roma"), instance(f"to{at}", f"t{user}", host="roma")]
        migrations.append(migration(f"m{at}", f"from{at}", f"to{at}"))
    return plan(instances=instances, migrations=migrations)


def split_of(held: Plan, scope: Scope = Scope.USER) -> Split:
    return split(held, SlotRule(scope, {name: name for name in held.credentials}))


def names(found: Split) -> list[tuple[str, ...]]:
    return [each.migrations for each in found.components]


def test_migrations_that_share_nothing_are_components_of_their_own() -> None:
    found = split_of(pairs(3))
    assert names(found) == [("m0",), ("m1",), ("m2",)]
    assert found.told == "3 components of 3 migrations: at most 3 workers can share it"
    assert found.components[1].keys == (
        "instance roma.example id-of-from1", "instance roma.example id-of-to1",
        "slot roma.example s1", "slot roma.example t1",
    )  # fmt: skip


def test_a_shared_instance_joins_and_so_does_an_order() -> None:
    held = pairs(4)
    moves = list(held.migrations)
    moves[2] = replace(moves[2], targets=moves[0].targets)
    moves[3] = replace(moves[3], after=("m1",))
    found = split_of(replace(held, migrations=tuple(moves)))
    assert names(found) == [("m0", "m2"), ("m1", "m3")]
    assert found.told == (
        "2 components of 4 migrations, the largest of 2: at most 2 workers can share it, because migrations that share "
        "an instance or stand in an order (`after`) are one component"
    )


def test_what_shares_only_a_slot_is_told_apart_from_what_shares_an_instance() -> None:
    found = split_of(pairs(1000, users=1))
    assert len(found.components) == 1
    assert found.told == (
        "1 component of 1,000 migrations, the largest of 1,000: one worker conducts all of it, because migrations "
        "whose jobs share a slot (one_job_per: user) are one component; by instances and `after` alone there would "
        "be 1,000"
    )


@pytest.mark.parametrize(
    ("scope", "many"),
    [(Scope.USER, 3), (Scope.AUTO, 3), (Scope.USER_TYPE, 3), (Scope.USER_INSTANCE, 9), (Scope.INSTANCE, 9)],
)
def test_the_one_job_per_in_force_says_what_a_slot_is(scope: Scope, many: int) -> None:
    """Nine pairs whose targets belong to three users."""
    assert len(split_of(pairs(9, users=3), scope).components) == many


def test_a_source_is_exported_from_and_nothing_else() -> None:
    """With `user+type`: one user exports at the source of one and imports at the target of the other."""
    held = plan(
        instances=[
            instance(name, user, host="roma") for name, user in (("a", "x"), ("b", "y"), ("c", "z"), ("d", "x"))
        ],
        migrations=[migration("m", "a", "b"), migration("n", "c", "d")],
    )
    assert len(split_of(held, Scope.USER).components) == 1
    # A proof or a backup is an export at the target.
    assert len(split_of(held, Scope.USER_TYPE).components) == 1
    apart = replace(held, instances={**held.instances, "d": instance("d", "y", host="elsewhere")})
    assert len(split_of(apart, Scope.USER_TYPE).components) == 2


def test_the_part_of_a_component_holds_its_migrations_and_their_instances_alone() -> None:
    held = pairs(3)
    part = part_of(held, ("m1",))
    assert [each.name for each in part.migrations] == ["m1"]
    assert sorted(part.instances) == ["from1", "to1"]
    assert (part.name, part.settings) == (held.name, Settings())


def test_groups_that_meet_in_a_component_are_told() -> None:
    held = pairs(2)
    east = {**held.instances, "to0": replace(held.instances["to0"], group="east")}
    west = {**east, "from0": replace(held.instances["from0"], group="west")}
    assert [each.groups for each in split_of(replace(held, instances=east)).components] == [("east",), ()]
    assert [each.groups for each in split_of(replace(held, instances=west)).components] == [("east", "west"), ()]
