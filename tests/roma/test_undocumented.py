"""What may travel and was never documented is read as far as the service tells it (Finishing 2)."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from orchestrator.core.model.failures import RequestFailed
from orchestrator.core.model.instance_facts import Unread
from orchestrator.emulator.world.finishing_readings import Told
from orchestrator.emulator.world.generate import generate
from orchestrator.emulator.world.options import Switches
from orchestrator.roma import Reader, shapes
from orchestrator.roma.limits import DETAIL_LENGTH
from tests.roma.test_dictionaries import reader_of

WORLD = generate(60, 9)
DEV = WORLD.instance("dev")
CALLER = DEV.app("orders-web")


async def test_lists_are_read_whole_and_name_their_owners() -> None:
    reader = reader_of(WORLD)
    topics, products, backends = await reader.topics(), await reader.products(), await reader.backends()
    assert len(topics) == len(products) == len(backends) == 20
    assert {each.app for each in topics} == {app.key for app in DEV.apps[::3]}
    assert {each.app for each in products} == {each.app for each in backends} == {app.id for app in DEV.apps[::3]}
    assert CALLER.name + "-topic" in {each.name for each in topics}


async def test_an_application_s_authorisations_are_named_alike_at_every_instance() -> None:
    found = await reader_of(WORLD).authorisations(CALLER.id)
    assert found == tuple(f"{name}-api-{at} in RELEASE" for name in ("billing-core", "stock-core") for at in (1, 2))
    assert await reader_of(WORLD).authorisations(DEV.app("stock-core").id) == ()


async def test_a_schedule_is_read_and_none_is_no_failure() -> None:
    reader = reader_of(WORLD)
    assert await reader.schedule(DEV.tasks[1].id) == DEV.tasks[1].cron != ""
    assert await reader.schedule(DEV.tasks[0].id) == ""
    with pytest.raises(RequestFailed, match=r"FDI\.3180"):
        await reader.schedule("0" * 32)


async def test_an_increment_position_is_read_out_of_the_details() -> None:
    reader = reader_of(WORLD)
    position = DEV.tasks[1].position
    assert await reader.position(DEV.tasks[1].id) == (f"dataTimestamp={position}", f"reset_incr_begin_time={position}")
    assert await reader.position(DEV.tasks[0].id) == ()


def switches_with(name: str, told: Told) -> Switches:
    given: dict[str, Any] = {name: told}
    return Switches(**given)


READS: list[tuple[str, Callable[[Reader], Awaitable[object]]]] = [
    ("topics_read", lambda reader: reader.topics()),
    ("products_read", lambda reader: reader.products()),
    ("backends_read", lambda reader: reader.backends()),
    ("authorisations_read", lambda reader: reader.authorisations(CALLER.id)),
    ("dispatch_read", lambda reader: reader.schedule(DEV.tasks[1].id)),
    ("position_read", lambda reader: reader.position(DEV.tasks[1].id)),
]


@pytest.mark.parametrize(("switch", "read"), READS)
async def test_what_a_switch_refuses_is_refused_at_once(
    switch: str, read: Callable[[Reader], Awaitable[object]]
) -> None:
    with pytest.raises(RequestFailed) as refused:
        await read(reader_of(generate(60, 9, switches=switches_with(switch, Told.REFUSED))))
    assert refused.value.failed.status == 403


@pytest.mark.parametrize(("switch", "read"), READS)
async def test_what_a_switch_masks_has_asterisks(switch: str, read: Callable[[Reader], Awaitable[object]]) -> None:
    assert "****" in str(await read(reader_of(generate(60, 9, switches=switches_with(switch, Told.MASKED)))))


@pytest.mark.parametrize("detail", ["{", "[" * 100_000, "x" * (DETAIL_LENGTH + 1), None, 7])
def test_details_of_a_task_that_cannot_be_read_are_unread_and_no_failure(detail: object) -> None:
    assert isinstance(shapes.position({"task": {}, "task_detail": detail}), Unread)


@pytest.mark.parametrize("source", [{}, {"sourceSelectedDatasource": []}, {"sourceSelectedDatasource": {"x": 1}}])
def test_details_without_a_position_tell_none(source: object) -> None:
    assert shapes.position({"task_detail": json.dumps(source)}) == ()


def test_a_schedule_without_a_cron_is_so_many_of_a_period() -> None:
    assert shapes.schedule({"period": "HOUR", "dispatch_interval": 4, "cron": ""}) == "every 4 HOUR"
