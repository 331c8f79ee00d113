"""The rate limit, in virtual time."""

from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from orchestrator.core.scheduling.forecast import JobDuration, Planned, PlannedExport, play
from orchestrator.core.scheduling.write_rate import BURST, AdaptiveRate
from orchestrator.core.state.events import WriteRate
from orchestrator.roma.rates import Rates

Virtually = Callable[[Coroutine[Any, Any, object]], float]


def rates(reads: float, writes: float, sharers: Callable[[], int] = lambda: 1) -> Rates:
    """Both as a plan sets them."""
    return Rates(reads, lambda: AdaptiveRate(writes), sharers)


def test_a_thousand_waiters_leave_evenly_and_in_order(virtually: Virtually) -> None:
    left: list[tuple[int, float]] = []

    async def run() -> None:
        bucket = rates(5, 1).reads
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
        bucket = rates(1, 1).reads
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
        limits = rates(5, 0.01)
        for _ in range(BURST):
            await limits.writes.take()
        await limits.reads.take()

    assert virtually(run()) < 0.01


def test_what_the_service_asks_for_holds_reads_and_writes_even_those_already_waiting(virtually: Virtually) -> None:
    async def run() -> None:
        limits = rates(1, 1)
        for _ in range(BURST):
            await limits.reads.take()
        async with anyio.create_task_group() as group:
            group.start_soon(limits.reads.take)
            await anyio.sleep(0.5)
            limits.pause.extend(30)
            limits.pause.extend(2)
            group.start_soon(limits.writes.take)

    assert abs(virtually(run()) - 30.5) < 0.01


def test_a_burst_is_allowed_again_after_a_rest(virtually: Virtually) -> None:
    async def run() -> None:
        bucket = rates(1, 1).reads
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
        limits = rates(10, 1, lambda: sharers)
        for _ in range(BURST + 20):
            await limits.reads.take()
        sharers = 3
        for _ in range(BURST + 20):
            await limits.reads.take()

    assert abs(virtually(run()) - (2.0 + 23 * 0.3)) < 0.7


def test_only_what_the_rate_held_back_counts_and_a_pause_that_the_service_asked_for_does_not(
    virtually: Virtually,
) -> None:
    held: list[bool] = []

    async def run() -> None:
        limits = rates(1, 1)
        held.extend([await limits.writes.take() for _ in range(BURST + 1)])
        await anyio.sleep(100)
        limits.pause.extend(5)
        held.append(await limits.writes.take())

    virtually(run())
    assert held == [False] * BURST + [True, False]


def test_the_rate_falls_once_for_what_had_left_before(virtually: Virtually) -> None:
    """Three writes leave together and all are refused: that is one word about the rate, not three."""
    told: list[tuple[str, float, float]] = []

    async def run() -> None:
        adaptive = AdaptiveRate(0.8, 1.0)
        limits = Rates(
            1, lambda: adaptive, changed=lambda region, before: told.append((region, before, adaptive.per_second))
        )
        left = anyio.current_time()
        await anyio.sleep(1)
        for _ in range(BURST):
            limits.throttled("cn-north-4", left)
        await anyio.sleep(1)
        limits.throttled("cn-north-4", anyio.current_time())

    virtually(run())
    assert told == [("cn-north-4", 0.8, 0.4), ("cn-north-4", 0.4, 0.2)]


def test_where_a_refusal_is_known_writes_leave_one_by_one_from_the_first(virtually: Virtually) -> None:
    """A gateway that takes no burst refuses none of a new process, whose rate stays as it was learned."""

    async def run() -> None:
        limits = Rates(1, lambda: AdaptiveRate(0.1, 1.0, refused=0.2))
        for _ in range(BURST):
            await limits.writes.take()

    assert abs(virtually(run()) - (BURST - 1) * 10) < 0.01


def test_the_rate_of_writes_is_looked_up_when_the_first_one_comes(virtually: Virtually) -> None:
    """A preview reads with the same credentials before anybody knows what earlier runs have learned."""
    known = {"rate": 1.0}

    async def run() -> None:
        limits = Rates(1, lambda: AdaptiveRate(known["rate"]))
        await limits.reads.take()
        known["rate"] = 0.1
        for _ in range(BURST + 1):
            await limits.writes.take()

    assert abs(virtually(run()) - 10) < 0.01


def test_a_forecast_plays_writes_as_they_then_leave(virtually: Virtually) -> None:
    """Sixty lanes ask at once: three leave together, the rest keep a rate that rises meanwhile."""
    begun = WriteRate("m", 0.17, 1.0)

    async def run() -> None:
        limits = Rates(1, lambda: AdaptiveRate.of(begun))
        for _ in range(60):
            if await limits.writes.take():
                limits.taken("cn-north-4")

    exports = tuple(PlannedExport(f"b{n}", (f"s{n}",), JobDuration(5.0), askers=("m",)) for n in range(60))
    seconds = {each.subject: 5.0 for each in exports}
    timeline = play(Planned(exports, (), rates={"m": begun}), seconds, seconds)
    assert virtually(run()) == pytest.approx(timeline.end - 5.0, abs=0.1)


def test_after_a_refusal_nothing_is_left_of_a_burst(virtually: Virtually) -> None:
    """Else the very next write would leave at once, be refused too, and lower the rate again and again."""
    left: list[float] = []

    async def run() -> None:
        limits = Rates(1, lambda: AdaptiveRate(0.5, 1.0))
        await limits.writes.take()
        await anyio.sleep(1)
        limits.throttled("cn-north-4", anyio.current_time())
        began = anyio.current_time()
        for _ in range(3):
            await limits.writes.take()
            left.append(round(anyio.current_time() - began, 2))

    virtually(run())
    assert left == [4.0, 8.0, 12.0]
