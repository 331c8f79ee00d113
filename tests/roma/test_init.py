"""What the clients of one command share."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio

from orchestrator.core.model.secrets import AccessKeySecret
from orchestrator.core.plan.plan import Instance, Settings
from orchestrator.core.scheduling.write_rate import BURST
from orchestrator.roma import Roma

if TYPE_CHECKING:
    from tests.roma.conftest import Memory

Virtually = Callable[[Coroutine[Any, Any, object]], float]
RUNNING = {"id": "j", "status": "RUNNING"}


def test_all_clients_of_one_credentials_share_its_rate(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance
) -> None:
    memory.json(RUNNING)

    async def run() -> None:
        async with anyio.create_task_group() as group:
            for number in range(20):
                there = replace(memory_instance, name=f"i{number}", instance_id=str(number))
                group.start_soon(memory_roma.reader(there, "key").job, "j")

    assert abs(virtually(run()) - (20 - BURST) / 5) < 0.01


def test_two_credentials_have_rates_of_their_own(
    virtually: Virtually, memory: "Memory", memory_instance: Instance
) -> None:
    memory.json(RUNNING)
    key = AccessKeySecret("ak", "sk")
    roma = Roma(
        Settings(reads_per_second=1),
        {"one": key, "two": key},
        wall=lambda: datetime(2025, 11, 21, tzinfo=UTC),
        draw=lambda: 0.5,
        transport=lambda ca_file, proxy: memory,
    )

    async def run() -> None:
        for name in ("one", "two"):
            for _ in range(BURST):
                await roma.reader(memory_instance, name).job("j")

    assert virtually(run()) < 0.01


def test_instances_with_one_authority_and_proxy_share_a_transport(
    virtually: Virtually, memory: "Memory", memory_instance: Instance
) -> None:
    memory.json(RUNNING)
    made: list[tuple[str, str]] = []

    def factory(ca_file: str, proxy: str) -> "Memory":
        made.append((ca_file, proxy))
        return memory

    roma = Roma(
        Settings(),
        {"key": AccessKeySecret("ak", "sk")},
        wall=lambda: datetime(2025, 11, 21, tzinfo=UTC),
        draw=lambda: 0.5,
        transport=factory,
    )
    roma.reader(memory_instance, "key")
    roma.client(replace(memory_instance, name="other"), "key")
    roma.client(replace(memory_instance, ca_file="/ca.pem"), "key")
    assert made == [("", ""), ("/ca.pem", "")]

    async def close() -> None:
        await roma.aclose()

    virtually(close())
    assert memory.outcomes == []
