"""The whole program over the emulator in one process and in virtual time, for benchmarks. Law: no socket."""

import asyncio
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.core.model.secrets import AccessKeySecret
from orchestrator.core.plan.plan import (
    AccessKey,
    Glob,
    Instance,
    Migration,
    OfApps,
    Plan,
    SecretRef,
    SecretSource,
    Settings,
    Target,
)
from orchestrator.emulator.api.api import Api
from orchestrator.emulator.protocol.messages import Reply, Request
from orchestrator.emulator.service.service import Service
from orchestrator.emulator.world.generate import DEV_USER
from orchestrator.emulator.world.world import World
from orchestrator.engine.runs import Runs
from orchestrator.engine.runtime import Runtime
from orchestrator.roma import Roma
from orchestrator.roma.transport import WireRequest
from orchestrator.storage.home import Home
from orchestrator.storage.store import HomeStore
from tests.simulation.virtual import inline
from tests.simulation.wiring import MemoryTransport

#: epoch seconds at which it begins
BEGIN = 1_790_000_000.0
_ENDPOINT = "http://127.0.0.1:9"


class TimedFace(Api):
    """A face that counts the processor time spent in it."""

    #: processor seconds so far
    seconds = 0.0

    def handle(self, request: Request) -> Reply:
        before = time.process_time()
        try:
            return super().handle(request)
        finally:
            self.seconds += time.process_time() - before


def plan_of(world: World, pairs: int, settings: Settings) -> Plan:
    """Everything of `dev0000` to `prod0000`, of `dev0001` to `prod0001`, and so on, with one identity."""
    held = {
        each.name: Instance(each.name, _ENDPOINT, _ENDPOINT, each.project_id, each.id, ("d",))
        for each in world.instances
    }
    moves = tuple(
        Migration(f"m{n:04}", f"dev{n:04}", (Target(f"prod{n:04}"),), apps=(Glob("*"),), tasks=OfApps())
        for n in range(pairs)
    )
    key = AccessKey("d", SecretRef(SecretSource.ENV, "AK"), SecretRef(SecretSource.ENV, "SK"), user="acme/dev")
    return Plan("bench", {"d": key}, held, settings, moves)


def names_of(pairs: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the sources and of the targets."""
    return tuple(f"dev{n:04}" for n in range(pairs)), tuple(f"prod{n:04}" for n in range(pairs))


def assemble(
    plan: Plan, world: World, folder: Path, heard: Callable[[WireRequest], None] | None = None
) -> tuple[Runs, TimedFace]:
    """The program in the running loop; `heard` is told each request."""
    loop, draw = asyncio.get_running_loop(), random.Random(1)

    def now() -> float:
        return BEGIN + loop.time()

    def wall() -> datetime:
        return datetime.fromtimestamp(now(), UTC)

    api = TimedFace(Service(world, now, 1))
    home = Home(folder / "home")
    home.make()

    def transport(_ca_file: str, _proxy: str) -> MemoryTransport:
        return MemoryTransport(api, heard)

    runtime = Runtime(wall, draw.random, transport, inline, lambda event, **fields: None, "op", "host", 1, "bench")
    secrets = {"d": AccessKeySecret(DEV_USER.ak, DEV_USER.sk, "")}
    roma = Roma(plan.settings, secrets, wall=wall, draw=draw.random, transport=transport)
    return Runs(plan, HomeStore(home), roma, {"d": "acme/dev"}, runtime), api
