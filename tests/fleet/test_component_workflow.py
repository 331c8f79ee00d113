"""A component's life at a real Temporal server: over, by itself, parked, halted, tried again, left in good order."""

from itertools import count

import anyio
import pytest

from orchestrator.fleet.engine import Cut, Leaving, Left, Placed, TryAgain, Word
from orchestrator.fleet.engine_address import parse_engine_address
from orchestrator.fleet.temporal import TemporalEngine
from tests.fleet.scripted import PATIENCE, Script, ended, engine_at, worker_of

_numbers = count()


@pytest.fixture
def group() -> str:
    """A group that no other test works for."""
    return f"group-{next(_numbers)}"


async def test_what_is_over_is_conducted_once_and_may_be_submitted_anew(temporal: str, group: str) -> None:
    engine, one = await engine_at(temporal), Placed(f"{group}.1", "t", group)
    script = Script({one.id: [Left(1), Left(0)]})
    async with worker_of(engine, group, script):
        await engine.start(one)
        assert await ended(engine, one) == 1
        await engine.start(one)
        assert await ended(engine, one) == 0
    assert script.tried == [one.id] * 2


async def test_three_starts_are_one(temporal: str, group: str) -> None:
    engine, one = await engine_at(temporal), Placed(f"{group}.1", "t", group)
    for _ in range(3):
        await engine.start(one)
    script = Script({one.id: [Left(0)]})
    async with worker_of(engine, group, script):
        assert await ended(engine, one) == 0
    assert script.tried == [one.id]


@pytest.mark.parametrize("code", [3, 4, 5, 10, 70])
async def test_what_needs_a_person_waits_for_continue(temporal: str, group: str, code: int) -> None:
    engine, one = await engine_at(temporal), Placed(f"{group}.1", "t", group)
    script = Script({one.id: [Left(code), Left(0)]})
    async with worker_of(engine, group, script):
        await engine.start(one)
        await script.until_tried(one.id, 1)
        await engine.signal(one, Word.CONTINUE)
        assert await ended(engine, one) == 0


async def test_a_word_said_while_it_is_conducted_is_not_lost(temporal: str, group: str) -> None:
    """A gate was opened just after the conductor had looked: it is conducted once more."""
    engine, one = await engine_at(temporal), Placed(f"{group}.1", "t", group)

    async def leaves_late(leaving: Leaving) -> Left:
        await engine.signal(one, Word.CONTINUE)
        return Left(10)

    script = Script({one.id: [leaves_late, Left(0)]})
    async with worker_of(engine, group, script):
        await engine.start(one)
        assert await ended(engine, one) == 0


@pytest.mark.parametrize("word", [Word.PAUSE, Word.STOP])
async def test_what_is_halted_is_not_conducted_before_continue(temporal: str, group: str, word: Word) -> None:
    engine, one, two = await engine_at(temporal), Placed(f"{group}.1", "t", group), Placed(f"{group}.2", "t", group)
    await engine.signal(one, word)
    await engine.start(two)
    script = Script({one.id: [Left(0)], two.id: [Left(0)]})
    async with worker_of(engine, group, script):
        assert await ended(engine, two) == 0
        assert script.tried == [two.id]
        await engine.signal(one, Word.CONTINUE)
        assert await ended(engine, one) == 0


async def test_what_goes_on_by_itself_goes_on_when_its_moment_comes(temporal: str, group: str) -> None:
    engine, one = await engine_at(temporal), Placed(f"{group}.1", "t", group)
    script = Script({one.id: [Left(8, 1.0), Left(9, 1.0), Left(0)]})
    async with worker_of(engine, group, script):
        await engine.start(one)
        assert await ended(engine, one) == 0
    assert script.tried == [one.id] * 3


async def test_busy_is_tried_again_and_is_no_failure(temporal: str, group: str) -> None:
    engine, one = await engine_at(temporal), Placed(f"{group}.1", "t", group)
    script = Script({one.id: [TryAgain("held elsewhere"), Left(0)]})
    async with worker_of(engine, group, script):
        await engine.start(one)
        assert await ended(engine, one) == 0


async def test_a_worker_that_drains_hands_over_in_good_order(temporal: str, group: str) -> None:
    first, second, one = await engine_at(temporal), await engine_at(temporal), Placed(f"{group}.1", "t", group)
    cuts: list[Cut] = []

    async def until_asked(leaving: Leaving) -> Left:
        asked = anyio.Event()

        def heed(cut: Cut) -> None:
            cuts.append(cut)
            asked.set()

        leaving.heed = heed
        await asked.wait()
        raise TryAgain("left in good order")

    script, next_one = Script({one.id: [until_asked]}), Script({one.id: [Left(0)]})
    async with worker_of(first, group, script):
        await first.start(one)
        await script.until_tried(one.id, 1)
    assert cuts == [Cut.LEAVE]
    async with worker_of(second, group, next_one):
        assert await ended(second, one) == 0


async def test_at_most_so_many_at_once(temporal: str, group: str) -> None:
    engine = await engine_at(temporal)
    every = [Placed(f"{group}.{number}", "t", group) for number in range(6)]
    now, most = 0, 0

    async def counted(leaving: Leaving) -> Left:
        nonlocal now, most
        now, most = now + 1, max(most, now + 1)
        await anyio.sleep(0.05)
        now -= 1
        return Left(0)

    script = Script({one.id: [counted] for one in every})
    for one in every:
        await engine.start(one)
    async with worker_of(engine, group, script, at_once=2):
        for one in every:
            assert await ended(engine, one) == 0
    assert most == 2


async def test_a_workflow_that_fails_is_told_and_counted(temporal: str, group: str) -> None:
    """A defect of the workflow ends nothing and hangs: what the library says of it is a line of the log."""
    said: list[dict[str, object]] = []
    told = anyio.Event()

    def say(event: str, **fields: object) -> None:
        said.append(fields)
        if fields.get("failed_workflow_tasks"):
            told.set()

    engine = await TemporalEngine.connected(parse_engine_address(temporal), {}, "a-journal", 20.0, say)
    # As a start of a later version would look to this workflow: without what it must be given.
    await engine.client.start_workflow("Component", args=["c"], id=f"{group}-broken", task_queue=f"{group} a-journa")
    async with worker_of(engine, group, Script({})):
        with anyio.fail_after(PATIENCE):
            await told.wait()
    await engine.client.get_workflow_handle(f"{group}-broken").terminate()
    assert "has failed, 1 times" in str(said[0]["text"])
