"""Whether a job may be asked for now: windows, gates, pauses and stops. Law: one door for all of them.

A window must be open at every level that names one, and the job must be expected to end before it closes, at P90
(promise 19). What waits for a person's word is not asked for before that word is in the journal (promise 18). Windows
rest on the wall clock as it stands; what is answered here is in the run's own time, which no step of that clock moves.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.core.decisions.context import SchedulerContext
from orchestrator.core.plan.windows import Levels
from orchestrator.core.state.lifecycle import Delivery, DeliveryState
from orchestrator.core.state.slots import JobKind
from orchestrator.core.state.subjects import Subject, SubjectKind

NEVER = float("inf")
#: seconds by which a window is looked at behind its opening: clocks are read one after another, and rounded
HAIR = 0.05


class HoldKind(StrEnum):
    """What a job waits for."""

    #: an opening, or one that is long enough
    WINDOW = "window"
    #: a person who opens a gate
    GATE = "gate"
    #: a person who ends a pause or a stop
    ORDER = "order"


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a job may not be asked for now."""

    kind: HoldKind
    #: when it may be, in the run's time; infinite where only a person knows, or no window opens any more
    until: float = NEVER
    #: a window is open, and too little is left of it: where shorter jobs are learned of, it may do after all
    short: bool = False


def hold_of(s: SchedulerContext, subject: Subject, now: float) -> Hold | None:
    """What the job that this subject waits to ask for must wait for; None where it may be asked for."""
    orders = s.progress.orders
    if not orders.hours.bind and orders.halt is None and not s.hearing:
        return None
    if subject.kind is SubjectKind.PACKAGE:
        return hold_of_export(s, subject.id, now)
    life = s.progress.deliveries[subject.id]
    return hold_of_probe(s, life, now) if life.state is DeliveryState.IMPORT_UNSURE else hold_of_import(s, life, now)


def hold_of_import(s: SchedulerContext, life: Delivery, now: float) -> Hold | None:
    orders, migration = s.progress.orders, life.scheduled.migration
    if hold := _by_order(s):
        return hold
    if orders.is_gated(migration):
        return Hold(HoldKind.GATE)
    seconds = s.longest(life.target, JobKind.IMPORT, len(s.ids_of(life)))
    return _by_windows(s, orders.hours.of_import(life.target, migration), seconds, now)


def hold_of_export(s: SchedulerContext, batch: str, now: float) -> Hold | None:
    """It may be asked for as soon as one of those that wait for its package may have it asked for."""
    if hold := _by_order(s):
        return hold
    scheduled, hours = s.progress.batches[batch], s.progress.orders.hours
    seconds = s.longest(scheduled.source, JobKind.EXPORT, len(scheduled.assets))
    ways = {hours.of_export(scheduled.source, name) for name in _migrations_of(s, batch)}
    holds = [_by_windows(s, levels, seconds, now) for levels in ways]
    held = [hold for hold in holds if hold is not None]
    return min(held, key=lambda hold: hold.until) if held and len(held) == len(holds) else None


def hold_of_probe(s: SchedulerContext, life: Delivery, now: float) -> Hold | None:
    """A probe is a job too, although it only asks whether the slot is idle."""
    if hold := _by_order(s):
        return hold
    seconds = s.longest(life.target, JobKind.EXPORT, 1)
    return _by_windows(s, s.progress.orders.hours.of_instance(life.target), seconds, now)


def _by_order(s: SchedulerContext) -> Hold | None:
    return Hold(HoldKind.ORDER) if s.hearing or s.progress.orders.halt is not None else None


def _by_windows(s: SchedulerContext, levels: Levels, seconds: float, now: float) -> Hold | None:
    wall, until = now + s.wall_ahead, s.progress.orders.hours.until or NEVER
    if wall >= until:
        return Hold(HoldKind.WINDOW)
    found = s.calendar.first(levels, wall, seconds)
    if found is None or found.begins + seconds > until:
        return Hold(HoldKind.WINDOW, short=True)
    if found.begins > wall:
        return Hold(HoldKind.WINDOW, found.begins - s.wall_ahead + HAIR, short=_is_open(s, levels, wall))
    return None


def _is_open(s: SchedulerContext, levels: Levels, wall: float) -> bool:
    found = s.calendar.first(levels, wall)
    return found is not None and found.begins <= wall


def _migrations_of(s: SchedulerContext, batch: str) -> Iterable[str]:
    return {each.scheduled.migration for each in s.progress.deliveries_of(batch) if s.importable(each)}
