"""(b) The installed program against the script that a user writes today (`tests.benchmarks.todays_script`).

Model. Two sources, two targets, three lanes of six batches of ten tasks: s0 to t0, s1 to t1, s0 to t1. Exports take 6
to 10 s, imports 6 to 14 s (uniform, by a seed); every instance one slot. Each side has an emulator of its own, which
holds the same, in a process of its own over a socket, and both run at once, the program with a home that knows nothing
and default settings but `one_job_per`. What is measured are whole processes, from their start to their end, over the
lower bound of `tests.benchmarks.worlds`.
"""

import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.benchmarks.lived import Lived
from tests.benchmarks.sockets import REPOSITORY, Took, run_program, served
from tests.benchmarks.workload import Workload

LANES = (("s0", "t0"), ("s1", "t1"), ("s0", "t1"))
BATCHES = 6
TASKS = 10
EXPORT = (6.0, 10.0)
IMPORT = (6.0, 14.0)
#: share of the speed-up that the lower bound allows
WANTED = 0.9


def workload() -> Workload:
    """Three lanes of six batches."""
    draw = random.Random("script")
    sources, actual = {}, {}
    for number in range(BATCHES):
        for lane, (source, target) in enumerate(LANES):
            batch = f"b{lane}{number}"
            sources[batch] = source
            actual[batch], actual[f"{batch}>{target}"] = draw.uniform(*EXPORT), draw.uniform(*IMPORT)
    return Workload(sources, dict.fromkeys(sources, TASKS), actual)


def _program(one: Workload) -> Took:
    with tempfile.TemporaryDirectory() as folder, served(one, Path(folder)) as url:
        return run_program(one, url, Path(folder), {})


def _script(one: Workload) -> float:
    """Seconds."""
    with tempfile.TemporaryDirectory() as folder, served(one, Path(folder)) as url:
        command = [sys.executable, "-m", "tests.benchmarks.todays_script", f"{folder}/workload.json", url, folder]
        before = time.monotonic()
        subprocess.run(command, check=True, cwd=REPOSITORY, capture_output=True)
        return time.monotonic() - before


def report(_plans: int) -> list[str]:
    """The table."""
    one = workload()
    with ThreadPoolExecutor(2) as both:
        running, scripted = both.submit(_program, one), both.submit(_script, one)
        took, script = running.result(), scripted.result()
    bound, lived = one.bound, Lived.of(took.entries)
    return [
        f"(b) the program against today's script, {len(one.sources)} batches in {len(LANES)} lanes over a socket",
        f"speed-up over the script: {script / took.seconds:.2f}, {bound / took.seconds:.3f} x (script's time / lower "
        f"bound)   (target: at least {WANTED})",
        f"program : lower bound = {took.seconds / bound:.3f}, of which start and preflight "
        f"{(lived.begin - took.began) / bound:.3f}, jobs from first to last {lived.makespan / bound:.3f}",
        f"script : lower bound = {script / bound:.3f}",
        f"ends seen late: {lived.late(one.actual):.1%} of the jobs' time",
    ]
