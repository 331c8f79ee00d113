"""What somebody did between a read of ours and the write that followed it. Law: that one write is excused, no other.

The service offers no condition (Finishing 1): what somebody changes after our last read and before our write may be
overwritten by that write, and nobody could have seen it. What of it outlives that write stands for good.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.emulator.service.ledger import Call
from orchestrator.emulator.world.operations import Operation
from tests.simulation.book import require
from tests.simulation.scenarios import Night
from tests.simulation.standing import Place, Standing, held_now


@dataclass(frozen=True, slots=True)
class Theirs:
    """What somebody has put at one place, and what they have taken away there."""

    added: Counter[object] = field(default_factory=Counter)
    taken: Counter[object] = field(default_factory=Counter)

    def ours(self, held: tuple[object, ...]) -> Counter[object]:
        """What stands or stood there beside that."""
        return Counter(held) - self.added - self.taken


#: a write that replaces all that stands at its place (Finishing 2.3), even by what is equal to it
_WHOLE = Operation.MEMBERS_CHANGE.value, "accepted"
#: where nobody has been
NOBODYS = Theirs()


class Overheard(list[Call]):
    """The calls of a ledger, each heard once it is written."""

    def __init__(self, calls: list[Call], meddlers: "Meddlers") -> None:
        super().__init__(calls)
        self._meddlers = meddlers

    def append(self, call: Call) -> None:
        super().append(call)
        self._meddlers.heard(call)


@dataclass(slots=True)
class Meddlers:
    """What they have done in a night, place by place."""

    night: Night
    #: place -> what is theirs there, once the write that was under way has been done
    stands: dict[Place, Theirs] = field(default_factory=dict)
    #: what stood where behind the call before
    _before: Standing = field(default_factory=dict)
    #: what they have done while a write was under way
    _met: dict[Place, Theirs] = field(default_factory=dict)

    def listen(self) -> None:
        """Hear every call from now on."""
        ledger = self.night.service.ledger
        ledger.calls = Overheard(ledger.calls, self)
        self.look()

    def look(self, left: Mapping[Place, object] | None = None) -> None:
        """What stands now is no meddler's; at the places in `left` it is what a person has left since."""
        self._before = held_now(self.night)
        for place in left or ():
            self.stands.pop(place, None)

    def heard(self, call: Call) -> None:
        """The call behind one of theirs is the write that was under way: what it overwrote, nobody could have seen."""
        now = held_now(self.night)
        if call.outcome == "meddled":
            self._met = _changed(self._before, now)
        elif self._met:
            whole = (call.operation, call.outcome) == _WHOLE
            for place, theirs in self._met.items():
                known, held = self.at(place), Counter(now.get(place, ()))
                added, taken = known.added + theirs.added, (known.taken + theirs.taken) - held
                self.stands[place] = Theirs(Counter() if whole else added & held, taken)
            self._met = {}
        self._before = now

    def at(self, place: Place) -> Theirs:
        return self.stands.get(place, NOBODYS)

    def judge(self, now: Standing) -> None:
        """What outlived the write that was under way stands still."""
        for place, theirs in self.stands.items():
            held = Counter(now.get(place, ()))
            require(theirs.added <= held, f"promise 16: somebody put {theirs.added} at {place}, which is {held} now")


def _changed(before: Standing, now: Standing) -> dict[Place, Theirs]:
    """Tasks start and end by themselves, and nobody meddles with them here."""
    found = {}
    for place in before.keys() | now.keys():
        then, held = Counter(before.get(place, ())), Counter(now.get(place, ()))
        if then != held and not place[1].startswith("task "):
            found[place] = Theirs(held - then, then - held)
    return found
