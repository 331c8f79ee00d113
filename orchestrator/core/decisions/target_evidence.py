"""What a look at the target proves.

Law: an import is never repeated on a guess, and presence is believed only where it was absent before.

A lost import is settled by promise 3: quiet, then proof that the slot is idle (or time), then a look, then this.
"""

from dataclasses import dataclass

from orchestrator.core.plan.plan import Mode
from orchestrator.core.state import events as e
from orchestrator.core.state.lifecycle import Delivery

#: how long absence must be confirmed behind the idle proof, for a service that shows its writes late: seconds, at
#: most `settle_quiet` where nothing was seen yet [I: read-after-write lag is undocumented]
READ_LAG = 30.0
#: by how much the next lag may exceed the longest that was seen, and what is learned at most, seconds
_MARGIN, _MOST_LEARNED = 1.5, 120.0


def lag(settle_quiet: float, seen: float = 0.0) -> float:
    """Seconds after which what a job has left at a target is surely shown.

    `seen` is the longest time that the target took in this run to show everything that an import had brought.
    """
    return max(min(READ_LAG, settle_quiet), min(_MARGIN * seen, _MOST_LEARNED))


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look says of a batch's assets, judged against the lineage's baseline."""

    #: absent from the baseline, there now: this lineage brought them
    landed: tuple[str, ...]
    #: there before us and there now
    known: tuple[str, ...]
    #: not there
    absent: tuple[str, ...]


def sight(delivery: Delivery, assets: tuple[str, ...], look: e.Looked) -> Sight:
    """Each asset of the batch in exactly one class."""
    before = delivery.baseline.seen if delivery.baseline is not None else {}
    now = look.seen
    landed, known, absent = [], [], []
    for asset in assets:
        ids = set(now.get(asset, ()))
        if ids - set(before.get(asset, ())):
            landed.append(asset)
        elif ids:
            known.append(asset)
        else:
            absent.append(asset)
    return Sight(tuple(landed), tuple(known), tuple(absent))


@dataclass(frozen=True, slots=True)
class Done:
    """Everything is there."""


@dataclass(frozen=True, slots=True)
class Again:
    """Nothing of it is there, or repeating is safe: ask (again)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Half:
    """Some of it is there."""

    landed: tuple[str, ...]
    rest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """Under AddNew: names that somebody else holds (promise 3; API 7, 14)."""

    names: tuple[str, ...]
    landed: tuple[str, ...]
    rest: tuple[str, ...]


Verdict = Done | Again | Half | Taken


def judge(delivery: Delivery, assets: tuple[str, ...], look: e.Looked) -> Verdict:
    """What to do with a delivery that is not known to be imported, given a look that may be believed."""
    seen = sight(delivery, assets, look)
    if delivery.scheduled.mode == Mode.MERGE.value:
        return _judge_merge(seen)
    taken = tuple(asset for asset in seen.known if asset in set(look.taken))
    absent = tuple(asset for asset in assets if asset not in {*seen.landed, *taken})
    if taken:
        return Taken(taken, seen.landed, absent)
    if not seen.landed:
        return Again("none of its names is at the target")
    return Half(seen.landed, absent) if absent else Done()


def _judge_merge(seen: Sight) -> Verdict:
    """Under Merge presence proves nothing for names that were there before; Merge repeats safely."""
    if seen.known:
        return Again("Merge: names that were there before prove nothing, and Merge repeats safely")
    if not seen.landed:
        return Again("none of its names is at the target")
    return Again("Merge: the rest is brought by asking again") if seen.absent else Done()
