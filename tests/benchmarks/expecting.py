"""(p) What a run expects of its own length against what it then takes, in virtual time: also where the rate binds.

Model. As in (w): a home that has seen one run between the same instances, then another plan, whose forecast (P50, from
the first request for a job to the last end) stands in its journal. *warm plans* are those of (w). *16 lanes* are 16
pairs of instances at which one user works with one credential, each pair ten batches of jobs of about 20 s, or of 70 s
(exports) and 100 s (imports), times a lognormal factor of sigma 0.3, at the default rates: 0.17 writes a second at
first, adapted up to 1, and 5 reads. *reads bind* are the same lanes with jobs of 5 s and 5 writes a second, in a home
that has learned them at 100 reads a second and then works at the default 5, which is far less than the slots could
use. *within* is the share of plans whose real length over P50 lies within 15 % of 1.
"""

import asyncio
import random
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

from orchestrator.core.state import events as e
from orchestrator.emulator.api.api import Api
from orchestrator.storage.home import Home
from tests.benchmarks.assembly import BEGIN
from tests.benchmarks.lived import Lived
from tests.benchmarks.sockets import entries_of
from tests.benchmarks.whole import TOPOLOGIES, run_program, workloads
from tests.benchmarks.workload import TimedService, Workload
from tests.simulation.virtual import run_virtually

#: plans of each topology, and of each kind of lane
PLANS, RATED = 8, 3
LANES, BATCHES = 16, 10
SIGMA, WITHIN = 0.3, 0.15
#: the settings of both runs at which reads bind the second
QUICK_WRITES = {"writes_per_second": 5}
MANY_READS = {**QUICK_WRITES, "reads_per_second": 100}
_DEFAULTS: Mapping[str, object] = {}


def lanes(mark: str, seconds: tuple[float, float], draw: random.Random) -> Workload:
    """Pairs of instances at which one user works; `seconds` of an export and of an import."""
    sources, actual = {}, {}
    for lane in range(LANES):
        for number in range(BATCHES):
            batch = f"{mark}{lane:02}n{number}"
            sources[batch] = f"s{lane:02}"
            actual[batch] = seconds[0] * draw.lognormvariate(0, SIGMA)
            actual[f"{batch}>t{lane:02}"] = seconds[1] * draw.lognormvariate(0, SIGMA)
    return Workload(sources, dict.fromkeys(sources, 1), actual, shared=True)


def _both(
    cold: Workload, warm: Workload, at_first: Mapping[str, object] = _DEFAULTS, then: Mapping[str, object] = _DEFAULTS
) -> float:
    """Real length of the second over its P50; with the settings of the one and of the other."""
    with tempfile.TemporaryDirectory() as folder:
        return run_virtually(lambda: _lived((cold, at_first), (warm, then), Path(folder)))


_Planned = tuple[Workload, Mapping[str, object]]


async def _lived(first: _Planned, second: _Planned, folder: Path) -> float:
    (cold, at_first), (warm, then) = first, second
    loop = asyncio.get_running_loop()
    merged = Workload(
        {**cold.sources, **warm.sources}, {**cold.sizes, **warm.sizes}, {**cold.actual, **warm.actual},
        shared=cold.shared,
    )  # fmt: skip
    api = Api(TimedService(merged, lambda: BEGIN + loop.time()))
    home = Home(folder / "home")
    home.make()
    await run_program("cold", cold, api, home, settings=at_first)
    await run_program("warm", warm, api, home, settings=then)
    entries = entries_of(home)
    (p50,) = (each.event.p50 for each in entries if isinstance(each.event, e.SchedulePredicted))
    return Lived.of(entries).makespan / p50


def _rated(seconds: tuple[float, float], seed: int) -> float:
    draw = random.Random(f"rated {seconds} {seed}")
    return _both(lanes("a", seconds, draw), lanes("b", seconds, draw))


def _read(seed: int) -> float:
    draw = random.Random(f"read {seed}")
    seconds = (5.0, 5.0)
    return _both(lanes("a", seconds, draw), lanes("b", seconds, draw), MANY_READS, QUICK_WRITES)


def report(plans: int) -> list[str]:
    """The table."""
    warm = [_both(*workloads(topology, seed)) for topology in TOPOLOGIES for seed in range(min(plans, PLANS))]
    rows = [("warm plans", warm)]
    for told, seconds in (("16 lanes, 20 s", (20.0, 20.0)), ("16 lanes, 70/100 s", (70.0, 100.0))):
        rows.append((told, [_rated(seconds, seed) for seed in range(min(plans, RATED))]))
    rows.append(("reads bind, 5 s", [_read(seed) for seed in range(min(plans, RATED))]))
    lines = [f"(p) real length over what was expected (P50); within {WITHIN:.0%} of it   (target: 90 %)"]
    return lines + [f"{name:20}{_told(found)}" for name, found in rows]


def _told(ratios: Sequence[float]) -> str:
    near = sum(abs(ratio - 1) <= WITHIN for ratio in ratios)
    return f"{near} of {len(ratios)}; mean {mean(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}"
