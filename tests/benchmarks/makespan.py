"""(a) The policy alone, in virtual time: how much longer than the best, than the lower bound, than simpler policies.

Worlds and lower bound: `tests.benchmarks.worlds`. The *best* is the shortest of 300 clairvoyant schedules
(`clairvoyant`), from Johnson's order.
The policies compared believe in the same wrong estimates. `fifo` takes jobs in the frozen order as they become ready;
`lane by lane` also keeps one lane waiting until the one before has ended; `sequential` runs one job at a time.
"""

from dataclasses import dataclass, replace
from statistics import mean

from orchestrator.core.scheduling.forecast import Planned, play
from tests.benchmarks.clairvoyant import by_keys, search, told
from tests.benchmarks.worlds import TOPOLOGIES, World, lower_bound, world


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
    fifo = play(one.planned, one.believed, one.actual, by_keys({})).end
    lanes = play(_lane_by_lane(one.planned), one.believed, one.actual, by_keys({})).end
    jobs = (*(each.batch for each in one.planned.exports), *(each.delivery for each in one.planned.imports))
    best = min(search(one, seed, _johnson_keys(one)), policy, fifo)
    return Measured(bound, best, policy, fifo, lanes, sum(one.actual[job] for job in jobs))


def _lane_by_lane(planned: Planned) -> Planned:
    """Exports belong to the first lane that takes them; a lane's imports wait for the whole lane before."""
    names = list(dict.fromkeys(each.migration for each in planned.imports))
    before = dict(zip(names[1:], names, strict=False))
    imports = tuple(
        replace(each, after=(before[each.migration],) if each.migration in before else ()) for each in planned.imports
    )
    return Planned(planned.exports, imports)


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
            f"{told([m.policy / m.best for m in found]):>22}"
            f"{told([m.policy / m.bound for m in found]):>22}"
            f"{told([m.fifo / m.best for m in found]):>22}"
            f"{mean(m.lanes / m.best for m in found):14.3f}"
            f"{mean(m.sequential / m.best for m in found):12.3f}"
        )
    return lines
