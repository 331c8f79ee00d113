"""Which job a free slot takes next, so that no slot starves. Law: pure; the answer follows from the estimates alone.

Theory. A lane is a flow shop of two machines: the slot that exports and the slot that imports. Johnson's rule orders it
best: first what exports faster than it imports, the quickest export first (the importing slot starts early and builds a
stock); then the rest, the longest import first (what is left after the last export is short). With several targets the
rule has as many readings as there are targets, for "the import" is another one at each. So a few orders are written
down, each is played against what is known of the slots it feeds (stock, running job, work from elsewhere), and the
first export of the best one goes. That is played anew at each decision, so wrong estimates cost little.

Only the decisions are here. What the caller keeps, incrementally, is one `SlotLoad` per slot.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.core.slots import JobKind

#: exports that are weighed at one decision; with more, the end is far and the first rule of each order is enough
MOST_WEIGHED = 48
#: with as few exports left, each is also tried as the next one
FEW = 16
#: an order is judged as estimated, and as if its exports took longer by this factor
SLOWER = (1.0, 1.25)
#: targets whose own reading of Johnson's rule is played
MOST_READINGS = 4
#: packages per target that may always be stored ahead
ALWAYS_AHEAD = 4
#: stock that outlasts what is left to export by this factor makes further exports useless for now
AMPLE = 1.5


@dataclass(frozen=True, slots=True)
class Feed:
    """An import that an export makes possible."""

    #: slot in which it will run
    slot: str
    #: estimated duration of the import, seconds
    seconds: float
    #: estimated seconds of work that can begin only when it has landed (`needs`, `after`)
    tail: float = 0.0
    #: batches not exported yet whose imports must land before it
    behind: tuple[str, ...] = ()


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

    @property
    def after(self) -> float:
        """Seconds that must follow it whatever happens: the longest way from its end to the end of the run."""
        return max((feed.seconds + feed.tail for feed in self.feeds), default=self.tail)


@dataclass(slots=True)
class SlotLoad:
    """What is known of one slot. Kept up to date by the caller as jobs begin and end; all in estimated seconds."""

    #: exports not begun, each divided by the number of slots that could take it
    exports: float = 0.0
    #: imports not begun, whatever stands of their packages
    imports: float = 0.0
    #: of `imports`, those whose package is stored
    stored: float = 0.0
    #: when the running job is expected to end, in the caller's clock; in the past where none runs
    busy_until: float = 0.0

    def stock(self, now: float) -> float:
        """Seconds for which the slot has work without another export elsewhere."""
        return max(0.0, self.busy_until - now) + self.stored + self.exports

    def left(self, now: float) -> float:
        """Seconds of work left in the slot."""
        return max(0.0, self.busy_until - now) + self.imports + self.exports


_NO_LOAD = SlotLoad()


def choose(candidates: Iterable[Work], loads: Mapping[str, SlotLoad], now: float) -> Work | None:
    """The job that the free slot should take; None where there is none.

    Where one slot exports and imports (one user on both sides), what keeps others waiting longest goes first: usually
    an export, for nothing waits for most imports.
    """
    exports = [work for work in candidates if work.kind is JobKind.EXPORT]
    imports = [work for work in candidates if work.kind is not JobKind.EXPORT]
    landing = min(imports, key=lambda work: (-work.tail, work.position, work.subject), default=None)
    leaving = next_export(exports, loads, now) if exports else None
    if landing is None or leaving is None:
        return leaving or landing
    return landing if landing.tail > leaving.after else leaving


def next_export(exports: Sequence[Work], loads: Mapping[str, SlotLoad], now: float) -> Work:
    """The export that one slot should begin; `exports` are those it could take, at least one."""
    if len(exports) == 1:
        return exports[0]
    orders = [order[:MOST_WEIGHED] for order in readings(exports, loads, now)]
    best = min(orders, key=lambda order: _risk(order, loads, now))
    if len(best) > FEW:
        return best[0]
    return min((_begun_with(best, place) for place in range(len(best))), key=lambda o: _risk(o, loads, now))[0]


def _begun_with(order: Sequence[Work], place: int) -> list[Work]:
    return [order[place], *order[:place], *order[place + 1 :]]


def _risk(order: Sequence[Work], loads: Mapping[str, SlotLoad], now: float) -> tuple[float, float]:
    """What an order costs, as estimated and if the exports take longer than estimated: small is good."""
    ends, idles = zip(*(_played(order, loads, now, slower) for slower in SLOWER), strict=True)
    return sum(ends), sum(idles)


def readings(exports: Sequence[Work], loads: Mapping[str, SlotLoad], now: float) -> list[list[Work]]:
    """Orders worth playing: Johnson's for the longest import of each batch, then as each of the fullest targets sees it."""
    longest = sorted(exports, key=lambda work: _johnson(work, work.after))
    targets = {feed.slot for work in exports for feed in work.feeds}
    if len(targets) < 2:
        return [_in_need(longest)]
    fullest = sorted(targets, key=lambda slot: (-loads.get(slot, _NO_LOAD).left(now), slot))
    return [_in_need(longest), *(_in_need(_as_seen(longest, slot)) for slot in fullest[:MOST_READINGS])]


def _in_need(order: list[Work]) -> list[Work]:
    """The order in which nothing is exported before what all its imports wait for."""
    if not any(feed.behind for work in order for feed in work.feeds):
        return order
    place = {work.subject: number for number, work in enumerate(order)}
    for work in order:
        waits = [max((place.get(batch, -1) for batch in feed.behind), default=-1) for feed in work.feeds]
        place[work.subject] = max(place[work.subject], min(waits, default=-1))
    return sorted(order, key=lambda work: place[work.subject])


def _as_seen(order: Sequence[Work], slot: str) -> list[Work]:
    return sorted(order, key=lambda work: _johnson(work, _import_at(work, slot)))


def _import_at(work: Work, slot: str) -> float:
    return sum(feed.seconds + feed.tail for feed in work.feeds if feed.slot == slot)


def _johnson(work: Work, after: float) -> tuple[int, float, float, str]:
    if work.seconds < after:
        return (0, work.seconds, work.position, work.subject)
    return (1, -after, work.position, work.subject)


def _played(
    order: Sequence[Work], loads: Mapping[str, SlotLoad], now: float, slower: float = 1.0
) -> tuple[float, float]:
    """(when all is over, seconds that slots stand idle) if the slot exports in this order; work from elsewhere fills gaps."""
    free: dict[str, float] = {}
    idle: dict[str, float] = {}
    own: dict[str, float] = {}
    missing = {work.subject for work in order}
    waiting: dict[str, list[Feed]] = {}
    clock = end = 0.0
    for work in order:
        clock += slower * work.seconds / work.slots
        missing.discard(work.subject)
        todo = [*work.feeds, *waiting.pop(work.subject, ())]
        for feed in todo:
            behind = next((batch for batch in feed.behind if batch in missing), None) if feed.behind else None
            if behind is not None:
                waiting.setdefault(behind, []).append(feed)
                continue
            slot = feed.slot
            at = free.get(slot)
            if at is None:
                at = loads.get(slot, _NO_LOAD).stock(now)
                idle[slot] = own[slot] = 0.0
            if clock > at:
                idle[slot] += clock - at
                at = clock
            own[slot] += feed.seconds
            free[slot] = at = at + feed.seconds
            end = max(end, at + feed.tail)
    for slot, at in free.items():
        load = loads.get(slot, _NO_LOAD)
        elsewhere = max(0.0, load.imports - load.stored - own[slot])
        end = max(end, at + max(0.0, elsewhere - idle[slot]))
    return end, sum(idle.values())


def may_run_ahead(work: Work, slot: str, loads: Mapping[str, SlotLoad], now: float, ahead: int) -> bool:
    """Whether an export in `slot` is of use now although its targets are slow; `ahead` is the fewest packages stored or
    on their way for one of its targets.

    A pause costs nothing while the stock of every target outlasts what this slot has left to export. Disk is the
    caller's other bound.
    """
    if ahead < ALWAYS_AHEAD:
        return True
    left = loads.get(slot, _NO_LOAD).exports
    return any(loads.get(feed.slot, _NO_LOAD).stock(now) < AMPLE * left for feed in work.feeds)
