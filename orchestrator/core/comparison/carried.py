"""What may travel in a package and was never documented (API 2.4). Law: it informs, and is no finding of a comparison.

Each answer says that something travelled, did not travel, or could not be read and why. The first run at a customer
answers it for its region: `learned` is what a home remembers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.core.comparison.compare import AssetComparison, Finding, Side
from orchestrator.core.model.inventory import App


class Travel(StrEnum):
    """What became of something that an application had at the source."""

    TRAVELLED = "travelled"
    STAYED = "did not travel"
    UNREAD = "not readable"


#: what is compared -> how it is called in a sentence
THINGS: Mapping[str, str] = {
    "key": "application keys",
}


@dataclass(frozen=True, slots=True)
class Carried:
    """One thing of one asset."""

    #: a key of `THINGS`
    thing: str
    target: str
    #: name at the source
    name: str
    travel: Travel
    #: why it could not be read; else ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Learned:
    """What the pairs of one thing say together about one target."""

    thing: str
    target: str
    travelled: int
    stayed: int
    unread: int
    why: str = ""

    @property
    def sentence(self) -> str:
        """`application keys: 12 travelled to prod, 1 did not`."""
        told = [f"{self.travelled} travelled"] if self.travelled else []
        told += [f"{self.stayed} did not travel"] if self.stayed else []
        told += [f"{self.unread} not readable ({self.why})"] if self.unread else []
        return f"{THINGS[self.thing]} at {self.target}: {', '.join(told)}"


def carried(rows: Iterable[AssetComparison], sides: Mapping[str, Side]) -> tuple[Carried, ...]:
    """What is known of each application that both sides hold."""
    found = []
    for row in rows:
        if row.finding not in {Finding.PRESENT, Finding.DIFFERENT} or row.kind != "app" or row.source not in sides:
            continue
        there = sides[row.source].inventory.by_id.get(row.id)
        here = sides[row.target].inventory.by_id.get(row.target_id)
        if isinstance(there, App) and isinstance(here, App):
            found.append(Carried("key", row.target, row.name, *_same(there.key, here.key)))
    return tuple(found)


def _same(one: str, other: str) -> tuple[Travel, str]:
    if not one or not other:
        return Travel.UNREAD, "the list of applications does not tell it"
    return (Travel.TRAVELLED if one == other else Travel.STAYED), ""


def learned(every: Sequence[Carried]) -> tuple[Learned, ...]:
    """By thing and target, in the order of the rows."""
    groups: dict[tuple[str, str], list[Carried]] = {}
    for each in every:
        groups.setdefault((each.thing, each.target), []).append(each)
    return tuple(_learned(thing, target, held) for (thing, target), held in groups.items())


def _learned(thing: str, target: str, held: Sequence[Carried]) -> Learned:
    counts = {travel: sum(each.travel is travel for each in held) for travel in Travel}
    why = next((each.why for each in held if each.why), "")
    return Learned(thing, target, counts[Travel.TRAVELLED], counts[Travel.STAYED], counts[Travel.UNREAD], why)
