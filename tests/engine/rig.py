"""The whole program on a rig: real engine, client and emulator in virtual time, without a socket.

Law: patches nothing.
"""

import random
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import anyio

from orchestrator.core.model.secrets import PasswordSecret, Secret
from orchestrator.core.plan.plan import Instance, Plan, Scope, Settings, Target
from orchestrator.core.state.events import Entry, Event
from orchestrator.core.state.progress import Progress
from orchestrator.emulator.api.api import Api
from orchestrator.emulator.service.service import Service
from orchestrator.emulator.world.faults import Rule
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.options import Durations, Switches
from orchestrator.emulator.world.world import User, World
from orchestrator.engine.runs import Ended, Runs, Wish
from orchestrator.engine.runtime import Offload, Runtime, SteadyClock
from orchestrator.roma import Roma
from orchestrator.roma.transport import Transport
from orchestrator.storage.home import Home
from orchestrator.storage.store import HomeStore, Store
from tests.builders.plans import credentials, migration
from tests.builders.runs import DAWN
from tests.emulator.ledgers import created
from tests.simulation.memory import Life, MemoryStore, Record
from tests.simulation.virtual import inline, run_virtually
from tests.simulation.wiring import MemoryTransport

T = TypeVar("T")
ENDPOINT = "http://127.0.0.1:9"
USERS = tuple(
    User(name, "acme", f"AK{name}", f"sk-of-{name}", f"password-of-{name}", admin=True) for name in ("s", "t", "u")
)
QUICK = Settings(reads_per_second=50.0, writes_per_second=5.0)


def world(apps: int = 6, tasks: int = 0, *, faults: tuple[Rule, ...] = (), targets: tuple[str, ...] = ("prod",),
          calls: dict[str, tuple[str, ...]] | None = None, switches: Switches | None = None,
          durations: Durations | None = None) -> World:  # fmt: skip
    """`dev` holds applications and tasks; the targets hold nothing."""
    filling = Filling(owner="s", calls=calls or {}, unreleased_every=0, running_every=0)
    return generate(
        apps, tasks, filled=("dev",), empty=targets, filling=filling, users=USERS, faults=faults,
        switches=switches, durations=durations,
    )  # fmt: skip


def plan_for(held: World, settings: Settings = QUICK, *, owners: tuple[str, ...] = ("t",), **more: object) -> Plan:
    """Everything at `dev` goes to every other instance."""
    instances = {
        each.name: Instance(
            each.name, ENDPOINT, ENDPOINT, each.project_id, each.id, ("s",) if each.name == "dev" else owners
        )
        for each in held.instances
    }
    targets = tuple(Target(name) for name in instances if name != "dev")
    moves = migration(**{"targets": targets, **more})  # type: ignore[arg-type] # named as in Migration
    return Plan("orders", credentials("s", *owners), instances, settings, (moves,), "plan.yaml")


@dataclass
class EngineRig:
    """One home and one far side, over any number of commands; each command is a new process."""

    world: World
    plan: Plan
    offload: Offload = inline
    #: called with each request's words; may raise
    sent: Callable[[str], None] = field(default=lambda request: None)
    #: what was said in the log
    said: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    records: dict[str, Record] = field(default_factory=dict)
    #: a real home on disk instead of the memory
    home: Home | None = None
    #: hears each believed entry, with the runs that conduct it
    hears: Callable[[Runs, Entry], None] | None = None
    #: seconds by which the wall clock was stepped
    stepped: float = 0.0
    #: when it begins, epoch seconds
    dawn: float = DAWN

    def __post_init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="stage-"))
        self.service = Service(self.world, self.now, 1)
        self.api = Api(self.service)
        self.draw = random.Random(1)

    def now(self) -> float:
        return self.dawn + anyio.current_time()

    def wall(self) -> datetime:
        return datetime.fromtimestamp(self.now() + self.stepped, UTC)

    def transport(self, ca_file: str, proxy: str) -> Transport:
        return MemoryTransport(self.api, lambda request: self.sent(f"{request.method} {request.url}"))

    def say(self, event: str, **fields: object) -> None:
        self.said.append((event, fields))

    def runtime(self) -> Runtime:
        """The world as one process finds it."""
        steady = SteadyClock(self.wall, anyio.current_time)
        return Runtime(
            steady, self.draw.random, self.transport, self.offload, self.say, "op", "host", 1, "0", clock=self.wall
        )

    def roma(self) -> Roma:
        """The way to the far side of one process."""
        secrets: dict[str, Secret] = {
            name: PasswordSecret(name, "acme", f"password-of-{name}") for name in self.plan.credentials
        }
        return Roma(self.plan.settings, secrets, wall=self.wall, draw=self.draw.random, transport=self.transport)

    def runs(self) -> Runs:
        """One process of the program."""
        memory = MemoryStore(self.root, self.records, Life(), self.entries.append)
        store: Store = memory if self.home is None else HomeStore(self.home)
        users = {name: f"acme/{name}" for name in self.plan.credentials}
        runs = Runs(self.plan, store, self.roma(), users, self.runtime())
        runs.listen = lambda progress, entry: self.hears(runs, entry) if self.hears else None
        return runs

    async def run(self, wish: Wish | None = None) -> Ended:
        """`roma-migrate run`."""
        return await self.runs().run(wish or Wish())

    @property
    def events(self) -> list[Event]:
        return [entry.event for entry in self.entries]

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]

    def landed(self, target: str = "prod") -> list[str]:
        """Names of what imports created there, once for each time."""
        return sorted(each.name for each in created(self.service.ledger, target) if each.kind != "datasource")


def staged(
    held: World, act: Callable[[EngineRig], Awaitable[T]], plan: Plan | None = None, *, offload: Offload = inline,
    hears: Callable[[Runs, Entry], None] | None = None, dawn: float = DAWN,
) -> tuple[EngineRig, T]:  # fmt: skip
    """Set the rig, act, and look at what is left."""
    found: list[EngineRig] = []

    async def main() -> T:
        rig = EngineRig(held, plan or plan_for(held), offload, hears=hears, dawn=dawn)
        found.append(rig)
        return await act(rig)

    try:
        answer = run_virtually(main, 1)
    finally:
        for rig in found:
            shutil.rmtree(rig.root, ignore_errors=True)
    return found[0], answer


def slots_of(scope: Scope, settings: Settings = QUICK) -> Settings:
    return replace(settings, one_job_per=scope)


def folded_of(rig: EngineRig) -> Progress:
    """The latest run, folded from what was remembered."""
    progress = Progress()
    for entry in MemoryStore(rig.root, rig.records, Life(), lambda entry: None).read(sorted(rig.records)[-1]):
        progress.apply(entry)
    return progress
