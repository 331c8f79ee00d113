"""(h) One lane of short jobs over a socket, on the wall clock: what is left between the program and its lower bound.

Model. Ten batches of ten tasks from one source to one target, whose slots differ; every job takes 1 s; the plan's rates
are raised, the home knows nothing. The lower bound is one export and ten imports. *Makespan* is from the first request
for a job until the last end was seen, as the journal has it; *whole* is the process from its start to its end. The
makespan is then taken apart along the target's slot, in shares of the lower bound.
"""

import tempfile
from pathlib import Path

from tests.benchmarks.lived import Lived
from tests.benchmarks.sockets import Took, run_program, served
from tests.benchmarks.workload import Workload

BATCHES = 10
TASKS = 10
SECONDS = 1.0
RAISED = {"reads_per_second": 200, "writes_per_second": 50}


def workload() -> Workload:
    """Ten batches, each job a second."""
    names = [f"b{number}" for number in range(BATCHES)]
    actual = {subject: SECONDS for name in names for subject in (name, f"{name}>prod")}
    return Workload(dict.fromkeys(names, "dev"), dict.fromkeys(names, TASKS), actual)


def lived_once() -> tuple[Workload, Took]:
    """One run."""
    one = workload()
    with tempfile.TemporaryDirectory() as folder, served(one, Path(folder)) as url:
        return one, run_program(one, url, Path(folder), RAISED)


def report(_plans: int) -> list[str]:
    """The table."""
    one, took = lived_once()
    lived, bound = Lived.of(took.entries), one.bound
    parts = lived.last_slot(one.actual)
    return [
        f"(h) one lane of {BATCHES} batches over a socket, jobs of {SECONDS:.0f} s, in shares of the lower bound",
        f"makespan: {lived.makespan / bound:.3f}   (target: at most 1.10)",
        f"whole process: {took.seconds / bound:.3f}",
        *(f"    {name}: {seconds / bound:.3f}" for name, seconds in parts.items()),
    ]
