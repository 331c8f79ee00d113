"""What a run does while nothing can be asked for: it waits for a person, for a window that opens soon, or it ends.

Law: nothing that runs is cut. A window that is closed is an end with 8 and the moment of its next opening; that a
person is waited for stands in the journal, from which `core.report.outcome` makes 10.
"""

from collections.abc import Collection, Iterable

from orchestrator.core.decisions.context import Decision, Finished, Note, SchedulerContext, WaitUntil
from orchestrator.core.decisions.permission import HAIR, NEVER, Hold, HoldKind
from orchestrator.core.model.counts import count
from orchestrator.core.plan.plan import Gate
from orchestrator.core.state import events as e
from orchestrator.core.state.ends import End
from orchestrator.core.state.lifecycle import DeliveryState, PackageState
from orchestrator.errors import ExitCode

#: an opening is waited for where it is so near, seconds: a scheduler's clock and ours need not agree
SOON = 600.0
#: windows are looked at again after so many seconds at the latest: the wall clock may be stepped meanwhile
LOOK_AGAIN = 60.0
#: packages that no longer change by themselves
_AT_REST = frozenset({PackageState.STORED, PackageState.FAILED, PackageState.UNDECIDED})


def gate_reached(s: SchedulerContext, holds: Iterable[Hold]) -> Note | None:
    """Told once: everything that the gated imports need is exported, as far as it ever will be."""
    orders = s.progress.orders
    if not orders.hours.gated or orders.reached or not any(hold.kind is HoldKind.GATE for hold in holds):
        return None
    for name in s.progress.open:
        life = s.progress.deliveries[name]
        if orders.is_gated(life.scheduled.migration) and life.state is DeliveryState.WAITING:
            batches = (life.batch, *life.scheduled.backups)
            if any(s.progress.packages[batch].state not in _AT_REST for batch in batches):
                return None
    return Note((e.GateReached(Gate.IMPORTS.value),))


def waited(s: SchedulerContext, holds: Collection[Hold], now: float) -> Decision:
    """What to do where no step is under way and no other timer runs; `holds` is what jobs wait for."""
    kinds = {hold.kind for hold in holds}
    opens = min((hold.until for hold in holds if hold.kind is HoldKind.WINDOW), default=NEVER)
    if s.stopping or not kinds:
        return Finished()
    orders = s.progress.orders
    if HoldKind.GATE in kinds and not orders.reached:
        return Note((e.GateReached(Gate.IMPORTS.value),))
    if HoldKind.GATE in kinds or (HoldKind.ORDER in kinds and orders.stopped is None):
        s.person_since = s.person_since or now
        given_up = s.person_since + orders.hours.gate_timeout
        if now < given_up and not _is_over(s, now):
            return WaitUntil(min(given_up, soonest(opens, now)))
    elif opens - now <= SOON:
        return WaitUntil(soonest(opens, now))
    return Finished({"window": _window_end(s, opens, now)} if HoldKind.WINDOW in kinds else {})


def soonest(opens: float, now: float) -> float:
    """When to look again, where a job waits for an opening."""
    return min(opens, now + LOOK_AGAIN) if opens < NEVER else NEVER


def _is_over(s: SchedulerContext, now: float) -> bool:
    until = s.progress.orders.hours.until
    return bool(until) and now + s.wall_ahead >= until


def _window_end(s: SchedulerContext, opens: float, now: float) -> End:
    """Without a person, unless no window opens any more: nobody shall start it again and again for nothing."""
    left = count(len(s.progress.open), "delivery")
    hours = s.progress.orders.hours
    if hours.until:
        if _is_over(s, now):
            told = f"the time of --until is over, {left} open"
        else:
            told = f"no job that is left would end before --until, {left} open"
        return End(ExitCode.NOT_FINISHED, told, max(hours.until, opens + s.wall_ahead - HAIR if opens < NEVER else 0.0))
    if opens == NEVER:
        told = f"no window opens any more in which a job that is left would end, {left} open: change the plan's windows"
        return End(ExitCode.STOPPED, told)
    return End(ExitCode.NOT_FINISHED, f"the window is closed, {left} open", round(opens + s.wall_ahead - HAIR, 3))
