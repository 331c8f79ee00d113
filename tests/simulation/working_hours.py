"""Windows, gates, `--until` and the words of people, drawn for some nights. Law: a random stream of its own.

Each plan can still be carried out: every window is long enough for the longest job, and levels have hours in common.
"""

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from orchestrator.core.plan.plan import Gate, Plan
from orchestrator.core.plan.windows import DAYS, Window

#: epoch seconds at which every simulated night begins
DUSK = 1_790_000_000.0
#: the part of nights that have any of it
BOUND = 0.3
#: seconds of the night in which people give orders
EVENING = 2000.0
#: zones whose clocks do not change in the weeks of a simulated night
ZONES = ("Asia/Shanghai", "UTC", "America/Sao_Paulo", "Asia/Kolkata", "Europe/Berlin")
ORDERS = ("pause", "pause", "stop", "continue", "continue", "imports")


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says of the latest run, whether it fits or not."""

    #: virtual seconds after the night began
    at: float
    #: "pause", "stop", "continue" or "imports", which opens that gate
    order: str


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """What one seed decides of the time."""

    words: tuple[Word, ...] = ()
    #: for the first commands: seconds after which nothing more is asked for; 0 where `--until` is not given
    until: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class _Daily:
    """Opens each day at the same wall time."""

    opens: int
    minutes: int
    zone: str

    def windows(self) -> tuple[Window, ...]:
        return tuple(
            Window(self._at(day, self.opens), self._at(day, self.opens + self.minutes), self.zone) for day in range(7)
        )

    @staticmethod
    def _at(day: int, minute: int) -> str:
        days, minute = divmod(minute, 24 * 60)
        return f"{DAYS[(day + days) % 7]} {minute // 60:02}:{minute % 60:02}"


def drawn(seed: int, plan: Plan) -> tuple[Plan, WorkingHours]:
    """The plan with what this seed lays upon it."""
    draw = random.Random(f"{seed}/hours")
    if draw.random() >= BOUND:
        return plan, WorkingHours()
    if draw.random() < 0.6:
        plan = _with_windows(draw, plan)
    if draw.random() < 0.5:
        gated = [replace(each, gate=Gate.IMPORTS) if draw.random() < 0.7 else each for each in plan.migrations]
        plan = replace(plan, migrations=tuple(gated))
    settings = replace(plan.settings, gate_timeout=draw.choice((0.0, 600.0, 7200.0)))
    until = tuple(draw.uniform(200, 3000) for _ in range(draw.choice((0, 0, 0, 1, 2))))
    words = sorted((draw.uniform(0, EVENING), draw.choice(ORDERS)) for _ in range(draw.choice((0, 1, 2, 4))))
    return replace(plan, settings=settings), WorkingHours(tuple(Word(*word) for word in words), until)


def unbound(plan: Plan) -> Plan:
    """The plan without anything that makes it wait."""
    instances = {name: replace(each, windows=()) for name, each in plan.instances.items()}
    migrations = [replace(each, windows=(), export_ahead=False, gate=Gate.NONE) for each in plan.migrations]
    return replace(plan, windows=(), instances=instances, migrations=tuple(migrations))


def _minute_of(at: float, zone: str) -> int:
    """The minute of the day that a clock in that zone shows."""
    shown = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone))
    return shown.hour * 60 + shown.minute


def _with_windows(draw: random.Random, plan: Plan) -> Plan:
    """At one level or more; all open, or all close, at the same time, so that they have hours in common."""
    zone = draw.choice(ZONES)
    edge, at_edge = draw.randrange(24 * 60), draw.random() < 0.6
    if at_edge:  # the windows close while the night is young
        edge = _minute_of(DUSK, zone) + draw.randint(1, 40)

    def some() -> tuple[Window, ...]:
        minutes = draw.randint(6 * 60, 20 * 60)
        return _Daily((edge - minutes) % (24 * 60) if at_edge else edge, minutes, zone).windows()

    levels = draw.sample(("plan", "instance", "migration"), draw.choice((1, 1, 2, 3)))
    if "plan" in levels:
        plan = replace(plan, windows=some())
    if "instance" in levels:
        bound = draw.choice(sorted(plan.instances))
        plan = replace(plan, instances={**plan.instances, bound: replace(plan.instances[bound], windows=some())})
    if "migration" in levels:
        first, *rest = plan.migrations
        plan = replace(plan, migrations=(replace(first, windows=some()), *rest))
    ahead = [replace(each, export_ahead=draw.random() < 0.4) for each in plan.migrations]
    return replace(plan, migrations=tuple(ahead))
