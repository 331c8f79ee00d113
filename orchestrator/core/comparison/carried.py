"""What may travel in a package and was never documented (API 2.4). Law: it informs, and is no finding of a comparison.

Each answer says that something travelled, did not travel, or could not be read and why. The first run at a customer
answers it for its region: `learned` is what a home remembers (`dialect`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.core.comparison.compare import AssetComparison, Finding, Side
from orchestrator.core.model.change import Change, ChangeKind
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import App
from orchestrator.core.model.undocumented import MASK, THINGS, Thing
from orchestrator.core.plan.plan import Mode
from orchestrator.core.state.progress import Progress

#: what `finish` brings to a target itself: of that a later comparison says nothing of packages
_BROUGHT: Mapping[str, Thing] = {
    ChangeKind.AUTHORISE: Thing.AUTHORISATION,
    ChangeKind.CREATE_TOPIC: Thing.TOPIC,
    ChangeKind.CREATE_PRODUCT: Thing.PRODUCT,
}
_NOT_TOLD = Unread("the list of applications does not tell it")


class Travel(StrEnum):
    """What became of something that an asset had at the source."""

    TRAVELLED = "travelled"
    STAYED = "did not travel"
    UNREAD = "not readable"


@dataclass(frozen=True, slots=True)
class Carried:
    """One thing of one asset."""

    thing: Thing
    target: str
    #: name at the source
    name: str
    travel: Travel
    #: why it could not be read; else ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Learned:
    """What the assets that have one thing say together about one target."""

    thing: Thing
    target: str
    #: assets
    travelled: int
    stayed: int
    unread: int
    why: str = ""
    #: names of the assets whose thing did not travel
    without: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """`application keys at prod: 12 travelled, 1 did not travel`."""
        told = [f"{self.travelled} travelled"] if self.travelled else []
        told += [f"{self.stayed} did not travel"] if self.stayed else []
        told += [f"{self.unread} not readable ({self.why})"] if self.unread else []
        return f"{THINGS[self.thing]} at {self.target}: {', '.join(told)}"


def pairs(
    rows: Iterable[AssetComparison], sides: Mapping[str, Side], progress: Progress
) -> tuple[AssetComparison, ...]:
    """What both sides hold and the run or one before it made at the target: a Merge leaves much of what was there."""
    merged = {
        (life.target, asset)
        for life in progress.deliveries.values()
        if life.scheduled.mode == Mode.MERGE and life.baseline is not None
        for asset, ids in life.baseline.present
        if ids
    }
    return tuple(
        row
        for row in rows
        if row.finding in {Finding.PRESENT, Finding.DIFFERENT}
        and row.source in sides
        and row.target_id
        and (row.target, row.id) not in merged
    )


def carried(rows: Iterable[AssetComparison], sides: Mapping[str, Side]) -> tuple[Carried, ...]:
    """What is known of each of `pairs`; what an asset had none of at the source is not told."""
    return tuple(
        Carried(thing, row.target, row.name, *answer)
        for row in rows
        for thing in Thing
        for answer in _travelled(row, thing, sides[row.source], sides[row.target])
    )


def _travelled(row: AssetComparison, thing: Thing, source: Side, target: Side) -> Iterator[tuple[Travel, str]]:
    there, here = held(source, thing, row.id), held(target, thing, row.target_id)
    if there is None or there == ():
        return
    for words, where in ((there, row.source), (here, row.target)):
        if words is None:
            return
        if isinstance(words, Unread):
            yield Travel.UNREAD, f"at {where}: {words.why}"
            return
        if any(MASK in word for word in words):
            yield Travel.UNREAD, f"at {where}: it is shown masked"
            return
    yield Travel.TRAVELLED if _arrived(row, there, here) else Travel.STAYED, ""


def _arrived(row: AssetComparison, there: object, here: object) -> bool:
    """Whether every word is there, be it under the prefix that the asset's own name bears."""
    if not isinstance(there, tuple) or not isinstance(here, tuple):
        return False
    prefix = row.target_name.removesuffix(row.name)
    return all(word in here or f"{prefix}{word}" in here for word in there)


def held(side: Side, thing: Thing, asset: str) -> tuple[str, ...] | Unread | None:
    """The words of one thing of one asset; None where nobody asked, or it is none that such an asset has."""
    if thing is not Thing.KEY:
        return side.undocumented.of(thing, asset)
    app = side.inventory.by_id.get(asset)
    if not isinstance(app, App):
        return None
    return (app.key,) if app.key else _NOT_TOLD


def learned(every: Sequence[Carried]) -> tuple[Learned, ...]:
    """By thing and target, in the order of the things."""
    groups: dict[tuple[Thing, str], list[Carried]] = {}
    for each in every:
        groups.setdefault((each.thing, each.target), []).append(each)
    order = list(Thing)
    found = [_learned(thing, target, held) for (thing, target), held in groups.items()]
    return tuple(sorted(found, key=lambda each: (each.target, order.index(each.thing))))


def of_packages(every: Sequence[Learned], finished: Iterable[Change]) -> tuple[Learned, ...]:
    """What of it may be remembered, where `finish` has made these changes in between."""
    ours = {(each.instance, _BROUGHT[each.kind]) for each in finished if each.kind in _BROUGHT}
    return tuple(each for each in every if (each.target, each.thing) not in ours)


def _learned(thing: Thing, target: str, held: Sequence[Carried]) -> Learned:
    counts = {travel: sum(each.travel is travel for each in held) for travel in Travel}
    why = next((each.why for each in held if each.why), "")
    without = tuple(each.name for each in held if each.travel is Travel.STAYED)
    return Learned(
        thing, target, counts[Travel.TRAVELLED], counts[Travel.STAYED], counts[Travel.UNREAD], why, without
    )  # fmt: skip
