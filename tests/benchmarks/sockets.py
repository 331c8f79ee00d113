"""A workload served by a process of its own, the installed program in another. Law: neither pays for the other.

`python -m tests.benchmarks.sockets FILE` serves the workload in that file on a free port, prints the address, and ends
when its input does.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio import to_thread

from orchestrator.core.state.events import Entry
from orchestrator.emulator.api.api import Api
from orchestrator.emulator.server import serve
from orchestrator.storage.home import Home
from orchestrator.storage.store import HomeStore
from tests.benchmarks.workload import TimedService, Workload

REPOSITORY = Path(__file__).parents[2]
#: starts the command after it and prints the most memory that it held, in KiB. It is small itself: the system counts
#: what the parent held when it forked
_WEIGHED = (
    "import resource, subprocess, sys; code = subprocess.run(sys.argv[1:], stdout=sys.stderr).returncode; "
    "print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


@dataclass(frozen=True, slots=True)
class Took:
    """What one run of the program took."""

    #: exit code
    code: int
    #: epoch seconds at which the process was started
    began: float
    #: wall clock from the start of the process to its end
    seconds: float
    #: most memory held at once, bytes
    peak: int
    entries: tuple[Entry, ...]


@contextmanager
def served(workload: Workload, folder: Path) -> Iterator[str]:
    """The URL of an emulator in a process of its own that holds this workload."""
    file = folder / "workload.json"
    workload.write(file)
    command = [sys.executable, "-m", "tests.benchmarks.sockets", str(file)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=REPOSITORY, text=True, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.communicate()


def run_program(workload: Workload, url: str, folder: Path, settings: Mapping[str, object]) -> Took:
    """`roma-migrate run` of the plan that moves the workload, with a home that knows nothing."""
    plan = folder / "plan.yaml"
    plan.write_text(workload.plan_text("bench", url, settings), encoding="utf-8")
    program = str(Path(sys.executable).with_name("roma-migrate"))
    command = [sys.executable, "-c", _WEIGHED, program, "run", str(plan), "--no-progress", "--log-level", "error"]
    began, before = time.time(), time.monotonic()
    told = subprocess.run(
        command, env=dict(os.environ) | workload.environment(), capture_output=True, text=True, check=True, cwd=folder,
    )  # fmt: skip
    seconds = time.monotonic() - before
    code, peak = map(int, told.stdout.split())
    if code:
        raise RuntimeError(f"the program ended with {code}:\n{told.stderr}")
    return Took(code, began, seconds, peak * 1024, entries_of(Home(folder / ".roma-migrate")))


def entries_of(home: Home) -> tuple[Entry, ...]:
    """The journal of the home's latest run."""
    run = home.run_ids()[-1]
    return tuple(HomeStore(home).read(run))


async def _serve(file: Path) -> None:
    async with serve(Api(TimedService(Workload.read(file), time.time))) as address:
        print(address.url, flush=True)
        await to_thread.run_sync(sys.stdin.read)


if __name__ == "__main__":
    anyio.run(_serve, Path(sys.argv[1]))
