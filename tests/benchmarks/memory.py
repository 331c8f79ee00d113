"""(e) Peak memory of the program while one package moves: 1 GiB against 1 MiB.

Model. One batch of one task from one source to one target over a socket, jobs of 1 s; the emulator, in a process of
its own, fills the package to that size. The peak is the resident set of the installed program as the system counts it
when the process has ended; *growth* is the difference of the two.
"""

import tempfile
from pathlib import Path

from tests.benchmarks.sockets import Took, run_program, served
from tests.benchmarks.workload import Workload

MIB = 1024**2
SMALL, LARGE = MIB, 1024 * MIB
#: MiB by which it may grow
ALLOWED = 64


def moved(padding: int) -> Took:
    """One package of that many bytes, from source to target."""
    one = Workload({"b0": "dev"}, {"b0": 1}, {"b0": 1.0, "b0>prod": 1.0}, padding)
    with tempfile.TemporaryDirectory() as folder, served(one, Path(folder)) as url:
        return run_program(one, url, Path(folder), {})


def report(_plans: int) -> list[str]:
    """The table."""
    small, large = moved(SMALL), moved(LARGE)
    growth = (large.peak - small.peak) / MIB
    return [
        "(e) peak memory of the program while one package moves over a socket",
        f"growth from 1 MiB to 1 GiB: {growth:.1f} MiB, {growth / ALLOWED:.2f} x what is allowed   (target: at most 1)",
        f"peak with 1 GiB : peak with 1 MiB = {large.peak / small.peak:.2f}",
    ]
