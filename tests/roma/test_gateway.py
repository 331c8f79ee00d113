"""Service integration is read within bounds, and each side of a binding tells the same (Finishing 2.8)."""

from dataclasses import replace

import pytest

from orchestrator.core.model.failures import RequestFailed
from orchestrator.core.model.gateway import PolicyKind
from orchestrator.emulator.world import gateway as world_of
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.world import World
from orchestrator.roma.gateway import MOST_POLICIES
from tests.roma.test_dictionaries import reader_of

FILLING = Filling(policies_every=1, tested_every=2, unreleased_every=0, calls={})


@pytest.fixture
def world() -> World:
    return generate(2, 0, filling=FILLING)


@pytest.mark.parametrize("kind", PolicyKind)
async def test_a_policy_and_an_api_tell_of_the_same_binding(kind: PolicyKind, world: World) -> None:
    reader = reader_of(world)
    every = await reader.gateway.bindings(kind)
    assert len(every) == 2
    for each in every:
        assert await reader.gateway.bound(kind, each.api) == (each,)


async def test_policies_without_an_end_are_given_up(world: World) -> None:
    many = tuple(
        world_of.Policy(f"p{number}", world_of.PolicyKind.THROTTLE, f"p{number}") for number in range(MOST_POLICIES + 1)
    )
    instances = tuple(replace(each, policies=many, bindings=()) for each in world.instances)
    with pytest.raises(RequestFailed, match=f"more than {MOST_POLICIES}"):
        await reader_of(replace(world, instances=instances)).gateway.bindings(PolicyKind.THROTTLE)


async def test_an_api_tells_each_environment_with_its_publication(world: World) -> None:
    reader = reader_of(world)
    (app,) = [each.id for each in world.instance("dev").apps if each.name == "billing-web"]
    found = {each.name: each for each in await reader.gateway.apis_of(app)}
    assert len(found) == 2
    names = {each.id: each.name for each in await reader.gateway.environments()}
    both = found["billing-web-api-1"].published
    assert {names[env] for env, _ in both} == {"RELEASE", "TEST"}
    assert len({publication for _, publication in both}) == 2
    in_force = await reader.gateway.publications(found["billing-web-api-1"].id)
    assert {each.env for each in in_force} == {env for env, _ in both}
    for env, _ in both:
        assert dict(await reader.gateway.in_force(found["billing-web-api-1"].id, env))["req_uri"] == "/billing-web/v1"
    assert len(await reader.gateway.publications(found["billing-web-api-2"].id)) == 1
