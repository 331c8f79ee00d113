"""What may travel in a package and was never documented (API 2.4, Finishing 5). Law: words that two sides can compare.

An application's key stands in its list; everything else is read for its own sake, and only by who wants to know.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from orchestrator.core.model.instance_facts import Unread


class Thing(StrEnum):
    """What is compared; the words of `verify --json` and of what a home remembers."""

    KEY = "key"
    TOPIC = "topic"
    PRODUCT = "product"
    BACKEND = "backend"
    AUTHORISATION = "authorisation"
    SCHEDULE = "schedule"
    POSITION = "position"


#: how each is called in a sentence
THINGS: Mapping[Thing, str] = {
    Thing.KEY: "application keys",
    Thing.TOPIC: "topics",
    Thing.PRODUCT: "products",
    Thing.BACKEND: "custom back ends",
    Thing.AUTHORISATION: "API authorisations",
    Thing.SCHEDULE: "task schedules",
    Thing.POSITION: "increment positions",
}
#: what a masked word holds; a Quartz schedule holds single asterisks (Finishing 1)
MASK = "**"


@dataclass(frozen=True, slots=True)
class Undocumented:
    """What one instance holds of it, as far as it was asked."""

    #: thing -> asset id -> its words, none where it has none of it; an asset that was not asked about is absent
    held: Mapping[Thing, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    #: thing -> why it could not be read
    unread: Mapping[Thing, Unread] = field(default_factory=dict)

    def of(self, thing: Thing, asset: str) -> tuple[str, ...] | Unread | None:
        """Its words, or why they could not be read; None where nobody asked."""
        return self.unread.get(thing) or self.held.get(thing, {}).get(asset)

    def joined(self, later: "Undocumented") -> "Undocumented":
        """What both tell; an instance may be source and target of one run."""
        things = {*self.held, *later.held}
        held = {thing: {**self.held.get(thing, {}), **later.held.get(thing, {})} for thing in things}
        return Undocumented(held, {**self.unread, **later.unread})
