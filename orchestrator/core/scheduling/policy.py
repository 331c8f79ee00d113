"""Which job a free slot takes next, so that no slot starves. Law: pure; the answer follows from the estimates alone.

Theory. A lane is a flow shop of two machines: the slot that exports and the slot that imports. Johnson's rule orders it
best: first what exports faster than it imports, the quickest export first (the importing slot starts early and builds a
stock); then the rest, the longest import first (what is left after the last export is short). With several targets the
rule has as many readings as there are targets, for "the import" is another one at each. So a few orders are written
down, and each is *played* against what is known of the slots it feeds: stock, running job, work from elsewhere. It is
played as estimated and in a handful of worlds in which the estimates are wrong, because near the end of a lane a plan
that needs them right is worse than one that does not. The first export of the best order goes. All of it is done anew
at each decision, so what was estimated wrongly is soon corrected.

`SlotQueue` keeps a slot's candidates in those orders: a decision costs the same with ten candidates and ten thousand.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from math import exp
from statistics import NormalDist

from orchestrator.core.state.slots import JobKind

#: exports that are weighed at one decision; with more left the end is far, and the first ones decide
MOST_WEIGHED = 48
#: with as few exports left, each is also tried as the next one
FEW = 16
#: worlds in which an order is played: the first as estimated, the others with wrong estimates, in opposite pairs
WORLDS = 9
#: another beginning must be better by this factor: estimates are not worth more
MARGIN = 0.99
#: spread of the logarithm of a job's duration about its estimate, at least
SIGMA = 0.3
#: targets whose own reading of Johnson's rule is played, those with most work left
MOST_READINGS = 4
#: imports that are weighed where a slot exports and imports
MOST_LANDING = 8
#: packages per target that may always be stored ahead
ALWAYS_AHEAD = 4
#: where the stock of the targets outlasts what is left to export by this factor, a pause costs nothing
AMPLE = 1.5

#: factors by which estimates are wrong; powers of a root of 61 leave no pattern in their order
_FACTORS = tuple(exp(SIGMA * NormalDist().inv_cdf(pow(2, number, 61) / 61)) for number in range(60))


@dataclass(frozen=True, slots=True)
class Feed:
    """An import that an export makes possible."""

    #: slot in which it will run
    slot: str
    #: estimated duration of the import, seconds
    seconds: float
    #: estimated seconds of work that can begin only when it has landed (`needs`, `after`)
    tail: float = 0.0
    #: batches whose imports must land before it; those already stored do no harm here
    behind: tuple[str, ...] = ()
    #: other slots that could take it instead (several credentials): they share such work
    beside: tuple[str, ...] = ()

    @property
    def slots(self) -> tuple[str, ...]:
        """All slots that could take it."""
        return (self.slot, *self.beside)


@dataclass(frozen=True, slots=True)
class Work:
    """A job that could be asked for now."""

    #: batch id of an export, delivery id of an import
    subject: str
    kind: JobKind
    #: estimated duration, seconds
    seconds: float
    #: place in the frozen order: decides between equals
    position: float = 0.0
    #: what waits for an export; empty for an import
    feeds: tuple[Feed, ...] = ()
    #: estimated seconds of work that can begin only when this import has landed
    tail: float = 0.0
    #: slots that could take it (several credentials): they share the work
    slots: int = 1
    #: spread of the logarithm of what it takes about `seconds`
    sigma: float = SIGMA

    @property
    def is_export(self) -> bool:
        """Whether it leaves its instance."""
        return self.kind is JobKind.EXPORT

    @property
    def shared(self) -> float:
        """Its seconds where several slots could take it: the longest first leaves them even ends; else 0."""
        return self.seconds if self.slots > 1 else 0.0

    @property
    def after(self) -> float:
        """Seconds that must follow it whatever happens."""
        return max((feed.seconds + feed.tail for feed in self.feeds), default=self.tail)


@dataclass(slots=True)
class SlotLoad:
    """What is known of one slot, all in estimated seconds; `SlotLoads` keeps it."""

    #: exports not begun, each divided by the number of slots that could take it
    exports: float = 0.0
    #: imports not begun, whatever stands of their packages
    imports: float = 0.0
    #: of `imports`, those whose package is stored
    stored: float = 0.0
    #: when the running job is expected to end, by the caller's clock; in the past where none runs
    busy_until: float = 0.0

    def stock(self, now: float) -> float:
        """Seconds for which the slot has work without an export elsewhere."""
        return max(0.0, self.busy_until - now) + self.stored + self.exports

    def left(self, now: float) -> float:
        """Seconds of work left in the slot."""
        return max(0.0, self.busy_until - now) + self.imports + self.exports


Loads = Mapping[str, SlotLoad]
#: subject -> factors of its export's and its imports' duration
_World = Mapping[str, tuple[float, float]]
_NO_LOAD = SlotLoad()


def choose(candidates: Iterable[Work], loads: Loads, now: float, worlds: int = WORLDS) -> Work | None:
    """The job that the free slot should take; None where there is none. One world is quick, and trusts the estimates.

    Where one slot exports and imports (one user on both sides), what keeps others waiting longest goes first: usually
    an export, for nothing waits for most imports.
    """
    candidates = list(candidates)
    exports = [work for work in candidates if work.kind is JobKind.EXPORT]
    imports = (work for work in candidates if work.kind is not JobKind.EXPORT)
    landing = min(imports, key=_landing_key, default=None)
    leaving = next_export(exports, loads, now, worlds) if exports else None
    if landing is None or leaving is None:
        return leaving or landing
    return landing if landing.tail > leaving.after else leaving


def next_export(exports: Sequence[Work], loads: Loads, now: float, worlds: int = WORLDS) -> Work:
    """The export that one slot should begin; `exports` are those it could take, at least one."""
    if len(exports) == 1:
        return exports[0]
    orders = readings(_narrowed(exports, loads, now), loads, now)
    few = len(exports) <= FEW and worlds > 1
    if len(orders) == 1 and not few:
        return orders[0][0]
    played = [_world(orders[0], number) for number in range(worlds if few else 1)]
    best = min(orders, key=lambda order: _cost(order, loads, now, played))
    return _best_beginning(best, loads, now, played) if few else best[0]


def _narrowed(exports: Sequence[Work], loads: Loads, now: float) -> Sequence[Work]:
    """The first of each reading, where there are too many to weigh all."""
    if len(exports) <= MOST_WEIGHED:
        return exports
    orders = readings(exports, loads, now)
    first = (work for place in range(MOST_WEIGHED) for work in dict.fromkeys(order[place] for order in orders))
    return tuple(islice(dict.fromkeys(first), MOST_WEIGHED))


def _best_beginning(order: Sequence[Work], loads: Loads, now: float, worlds: Sequence[_World]) -> Work:
    costs = [
        _cost((order[place], *order[:place], *order[place + 1 :]), loads, now, worlds) for place in range(len(order))
    ]
    least = min(range(len(order)), key=costs.__getitem__)
    return order[least] if costs[least][0] < MARGIN * costs[0][0] else order[0]


def readings(exports: Sequence[Work], loads: Loads, now: float) -> list[list[Work]]:
    """Orders worth playing: Johnson's for each batch's longest import, then as each of the fullest targets sees it."""
    longest = sorted(exports, key=lambda work: _johnson(work, work.after))
    targets = {feed.slot for work in exports for feed in work.feeds}
    if len(targets) < 2:
        return [_in_need(longest)]
    seen = (_as_seen(longest, slot) for slot in _fullest(targets, loads, now))
    return [_in_need(order) for order in (longest, *seen)]


def _as_seen(order: Sequence[Work], slot: str) -> list[Work]:
    return sorted(order, key=lambda work: _johnson(work, _import_at(work, slot)))


def _fullest(targets: Iterable[str], loads: Loads, now: float) -> list[str]:
    return sorted(targets, key=lambda slot: (-loads.get(slot, _NO_LOAD).left(now), slot))[:MOST_READINGS]


def _import_at(work: Work, slot: str) -> float:
    return sum(feed.seconds + feed.tail for feed in work.feeds if feed.slot == slot)


def _johnson(work: Work, after: float) -> tuple[int, float, float, str]:
    quick = work.seconds < after
    return (0 if quick else 1, work.seconds if quick else -after, work.position, work.subject)


def _landing_key(work: Work) -> tuple[float, float, float, str]:
    return (-work.tail, -work.shared, work.position, work.subject)


def _in_need(order: list[Work]) -> list[Work]:
    """The order in which nothing is exported before what all its imports wait for."""
    if not any(feed.behind for work in order for feed in work.feeds):
        return order
    place = {work.subject: number for number, work in enumerate(order)}
    for work in order:
        waits = [max((place.get(batch, -1) for batch in feed.behind), default=-1) for feed in work.feeds]
        place[work.subject] = max(place[work.subject], min(waits, default=-1))
    return sorted(order, key=lambda work: place[work.subject])


# --- playing an order ---------------------------------------------------------------------------------------------


def _world(order: Sequence[Work], number: int) -> _World:
    return {
        work.subject: (_factor(number, 2 * place), _factor(number, 2 * place + 1)) for place, work in enumerate(order)
    }


def _factor(world: int, number: int) -> float:
    if world == 0:
        return 1.0
    factor = _FACTORS[(world // 2 * 17 + number) % len(_FACTORS)]
    return factor if world % 2 else 1.0 / factor


def _cost(order: Sequence[Work], loads: Loads, now: float, worlds: Sequence[_World]) -> tuple[float, float]:
    """(seconds to the end, idle seconds) of the order, summed over the worlds."""
    played = [_played(order, loads, now, world) for world in worlds]
    return sum(end for end, _ in played), sum(idle for _, idle in played)


def _played(order: Sequence[Work], loads: Loads, now: float, world: _World) -> tuple[float, float]:
    """(seconds to the end, seconds that targets stand idle) if the slot exports in this order."""
    #: slot -> [free from, idle seconds, own work]
    targets: dict[str, list[float]] = {}
    missing = {work.subject for work in order}
    waiting: dict[str, list[Feed]] = {}
    clock = end = 0.0
    for work in order:
        slower, landing = world[work.subject]
        clock += slower * work.seconds / work.slots
        missing.discard(work.subject)
        for feed in (*work.feeds, *waiting.pop(work.subject, ())):
            behind = next((batch for batch in feed.behind if batch in missing), None)
            if behind is not None:
                waiting.setdefault(behind, []).append(feed)
                continue
            target = targets.get(feed.slot)
            if target is None:
                target = targets[feed.slot] = [loads.get(feed.slot, _NO_LOAD).stock(now), 0.0, 0.0]
            target[1] += max(0.0, clock - target[0])
            share = feed.seconds / len(feed.slots)
            target[0] = max(clock, target[0]) + landing * share
            target[2] += share
            end = max(end, target[0] + feed.tail)
    return _with_work_from_elsewhere(end, targets, loads)


def _with_work_from_elsewhere(end: float, targets: Mapping[str, list[float]], loads: Loads) -> tuple[float, float]:
    """What comes to a target from other slots fills its gaps first, and makes its end later by the rest."""
    for slot, (free, idle, own) in targets.items():
        load = loads.get(slot, _NO_LOAD)
        elsewhere = max(0.0, load.imports - load.stored - own)
        end = max(end, free + max(0.0, elsewhere - idle))
    return end, sum(idle for _, idle, _ in targets.values())


# --- what is kept ---------------------------------------------------------------------------------------------------


class LoadKind(StrEnum):
    """In what way a job that has not begun loads its slot."""

    #: an export
    EXPORTS = "exports"
    #: an import whose package is not stored
    IMPORTS = "imports"
    #: an import whose package is stored
    STORED = "stored"


@dataclass(slots=True)
class SlotLoads:
    """The load of every slot, kept job by job: what was added for a job is what is taken away again."""

    loads: dict[str, SlotLoad] = field(default_factory=lambda: defaultdict(SlotLoad))
    _jobs: dict[str, tuple[tuple[str, ...], LoadKind, float]] = field(default_factory=dict)

    def waits(self, subject: str, slots: tuple[str, ...], part: LoadKind, seconds: float) -> None:
        """A job waits that any of `slots` could take; replaces what was said of it before."""
        self.drop(subject)
        share = seconds / len(slots) if slots else 0.0
        self._jobs[subject] = (slots, part, share)
        self._add(slots, part, share)

    def runs(self, subject: str, slot: str, until: float) -> None:
        """A job has begun and is expected to end at `until`."""
        self.drop(subject)
        self.loads[slot].busy_until = until

    def ended(self, slot: str, now: float) -> None:
        """The slot's job is over."""
        self.loads[slot].busy_until = now

    def drop(self, subject: str) -> None:
        """The job waits no longer: it has begun, or never will."""
        known = self._jobs.pop(subject, None)
        if known is not None:
            slots, part, share = known
            self._add(slots, part, -share)

    def _add(self, slots: Iterable[str], part: LoadKind, seconds: float) -> None:
        for slot in slots:
            load = self.loads[slot]
            match part:
                case LoadKind.EXPORTS:
                    load.exports += seconds
                case LoadKind.IMPORTS:
                    load.imports += seconds
                case LoadKind.STORED:
                    load.imports += seconds
                    load.stored += seconds


# --- how far ahead ------------------------------------------------------------------------------------------------


def may_run_ahead(work: Work, slot: str, loads: Loads, now: float, ahead: int) -> bool:
    """Whether an export in `slot` is of use now although its targets are slow; disk is the caller's other bound.

    `ahead` is the smallest number, over its targets, of packages stored or on their way. A pause costs nothing while
    the stock of every target outlasts all that this slot has left to export.
    """
    if ahead < ALWAYS_AHEAD:
        return True
    left = loads.get(slot, _NO_LOAD).exports
    return any(loads.get(slot, _NO_LOAD).stock(now) < AMPLE * left for feed in work.feeds for slot in feed.slots)


# --- the candidates of one slot -----------------------------------------------------------------------------------


@dataclass(slots=True)
class SlotQueue:
    """The candidates of one slot, kept in the orders that decide."""

    _works: dict[str, Work] = field(default_factory=dict)
    _landing: list[tuple[tuple[float, float, float, str], str]] = field(default_factory=list)
    #: reading -> exports in its order; "" is the reading of the longest import, others are target slots
    _leaving: dict[str, list[tuple[tuple[int, float, float, str], str]]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._works)

    def __contains__(self, subject: str) -> bool:
        return subject in self._works

    def put(self, work: Work) -> None:
        """Add a candidate, or replace it where its estimates have changed."""
        self.discard(work.subject)
        self._works[work.subject] = work
        if work.kind is not JobKind.EXPORT:
            insort(self._landing, (_landing_key(work), work.subject))
            return
        for reading, after in self._readings_of(work):
            insort(self._leaving.setdefault(reading, []), (_johnson(work, after), work.subject))

    def discard(self, subject: str) -> None:
        """Remove a candidate, if it is one."""
        work = self._works.pop(subject, None)
        if work is None:
            return
        if work.kind is not JobKind.EXPORT:
            del self._landing[bisect_left(self._landing, (_landing_key(work), subject))]
            return
        for reading, after in self._readings_of(work):
            order = self._leaving[reading]
            del order[bisect_left(order, (_johnson(work, after), subject))]
            if not order:
                del self._leaving[reading]

    def heads(self, loads: Loads, now: float) -> list[Work]:
        """The candidates that can matter now: all while they are few, else the first of each order."""
        chosen = [subject for _, subject in self._landing[:MOST_LANDING]]
        fullest = _fullest((reading for reading in self._leaving if reading), loads, now)
        room = MOST_WEIGHED if len(self._works) <= MOST_WEIGHED else 1 + MOST_WEIGHED // (1 + len(fullest))
        for reading in ("", *fullest):
            chosen += [subject for _, subject in self._leaving.get(reading, ())[:room]]
        return [self._works[subject] for subject in dict.fromkeys(chosen)]

    def choose(self, loads: Loads, now: float) -> Work | None:
        """The job that the free slot should take; None where there is none."""
        return choose(self.heads(loads, now), loads, now)

    @staticmethod
    def _readings_of(work: Work) -> list[tuple[str, float]]:
        targets = dict.fromkeys(feed.slot for feed in work.feeds)
        return [("", work.after), *((slot, _import_at(work, slot)) for slot in targets)]
