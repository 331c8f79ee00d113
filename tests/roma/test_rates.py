"""The rate limit, in virtual time."""

from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import anyio.lowlevel

from orchestrator.roma.rates import BURST, Rates

Virtually = Callable[[Coroutine[Any, Any, object]], float]


def test_a_thousand_waiters_leave_evenly_and_in_order(virtually: Virtually) -> None:
    left: list[tuple[int, float]] = []

    async def run() -> None:
        bucket = Rates(5, 1).reads
        begun = anyio.current_time()

        async def one(number: int) -> None:
            await bucket.take()
            left.append((number, anyio.current_time() - begun))

        async with anyio.create_task_group() as group:
            for number in range(1000):
                group.start_soon(one, number)

    seconds = virtually(run())
    assert [number for number, _ in left] == list(range(1000))
    assert abs(seconds - (1000 - BURST) / 5) < 0.01
    for (_, earlier), (_, later) in zip(left[BURST:], left[BURST + 1 :], strict=False):
        assert later - earlier > 0.199


def test_a_cancelled_waiter_costs_nobody_else_a_slot(virtually: Virtually) -> None:
    async def run() -> None:
        bucket = Rates(1, 1).reads
        for _ in range(BURST):
            await bucket.take()
        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(bucket.take)
            await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        await bucket.take()

    assert abs(virtually(run()) - 1) < 0.01


def test_reads_do_not_wait_for_writes(virtually: Virtually) -> None:
    async def run() -> None:
        rates = Rates(5, 0.01)
        for _ in range(BURST):
            await rates.writes.take()
        await rates.reads.take()

    assert virtually(run()) < 0.01


def test_what_the_service_asks_for_holds_reads_and_writes_even_those_already_waiting(virtually: Virtually) -> None:
    async def run() -> None:
        rates = Rates(1, 1)
        for _ in range(BURST):
            await rates.reads.take()
        async with anyio.create_task_group() as group:
            group.start_soon(rates.reads.take)
            await anyio.sleep(0.5)
            rates.pause.extend(30)
            rates.pause.extend(2)
            group.start_soon(rates.writes.take)

    assert abs(virtually(run()) - 30.5) < 0.01


def test_a_burst_is_allowed_again_after_a_rest(virtually: Virtually) -> None:
    async def run() -> None:
        bucket = Rates(1, 1).reads
        for _ in range(BURST):
            await bucket.take()
        await anyio.sleep(100)
        for _ in range(BURST):
            await bucket.take()

    assert abs(virtually(run()) - 100) < 0.01


def test_processes_that_share_a_user_share_its_rate(virtually: Virtually) -> None:
    """Two more of them come after a while: from then on each gets a third."""
    sharers = 1

    async def run() -> None:
        nonlocal sharers
        rates = Rates(10, 1, lambda: sharers)
        for _ in range(BURST + 20):
            await rates.reads.take()
        sharers = 3
        for _ in range(BURST + 20):
            await rates.reads.take()

    assert abs(virtually(run()) - (2.0 + 23 * 0.3)) < 0.7
