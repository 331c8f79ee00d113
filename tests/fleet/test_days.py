"""Days in a component's life, on a server that skips the time in which nothing happens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from orchestrator.fleet.engine import Left, Placed, Word
from orchestrator.fleet.engine_address import EngineAddress
from orchestrator.fleet.temporal import TemporalEngine, workflow_id
from tests.builders.temporal_server import program
from tests.fleet.scripted import SILENCE, Script, worker_of

ONE = Placed("s1.1", "t", "g")
DAY = 86_400.0


@asynccontextmanager
async def skipping() -> AsyncIterator[tuple[WorkflowEnvironment, TemporalEngine]]:
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=program("temporal-test-server")
    )
    async with environment:
        yield environment, TemporalEngine(EngineAddress("local", "default"), environment.client, "a-journal", SILENCE)


async def now(environment: WorkflowEnvironment) -> float:
    return (await environment.get_current_time()).timestamp()


async def over(environment: WorkflowEnvironment) -> bool:
    """Whether it ends within the next hour."""
    for _ in range(60):
        described = await environment.client.get_workflow_handle(workflow_id(ONE)).describe()
        if described.status is WorkflowExecutionStatus.COMPLETED:
            return True
        await environment.sleep(timedelta(minutes=1))
    return False


async def test_three_days_parked() -> None:
    async with skipping() as (environment, engine):
        script = Script({ONE.id: [Left(5), Left(0)]})
        async with worker_of(engine, ONE.group, script):
            await engine.start(ONE)
            await script.until_tried(ONE.id, 1)
            begun = await now(environment)
            await environment.sleep(timedelta(days=3))
            assert script.tried == [ONE.id], "nobody but a person lets it go on"
            await engine.signal(ONE, Word.CONTINUE)
            assert await over(environment)
            assert 3 * DAY <= await now(environment) - begun < 3 * DAY + 7200


async def test_a_window_opens_in_two_days() -> None:
    async with skipping() as (environment, engine):
        opens = await now(environment) + 2 * DAY
        script = Script({ONE.id: [Left(8, opens), Left(0)]})
        async with worker_of(engine, ONE.group, script):
            await engine.start(ONE)
            await script.until_tried(ONE.id, 1)
            await environment.sleep(timedelta(seconds=1.9 * DAY))
            assert script.tried == [ONE.id]
            assert not await over(environment)
            await environment.sleep(timedelta(seconds=0.1 * DAY))
            assert await over(environment)
            assert script.tried == [ONE.id] * 2


async def test_a_pause_outlasts_the_window_that_opens_meanwhile() -> None:
    async with skipping() as (environment, engine):
        opens = await now(environment) + DAY
        script = Script({ONE.id: [Left(8, opens), Left(0)]})
        async with worker_of(engine, ONE.group, script):
            await engine.start(ONE)
            await script.until_tried(ONE.id, 1)
            await engine.signal(ONE, Word.PAUSE)
            await environment.sleep(timedelta(days=4))
            assert script.tried == [ONE.id]
            await engine.signal(ONE, Word.CONTINUE)
            assert await over(environment)


async def test_a_word_wakes_what_would_go_on_by_itself_later() -> None:
    async with skipping() as (environment, engine):
        begun = await now(environment)
        script = Script({ONE.id: [Left(9, begun + 30 * DAY), Left(0)]})
        async with worker_of(engine, ONE.group, script):
            await engine.start(ONE)
            await script.until_tried(ONE.id, 1)
            await engine.signal(ONE, Word.CONTINUE)
            assert await over(environment)
            assert await now(environment) - begun < DAY
