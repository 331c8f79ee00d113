"""TargetListings at targets: shared by all who ask before a listing begins, never older than the question."""

import anyio
import pytest

from orchestrator.core.decisions.verification import There
from orchestrator.core.model.failures import Failed, Failure, RequestFailed
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.operations import Operation
from orchestrator.engine.target_listings import Shared, TargetListings
from tests.engine.rig import EngineRig, staged, world
from tests.simulation.virtual import run_virtually

#: seconds that one asking takes
LONG = 10.0


class Asked:
    """A question whose answer is the moment at which it was asked; it may fail the first times."""

    def __init__(self, failures: int = 0) -> None:
        self.times: list[float] = []
        self.failures = failures
        self.shared: Shared[float] = Shared(self.ask)

    async def ask(self) -> float:
        began = anyio.current_time()
        self.times.append(began)
        await anyio.sleep(LONG)
        if len(self.times) <= self.failures:
            raise RequestFailed(Failed(Failure.SERVER), request="GET apps at prod")
        return began

    async def at(self, *moments: float) -> list[tuple[float, float | None]]:
        """Ask at these moments; each with its answer, None where it failed."""
        found: list[tuple[float, float | None]] = []

        async def ask(moment: float) -> None:
            await anyio.sleep(moment)
            try:
                found.append((moment, await self.shared.answer()))
            except RequestFailed:
                found.append((moment, None))

        async with anyio.create_task_group() as group:
            for moment in moments:
                group.start_soon(ask, moment)
        return sorted(found)


@pytest.mark.parametrize("seed", range(8))
def test_who_asks_at_the_same_moment_shares_one_answer(seed: int) -> None:
    asked = Asked()
    assert run_virtually(lambda: asked.at(0.0, 0.0, 0.0), seed) == [(0.0, 0.0)] * 3
    assert len(asked.times) == 1


@pytest.mark.parametrize("seed", range(8))
def test_an_answer_is_never_older_than_its_question(seed: int) -> None:
    asked = Asked()
    moments = (0.0, 1.0, 9.0, 10.5, 12.0, 25.0, 60.0)
    found = run_virtually(lambda: asked.at(*moments), seed)
    assert all(answer is not None and answer >= moment for moment, answer in found)
    assert asked.times == [0.0, 10.0, 20.0, 30.0, 60.0], "everybody who waits shares the next one"


def test_a_failure_is_shared_like_an_answer_and_the_next_one_asks_again() -> None:
    asked = Asked(failures=1)
    found = run_virtually(lambda: asked.at(0.0, 0.0, 5.0))
    assert found == [(0.0, None), (0.0, None), (5.0, 10.0)]


def test_a_cancelled_asker_takes_nobodys_answer_along() -> None:
    asked = Asked()

    async def cut() -> None:
        with anyio.move_on_after(4.0):
            await asked.shared.answer()

    found: list[tuple[float, float | None]] = []

    async def act() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(cut)
            found.extend(await asked.at(1.0, 2.0))

    run_virtually(act)
    assert found == [(1.0, 4.0), (2.0, 4.0)]
    assert asked.times == [0.0, 4.0]


def listings(urls: list[str], what: str) -> int:
    return sum(f"/{what}?" in each and "offset=0" in each for each in urls)


def test_ten_askers_cost_one_listing() -> None:
    urls: list[str] = []

    async def act(rig: EngineRig) -> list[There]:
        rig.sent = urls.append
        listings = TargetListings(rig.plan, rig.roma())
        found: list[There] = []

        async def look() -> None:
            found.append(await listings.assets("prod"))

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(look)
        return found

    _, found = staged(world(3), act)
    assert (listings(urls, "apps"), listings(urls, "tasks")) == (1, 1)
    assert len({id(each.inventory) for each in found}) == 1, "and what is worked out from it is worked out once"


def test_an_outage_is_told_to_everybody_who_looks() -> None:
    refused = Rule(Kind.UNAVAILABLE, frozenset({Operation.APPS}), times=0)

    async def act(rig: EngineRig) -> list[str]:
        listings = TargetListings(rig.plan, rig.roma())
        told: list[str] = []

        async def look() -> None:
            try:
                await listings.assets("prod")
            except RequestFailed as error:
                told.append(error.request)

        async with anyio.create_task_group() as group:
            group.start_soon(look)
            group.start_soon(look)
        return told

    assert staged(world(1, faults=(refused,)), act)[1] == ["GET apps at prod"] * 2
