"""(s) A whole run from a cold home whose jobs tell little of each other: time over the ideal pipeline.

Model. One lane of 5 to 15 batches (uniform) of 1 to 10 tasks between two instances of one slot each. A job takes
0.3 + 0.07 n times a draw of a shape of `tests.benchmarks.firstjobs` for its n tasks, each job on its own: exports and
imports of 3 s or 25 s, or lognormal with sigma 0.6 around 60 s. The home knows nothing; default settings but
`one_job_per`; progress is truthful. In virtual time with every request of the client (40 ms each), not over a socket.

The *ideal pipeline* does the same jobs in the order that the run chose, each export at the end of the one before, each
import as soon as its export and the import before are over: what is more than 1 are polls, requests, downloads, waits.
The *bound* (`worlds.lower_bound`) is the shortest order of all, which nobody can choose who does not know how long each
job will take. *makespan* is from the first request for a job to the last end seen, *command* is the whole of `run` with
inventory, preflight and verification; *late* are the ends seen late, in shares of the jobs' time.

Apart. The rule for polls was fitted on other shapes (`firstjobs.FIT`); nothing was fitted here.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from tests.benchmarks.firstjobs import REPORT, Shape
from tests.benchmarks.lived import Lived
from tests.benchmarks.whole import live_cold
from tests.benchmarks.workload import Workload

PLANS = 20
BATCHES, TASKS = (5, 15), (1, 10)
SHAPES = ("3 s or 25 s", "lognormal 0.6")


@dataclass(frozen=True, slots=True)
class Measured:
    """Ratios of one run."""

    #: makespan and command over the ideal pipeline
    makespan: float
    command: float
    #: makespan over the shortest order
    bound: float
    late: float


def workload(shape: Shape, draw: random.Random) -> Workload:
    """One lane."""
    names = [f"b{number:02}" for number in range(draw.randint(*BATCHES))]
    sizes = {name: draw.randint(*TASKS) for name in names}
    actual = {name + place: shape(draw) * (0.3 + 0.07 * sizes[name]) for place in ("", ">prod") for name in names}
    return Workload(dict.fromkeys(names, "dev"), sizes, actual)


def ideal(lived: Lived, actual: Mapping[str, float]) -> float:
    """Seconds that the jobs of a lane take in their order if nothing waits but for a job."""
    exported, clock, end = dict[str, float](), 0.0, 0.0
    for job in sorted(lived.jobs.values(), key=lambda job: job.requested):
        batch, _, target = job.subject.partition(">")
        if target:
            end = max(end, exported[batch]) + actual[job.subject]
        else:
            clock += actual[batch]
            exported[batch] = clock
    return end


def measure(name: str, seed: int) -> Measured:
    """One run."""
    moved = workload(REPORT[name], random.Random(f"cold {name} {seed}"))
    lived, command = live_cold(moved)
    least, late = ideal(lived, moved.actual), lived.late(moved.actual)
    return Measured(lived.makespan / least, command / least, lived.makespan / moved.bound, late)


def report(plans: int) -> list[str]:
    """The table."""
    plans = min(plans, PLANS)
    lines = [
        f"(s) a whole run from a cold home over the ideal pipeline, {plans} plans each; mean / worst   (target: 1.05)",
        f"{'':16}{'makespan':>16}{'command':>16}{'over the bound':>16}{'late':>8}",
    ]
    for name in SHAPES:
        found = [measure(name, seed) for seed in range(plans)]
        columns = ([x.makespan for x in found], [x.command for x in found], [x.bound for x in found])
        told = "".join(f"{_told(ratios):>16}" for ratios in columns)
        lines.append(f"{name:16}{told}{mean(x.late for x in found):>8.1%}")
    return lines


def _told(ratios: Sequence[float]) -> str:
    return f"{mean(ratios):.3f} {max(ratios):.3f}"
