"""Storage work runs one after the other, away from the loop; time is what the wall clock says."""

import threading
from datetime import UTC, datetime

import anyio
import pytest

from orchestrator.engine.runtime import Runtime, Threads, utc_now
from orchestrator.roma.transport import Transport
from tests.simulation.virtual import inline


def no_way(ca_file: str, proxy: str) -> Transport:
    raise AssertionError("nothing is sent")


async def test_storage_work_leaves_the_loop_and_keeps_its_order() -> None:
    threads, order, inside = Threads(), [], [0]

    def work(number: int) -> int:
        assert threading.current_thread() is not threading.main_thread()
        inside[0] += 1
        assert inside[0] == 1, "the journal has one writer"
        order.append(number)
        inside[0] -= 1
        return number

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(threads, work, number)
    assert sorted(order) == list(range(20))
    assert await threads(work, 99) == 99


async def test_an_error_of_storage_comes_back_as_it_was() -> None:
    def work() -> None:
        raise KeyError("lost")

    for offload in (Threads(), inline):
        with pytest.raises(KeyError, match="lost"):
            await offload(work)


def test_now_is_the_wall_clock_in_epoch_seconds() -> None:
    moment = datetime(2027, 1, 15, 8, tzinfo=UTC)
    runtime = Runtime(lambda: moment, lambda: 0.5, no_way, inline, lambda event, **fields: None, "op", "host", 1, "0")
    assert runtime.now() == 1_800_000_000.0


def test_real_time_carries_its_offset() -> None:
    assert utc_now().tzinfo is UTC
