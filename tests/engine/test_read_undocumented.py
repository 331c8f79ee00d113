"""What may travel and was never documented is read of a sample, with a bound, and a refusal ends nothing."""

from collections.abc import Iterable

import pytest

from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import App, Inventory, Task
from orchestrator.core.model.secrets import AccessKeySecret
from orchestrator.core.model.undocumented import Thing, Undocumented
from orchestrator.core.plan.plan import Instance, Settings
from orchestrator.emulator.api.api import Api
from orchestrator.emulator.service.service import Service
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.finishing_readings import Told
from orchestrator.emulator.world.generate import DEV_USER, generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.world import World
from orchestrator.engine.read_inventories import look, united
from orchestrator.engine.read_undocumented import MOST_SAMPLED, NOBODY, Sample, read_undocumented
from orchestrator.engine.runtime import utc_now
from orchestrator.roma import Reader, Roma
from tests.simulation.wiring import MemoryTransport

ENDPOINT = "http://127.0.0.1:9"


async def read(world: World, sample: str = "all") -> tuple[Undocumented, Inventory, Api]:
    """What dev tells; `sample` is `all` or `nobody`."""
    api = Api(Service(world, lambda: utc_now().timestamp()))
    reader = _reader(api, world)
    inventory = united("dev", [await look(reader, "d")])
    every = Sample.of(_ids(inventory.apps), _ids(inventory.tasks))
    found = await read_undocumented({"d": reader}, inventory, every if sample == "all" else NOBODY)
    return found, inventory, api


def _reader(api: Api, world: World) -> Reader:
    instance = world.instance("dev")
    roma = Roma(
        Settings(reads_per_second=1000.0), {"d": AccessKeySecret(DEV_USER.ak, DEV_USER.sk, "")}, wall=utc_now,
        draw=lambda: 0.5, transport=lambda ca_file, proxy: MemoryTransport(api, lambda request: None),
    )  # fmt: skip
    return roma.reader(Instance("dev", ENDPOINT, ENDPOINT, instance.project_id, instance.id, ("d",)), "d")


def _ids(assets: Iterable[App | Task]) -> list[str]:
    return [each.id for each in assets]


ALONE = (Operation.BINDINGS, Operation.DISPATCHES, Operation.TASK)


async def test_few_assets_are_asked_about_alone_spread_over_all_of_them() -> None:
    found, inventory, api = await read(generate(60, 400))
    assert {api.requests[each] for each in ALONE} == {MOST_SAMPLED}
    asked = list(found.held[Thing.SCHEDULE])
    places = [_ids(inventory.tasks).index(each) for each in asked]
    assert places == list(range(0, 400, 20))
    assert found.unread == {}


async def test_lists_are_read_once_and_tell_of_every_application() -> None:
    found, inventory, api = await read(generate(60, 0), "nobody")
    for thing, operation in (
        (Thing.TOPIC, Operation.TOPICS), (Thing.PRODUCT, Operation.PRODUCTS), (Thing.BACKEND, Operation.BACKENDS),
    ):  # fmt: skip
        assert api.requests[operation] == 1
        assert set(found.held[thing]) == set(_ids(inventory.apps))
        assert sum(bool(words) for words in found.held[thing].values()) == 20
    assert [api.requests[each] for each in ALONE] == [0, 0, 0]
    assert found.of(Thing.SCHEDULE, "anything") is None


async def test_what_refuses_one_asset_refuses_all_and_is_asked_once() -> None:
    switches = Switches(dispatch_read=Told.REFUSED, authorisations_read=Told.REFUSED, topics_read=Told.REFUSED)
    found, inventory, api = await read(generate(60, 400, switches=switches))
    assert (api.requests[Operation.DISPATCHES], api.requests[Operation.BINDINGS]) == (1, 1)
    assert set(found.unread) == {Thing.SCHEDULE, Thing.AUTHORISATION, Thing.TOPIC}
    told = found.of(Thing.SCHEDULE, inventory.tasks[0].id)
    assert isinstance(told, Unread)
    assert "FDI.3002" in told.why
    assert found.of(Thing.POSITION, inventory.tasks[0].id) is not None


@pytest.mark.parametrize("kind", [Kind.GARBAGE_200, Kind.UNAVAILABLE, Kind.HALF_JSON])
async def test_an_answer_that_passes_is_asked_for_again(kind: Kind) -> None:
    world = generate(6, 6, faults=(Rule(kind, frozenset({Operation.PRODUCTS, Operation.DISPATCHES}), times=1),))
    found, _, _ = await read(world)
    assert found.unread == {}


def test_what_an_instance_tells_as_a_source_and_as_a_target_is_joined() -> None:
    one = Undocumented({Thing.KEY: {"a": ("x",)}}, {Thing.TOPIC: Unread("no right")})
    other = Undocumented({Thing.KEY: {"b": ("y",)}, Thing.PRODUCT: {"b": ()}})
    both = one.joined(other)
    assert both.held == {Thing.KEY: {"a": ("x",), "b": ("y",)}, Thing.PRODUCT: {"b": ()}}
    assert both.of(Thing.TOPIC, "a") == Unread("no right")
