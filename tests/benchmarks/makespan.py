"""(a) The policy alone, in virtual time: how much longer than the best, than the lower bound, than simpler policies.

Worlds and lower bound: `tests.benchmarks.worlds`. The *best* is the shortest of 300 clairvoyant schedules: list
schedules that know the true durations, from Johnson's order and random restarts, each improved by moving single jobs.
The policies compared believe in the same wrong estimates. `fifo` takes jobs in the frozen order as they become ready;
`lane by lane` also keeps one lane waiting until the one before has ended; `sequential` runs one job at a time.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean

from orchestrator.core.scheduling.forecast import Planned, Rule, play
from orchestrator.core.scheduling.policy import Loads, Work
from orchestrator.core.state.slots import JobKind
from tests.benchmarks.worlds import TOPOLOGIES, World, lower_bound, world

SCHEDULES = 300
#: schedules between two restarts of the search
RESTART = 60


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds that one plan takes."""

    bound: float
    best: float
    policy: float
    fifo: float
    lanes: float
    sequential: float


def measure(topology: str, seed: int) -> Measured:
    """One plan under all policies."""
    one = world(topology, seed)
    bound = lower_bound(one.planned, one.actual)
    policy = play(one.planned, one.believed, one.actual).end
    fifo = play(one.planned, one.believed, one.actual, _by_keys({})).end
    lanes = play(_lane_by_lane(one.planned), one.believed, one.actual, _by_keys({})).end
    jobs = (*(each.batch for each in one.planned.exports), *(each.delivery for each in one.planned.imports))
    best = min(_search(one, bound, seed), policy, fifo)
    return Measured(bound, best, policy, fifo, lanes, sum(one.actual[job] for job in jobs))


def _by_keys(keys: Mapping[str, float]) -> Rule:
    """Smallest key first; without one the frozen order, exports before imports."""

    def rule(candidates: Sequence[Work], _loads: Loads, _now: float) -> Work | None:
        return min(
            candidates, key=lambda w: (w.kind is not JobKind.EXPORT, keys.get(w.subject, w.position), w.position)
        )

    return rule


def _lane_by_lane(planned: Planned) -> Planned:
    """Exports belong to the first lane that takes them; a lane's imports wait for the whole lane before."""
    names = list(dict.fromkeys(each.migration for each in planned.imports))
    before = dict(zip(names[1:], names, strict=False))
    imports = tuple(
        replace(each, after=(before[each.migration],) if each.migration in before else ()) for each in planned.imports
    )
    return Planned(planned.exports, imports)


def _search(one: World, bound: float, seed: int) -> float:
    """The shortest of SCHEDULES clairvoyant ones."""
    draw = random.Random(f"search {seed}")
    best = here = play(one.planned, one.actual, one.actual).end
    batches = [export.batch for export in one.planned.exports]
    start = _johnson_keys(one)
    keys = dict(start)
    for number in range(SCHEDULES - 1):
        if best <= bound * 1.000001:
            break
        if number % RESTART == 0:
            spread = 0.0 if number == 0 else draw.choice((0.1, 0.3, 1.0))
            keys = {name: key + spread * draw.gauss(0, len(batches)) for name, key in start.items()}
            here = float("inf")
        tried = dict(keys)
        for _ in range(draw.randint(1, 2) if here < float("inf") else 0):
            tried[draw.choice(batches)] = tried[draw.choice(batches)] + draw.uniform(-0.5, 0.5)
        end = play(one.planned, one.actual, one.actual, _by_keys(tried)).end
        if end <= here:
            keys, here = tried, end
        best = min(best, end)
    return best


def _johnson_keys(one: World) -> dict[str, float]:
    after: dict[str, float] = {}
    for each in one.planned.imports:
        after[each.batch] = max(after.get(each.batch, 0.0), one.actual[each.delivery])
    quick = sorted((b for b in after if one.actual[b] < after[b]), key=lambda b: one.actual[b])
    slow = sorted((b for b in after if one.actual[b] >= after[b]), key=lambda b: -after[b])
    return {batch: float(place) for place, batch in enumerate((*quick, *slow))}


def report(plans: int) -> list[str]:
    """The table, ratios only."""
    lines = [
        f"(a) policy alone, {plans} plans each; ratios: mean / 95th percentile / worst",
        f"{'':14}{'policy : best':>22}{'policy : bound':>22}{'fifo : best':>22}{'lane by lane':>14}{'sequential':>12}",
    ]
    for topology in TOPOLOGIES:
        found = [measure(topology, seed) for seed in range(plans)]
        lines.append(
            f"{topology:14}"
            f"{_told([m.policy / m.best for m in found]):>22}"
            f"{_told([m.policy / m.bound for m in found]):>22}"
            f"{_told([m.fifo / m.best for m in found]):>22}"
            f"{mean(m.lanes / m.best for m in found):14.3f}"
            f"{mean(m.sequential / m.best for m in found):12.3f}"
        )
    return lines


def _told(ratios: Sequence[float]) -> str:
    ordered = sorted(ratios)
    return f"{mean(ordered):.3f} {ordered[int(0.95 * (len(ordered) - 1))]:.3f} {ordered[-1]:.3f}"
