"""How many writes a second one identity sends: what the plan says, or what the service was seen to take. Law: pure.

No limit is published (API 4). Where the plan sets none, the rate begins low and is adapted: it rises by a step after
some writes that had to wait for their turn and were taken, and falls to half when one is refused as one too many. Just
below a rate that was refused it stays longer. A write that left at once proves nothing about the rate and counts for
nothing. What a region took is learned; the next run begins somewhat below it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from types import MappingProxyType

from orchestrator.core.plan.plan import Instance, Plan, Settings
from orchestrator.core.state import events as e
from orchestrator.core.state.slots import host_of

#: writes a second where nothing is known: about ten a minute, the lowest limit that was reported of a like service
FIRST = 0.17
#: by how much the rate rises, writes a second, and after how many writes that it held back and the service took
STEP, RAISED_AFTER = 0.085, 6
#: requests of one identity that leave at once after a pause (Contract 1); one, where a refusal is known: a gateway that
#: takes fewer at once would refuse the first writes of each run, and the rate would be lowered by what is no rate
BURST = 3
#: a rate that was refused is tried again after so many times as many
CAUTION = 8
#: what a refusal leaves of the rate, and the least that is left, writes a second
DECREASE, LEAST = 0.5, 0.02
#: with what share of a learned rate the next run begins
CAREFULLY = 0.75


@dataclass(frozen=True, slots=True)
class LearnedRate:
    """What one region was seen to take of one identity."""

    #: writes a second
    per_second: float
    #: the rate at which a write was refused last, 0 where none was since
    refused: float
    #: epoch seconds
    at: float

    @property
    def start(self) -> float:
        """What the next run begins with: never above what was taken."""
        return max(CAREFULLY * self.per_second, min(self.per_second, FIRST))


#: where no run has learned anything
NOTHING_LEARNED: Mapping[str, LearnedRate] = MappingProxyType({})


@dataclass(slots=True)
class LearnedRates:
    """What journals tell of rates, by region; the latest word counts."""

    by_region: dict[str, LearnedRate] = field(default_factory=dict)

    def hear(self, entry: e.Entry) -> None:
        match entry.event:
            case e.WriteRateLearned(region=region, per_second=now, before=before, refused=refused):
                # Raised a moment ago it is not proved yet.
                self._learn(region, LearnedRate(min(now, before), refused, entry.at))
            case e.SchedulePredicted(rates=rates):
                # What a run knew goes on to the next one, also where it sent too little to learn anything.
                for each in rates:
                    if each.region:
                        self._learn(each.region, LearnedRate(each.learned, each.refused, each.learned_at))
            case _:
                pass

    def _learn(self, region: str, seen: LearnedRate) -> None:
        known = self.by_region.get(region)
        if known is None or known.at <= seen.at:
            self.by_region[region] = seen


@dataclass(slots=True)
class AdaptiveRate:
    """The rate of one identity while it sends."""

    per_second: float
    #: how far it may rise; 0 where it is not adapted at all
    most: float = 0.0
    #: the rate that was refused last, 0 where none was since
    refused: float = 0.0
    _taken: int = 0

    @property
    def at_once(self) -> int:
        """How many writes may leave at once after a pause."""
        return 1 if self.refused else BURST

    @classmethod
    def of(cls, known: e.WriteRate) -> "AdaptiveRate":
        return cls(known.per_second, known.most, known.refused)

    def taken(self) -> bool:
        """A write that had to wait for its turn was not refused as one too many; whether the rate rises by it."""
        self._taken += 1
        raised = min(self.per_second + STEP, self.most)
        tried = bool(self.refused) and raised >= self.refused
        if raised <= self.per_second or self._taken < RAISED_AFTER * (CAUTION if tried else 1):
            return False
        self.refused = 0.0 if tried else self.refused
        self.per_second, self._taken = raised, 0
        return True

    def throttled(self) -> bool:
        """A write was refused as one too many; whether the rate falls by it."""
        if not self.most:
            return False
        self.refused, self._taken = self.per_second, 0
        self.per_second = max(self.per_second * DECREASE, min(LEAST, self.per_second))
        return True


def region_of(instance: Instance) -> str:
    """Who limits the requests to an instance: its region, or where the plan names none, its host."""
    return instance.region or host_of(instance.endpoint)


def rates_of(plan: Plan, learned: Mapping[str, LearnedRate] = NOTHING_LEARNED) -> dict[str, e.WriteRate]:
    """Credentials -> the rate at which their writes begin."""
    regions: dict[str, dict[str, None]] = {}
    for name in dict.fromkeys(name for m in plan.migrations for name in (m.source, *(t.instance for t in m.targets))):
        for credentials in plan.instances[name].credentials:
            regions.setdefault(credentials, {})[region_of(plan.instances[name])] = None
    return {name: rate_of(plan.settings, name, held, learned) for name, held in regions.items()}


def rate_of(
    settings: Settings,
    credentials: str,
    regions: Iterable[str] = (),
    learned: Mapping[str, LearnedRate] = NOTHING_LEARNED,
) -> e.WriteRate:
    """The rate of one identity that works in these regions: what the most careful of them allows."""
    if settings.writes_per_second is not None:
        return e.WriteRate(credentials, settings.writes_per_second)
    most = settings.most_writes_per_second
    found = [_begun(credentials, each, learned.get(each), most) for each in regions]
    return min(found, key=lambda each: each.per_second, default=_begun(credentials, "", None, most))


def _begun(credentials: str, region: str, known: LearnedRate | None, most: float) -> e.WriteRate:
    if known is None:
        return e.WriteRate(credentials, min(FIRST, most), most)
    start = min(known.start, most)
    return e.WriteRate(credentials, start, most, known.refused, region, known.per_second, known.at)


def unlimited(credentials: str) -> e.WriteRate:
    """Of an identity whose rate nobody tells."""
    return e.WriteRate(credentials, inf)
