"""Lives of components, lived through at a real server and saved: `python -m tests.fleet.lives` saves what is missing.

The histories are of released workflows: none is ever removed while a component may be that old.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from orchestrator.fleet.engine import Left, Placed, TryAgain, Word
from orchestrator.fleet.temporal import TemporalEngine, workflow_id
from tests.builders.temporal_server import TemporalServer
from tests.fleet.scripted import Act, Script, ended, engine_at, worker_of

HISTORIES = Path(__file__).with_name("histories")


async def _nothing(engine: TemporalEngine, one: Placed) -> None:
    """Nobody says a word."""


async def _continued(engine: TemporalEngine, one: Placed) -> None:
    await engine.signal(one, Word.CONTINUE)


async def _paused(engine: TemporalEngine, one: Placed) -> None:
    await engine.signal(one, Word.PAUSE)
    await engine.signal(one, Word.CONTINUE)


Said = Callable[[TemporalEngine, Placed], Awaitable[None]]
#: a life by name: how it is left, try after try, and what is said after the first
LIVES: Mapping[str, tuple[list[Act], Said]] = {
    "over": ([Left(0)], _nothing),
    "by-itself": ([Left(8, 1.0), Left(9, 1.0), Left(0)], _nothing),
    "parked": ([Left(5), Left(1)], _continued),
    "paused": ([Left(10), Left(0)], _paused),
    "busy": ([TryAgain("held elsewhere"), Left(0)], _nothing),
}


async def lived(address: str, name: str) -> str:
    """The history of one life, without the names of this host."""
    acts, said = LIVES[name]
    engine, one = await engine_at(address), Placed(f"history-{name}", "t", f"history-{name}")
    script = Script({one.id: list(acts)})
    async with worker_of(engine, one.group, script):
        await engine.start(one)
        await script.until_tried(one.id, 1)
        await said(engine, one)
        await ended(engine, one)
    history = await engine.client.get_workflow_handle(workflow_id(one)).fetch_history()
    return re.sub(r'"\d+@[^"]*"', '"1@host"', json.dumps(json.loads(history.to_json()), indent=1)) + "\n"


def main() -> None:
    """Save what is missing."""
    server = TemporalServer.made()
    try:
        server.start()
        for name in LIVES:
            file = HISTORIES / f"{name}.json"
            if not file.exists():
                file.write_text(asyncio.run(lived(server.address, name)), encoding="utf-8")
                print(f"saved {file}")
    finally:
        server.remove()


if __name__ == "__main__":
    main()
