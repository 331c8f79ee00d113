"""A local ROMA Connect on a real socket, whose door can be closed and opened again. Law: patches nothing.

The service runs on a loop of its own in this process, so that its ledger can be read and its faults can be changed
while the program under test, which is always another process, talks to it.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

import anyio
import anyio.from_thread
from anyio.from_thread import BlockingPortal

from orchestrator.emulator.api.api import Api
from orchestrator.emulator.server import Address, serve
from orchestrator.emulator.service.ledger import Asked, Ledger
from orchestrator.emulator.service.service import Service
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Duration, Durations
from orchestrator.emulator.world.world import World
from orchestrator.engine.runtime import utc_now
from tests.emulator.ledgers import twice

T = TypeVar("T")

#: what asks for a job
WRITES = (Operation.EXPORT, Operation.IMPORT, Operation.DELETE)
#: seconds between two looks at a condition, and the most that one is waited for
_LOOK = 0.01
PATIENCE = 60.0
#: jobs that take a blink
BLINK = Durations(Duration(0.02), Duration(0.02), Duration(0.02))
#: jobs that can be caught in the middle
CATCHABLE = Durations(Duration(0.4), Duration(0.4), Duration(0.4))


def small_world(apps: int = 8, tasks: int = 22, **how: Any) -> World:
    """`dev` is filled, `prod` is empty; nobody calls anybody."""
    filling = Filling(calls={}, unreleased_every=0)
    return generate(apps, tasks, filling=filling, **({"durations": BLINK} | how))


def large_world(**how: Any) -> World:
    """255 assets at `dev`: three batches of at most 100."""
    return small_world(55, 200, **how)


class LocalRoma:
    """One service whose door can be closed and opened again."""

    def __init__(self, portal: BlockingPortal, world: World, seed: object = 0) -> None:
        self.portal, self.world = portal, world
        self.api = Api(Service(world, lambda: utc_now().timestamp(), seed), seed)
        self.port = 0
        #: the port at which plans find it; 0: its own
        self.way = 0
        self._door: AbstractContextManager[Address] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.way or self.port}"

    @property
    def ledger(self) -> Ledger:
        """What really happened; whoever reads it while a program runs does so through `ask`."""
        return self.api.service.ledger

    def open(self) -> None:
        """Listen; after `close` on the same port as before."""
        self._door = self.portal.wrap_async_context_manager(serve(self.api, self.port))
        self.port = self._door.__enter__().port

    def close(self) -> None:
        """Nothing listens any more; what the service holds stays."""
        if self._door is not None:
            self._door.__exit__(None, None, None)
            self._door = None

    def ask(self, question: Callable[[Api], T]) -> T:
        """Between two requests."""
        return self.portal.call(lambda: question(self.api))

    def strike(self, kind: Kind, operation: Operation | None = None, **how: Any) -> None:
        """One more fault from now on."""
        operations = frozenset({operation}) if operation is not None else frozenset[Operation]()
        self.strike_by(Rule(kind, operations, **how))

    def strike_by(self, rule: Rule) -> None:
        """The same, by a rule that is made already."""
        self.ask(lambda api: api.strikes.add(rule))

    def struck(self, kind: Kind) -> int:
        """How often a fault was reached."""
        return self.ask(lambda api: api.strikes.counts[kind])

    def hold(self, operation: Operation, **how: Any) -> None:
        """The next job of that kind runs until `release`: the run cannot end before a test has said its word."""
        self.strike(Kind.JOB_RUNS_FOREVER, operation, **how)

    def held_up(self, times: int = 1) -> None:
        """Return as soon as so many jobs have been held since the service began."""
        self.until(lambda api: api.strikes.counts[Kind.JOB_RUNS_FOREVER] >= times)

    def release(self) -> None:
        """Every job that still runs ends now."""
        self.ask(lambda api: api.service.end_jobs())

    def until(self, holds: Callable[[Api], object], patience: float = PATIENCE) -> None:
        """Return as soon as it holds; a condition that never comes fails the test."""
        self.portal.call(self._until, holds, patience)

    async def _until(self, holds: Callable[[Api], object], patience: float) -> None:
        with anyio.fail_after(patience):
            while not holds(self.api):
                await anyio.sleep(_LOOK)
                self.api.service.advance()

    # --- what really happened --------------------------------------------------------------------------------------

    def posts(self) -> int:
        """Requests for a job, whatever became of them."""
        return self.ask(lambda api: sum(api.requests[each] for each in WRITES))

    def asked_by(self, agent: str) -> Asked:
        """Whole requests of the one program in whose User-Agent this stands."""
        found = self.ask(lambda api: [one for name, one in api.service.ledger.asked.items() if agent in name])
        return found[0] if found else Asked()

    def jobs(self, kind: str, instance: str = "") -> int:
        """Jobs of ours that the service accepted."""
        return self.ask(
            lambda api: sum(
                job.type == kind and not job.foreign and instance in {"", job.instance}
                for job in api.service.ledger.jobs.values()
            )
        )

    def held(self, instance: str = "prod") -> dict[str, int]:
        """Names of applications and tasks there now, and how often."""

        def look(api: Api) -> dict[str, int]:
            api.service.advance()
            holding = api.service.holding(instance)
            names = [f"app {x.name}" for x in holding.apps.all()] + [f"task {x.name}" for x in holding.tasks.all()]
            return {name: names.count(name) for name in names}

        return self.ask(look)

    def everything(self, prefix: str = "") -> dict[str, int]:
        """What a target holds where each asset of `dev` arrived once."""
        dev = self.world.instance("dev")
        return {f"app {prefix}{x.name}": 1 for x in dev.apps} | {f"task {x.name}": 1 for x in dev.tasks}

    def twice(self, instance: str = "prod") -> dict[tuple[str, str, str], int]:
        return self.ask(lambda api: twice(api.service.ledger, instance))

    def refused_beside_own(self) -> list[str]:
        """Calls that were refused with ROMA.10012 while a job of ours ran in that slot (promise 2)."""

        def look(api: Api) -> list[str]:
            ledger = api.service.ledger
            own = [job for job in ledger.jobs.values() if not job.foreign]
            return [
                f"{call.operation} at {call.instance} beside {job.type} {job.id}"
                for call in ledger.calls
                if call.outcome == "ROMA.10012" and not call.late
                for job in own
                if job.user == call.user and job.begin <= call.time < job.end
            ]

        return self.ask(look)


@contextmanager
def local_roma(world: World, seed: object = 0) -> Iterator[LocalRoma]:
    """A service that listens until the block is left."""
    with anyio.from_thread.start_blocking_portal("asyncio") as portal:
        roma = LocalRoma(portal, world, seed)
        roma.open()
        try:
            yield roma
        finally:
            roma.close()
