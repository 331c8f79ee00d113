"""A real engine whose components are left as a test says. Law: the server, the library and the workflow are real."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from orchestrator.fleet.engine import Leaving, Left, Placed
from orchestrator.fleet.engine_address import parse_engine_address
from orchestrator.fleet.temporal import TemporalEngine, workflow_id

#: seconds after which a test gives up
PATIENCE = 60.0
SILENCE = 20.0
Act = Left | BaseException | Callable[[Leaving], Awaitable[Left]]


@dataclass
class Script:
    """What becomes of each component, try after try, and what was tried."""

    acts: dict[str, list[Act]] = field(default_factory=dict)
    tried: list[str] = field(default_factory=list)
    _news: anyio.Event = field(default_factory=anyio.Event)

    async def conduct(self, component: str, leaving: Leaving) -> Left:
        self.tried.append(component)
        self._news.set()
        self._news = anyio.Event()
        act = self.acts[component].pop(0)
        if isinstance(act, Left):
            return act
        if isinstance(act, BaseException):
            raise act
        return await act(leaving)

    async def until_tried(self, component: str, times: int) -> None:
        with anyio.fail_after(PATIENCE):
            while self.tried.count(component) < times:
                await self._news.wait()


async def engine_at(address: str) -> TemporalEngine:
    return await TemporalEngine.connected(
        parse_engine_address(address), {}, "a-journal", SILENCE, lambda event, **fields: None
    )


@asynccontextmanager
async def worker_of(engine: TemporalEngine, group: str, script: Script, at_once: int = 10) -> AsyncIterator[None]:
    """A worker of this process, drained at the end."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(engine.work, group, at_once, script.conduct)
        yield
        await engine.drain()


async def ended(engine: TemporalEngine, component: Placed) -> int:
    """The code with which its workflow ends."""
    with anyio.fail_after(PATIENCE):
        return int(await engine.client.get_workflow_handle(workflow_id(component)).result())
