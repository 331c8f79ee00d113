"""The shortest of many schedules that know the true durations. Law: a seed gives one search.

List schedules: a free slot takes the ready job of the smallest key. The first is the policy's own with the truth for
its estimates; the others begin at given keys, restart at random ones about these, and move single jobs as long as that
helps.
"""

import random
from collections.abc import Mapping, Sequence
from statistics import mean

from orchestrator.core.scheduling.board import Board
from orchestrator.core.scheduling.forecast import Rule, play
from orchestrator.core.scheduling.policy import Work
from tests.benchmarks.worlds import World, lower_bound

SCHEDULES = 300
#: schedules between two restarts of the search
RESTART = 60


def by_keys(keys: Mapping[str, float]) -> Rule:
    """Smallest key first; without one the frozen order, exports before imports."""

    def rule(candidates: Sequence[Work], _board: Board, _now: float) -> Work | None:
        return min(candidates, key=lambda w: (not w.is_export, keys.get(w.subject, w.position), w.position))

    return rule


def search(one: World, seed: int, start: Mapping[str, float]) -> float:
    """Seconds of the shortest of SCHEDULES clairvoyant ones; only jobs with a key at the start are moved."""
    draw = random.Random(f"search {seed}")
    bound = lower_bound(one.planned, one.actual)
    best = here = play(one.planned, one.actual, one.actual).end
    jobs, keys, batches = list(start), dict(start), len(one.planned.exports)
    for number in range(SCHEDULES - 1):
        if best <= bound * 1.000001:
            break
        if number % RESTART == 0:
            spread = 0.0 if number == 0 else draw.choice((0.1, 0.3, 1.0))
            keys = {name: key + spread * draw.gauss(0, batches) for name, key in start.items()}
            here = float("inf")
        tried = dict(keys)
        for _ in range(draw.randint(1, 2) if here < float("inf") else 0):
            tried[draw.choice(jobs)] = tried[draw.choice(jobs)] + draw.uniform(-0.5, 0.5)
        end = play(one.planned, one.actual, one.actual, by_keys(tried)).end
        if end <= here:
            keys, here = tried, end
        best = min(best, end)
    return best


def told(ratios: Sequence[float]) -> str:
    """Mean, 95th percentile, worst."""
    ordered = sorted(ratios)
    return f"{mean(ordered):.3f} {ordered[int(0.95 * (len(ordered) - 1))]:.3f} {ordered[-1]:.3f}"
