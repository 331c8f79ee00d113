"""One fleet at work on one plan of pairs, and how it must end. Law: each is made here, so that tests tell what differs.

A cable may stand before the services, the database or the engine: what the workers reach through it can be cut.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.emulator.world.options import Duration, Durations
from tests.builders.cable import Cable, cable_to
from tests.builders.postgres_server import PostgresServer
from tests.e2e.desk import Desk
from tests.e2e.fleet import Fleet, FleetPlan, Supervisor, WorkerProcess, arrived_once, fleet_at, world_of_pairs
from tests.e2e.judging import every_promise_held
from tests.e2e.local_roma import LocalRoma, local_roma

#: jobs of a second or two, so that an outage meets every kind of request
JOBS = Durations(Duration(1.0), Duration(1.0), Duration(1.0))
#: what the kernel's timer and the program itself end with, where a lease is lost
LOST = {75, -9}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a night is about; the defaults are those of most."""

    pairs: int = 8
    #: assets of each source
    apps: int = 2
    tasks: int = 4
    durations: Durations = JOBS
    ttl: float = 20.0
    #: what the cable stands before
    cable: Literal["", "services", "database", "engine"] = ""
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass
class Night:
    """A plan that can be submitted, and the fleet that will conduct it."""

    fleet: Fleet
    roma: LocalRoma
    plan: FleetPlan
    _cable: Cable | None = None

    @property
    def cable(self) -> Cable:
        assert self._cable is not None
        return self._cable

    def supervised(self, *groups: str, at_once: int = 4) -> Supervisor:
        """A worker for each of these groups, started again whenever it ends."""
        return Supervisor(self.fleet, groups, at_once)

    def begin(self, conducted: int) -> list[str]:
        """Submit the plan; the components, once so many are conducted and the service was asked for something."""
        self.fleet.submit()
        self.fleet.until(lambda: len(self.fleet.holders()) >= conducted and self.roma.posts() >= conducted)
        return sorted(self.fleet.holders())

    def until_done(self, components: list[str]) -> None:
        """Return when these have ended well."""
        self.fleet.until(lambda: all(self.fleet.components()[each] == ("done", 0) for each in components))

    def requests(self, worker: WorkerProcess) -> int:
        """How many whole requests of this worker the service has counted."""
        return self.roma.asked_by(worker.agent).requests

    def ends_well(self, patience: float = 120.0) -> None:
        """Every component ends with 0: nothing twice, nothing lost, and its journal keeps every promise."""
        self.fleet.until_over(patience)
        assert {code for _, code in self.fleet.components().values()} == {0}
        arrived_once(self.roma, self.plan)
        every_promise_held(self.fleet, "plan.yaml", self.roma)


#: makes a night at these servers
Nights = Callable[[PostgresServer, str, Wanted], AbstractContextManager[Night]]


@contextmanager
def night_at(desk: Desk, server: PostgresServer, engine: str, wanted: Wanted) -> Iterator[Night]:
    """`engine` is an address as `--engine` takes it; no worker runs yet."""
    world = world_of_pairs(wanted.pairs, apps=wanted.apps, tasks=wanted.tasks, durations=wanted.durations)
    with ExitStack() as stack:
        roma = stack.enter_context(local_roma(world))
        ports = {"services": roma.port, "database": server.port, "engine": _port_of(engine)}
        cable = stack.enter_context(cable_to(ports[wanted.cable])) if wanted.cable else None
        if cable is not None and wanted.cable == "services":
            roma.way = cable.port
        if cable is not None and wanted.cable == "engine":
            engine = f"127.0.0.1:{cable.port}/default"
        fleet = stack.enter_context(fleet_at(desk, server, engine, wanted.ttl))
        plan = FleetPlan.of_pairs(wanted.pairs, settings=wanted.settings)
        fleet.plan(roma, plan)
        if cable is not None and wanted.cable == "database":
            fleet.port = cable.port
        yield Night(fleet, roma, plan, cable)


def _port_of(engine: str) -> int:
    return int(engine.partition("/")[0].rpartition(":")[2])
