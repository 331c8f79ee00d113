"""(q) Several credentials an instance, in virtual time: who imports what, over an ideal bound.

Model. One source and one target, 2 or 4 credentials at each, every credential a slot of its own; 8 to 30 batches, of
which no two share an asset, durations as in `tests.benchmarks.worlds`, beliefs off by lognormal 0.3. Any credential may
export a batch. *dealt* is what the program does: the owner of each batch is frozen in the schedule, in turn. *free* is
the same policy where the owner is the slot that takes the import when it begins; the program does not do that yet.
*fifo* is `free` with the frozen order. The *ideal bound* is the largest of the work of each side shared evenly, with
the shortest job of the other side before or behind it, and the longest batch.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

from orchestrator.core.scheduling.forecast import JobDuration, Planned, PlannedExport, PlannedImport, play
from tests.benchmarks.clairvoyant import by_keys, told
from tests.benchmarks.worlds import EXPORT, IMPORT, SIGMA, World

CREDENTIALS = (2, 4)
BATCHES = (8, 30)


def world(count: int, seed: int) -> World:
    """The plan in which any of `count` credentials may import any batch."""
    draw = random.Random(f"owners {count} {seed}")
    batches = [f"b{number}" for number in range(draw.randint(*BATCHES))]
    actual = {batch: draw.uniform(*EXPORT) for batch in batches}
    actual |= {f"{batch}>t": draw.uniform(*IMPORT) for batch in batches}
    believed = {name: seconds * draw.lognormvariate(0, SIGMA) for name, seconds in actual.items()}
    sources, targets = (tuple(f"{side}{each}" for each in range(count)) for side in "st")
    known = {name: JobDuration(seconds, SIGMA) for name, seconds in believed.items()}
    exports = tuple(PlannedExport(batch, sources, known[batch], float(at)) for at, batch in enumerate(batches))
    imports = tuple(PlannedImport(f"{batch}>t", batch, targets, known[f"{batch}>t"]) for batch in batches)
    return World(Planned(exports, imports), actual, believed)


def dealt(planned: Planned) -> Planned:
    """Each import with an owner of its own, in turn."""
    imports = (replace(each, slots=(each.slots[at % len(each.slots)],)) for at, each in enumerate(planned.imports))
    return replace(planned, imports=tuple(imports))


def bound(one: World, count: int) -> float:
    """Seconds below which no schedule can end."""
    exports = [one.actual[each.batch] for each in one.planned.exports]
    imports = [one.actual[each.delivery] for each in one.planned.imports]
    longest = max(leaves + lands for leaves, lands in zip(exports, imports, strict=True))
    return max(sum(exports) / count + min(imports), sum(imports) / count + min(exports), longest)


def _measure(count: int, seed: int) -> tuple[float, float, float]:
    one = world(count, seed)
    least = bound(one, count)
    now = play(dealt(one.planned), one.believed, one.actual).end
    free = play(one.planned, one.believed, one.actual).end
    fifo = play(one.planned, one.believed, one.actual, by_keys({})).end
    return now / least, free / least, fifo / least


def report(plans: int) -> list[str]:
    """The table, ratios only."""
    lines = [
        f"(q) several credentials an instance, {plans} plans each; over an ideal bound: mean / 95th percentile / worst",
        f"{'':16}{'dealt':>20}{'free':>20}{'fifo':>20}   (target for the mean: 1.05, 1.10)",
    ]
    for count in CREDENTIALS:
        found = [_measure(count, seed) for seed in range(plans)]
        lines.append(f"{count} credentials   " + "".join(f"{told(_column(found, at)):>20}" for at in range(3)))
    return lines


def _column(found: Sequence[tuple[float, float, float]], at: int) -> list[float]:
    return [each[at] for each in found]
