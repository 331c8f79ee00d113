"""(d) Processor time of the orchestrator per batch, with more and more instance pairs at once, in virtual time.

Model. Pairs of instances, ten batches of one application each (in one lane: of one task each, but for the first ten,
as many as the quotas allow), every pair's slots its own (`user+instance`); the real engine, client, core, journal and
vault, in memory where the system has a file system for that, so that nobody waits for a disk; the emulator in the same
process, without a socket. What the emulator computes is measured and subtracted. A size that is soon done is done
again, and the mean counts. Ratios are to the smallest number of batches: flat is 1. The emulator's own share tells what
the machine did meanwhile: a request costs it as much at any size, so with a share that stays, so does the cost. Beyond
MOST batches only where asked: 10,000 take minutes.
"""

import asyncio
import cProfile
import pstats
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from orchestrator.core.plan.plan import Plan, Scope, Settings
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.options import Duration, Durations, Switches
from orchestrator.emulator.world.readings import LockScope
from orchestrator.emulator.world.world import World
from orchestrator.engine.runs import Wish
from orchestrator.engine.runtime import collect_rarely
from tests.benchmarks.assembly import assemble, names_of, plan_of
from tests.simulation.virtual import run_virtually

BATCHES_A_PAIR = 10
SIZES = (100, 1_000, 10_000)
#: batches that are tried at most
MOST = 1_000
#: batches that a size is measured on
AT_LEAST = 2_000
#: batches in one lane
LANE_SIZES = (100, 900)
#: a file system in memory, where Linux has one
_MEMORY = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took."""

    batches: int
    #: exit code
    code: int
    #: processor seconds of the orchestrator, and of the emulator
    ours: float
    theirs: float
    #: virtual seconds
    lasted: float


def cost_of(batches: int, a_pair: int = BATCHES_A_PAIR, profile: Path | None = None) -> Cost:
    """Run that many batches to their end, `a_pair` in each pair; write where the time went to `profile`."""
    collect_rarely()
    pairs, apps = max(1, batches // a_pair), min(a_pair, BATCHES_A_PAIR)
    sources, targets = names_of(pairs)
    world = generate(
        apps, a_pair - apps,
        filled=sources, empty=targets, filling=Filling(calls={}, datasources_per_app=1, apis_per_app=0),
        switches=Switches(lock_scope=LockScope.USER_INSTANCE_ANY),
        durations=Durations(Duration(20.0, 0.5, 0.3), Duration(30.0, 0.5, 0.3), Duration(1.0)),
    )  # fmt: skip
    settings = Settings(batch_size=1, one_job_per=Scope.USER_INSTANCE, reads_per_second=1e5, writes_per_second=1e5)
    plan = plan_of(world, pairs, settings)
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder, _profiled(profile):
        before = time.process_time()
        code, lasted, theirs = run_virtually(lambda: _run(plan, world, Path(folder)))
        ours = time.process_time() - before - theirs
    return Cost(batches, code, ours, theirs, lasted)


async def _run(plan: Plan, world: World, folder: Path) -> tuple[int, float, float]:
    runs, api = assemble(plan, world, folder)
    ended = await runs.run(Wish())
    return int(ended.outcome.code), asyncio.get_running_loop().time(), api.seconds


@contextmanager
def _profiled(path: Path | None) -> Iterator[None]:
    if path is None:
        yield
        return
    profile = cProfile.Profile()
    profile.enable()
    yield
    profile.disable()
    with path.open("w") as out:
        pstats.Stats(profile, stream=out).sort_stats("tottime").print_stats(45)


def report(_plans: int) -> list[str]:
    """The table."""
    lines = ["(d) processor time of the orchestrator per batch, relative to the smallest number of batches"]
    for name, sizes, a_pair in (("pairs of ten", SIZES, BATCHES_A_PAIR), ("one lane", LANE_SIZES, 0)):
        costs = [_mean_of(size, a_pair or size) for size in sizes if size <= MOST]
        first = costs[0].ours / costs[0].batches
        lines += [
            f"{name:13}{cost.batches:7} batches: {cost.ours / cost.batches / first:5.2f}"
            f"   (emulator's own share {cost.theirs / (cost.ours + cost.theirs):4.0%}, exit code {cost.code})"
            for cost in costs
        ]
    return lines


def _mean_of(batches: int, a_pair: int) -> Cost:
    """Of as many runs as make AT_LEAST batches: one short run says little on a shared machine."""
    costs = [cost_of(batches, a_pair) for _ in range(max(1, AT_LEAST // batches))]
    ours, theirs = fmean(each.ours for each in costs), fmean(each.theirs for each in costs)
    return replace(costs[0], code=max(each.code for each in costs), ours=ours, theirs=theirs)
