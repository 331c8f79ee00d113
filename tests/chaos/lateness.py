"""`python -m tests.chaos.lateness`: how long after its lease's end a worker's last guarded request arrives.

Guarded are the requests for a job and the one download of an archive (promise 21). A worker is frozen, or its host is
split off, at a random moment or right before the last bytes of an upload; another worker takes over what it had; then
it is thawed, or the cable is mended. Leases live as long as those of a real fleet. Last, the same with what prevents it
withheld by the kernel: those must be late, or nothing is measured.
"""

import argparse
import random
import statistics
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.emulator.api.api import Api
from orchestrator.emulator.world.operations import Operation
from tests.builders.fleet_servers import fleet_servers
from tests.builders.other_host import OtherHost, other_host
from tests.builders.stopping import is_stopped, stopping_at
from tests.e2e.desk import Desk
from tests.e2e.fleet import Fleet, FleetPlan, WorkerProcess, arrived_once, fleet_at, world_of_pairs
from tests.e2e.fleet_night import JOBS
from tests.e2e.local_roma import WRITES, LocalRoma, local_roma

#: victims of one wave, and of its components what each conducts at most
VICTIMS, AT_ONCE, PAIRS = 4, 3, 16
#: seconds within which a random moment falls, once the first request has been seen
WITHIN = 2.0
#: seconds after which the kernel of a dead process, left to itself, has tried again whatever it still held: it doubles
#: its pauses, and the cable is mended within half a minute
TRIED_AGAIN = 30.0
GUARDED = frozenset({*WRITES, Operation.ARCHIVE})


@dataclass(frozen=True, slots=True)
class Row:
    """One way to lose a lease."""

    name: str
    #: its host is split off; else it is frozen
    split: bool
    #: right before the last bytes of an upload; else at a random moment
    aimed: bool = False
    #: what the kernel grants it (`builders.stopping`)
    timer: bool = True
    resets: bool = True

    @property
    def planted(self) -> bool:
        return not (self.timer and self.resets)


ROWS = (
    Row("frozen at random", split=False),
    Row("frozen before its last bytes", split=False, aimed=True),
    Row("split off at random", split=True),
    Row("split off with its last bytes sent", split=True, aimed=True),
    Row("frozen before its last bytes, no deadman", split=False, aimed=True, timer=False),
    Row("split off with its last bytes sent, no resets", split=True, aimed=True, resets=False),
)


@dataclass(frozen=True, slots=True)
class Loss:
    """One lease lost: epoch seconds."""

    agent: str
    #: when the lease ended, and when the first of what it covered was held by another
    ended: float
    taken: float


@dataclass(slots=True)
class Lateness:
    """What one row came to."""

    row: Row
    #: seconds from the takeover to the last guarded request, one for each repetition; below 0: before it
    last: list[float] = field(default_factory=list)
    #: guarded requests that arrived after the lease's end, and of these after the takeover
    after_end: int = 0
    after_taken: int = 0
    #: assets that arrived twice
    twice: int = 0

    def add(self, loss: Loss, arrived: Sequence[float]) -> None:
        self.last.append(max(arrived) - loss.taken)
        self.after_end += sum(at > loss.ended for at in arrived)
        self.after_taken += sum(at > loss.taken for at in arrived)

    @property
    def as_it_must_be(self) -> bool:
        """Leases were lost, and no request was late; where that was planted, some were."""
        expected = self.after_taken > 0 if self.row.planted else self.after_end == self.twice == 0
        return bool(self.last) and expected

    def __str__(self) -> str:
        if not self.last:
            return f"{self.row.name:48} {0:4}  no victim was caught at work  WRONG"
        low, middle, high = min(self.last), statistics.median(self.last), max(self.last)
        times = f"{low:8.2f} {middle:8.2f} {high:8.2f}"
        counts = f"{self.after_end:6} {self.after_taken:6} {self.twice:6}"
        return f"{self.row.name:48} {len(self.last):4} {times} {counts}{'' if self.as_it_must_be else '  WRONG'}"


HEAD = f"{'':48} {'':4} {'last, s after takeover':>26} {'end':>6} {'taken':>6} {'twice':>6}\n" + (
    f"{'':48} {'n':>4} {'min':>8} {'median':>8} {'max':>8}  late after   assets"
)


class _Wave:
    """One plan, some victims, and the one worker that takes over what they had."""

    def __init__(self, fleet: Fleet, roma: LocalRoma, row: Row, number: int, stack: ExitStack) -> None:
        self._fleet, self._roma, self._row = fleet, roma, row
        first = number * PAIRS + 1
        self._plan = FleetPlan(f"n{number}", [(n, n) for n in range(first, first + PAIRS)])
        fleet.plan(roma, self._plan)
        hosts = [stack.enter_context(other_host()) if row.split else None for _ in range(VICTIMS)]
        self._victims = [(self._victim(host), host) for host in hosts]
        pids = [victim.pid for victim, _ in self._victims]
        fleet.until(lambda: fleet.sql("SELECT count(*) FROM worker WHERE pid = ANY(%s)", pids) == [(VICTIMS,)])

    def _victim(self, host: OtherHost | None) -> WorkerProcess:
        words = host.words if host is not None else ()
        if self._row.aimed:
            line = "yield body.tail"
            words = (*words, *stopping_at("_upload", line, timer=self._row.timer, resets=self._row.resets))
        return self._fleet.worker("victim", at_once=AT_ONCE, before=words)

    def live(self, draw: random.Random) -> list[Loss]:
        """Each victim that was caught at work loses its lease, and another has all of it; then the wave is over."""
        self._fleet.submit()
        victims, hosts = zip(*self._victims, strict=True)
        moments = [draw.uniform(0.0, WITHIN) for _ in victims]
        with ThreadPoolExecutor(VICTIMS) as pool:
            lost = list(pool.map(self._lost, victims, hosts, moments))
        self._fleet.until(lambda: all(state != "waiting" for state, _ in self._fleet.components().values()))
        if not self._row.planted:
            arrived_once(self._roma, self._plan)
        return [each for each in lost if each is not None]

    def _lost(self, victim: WorkerProcess, host: OtherHost | None, moment: float) -> Loss | None:
        loss = self._taken_over(victim) if self._hit(victim, host, moment) else None
        if host is not None:
            host.heal()
        victim.thaw()
        if loss is None:
            victim.kill()
        victim.process.wait(60)
        return loss

    def _hit(self, victim: WorkerProcess, host: OtherHost | None, moment: float) -> bool:
        """Freeze it or split it off; whether that has caught it at work."""
        fleet = self._fleet
        if self._row.aimed:
            fleet.until(lambda: is_stopped(victim.pid) or self._over())
        else:
            fleet.until(lambda: arrivals(self._roma, victim.agent) or self._over())
            _let_pass(moment)
            victim.freeze()
        if not fleet.conducted_by(victim.pid) or not arrivals(self._roma, victim.agent):
            return False
        if host is not None:
            host.cut()
            victim.thaw()
        return True

    def _over(self) -> bool:
        return all(state == "done" for state, _ in self._fleet.components().values())

    def _taken_over(self, victim: WorkerProcess) -> Loss | None:
        """Once another holds the first of what the victim had; None where it had just given back the last."""
        had, ended, taken = set(self._fleet.conducted_by(victim.pid)), 0.0, 0.0

        def looked() -> bool:
            nonlocal ended, taken
            leases = self._fleet.leases()
            ended = max([ended, *(each.until for each in leases if each.pid == victim.pid)])
            taken = min((each.since for each in leases if each.component in had and each.pid != victim.pid), default=0)
            return taken > 0 or self._over()

        self._fleet.until(looked)
        return Loss(victim.agent, ended, taken) if taken else None


def arrivals(roma: LocalRoma, agent: str) -> list[float]:
    """When guarded requests of this program arrived whole, in epoch seconds."""

    def look(api: Api) -> list[float]:
        return [each.time for each in api.seen if agent in each.agent and each.operation in GUARDED]

    return roma.ask(look)


def lateness(row: Row, times: int, seed: int, folder: Path) -> Lateness:
    """At least so many leases lost in that way, on servers of their own."""
    found, losses, draw = Lateness(row), list[Loss](), random.Random(seed)
    most = 2 * -(-times // VICTIMS) * PAIRS
    with ExitStack() as stack:
        server, engine = stack.enter_context(fleet_servers())
        roma = stack.enter_context(local_roma(world_of_pairs(most, apps=1, tasks=1, durations=JOBS), seed))
        fleet = stack.enter_context(fleet_at(Desk(folder), server, engine.address))
        fleet.plan(roma, FleetPlan.of_pairs(1))
        fleet.worker("heir", at_once=PAIRS)
        for number in range(most // PAIRS):
            if len(losses) < times:
                losses += _Wave(fleet, roma, row, number, stack).live(draw)
        if row.split:
            _let_pass(TRIED_AGAIN)
        for loss in losses:
            found.add(loss, arrivals(roma, loss.agent))
        found.twice = sum(len(roma.twice(f"dst{n}")) for n in range(1, most + 1))
    return found


def _let_pass(seconds: float) -> None:
    threading.Event().wait(seconds)


def main() -> int:
    """The table of all rows."""
    asked = argparse.ArgumentParser(prog="python -m tests.chaos.lateness", description=__doc__)
    asked.add_argument("times", nargs="?", type=int, default=20, help="leases lost in each row (default 20)")
    asked.add_argument("--planted", type=int, default=4, help="of each planted row (default 4)")
    asked.add_argument("--seed", type=int, default=0)
    wanted, found = asked.parse_args(), []
    print(HEAD, flush=True)
    for row in ROWS:
        with tempfile.TemporaryDirectory(prefix="lateness-") as folder:
            found.append(lateness(row, wanted.planted if row.planted else wanted.times, wanted.seed, Path(folder)))
        print(found[-1], flush=True)
    return 0 if all(each.as_it_must_be for each in found) else 1


if __name__ == "__main__":
    sys.exit(main())
