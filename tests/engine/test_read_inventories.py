"""Inventories as the union over credentials; a minute of patience at first contact, none with one that refuses."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio
import pytest

from orchestrator.core.model.failures import Failed, Failure, RequestFailed, Unanswered
from orchestrator.core.model.inventory import App, Inventory, Task
from orchestrator.core.model.retries import FIRST_CONTACT, as_error
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import Visibility
from orchestrator.engine.read_inventories import Seen, read_inventories, united
from orchestrator.errors import ExitCode, FarSideError, ServiceRefuses, ServiceUnreachable
from orchestrator.roma.contact import LEAST_WAIT
from tests.engine.rig import QUICK, EngineRig, plan_for, staged, world


async def surveyed(rig: EngineRig) -> dict[str, Inventory]:
    roma, held = rig.roma(), rig.plan.instances
    readers = {(name, who): roma.reader(held[name], who) for name in held for who in held[name].credentials}
    return await read_inventories(rig.plan, readers)


def test_the_union_holds_each_asset_once_and_knows_who_sees_it() -> None:
    seen = [
        Seen("one", (App("a", "a"), App("b", "b")), (Task("t", "t"),)),
        Seen("two", (App("b", "b"), App("c", "c")), ()),
    ]
    found = united("prod", seen)
    assert [app.id for app in found.apps] == ["a", "b", "c"]
    assert [task.id for task in found.tasks] == ["t"]
    assert dict(found.seen_by) == {"a": ("one",), "b": ("one", "two"), "c": ("two",), "t": ("one",)}


def test_what_one_user_sees_is_the_union() -> None:
    found = united("prod", [Seen("one", (App("a", "a"),), (Task("t", "a"),))])
    assert (found.assets, dict(found.seen_by)) == ((App("a", "a"), Task("t", "a")), {"a": ("one",), "t": ("one",)})
    assert dict(found.named) == {("app", "a"): (App("a", "a"),), ("task", "a"): (Task("t", "a"),)}


def test_every_instance_of_the_plan_is_read() -> None:
    rig, found = staged(world(7, 5, targets=("prod", "dr")), surveyed)
    assert {name: len(each.assets) for name, each in found.items()} == {"dev": 12, "dr": 0, "prod": 0}
    assert not rig.service.ledger.calls, "reading writes nothing"


def test_users_that_see_only_their_own_are_united() -> None:
    held = world(4, switches=Switches(visibility=Visibility.OWNER))
    plan = plan_for(held, owners=("t", "u"))
    _, found = staged(held, surveyed, plan)
    assert set(found["dev"].seen_by.values()) <= {("s",)}


def failing(kind: Kind, **more: float) -> tuple[Rule, ...]:
    return (Rule(kind, frozenset({Operation.APPS}), times=0, **more),)  # type: ignore[arg-type] # named as in Rule


async def refused(rig: EngineRig, act: Callable[[EngineRig], Awaitable[object]]) -> tuple[FarSideError, float]:
    began = anyio.current_time()
    with pytest.raises(FarSideError) as caught:
        await act(rig)
    return caught.value, anyio.current_time() - began


@pytest.mark.parametrize("kind", [Kind.CONNECTION_REFUSED, Kind.UNAVAILABLE, Kind.HANG_NOT_EXECUTED, Kind.GARBAGE_200])
def test_a_service_that_never_answers_is_given_a_minute(kind: Kind) -> None:
    async def act(rig: EngineRig) -> tuple[FarSideError, float]:
        return await refused(rig, surveyed)

    _, (error, waited) = staged(world(2, faults=failing(kind)), act)
    assert isinstance(error, ServiceUnreachable)
    assert error.exit_code is ExitCode.UNREACHABLE
    assert FIRST_CONTACT <= waited <= FIRST_CONTACT + LEAST_WAIT + 1.0


def test_a_service_that_comes_back_within_the_minute_is_read() -> None:
    faults = (Rule(Kind.OUTAGE, until=40.0),)
    _, found = staged(world(3, faults=faults), surveyed)
    assert len(found["dev"].apps) == 3


def test_a_wrong_instance_is_a_persons_business_at_once() -> None:
    held = world(2)
    plan = plan_for(held)
    wrong = {name: replace(each, instance_id="0" * 8) for name, each in plan.instances.items()}

    async def act(rig: EngineRig) -> tuple[FarSideError, float]:
        return await refused(rig, surveyed)

    _, (error, waited) = staged(held, act, replace(plan, instances=wrong))
    assert isinstance(error, ServiceRefuses)
    assert error.exit_code is ExitCode.REFUSED
    assert waited < 10.0


@pytest.mark.parametrize(
    ("failure", "ends"),
    [
        (Failure.DENIED, ServiceRefuses),
        (Failure.GONE, ServiceRefuses),
        (Failure.EXPIRED, ServiceRefuses),
        (Failure.HUNG, ServiceUnreachable),
        (Failure.THROTTLED, ServiceUnreachable),
    ],
)
def test_what_a_failed_read_means_for_a_command(failure: Failure, ends: type[Exception]) -> None:
    error = RequestFailed(Failed(failure, "APIGW.1", "said", request_id="r-1"), request="GET apps at dev")
    sentence = as_error(error)
    assert type(sentence) is ends
    assert sentence.message == "GET apps at dev: APIGW.1 said (request_id r-1)"
    assert sentence.next_step


def test_the_host_and_how_long_it_was_silent_are_named() -> None:
    silence = Unanswered("roma.example:443", 60.2, 0.0)
    error = RequestFailed(Failed(Failure.HUNG, message="no answer"), request="GET apps at dev", unanswered=silence)
    assert as_error(error).message == "GET apps at dev: no answer; no usable answer from roma.example:443 for 60 s"


@pytest.mark.parametrize(
    ("kind", "cause"),
    [(Kind.CONNECTION_REFUSED, "connection refused"), (Kind.GARBAGE_200, "the answer is not as documented")],
)
def test_the_cause_of_a_silence_is_told_and_not_only_its_length(kind: Kind, cause: str) -> None:
    async def act(rig: EngineRig) -> tuple[FarSideError, float]:
        return await refused(rig, surveyed)

    _, (error, _waited) = staged(world(2, faults=failing(kind)), act)
    assert cause in error.message
    assert "127.0.0.1:9" in error.message


def test_an_inventory_that_takes_longer_than_a_minute_is_no_silence() -> None:
    held = world(2)
    plan = plan_for(held, replace(QUICK, reads_per_second=0.02))
    _, found = staged(held, surveyed, plan)
    assert len(found["dev"].apps) == 2


def test_a_list_whose_second_page_never_comes_is_given_up_after_a_minute() -> None:
    faults = (Rule(Kind.UNAVAILABLE, frozenset({Operation.APPS}), nth=2, times=0),)

    async def act(rig: EngineRig) -> tuple[FarSideError, float]:
        return await refused(rig, surveyed)

    _, (error, waited) = staged(world(150, faults=faults), act)
    assert isinstance(error, ServiceUnreachable)
    assert waited <= 2 * FIRST_CONTACT
