"""What a home remembers of how services behave where nothing is documented. Law: dated, by endpoint, it only informs.

A later comparison that tells something replaces an earlier one; one that could read nothing replaces only its like.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.core.comparison.carried import Learned
from orchestrator.core.model.undocumented import Thing

#: endpoints that a home remembers, those seen last
MOST_ENDPOINTS = 200


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one comparison showed of one thing."""

    #: assets whose thing travelled, did not travel, could not be read
    travelled: int
    stayed: int
    unread: int
    #: why it could not be read, "" where it could
    why: str
    #: when it was seen, epoch seconds
    at: float
    #: the run whose sides were compared
    run: str

    @property
    def tells(self) -> bool:
        return self.travelled + self.stayed > 0

    @property
    def word(self) -> str:
        """`travelled`, `did not travel`, `travelled of 3 assets and not of 2`, `not readable`."""
        if not self.tells:
            return "not readable"
        if self.travelled and self.stayed:
            return f"travelled of {self.travelled} assets and not of {self.stayed}"
        return "travelled" if self.travelled else "did not travel"


@dataclass(frozen=True, slots=True)
class Dialect:
    """Every lesson of one home."""

    #: endpoint of the target -> thing -> the latest lesson
    lessons: Mapping[str, Mapping[Thing, Lesson]] = field(default_factory=dict)

    def of(self, endpoint: str) -> Mapping[Thing, Lesson]:
        """In the order of the things; empty where nothing was learned."""
        held = self.lessons.get(endpoint, {})
        return {thing: held[thing] for thing in Thing if thing in held}

    def with_learned(self, every: Iterable[Learned], endpoints: Mapping[str, str], at: float, run: str) -> "Dialect":
        """What was known, and what one comparison showed; `endpoints` are by target."""
        lessons = {endpoint: dict(held) for endpoint, held in self.lessons.items()}
        for each in every:
            held = lessons.setdefault(endpoints[each.target], {})
            new = Lesson(each.travelled, each.stayed, each.unread, each.why, at, run)
            before = held.get(each.thing)
            if before is None or new.tells or not before.tells:
                held[each.thing] = new
        latest = sorted(lessons, key=lambda name: max(each.at for each in lessons[name].values()), reverse=True)
        return Dialect({name: lessons[name] for name in sorted(latest[:MOST_ENDPOINTS])})
