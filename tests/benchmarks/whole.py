"""(w) The whole program in virtual time, polling included: makespan over the lower bound.

Model. Topologies and lower bound as in `tests.benchmarks.worlds`, every instance one slot. What the program learns of
durations is a function of the asset count, so a batch carries n tasks, n uniform in 1 to 10, and a job takes
full * (0.24 + 0.076 n) s times a lognormal factor of sigma 0.3, where `full` is drawn for each source (60 to 120 s) and
each target (60 to 180 s): exports and imports between 20 and 120 or 180 s whose best estimate is off by lognormal 0.3.
Default settings but `one_job_per`; each instance has credentials of its own; progress is truthful. The emulator answers
in the same process, 40 ms a request, without a socket.

*cold*: a home that knows nothing. *warm*: another plan between the same instances, run afterwards in the same home.
*makespan* is from the first request for a job to the last end seen, *command* is the whole of `run`, with inventory,
preflight and verification.
"""

import asyncio
import random
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from types import MappingProxyType

from orchestrator.core.model.secrets import PasswordSecret, Secret
from orchestrator.core.plan.plan import Plan
from orchestrator.emulator.api.api import Api
from orchestrator.engine.runs import Runs, Wish
from orchestrator.engine.runtime import Runtime
from orchestrator.errors import ExitCode
from orchestrator.roma import Roma
from orchestrator.storage.home import Home
from orchestrator.storage.planfile import read_plan
from orchestrator.storage.store import HomeStore
from tests.benchmarks import worlds
from tests.benchmarks.assembly import BEGIN
from tests.benchmarks.lived import Lived
from tests.benchmarks.sockets import entries_of
from tests.benchmarks.workload import TimedService, Workload
from tests.simulation.virtual import inline, run_virtually
from tests.simulation.wiring import MemoryTransport

TOPOLOGIES = ("lane", "pairs", "fan-in", "fan-out", "mesh")
#: plans per topology unless asked for fewer: each takes seconds
PLANS = 10
MOST_TASKS = 10
FULL_EXPORT = (60.0, 120.0)
FULL_IMPORT = (60.0, 180.0)
_URL = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Measured:
    """Ratios to the lower bound of one run."""

    makespan: float
    command: float
    #: from the ends of jobs to the polls that saw them, as a share of the jobs' time
    late: float


#: cold and warm
Both = tuple[Measured, Measured]


def workloads(topology: str, seed: int) -> tuple[Workload, Workload]:
    """Two plans of that topology between the same instances."""
    draw = random.Random(f"whole {topology} {seed}")
    speeds: dict[tuple[str, str], float] = {}
    return _workload("a", topology, seed, draw, speeds), _workload("b", topology, seed, draw, speeds)


def _workload(
    mark: str, topology: str, seed: int, draw: random.Random, speeds: dict[tuple[str, str], float]
) -> Workload:
    planned = worlds.world(topology, seed).planned
    sources = {mark + each.batch: each.slots[0] for each in planned.exports}
    sizes = {batch: draw.randint(1, MOST_TASKS) for batch in sources}
    actual: dict[str, float] = {}
    for batch, source in sources.items():
        actual[batch] = _seconds(draw, speeds, ("export", source), sizes[batch])
    for each in planned.imports:
        subject = mark + each.delivery
        actual[subject] = _seconds(draw, speeds, ("import", each.slots[0]), sizes[mark + each.batch])
    return Workload(sources, sizes, actual)


def _seconds(draw: random.Random, speeds: dict[tuple[str, str], float], where: tuple[str, str], size: int) -> float:
    full = speeds.setdefault(where, draw.uniform(*(FULL_EXPORT if where[0] == "export" else FULL_IMPORT)))
    return full * (0.24 + 0.76 * size / MOST_TASKS) * draw.lognormvariate(0, worlds.SIGMA)


def measure(topology: str, seed: int) -> Both:
    """Cold, then warm."""
    with tempfile.TemporaryDirectory() as folder:
        return run_virtually(lambda: _both(workloads(topology, seed), Path(folder)))


def live_cold(workload: Workload) -> tuple[Lived, float]:
    """One run in a home that knows nothing: how it spent its time, and seconds of the whole command."""

    async def run(folder: Path) -> tuple[Lived, float]:
        api, home = _begin(workload, folder)
        return await _live("cold", workload, api, home)

    with tempfile.TemporaryDirectory() as folder:
        return run_virtually(lambda: run(Path(folder)))


async def _both(pair: tuple[Workload, Workload], folder: Path) -> Both:
    cold, warm = pair
    both = Workload({**cold.sources, **warm.sources}, {**cold.sizes, **warm.sizes}, {**cold.actual, **warm.actual})
    api, home = _begin(both, folder)
    return await _run("cold", cold, api, home), await _run("warm", warm, api, home)


def _begin(workload: Workload, folder: Path) -> tuple[Api, Home]:
    loop = asyncio.get_running_loop()
    home = Home(folder / "home")
    home.make()
    return Api(TimedService(workload, lambda: BEGIN + loop.time())), home


async def run_program(
    name: str,
    workload: Workload,
    api: Api,
    home: Home,
    code: ExitCode = ExitCode.DONE,
    settings: Mapping[str, object] = MappingProxyType({}),
) -> None:
    """The whole of `run`, which must end with that code; `settings` of the plan beside the defaults."""
    path = home.path.parent / f"{name}.yaml"
    path.write_text(workload.plan_text(name, _URL, settings), encoding="utf-8")
    ended = await _program(read_plan(path), workload, api, home).run(Wish())
    if ended.outcome.code != code:
        raise RuntimeError(f"the run ended with {ended.outcome.code}: {ended.outcome.whys}")


async def _run(name: str, workload: Workload, api: Api, home: Home) -> Measured:
    lived, seconds = await _live(name, workload, api, home)
    bound = workload.bound
    return Measured(lived.makespan / bound, seconds / bound, lived.late(workload.actual))


async def _live(name: str, workload: Workload, api: Api, home: Home) -> tuple[Lived, float]:
    loop = asyncio.get_running_loop()
    before = loop.time()
    await run_program(name, workload, api, home)
    return Lived.of(entries_of(home)), loop.time() - before


def _program(plan: Plan, workload: Workload, api: Api, home: Home) -> Runs:
    loop, draw = asyncio.get_running_loop(), random.Random(1)

    def wall() -> datetime:
        return datetime.fromtimestamp(BEGIN + loop.time(), UTC)

    def transport(_ca_file: str, _proxy: str) -> MemoryTransport:
        return MemoryTransport(api)

    runtime = Runtime(wall, draw.random, transport, inline, lambda event, **fields: None, "op", "host", 1, "bench")
    secrets: Mapping[str, Secret] = {
        workload.credentials(name): PasswordSecret(user.name, "acme", user.password)
        for name in workload.instances
        for user in [workload.user(name)]
    }
    roma = Roma(plan.settings, secrets, wall=wall, draw=draw.random, transport=transport)
    users = {workload.credentials(name): f"acme/{workload.user(name).name}" for name in workload.instances}
    return Runs(plan, HomeStore(home), roma, users, runtime)


def report(plans: int) -> list[str]:
    """The table."""
    plans = min(plans, PLANS)
    heads = ("cold makespan", "cold command", "warm makespan", "warm command", "ends seen late")
    lines = [
        f"(w) the whole program over the lower bound, {plans} plans each; mean / worst   (target: mean at most 1.08)",
        f"{'':10}" + "".join(f"{head:>16}" for head in heads),
    ]
    every: list[Both] = []
    for topology in TOPOLOGIES:
        found = [measure(topology, seed) for seed in range(plans)]
        every += found
        lines.append(_row(topology, found))
    return [*lines, _row("all", every)]


def _row(name: str, found: list[Both]) -> str:
    told = [_told([ratio(pair[n]) for pair in found]) for n in (0, 1) for ratio in (_makespan, _command)]
    late = " ".join(f"{mean(pair[n].late for pair in found):.1%}" for n in (0, 1))
    return f"{name:10}" + "".join(f"{each:>16}" for each in (*told, late))


def _makespan(measured: Measured) -> float:
    return measured.makespan


def _command(measured: Measured) -> float:
    return measured.command


def _told(ratios: list[float]) -> str:
    return f"{mean(ratios):.3f} {max(ratios):.3f}"
