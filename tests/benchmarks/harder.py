"""(o) The order of jobs where much is unsure or tied together, in virtual time: policy, rule of before, fifo.

Generator. One source, 2 to 4 targets, 15 batches that are exported once; durations as in `tests.benchmarks.worlds`.
What the policy believes is the truth times a lognormal factor of the sigma that the row names, which it is told, as the
program learns it.

    fan-out                 each target takes 1 to 15 of the batches, a random choice
    fan-out, after          the batches are dealt to 2 to 4 migrations, each of which goes to a random choice of the
                            targets; each but the first is `after` one of those before it, with chance 0.7
    fan-out, needs, after   the same, and three deliveries in ten need an earlier one of their migration and target

The *best* is the shortest of 300 clairvoyant schedules (`clairvoyant`), in which exports and imports have keys of their
own, from the order of the longest chains. The *rule of before* is `core.scheduling.policy` alone, which sees what
follows an import only as the length of its longest chain. Constants were fitted on the seeds from `FIT` on; the table
reports on the seeds from 0 on.
"""

import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.core.scheduling import policy
from orchestrator.core.scheduling.board import Board
from orchestrator.core.scheduling.forecast import (
    JobDuration,
    Planned,
    PlannedExport,
    PlannedImport,
    play,
    tails_of,
)
from orchestrator.core.scheduling.policy import Work
from tests.benchmarks.clairvoyant import by_keys, search, told
from tests.benchmarks.worlds import EXPORT, IMPORT, World

#: row -> (chance of a need, whether migrations are tied, sigma)
ROWS: Mapping[str, tuple[float, bool, float]] = {
    "fan-out, after, sigma 0.3": (0.0, True, 0.3),
    "fan-out, needs, after, sigma 0.6": (0.3, True, 0.6),
    "fan-out, sigma 0.6": (0.0, False, 0.6),
}
BATCHES = 15
TIED = 0.7
#: the first seed that constants may be fitted on
FIT = 10_000


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds that one plan takes."""

    best: float
    policy: float
    before: float
    fifo: float


def world(row: str, seed: int) -> World:
    """The plan of this row and seed."""
    needs, tied, sigma = ROWS[row]
    draw = random.Random(f"{row} {seed}")
    targets = [f"t{each}" for each in range(draw.randint(2, 4))]
    actual = {f"b{number}": draw.uniform(*EXPORT) for number in range(BATCHES)}
    imports: list[PlannedImport] = []
    for number, (name, batches) in enumerate(_migrations(draw, list(actual), len(targets), tied)):
        after = (f"m{draw.randrange(number)}",) if tied and number and draw.random() < TIED else ()
        for target in draw.sample(targets, draw.randint(1, len(targets))) if tied else [targets[number]]:
            earlier: list[str] = []
            for batch in batches:
                need = (draw.choice(earlier),) if earlier and draw.random() < needs else ()
                delivery = f"{batch}>{target}"
                actual[delivery] = draw.uniform(*IMPORT)
                imports.append(PlannedImport(delivery, batch, (target,), JobDuration(1.0), need, name, after))
                earlier.append(delivery)
    used = {each.batch for each in imports}
    believed = {name: seconds * draw.lognormvariate(0, sigma) for name, seconds in actual.items()}
    known = {name: JobDuration(seconds, sigma) for name, seconds in believed.items()}
    exports = (
        PlannedExport(f"b{number}", ("s",), known[f"b{number}"], float(number))
        for number in range(BATCHES)
        if f"b{number}" in used
    )
    arriving = (replace(each, duration=known[each.delivery]) for each in imports)
    return World(Planned(tuple(exports), tuple(arriving)), actual, believed)


def _migrations(draw: random.Random, batches: list[str], targets: int, tied: bool) -> list[tuple[str, list[str]]]:
    """Each with its batches: dealt where migrations are tied, else as many as there are targets, each a choice."""
    if not tied:
        return [(f"m{each}", draw.sample(batches, draw.randint(1, len(batches)))) for each in range(targets)]
    count = draw.randint(2, 4)
    dealt: list[list[str]] = [[] for _ in range(count)]
    for batch in batches:
        draw.choice(dealt).append(batch)
    return [(f"m{number}", held) for number, held in enumerate(dealt)]


def measure(row: str, seed: int) -> Measured:
    """One plan under all rules."""
    one = world(row, seed)
    now = play(one.planned, one.believed, one.actual).end
    before = play(one.planned, one.believed, one.actual, _of_before).end
    fifo = play(one.planned, one.believed, one.actual, by_keys({})).end
    best = min(search(one, seed, _start(one)), now, before, fifo)
    return Measured(best, now, before, fifo)


def _of_before(candidates: Sequence[Work], board: Board, now: float) -> Work | None:
    return policy.choose(candidates, board.loads, now)


def _start(one: World) -> dict[str, float]:
    """Places in the order of the longest chains behind each job; exports quicker than what follows first."""
    tails = tails_of(one.planned.imports, one.actual)
    after: dict[str, float] = {}
    for each in one.planned.imports:
        rest = one.actual[each.delivery] + tails[each.delivery]
        after[each.batch] = max(after.get(each.batch, 0.0), rest)
    order = sorted(after, key=lambda b: (one.actual[b] >= after[b], -after[b]))
    arriving = sorted((each.delivery for each in one.planned.imports), key=lambda name: -tails[name])
    return {name: float(place) for jobs in (order, arriving) for place, name in enumerate(jobs)}


def report(plans: int, first: int = 0) -> list[str]:
    """The table, ratios only."""
    lines = [
        f"(o) order of jobs, {plans} plans each, seeds from {first}; over the best: mean / 95th percentile / worst",
        f"{'':34}{'policy':>20}{'rule of before':>20}{'fifo':>20}{'policy : fifo, worst':>22}",
    ]
    for row in ROWS:
        found = [measure(row, seed) for seed in range(first, first + plans)]
        ratios = (told([rule(m) / m.best for m in found]) for rule in (_policy, _before, _fifo))
        lines.append(
            f"{row:34}" + "".join(f"{each:>20}" for each in ratios) + f"{max(m.policy / m.fifo for m in found):22.3f}"
        )
    return [*lines, "(target: 1.03 / 1.10, never over 1.05 x fifo)"]


def _policy(measured: Measured) -> float:
    return measured.policy


def _before(measured: Measured) -> float:
    return measured.before


def _fifo(measured: Measured) -> float:
    return measured.fifo


if __name__ == "__main__":
    print("\n".join(report(100, FIT if "--fit" in sys.argv else 0)))
