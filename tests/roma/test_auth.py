"""Tokens: shared, renewed in time, and a refused password never sent again."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from orchestrator.core.model.failures import Failure, RequestFailed
from orchestrator.core.plan.plan import Instance
from orchestrator.roma import Roma
from orchestrator.roma.auth import Token

if TYPE_CHECKING:
    from tests.roma.conftest import Memory

Virtually = Callable[[Coroutine[Any, Any, object]], float]
RUNNING = {"id": "j", "status": "RUNNING"}


def shown(memory: "Memory") -> list[str]:
    return [request.headers.get("X-Auth-Token", "-") for request in memory.seen]


@pytest.mark.parametrize(("lifetime", "age"), [(86400, 86339), (2, 1.79), (100, 89)])
def test_a_token_is_used_until_shortly_before_its_end(lifetime: float, age: float) -> None:
    token = Token("t", lifetime, 1000)
    assert token.fresh(1000 + age)
    assert not token.fresh(1000 + age + lifetime * 0.1)
    assert not token.fresh(1000 + lifetime)


def test_concurrent_callers_share_one_token_request(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance
) -> None:
    memory.token("ONE")
    memory.json(RUNNING)
    memory.latency = 3

    async def run() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(memory_roma.reader(memory_instance, "password").job, "j")

    virtually(run())
    assert sorted(shown(memory)) == ["-", *["ONE"] * 20]


def test_concurrent_callers_share_one_renewal(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance
) -> None:
    memory.token("ONE")
    for _ in range(3):
        memory.json({"error_code": "APIGW.0307", "error_msg": "renew"}, 401)
    memory.token("TWO")
    memory.json(RUNNING)
    memory.latency = 1

    async def run() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(memory_roma.reader(memory_instance, "password").job, "j")

    virtually(run())
    assert shown(memory) == ["-", "ONE", "ONE", "ONE", "-", "TWO", "TWO", "TWO"]


def test_a_short_token_is_renewed_before_it_ends(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance
) -> None:
    memory.token("ONE", lifetime=2)
    memory.json(RUNNING)
    memory.json(RUNNING)
    memory.token("TWO", lifetime=2)
    memory.json(RUNNING)

    async def run() -> None:
        reader = memory_roma.reader(memory_instance, "password")
        await reader.job("j")
        await anyio.sleep(1)
        await reader.job("j")
        await anyio.sleep(0.9)
        await reader.job("j")

    virtually(run())
    assert shown(memory) == ["-", "ONE", "ONE", "-", "TWO"]


def test_a_caller_that_is_cancelled_while_it_fetches_leaves_the_line_open(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance
) -> None:
    memory.token("LOST")
    memory.token("ONE")
    memory.json(RUNNING)
    memory.latency = 5

    async def run() -> None:
        with anyio.move_on_after(1):
            await memory_roma.reader(memory_instance, "password").job("j")
        memory.outcomes.pop(0)
        await memory_roma.reader(memory_instance, "password").job("j")

    virtually(run())
    assert shown(memory) == ["-", "-", "ONE"]


def test_a_wrong_password_is_sent_once_whoever_asks_and_for_whichever_project(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance
) -> None:
    memory.json({"error": {"code": 401, "message": "wrong password correct horse battery", "title": "x"}}, 401)
    other = replace(memory_instance, name="dr", project_id="q" * 32)
    failures: list[RequestFailed] = []

    async def ask(instance: Instance) -> None:
        with pytest.raises(RequestFailed) as caught:
            await memory_roma.reader(instance, "password").job("j")
        failures.append(caught.value)

    async def run() -> None:
        async with anyio.create_task_group() as group:
            for instance in (memory_instance, other, memory_instance):
                group.start_soon(ask, instance)
        await anyio.sleep(86400)
        await ask(other)

    virtually(run())
    assert len(memory.seen) == 1
    assert [failed.failed.failure for failed in failures] == [Failure.DENIED] * 4
    assert "correct horse battery" not in "".join(f"{failed!r}{failed.failed!r}" for failed in failures)


def test_a_refusal_of_one_project_leaves_the_others_alone(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance
) -> None:
    memory.json({"error": {"code": 404, "message": "no such project", "title": "x"}}, 404)
    memory.token("ONE")
    memory.json(RUNNING)
    other = replace(memory_instance, project_id="q" * 32)

    async def run() -> None:
        for _ in range(2):
            with pytest.raises(RequestFailed, match="no such project"):
                await memory_roma.reader(memory_instance, "password").job("j")
        await memory_roma.reader(other, "password").job("j")

    virtually(run())
    assert shown(memory) == ["-", "-", "ONE"]


def test_an_unreachable_iam_is_tried_again_and_remembered_by_nobody(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance
) -> None:
    memory.fail(Failure.NOT_SENT)
    memory.fail(Failure.NOT_SENT)
    memory.json({}, 503)
    memory.token("ONE")
    memory.json(RUNNING)

    async def run() -> None:
        with pytest.raises(RequestFailed) as caught:
            await memory_roma.reader(memory_instance, "password").job("j")
        assert caught.value.failed.failure is Failure.NOT_SENT
        await memory_roma.reader(memory_instance, "password").job("j")

    assert abs(virtually(run()) - 3) < 0.01
    assert shown(memory) == ["-", "-", "-", "-", "ONE"]
