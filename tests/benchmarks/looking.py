"""(f) Preview of 100 full instances: virtual time against its own requests at the allowed rate, and their number.

Model. 50 pairs of instances behind one endpoint, one identity, 5 reads a second; each source holds 90 applications and
900 tasks, each target nothing. *Pace* is the time of the preview over its requests divided by the rate. *Requests* are
counted against what is allowed: 3 for each 100 assets listed and 15 for each instance.
"""

import asyncio
import tempfile
from pathlib import Path

from orchestrator.core.plan.plan import Plan, Settings
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.world import World
from orchestrator.engine.runs import Wish
from orchestrator.roma.transport import WireRequest
from tests.benchmarks.assembly import assemble, names_of, plan_of
from tests.simulation.virtual import run_virtually

PAIRS = 50
APPS, TASKS = 90, 900


def report(_plans: int) -> list[str]:
    """The table."""
    sources, targets = names_of(PAIRS)
    filling = Filling(calls={}, datasources_per_app=5, apis_per_app=1)
    world = generate(APPS, TASKS, filled=sources, empty=targets, filling=filling)
    settings = Settings()
    seconds, requests = run_virtually(lambda: _preview(plan_of(world, PAIRS, settings), world))
    allowed = 3 * PAIRS * (APPS + TASKS) / 100 + 15 * 2 * PAIRS
    pace = seconds * settings.reads_per_second / requests
    return [
        f"(f) preview of {2 * PAIRS} instances, {PAIRS * (APPS + TASKS)} assets",
        f"pace: {pace:.2f} x (its own requests / rate)   (target: at most 1.2)",
        f"requests: {requests / allowed:.2f} x (3 per 100 assets + 15 per instance)   (target: at most 1)",
    ]


async def _preview(plan: Plan, world: World) -> tuple[float, int]:
    heard: list[WireRequest] = []
    with tempfile.TemporaryDirectory() as folder:
        runs, _ = assemble(plan, world, Path(folder), heard.append)
        await runs.preview(Wish(), ())
    return asyncio.get_running_loop().time(), len(heard)
