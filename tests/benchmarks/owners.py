"""(q) Several credentials an instance, in virtual time: who imports what, over an ideal bound.

Model. One source and one target, 2 or 4 credentials at each, every credential a slot of its own; 8 to 30 batches, of
which no two share an asset, durations as in `tests.benchmarks.worlds`, beliefs off by lognormal 0.3. Any credential may
export a batch. *free* is what the program does: an import's owner is the slot that takes it when it begins. *dealt* is
the rule of before: the owner of each batch was frozen in the schedule, in turn. *fifo* is `free` with the frozen order.
*best* is the shortest of 300 clairvoyant schedules (`clairvoyant`) with free owners: what of the bound can be reached
by one who knows the durations. The *ideal bound* is the largest of the work of each side shared evenly, with the
shortest job of the other side before or behind it, and the longest batch; with fewer batches than three for each
credential no schedule comes near it. That the longest of such imports begins first was chosen on seeds from 10,000.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

from orchestrator.core.scheduling.forecast import JobDuration, Planned, PlannedExport, PlannedImport, play
from tests.benchmarks.clairvoyant import by_keys, search, told
from tests.benchmarks.worlds import EXPORT, IMPORT, SIGMA, World

CREDENTIALS = (2, 4)
BATCHES = (8, 30)
COLUMNS = ("free", "dealt", "fifo", "best")


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


def _measure(count: int, seed: int) -> tuple[float, ...]:
    one = world(count, seed)
    least = bound(one, count)
    free = play(one.planned, one.believed, one.actual).end
    before = play(dealt(one.planned), one.believed, one.actual).end
    fifo = play(one.planned, one.believed, one.actual, by_keys({})).end
    keys = [*(each.batch for each in one.planned.exports), *(each.delivery for each in one.planned.imports)]
    best = search(one, seed, {name: float(at % len(one.planned.exports)) for at, name in enumerate(keys)})
    return free / least, before / least, fifo / least, best / least


def report(plans: int) -> list[str]:
    """The table, ratios only."""
    lines = [
        f"(q) several credentials an instance, {plans} plans each; over an ideal bound: mean / 95th percentile / worst",
        f"{'':16}" + "".join(f"{head:>20}" for head in COLUMNS) + "   (target for the mean: 1.05, 1.10)",
    ]
    for count in CREDENTIALS:
        found = [_measure(count, seed) for seed in range(plans)]
        lines.append(
            f"{count} credentials   " + "".join(f"{told(_column(found, at)):>20}" for at in range(len(COLUMNS)))
        )
    return lines


def _column(found: Sequence[tuple[float, ...]], at: int) -> list[float]:
    return [each[at] for each in found]
