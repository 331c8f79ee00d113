"""(d) Processor time of the orchestrator per batch, with more and more instance pairs at once, in virtual time.

Model. Pairs of instances, ten batches of one application each (in one lane: of one task each, but for the first ten,
as many as the quota of data sources allows), every pair's slots its own (`user+instance`); the real engine, client, core, journal and vault on a temporary directory; the emulator in the same process, without a socket.
What the emulator computes is measured and subtracted. Ratios are to the smallest number of batches: flat is 1.
"""

import asyncio
import cProfile
import pstats
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.core.plan import (
    AccessKey,
    Glob,
    Instance,
    Migration,
    OfApps,
    Plan,
    Scope,
    SecretRef,
    SecretSource,
    Settings,
    Target,
)
from orchestrator.core.secret_values import AccessKeySecret
from orchestrator.emulator.face import Face
from orchestrator.emulator.service import Service
from orchestrator.emulator.switches import Duration, Durations, LockScope, Switches
from orchestrator.emulator.wire import Reply, Request
from orchestrator.emulator.world import World
from orchestrator.emulator.worlds import DEV_USER, Filling, generate
from orchestrator.engine.runs import Runs, Wish
from orchestrator.engine.surroundings import Surroundings, inline
from orchestrator.roma import Roma
from orchestrator.storage.home import Home
from orchestrator.storage.store import HomeStore
from tests.simulation.virtual import run_virtually
from tests.simulation.wiring import MemoryTransport

#: epoch seconds at which it begins
BEGIN = 1_790_000_000.0
BATCHES_A_PAIR = 10
SIZES = (100, 1_000, 10_000)
#: batches in one lane
LANE_SIZES = (100, 450)
_ENDPOINT = "http://127.0.0.1:9"


class Timed(Face):
    """A face that counts the processor time spent in it."""

    #: processor seconds so far
    seconds = 0.0

    def handle(self, request: Request) -> Reply:
        before = time.process_time()
        try:
            return super().handle(request)
        finally:
            self.seconds += time.process_time() - before


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took."""

    batches: int
    code: int
    #: processor seconds of the orchestrator, and of the emulator
    ours: float
    theirs: float
    #: virtual seconds
    lasted: float


def cost_of(batches: int, a_pair: int = BATCHES_A_PAIR, profile: Path | None = None) -> Cost:
    """Run that many batches to their end, `a_pair` in each pair."""
    pairs = max(1, batches // a_pair)
    names = [f"{number:04}" for number in range(pairs)]
    world = generate(
        min(a_pair, BATCHES_A_PAIR), a_pair - min(a_pair, BATCHES_A_PAIR),
        filled=tuple(f"dev{name}" for name in names), empty=tuple(f"prod{name}" for name in names),
        filling=Filling(calls={}, datasources_per_app=1, apis_per_app=0),
        switches=Switches(lock_scope=LockScope.USER_INSTANCE_ANY),
        durations=Durations(Duration(20.0, 0.5, 0.3), Duration(30.0, 0.5, 0.3), Duration(1.0)),
    )  # fmt: skip
    held = {
        each.name: Instance(each.name, _ENDPOINT, _ENDPOINT, each.project_id, each.id, ("d",))
        for each in world.instances
    }
    settings = Settings(batch_size=1, one_job_per=Scope.USER_INSTANCE, reads_per_second=1e5, writes_per_second=1e5)
    moves = tuple(
        Migration(f"m{name}", f"dev{name}", (Target(f"prod{name}"),), apps=(Glob("*"),), tasks=OfApps())
        for name in names
    )
    key = AccessKey("d", SecretRef(SecretSource.ENV, "AK"), SecretRef(SecretSource.ENV, "SK"), user="acme/dev")
    plan = Plan("scale", {"d": key}, held, settings, moves)
    with tempfile.TemporaryDirectory() as folder, _profiled(profile):
        before = time.process_time()
        code, lasted, theirs = run_virtually(lambda: _run(plan, _service(world), Path(folder)))
        ours = time.process_time() - before - theirs
    return Cost(batches, code, ours, theirs, lasted)


def _service(world: World) -> Callable[[Callable[[], float]], Service]:
    """A service over this world, once its clock is known."""
    return lambda now: Service(world, now, 1)


async def _run(plan: Plan, make: Callable[[Callable[[], float]], Service], folder: Path) -> tuple[int, float, float]:
    loop, draw = asyncio.get_running_loop(), random.Random(1)

    def now() -> float:
        return BEGIN + loop.time()

    def wall() -> datetime:
        return datetime.fromtimestamp(now(), UTC)

    face = Timed(make(now))
    home = Home(folder / "home")
    home.make()

    def transport(_ca_file: str, _proxy: str) -> MemoryTransport:
        return MemoryTransport(face)

    around = Surroundings(wall, draw.random, transport, inline, lambda event, **fields: None, "op", "host", 1, "bench")
    secrets = {"d": AccessKeySecret(DEV_USER.ak, DEV_USER.sk, "")}
    roma = Roma(plan.settings, secrets, wall=wall, draw=draw.random, transport=transport)
    ended = await Runs(plan, HomeStore(home), roma, {"d": "acme/dev"}, around).run(Wish())
    return int(ended.outcome.code), loop.time(), face.seconds


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
    for name, sizes in (("pairs of ten", SIZES), ("one lane", LANE_SIZES)):
        costs = [cost_of(size, BATCHES_A_PAIR if name != "one lane" else size) for size in sizes]
        first = costs[0].ours / costs[0].batches
        lines += [
            f"{name:13}{cost.batches:7} batches: {cost.ours / cost.batches / first:5.2f}"
            f"   (emulator's own share {cost.theirs / (cost.ours + cost.theirs):4.0%}, exit code {cost.code})"
            for cost in costs
        ]
    return lines
