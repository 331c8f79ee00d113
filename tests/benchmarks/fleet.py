"""(m) What a fleet costs: 1,000 components in which nothing is to be done, on 4 workers. Overhead and spread.

Each worker is a process of its own with the real engine, the real rows and the real leases; only the conducting itself
is left out. `python -m tests.benchmarks fleet` prints it: seconds here, since nothing else could be told.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import anyio

from orchestrator.core.state.submissions import Submission, SubmittedComponent
from orchestrator.engine.runtime import Threads
from orchestrator.fleet.engine import Leaving, Left
from orchestrator.fleet.engine_address import parse_engine_address
from orchestrator.fleet.temporal import TemporalEngine
from orchestrator.fleet.worker import begin
from orchestrator.storage.locks import Holder
from orchestrator.storage.postgres.store import PostgresStore
from tests.builders.fleet_servers import fleet_servers
from tests.builders.postgres_server import PostgresServer
from tests.builders.postgres_store import database_of, store_in, way_to
from tests.builders.temporal_server import TemporalServer

COMPONENTS, WORKERS, AT_ONCE = 1_000, 4, 10
#: as `submit` does
STARTED_AT_ONCE = 20
_SUBMISSION = "s-bench"


async def _engine(address: str, store: PostgresStore) -> TemporalEngine:
    return await TemporalEngine.connected(
        parse_engine_address(address),
        {},
        store.submissions.journal,
        store.submissions.ttl,
        lambda event, **fields: None,
    )


async def _work(address: str, uri: str, folder: Path) -> None:
    """One worker, until nothing is left; prints how many components it had."""
    store, offload = store_in(way_to(uri), folder), Threads(4)
    engine, had = await _engine(address, store), 0

    async def conduct(component: str, leaving: Leaving) -> Left:
        nonlocal had
        had += 1

        def lived() -> None:
            row = store.submissions.component(component)
            with store.of_component(row).hold(row.plan, Holder("bench", had, "now")):
                store.submissions.tried(component)
                store.submissions.ended(component, 0, "", 0.0)

        await offload(lived)
        return Left(0)

    async def leave() -> None:
        await offload(sys.stdin.read)
        await engine.drain()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(leave)
        print("ready", flush=True)
        await engine.work("g", AT_ONCE, conduct)
    print(had, flush=True)


async def _begun(address: str, store: PostgresStore, components: list[SubmittedComponent]) -> None:
    engine = await _engine(address, store)
    for part in range(0, len(components), STARTED_AT_ONCE):
        async with anyio.create_task_group() as tasks:
            for each in components[part : part + STARTED_AT_ONCE]:
                tasks.start_soon(begin, engine, each)


def report(_plans: int) -> list[str]:
    """The table."""
    with fleet_servers() as (server, temporal), tempfile.TemporaryDirectory() as folder:
        return _measured(server, temporal, Path(folder))


def _measured(server: PostgresServer, temporal: TemporalServer, folder: Path) -> list[str]:
    database = database_of(server, ttl=20.0)
    store = store_in(database, folder)
    components = [
        SubmittedComponent(f"{_SUBMISSION}.{n}", _SUBMISSION, "bench", (f"m{n}",), "g", (f"instance {n}",))
        for n in range(COMPONENTS)
    ]
    store.submissions.submit(Submission(_SUBMISSION, "bench", "bench.yaml", "", "op", "host", "", 0.0), components)
    words = [sys.executable, "-m", "tests.benchmarks.fleet", temporal.address, database.address.uri]
    workers = [
        subprocess.Popen([*words, str(folder / str(n))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for n in range(WORKERS)
    ]
    for each in workers:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    zero = time.monotonic()
    asyncio.run(_begun(temporal.address, store, components))
    submitted = time.monotonic() - zero
    while (left := _left(store)) > 0:
        time.sleep(min(0.1, left / COMPONENTS))
    took = time.monotonic() - zero
    spread = sorted(int(each.communicate("")[0]) for each in workers)
    assert Counter(x.state.value for x in store.submissions.components(_SUBMISSION)) == {"done": COMPONENTS}
    store.close()
    database.drop()
    return [
        f"(m) {COMPONENTS} components on {WORKERS} workers, {AT_ONCE} at once: "
        f"{1000 * took / COMPONENTS:.0f} ms each, of "
        f"which starting them takes {1000 * submitted / COMPONENTS:.0f} ms; spread over the workers {spread}"
    ]


def _left(store: PostgresStore) -> int:
    return sum(each.state.value != "done" for each in store.submissions.components(_SUBMISSION))


if __name__ == "__main__":
    asyncio.run(_work(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
