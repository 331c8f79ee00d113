"""Random plans for the benchmarks, and how fast each could possibly go. Law: a seed gives one world.

Generator. A *lane* is the way from one source to one target and carries 1 to 15 batches (uniform). Exports take 20 to
120 s, imports 20 to 180 s (uniform). Topologies:

    lane      one source slot, one target slot
    pairs     2 to 4 lanes that share nothing
    fan-in    2 to 4 sources, one target
    fan-out   one source, 2 to 4 targets; each takes a random choice of the same batches, exported once
    mesh      3 or 4 instances, one slot each for exports and imports; each ordered pair is a lane with chance 0.4

A name with `+needs` is the same, harder: one delivery in ten needs an earlier one of its lane.

What the policy believes is the truth times a lognormal factor of sigma 0.3, drawn per job.

Lower bound: the largest of (1) the work of each slot, its earliest beginning before and its shortest rest behind;
(2) for each pair of slots, the optimum of the two-machine flow shop of the batches between them (Johnson), as if they
had the slots for themselves; (3) for each exporting slot, its exports in the order of longest rest first (Jackson), as
if every target were free; (4) each batch's export and import and the chain of imports that must follow.
"""

import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.scheduling.forecast import JobDuration, Planned, PlannedExport, PlannedImport, tails_of

TOPOLOGIES = ("lane", "pairs", "fan-in", "fan-out", "mesh", "lane+needs", "fan-out+needs")
MOST_BATCHES = 15
EXPORT = (20.0, 120.0)
IMPORT = (20.0, 180.0)
SIGMA = 0.3
NEEDS = 0.1

_UNKNOWN = JobDuration(1.0)


@dataclass(frozen=True, slots=True)
class World:
    """One plan, what is true of it and what is believed: seconds by subject."""

    planned: Planned
    actual: Mapping[str, float]
    believed: Mapping[str, float]


class _Maker:
    def __init__(self, seed: str, needs: float) -> None:
        self.needs = needs
        self.random = random.Random(seed)
        self.exports: list[PlannedExport] = []
        self.imports: list[PlannedImport] = []
        self.actual: dict[str, float] = {}

    def export(self, slot: str) -> str:
        batch = f"b{len(self.exports)}"
        self.actual[batch] = self.random.uniform(*EXPORT)
        self.exports.append(PlannedExport(batch, (slot,), _UNKNOWN, float(len(self.exports))))
        return batch

    def lane(self, source: str, target: str, batches: list[str] | None = None) -> None:
        count = self.random.randint(1, MOST_BATCHES)
        batches = batches[:count] if batches else [self.export(source) for _ in range(count)]
        earlier: list[str] = []
        for batch in batches:
            delivery = f"{batch}>{target}"
            needs = (self.random.choice(earlier),) if earlier and self.random.random() < self.needs else ()
            self.actual[delivery] = self.random.uniform(*IMPORT)
            self.imports.append(PlannedImport(delivery, batch, (target,), _UNKNOWN, needs, f"{source}>{target}"))
            earlier.append(delivery)

    def world(self) -> World:
        used = {each.batch for each in self.imports}
        exports = tuple(export for export in self.exports if export.batch in used)
        believed = {name: seconds * self.random.lognormvariate(0, SIGMA) for name, seconds in self.actual.items()}
        return World(Planned(exports, tuple(self.imports)), self.actual, believed)


def world(topology: str, seed: int) -> World:
    """The plan of this topology and seed."""
    shape, _, harder = topology.partition("+")
    maker = _Maker(f"{shape} {seed}", NEEDS if harder else 0.0)
    several = range(maker.random.randint(2, 4))
    match shape:
        case "lane":
            maker.lane("s", "t")
        case "pairs":
            for each in several:
                maker.lane(f"s{each}", f"t{each}")
        case "fan-in":
            for each in several:
                maker.lane(f"s{each}", "t")
        case "fan-out":
            batches = [maker.export("s") for _ in range(MOST_BATCHES)]
            for each in several:
                maker.lane("s", f"t{each}", maker.random.sample(batches, len(batches)))
        case _:
            _mesh(maker)
    return maker.world()


def _mesh(maker: _Maker) -> None:
    names = [f"i{each}" for each in range(maker.random.randint(3, 4))]
    pairs = [(one, other) for one in names for other in names if one != other]
    chosen = [pair for pair in pairs if maker.random.random() < 0.4] or [pairs[0]]
    for source, target in chosen:
        maker.lane(source, target)


def lower_bound(planned: Planned, actual: Mapping[str, float]) -> float:
    """Seconds below which no schedule can end."""
    tails = tails_of(planned.imports, actual)
    slot_of = {export.batch: export.slots[0] for export in planned.exports}
    lanes: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    rest: dict[str, float] = defaultdict(float)
    work: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    bounds = [0.0]
    for each in planned.imports:
        export, seconds, tail = actual[each.batch], actual[each.delivery], tails[each.delivery]
        rest[each.batch] = max(rest[each.batch], seconds + tail)
        lanes[slot_of[each.batch], each.slots[0]].append((export, seconds))
        work[each.slots[0]].append((export, seconds, tail))
        bounds.append(export + seconds + tail)
    by_slot: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for batch, after in rest.items():
        by_slot[slot_of[batch]].append((actual[batch], after))
        work[slot_of[batch]].append((0.0, actual[batch], after))
    bounds += [_johnson(lane) for lane in lanes.values()]
    bounds += [_jackson(jobs) for jobs in by_slot.values()]
    bounds += [_load(jobs) for jobs in work.values()]
    return max(bounds)


def _load(jobs: list[tuple[float, float, float]]) -> float:
    return min(job[0] for job in jobs) + sum(job[1] for job in jobs) + min(job[2] for job in jobs)


def _jackson(jobs: list[tuple[float, float]]) -> float:
    clock = end = 0.0
    for seconds, after in sorted(jobs, key=lambda job: -job[1]):
        clock += seconds
        end = max(end, clock + after)
    return end


def _johnson(jobs: list[tuple[float, float]]) -> float:
    first = sorted((job for job in jobs if job[0] < job[1]), key=lambda job: job[0])
    then = sorted((job for job in jobs if job[0] >= job[1]), key=lambda job: -job[1])
    clock = end = 0.0
    for export, seconds in (*first, *then):
        clock += export
        end = max(end, clock) + seconds
    return end
