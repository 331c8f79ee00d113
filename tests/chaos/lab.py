"""A fleet in a box: `make fleet`. Starts everything on this machine, kills a worker, and prints what happened when.

PostgreSQL, Temporal's development server, two services in two regions, three workers in two groups, and a plan of eight
components, under the settings of a real fleet: what a dead worker held is free after 20 s.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from orchestrator.emulator.world.options import Duration, Durations
from tests.builders.fleet_servers import fleet_servers
from tests.e2e.desk import Desk
from tests.e2e.fleet import Fleet, FleetPlan, WorkerProcess, arrived_once, fleet_at, world_of_pairs
from tests.e2e.local_roma import LocalRoma, local_roma

#: jobs long enough to be caught in the middle
JOBS = Durations(Duration(3.0), Duration(3.0), Duration(3.0))
_NORTH, _SOUTH = (1, 2, 3, 4), (5, 6, 7, 8)


class Told:
    """What happened, with the seconds since the plan was submitted."""

    def __init__(self) -> None:
        self._zero = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"{time.monotonic() - self._zero:7.1f} s  {text}", flush=True)

    def begin(self) -> None:
        self._zero = time.monotonic()


class Watch:
    """Tells who conducts what, as the leases say."""

    def __init__(self, fleet: Fleet, told: Told, names: dict[int, str]) -> None:
        self._fleet, self._told, self._names = fleet, told, names
        self._held: dict[str, int] = {}
        self._over: set[str] = set()

    def look(self) -> bool:
        """Tell what is new; whether all is over."""
        for component, pid in sorted(self._fleet.holders().items()):
            if self._held.get(component) != pid:
                before = self._names.get(self._held.get(component, 0), "")
                how = f"goes on with {component}, which {before} had" if before else f"begins {component}"
                self._told(f"{self._names.get(pid, pid)} {how}")
                self._held[component] = pid
        components = self._fleet.components()
        for component, (state, code) in sorted(components.items()):
            if state != "waiting" and component not in self._over:
                self._over.add(component)
                self._told(f"{component} is {state} with code {code}")
        return all(state == "done" for state, _ in components.values())

    def busiest(self, among: list[WorkerProcess]) -> WorkerProcess:
        return max(among, key=lambda each: len(self._fleet.conducted_by(each.pid)))


def lab(folder: Path, told: Callable[[str], None] | None = None) -> float:
    """Live it through; seconds from the kill until all of what the dead worker had was conducted elsewhere."""
    say = told or print
    with ExitStack() as stack:
        server, engine = stack.enter_context(fleet_servers())
        say(f"PostgreSQL listens on 127.0.0.1:{server.port}, Temporal's development server on 127.0.0.1:{engine.port}")
        north = stack.enter_context(local_roma(world_of_pairs(4, durations=JOBS)))
        south = stack.enter_context(local_roma(world_of_pairs(4, first=5, durations=JOBS)))
        say(f"two regions: {north.url} (instances 1 to 4), {south.url} (instances 5 to 8)")
        fleet = stack.enter_context(fleet_at(Desk(folder), server, engine.address))
        return _night(fleet, north, south)


def _night(fleet: Fleet, north: LocalRoma, south: LocalRoma) -> float:
    groups = dict.fromkeys(_NORTH, "north") | dict.fromkeys(_SOUTH, "south")
    plan = FleetPlan.of_pairs(8, groups=groups)
    fleet.plan(north, plan, also=[south])
    workers = [fleet.worker("north"), fleet.worker("north"), fleet.worker("south")]
    names = {each.pid: f"worker {place} ({each.group})" for place, each in enumerate(workers, 1)}
    fleet.until(lambda: len(fleet.sql("SELECT id FROM worker")) == len(workers))
    told = Told()
    told("three workers stand: two in group north, one in group south")
    told.begin()
    submission = fleet.submit()
    told(f"plan fleet is submitted as {submission}: {len(fleet.components())} components")
    watch = Watch(fleet, told, names)

    def caught() -> bool:
        watch.look()
        return sum(api.posts() for api in (north, south)) >= 8 and len(fleet.holders()) == 8

    fleet.until(caught)
    victim = watch.busiest(workers[:2])
    had = fleet.conducted_by(victim.pid)
    victim.kill()
    told(f"{names[victim.pid]} is killed; it had {', '.join(had)}")
    killed = time.monotonic()

    def taken_over() -> bool:
        watch.look()
        held, states = fleet.holders(), fleet.components()
        return all(held.get(each, victim.pid) != victim.pid or states[each][0] == "done" for each in had)

    fleet.until(taken_over)
    took = time.monotonic() - killed
    told(f"all of it is conducted elsewhere, {took:.1f} s after")
    fleet.until(watch.look)
    for roma in (north, south):
        arrived_once(roma, plan)
    told("every asset of all eight sources is at its target, once; no slot ever had two jobs")
    codes = [each.drain() for each in workers if each is not victim]
    told(f"the other workers drained and ended with {', '.join(map(str, codes))}")
    return took


def main() -> None:
    """The lab, on this machine."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lab(Path(folder))


if __name__ == "__main__":
    main()
