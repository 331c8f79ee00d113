"""What an operator decides of an unknown outcome, or orders of a run, live or dead.

Law: only what is undecided can be decided, and only what was ordered can be ended.
"""

from collections.abc import Sequence

from orchestrator.core.decisions import splitting
from orchestrator.core.plan.plan import TASKS
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Event
from orchestrator.core.state.lifecycle import Delivery, DeliveryState, Package, PackageState
from orchestrator.core.state.orders import Orders
from orchestrator.core.state.progress import Progress

OUTCOMES = ("imported", "absent", "partial", "quarantine", "job-ended")


class Operators:
    """Turns an operator's request into events, or says why not."""

    def answer(self, progress: Progress, request: Event) -> tuple[Sequence[Event], str]:
        """(events to journal, what to tell the operator); no events where the request does not fit."""
        if isinstance(request, e.HandoverDone):
            return (request,), f"{request.item}: recorded as done"
        if isinstance(request, e.RunPaused | e.RunStopped | e.RunContinued):
            return self._order(progress, request)
        if not isinstance(request, e.Resolved):
            return (), "this run does not understand the request"
        if request.subject in progress.deliveries:
            return self._delivery(progress, progress.deliveries[request.subject], request)
        if request.subject in progress.packages:
            return self._package(progress.packages[request.subject], request)
        return (), f"this run has no batch {request.subject}"

    def _order(
        self, progress: Progress, request: e.RunPaused | e.RunStopped | e.RunContinued
    ) -> tuple[Sequence[Event], str]:
        orders = progress.orders
        if isinstance(request, e.RunContinued) and request.gate == TASKS:
            return _open_tasks(orders, request)
        if progress.ended is not None:
            return (), "this run has ended: nothing is left to be ordered"
        match request:
            case e.RunPaused() if orders.halt is not None:
                return (), f"this run is {_halted(orders)} already"
            case e.RunPaused():
                return (request,), "recorded: paused; what runs is waited for, and no job is asked for"
            case e.RunStopped() if orders.stopped is not None:
                return (), f"this run is {_halted(orders)} already"
            case e.RunStopped():
                return (request,), "recorded: stopped; what runs is waited for, then the run ends with code 10"
            case e.RunContinued(gate=""):
                return self._continued(orders, request)
            case e.RunContinued(gate=gate) if not orders.hours.gated:
                return (), f"no migration of this run has a gate before its {gate}"
            case e.RunContinued(gate=gate) if (opened := orders.opened.get(gate)) is not None:
                return (), f"the gate before the {gate} was opened already, by {opened.by} on {opened.host}"
            case e.RunContinued(gate=gate):
                still = f"; it is still {_halted(orders)}" if orders.halt is not None else ""
                return (request,), f"recorded: the gate before the {gate} is open{still}"

    @staticmethod
    def _continued(orders: Orders, request: e.RunContinued) -> tuple[Sequence[Event], str]:
        if orders.halt is not None:
            return (request,), f"recorded: it is no longer {_halted(orders)}"
        if gate := orders.waits_at:
            return (), f"this run is neither paused nor stopped; it waits at a gate: say continue --gate {gate}"
        return (), "this run is neither paused nor stopped"

    def _delivery(self, progress: Progress, life: Delivery, request: e.Resolved) -> tuple[Sequence[Event], str]:
        if life.state is not DeliveryState.UNDECIDED:
            return (), f"{life.id} is {life.state}: there is nothing to decide"
        if request.outcome == "job-ended" and not life.overdue:
            return (), f"{life.id}: no job of it is overdue; say imported, absent, partial or quarantine"
        if request.outcome != "partial":
            return (request,), f"{life.id}: recorded as {request.outcome}"
        if not life.landed:
            return (), f"{life.id}: the last look saw nothing of it there; say absent, imported or quarantine"
        rest = tuple(a.id for a in progress.assets_of(life.batch) if a.id not in set(life.landed))
        parts = [splitting.Part(life.landed, "landed"), splitting.Part(rest, "waiting")]
        followed = splitting.split(progress, life, parts, "resolved")
        return (request, *followed), f"{life.id}: recorded as partial: the rest is brought as a batch of its own"

    @staticmethod
    def _package(life: Package, request: e.Resolved) -> tuple[Sequence[Event], str]:
        if life.state is not PackageState.UNDECIDED:
            return (), f"batch {life.batch} is {life.state}: there is nothing to decide"
        allowed = ("job-ended", "absent") if life.overdue else ("imported", "absent", "quarantine")
        if request.outcome not in allowed:
            return (), f"batch {life.batch}: say {' or '.join(allowed)}"
        return (request,), f"batch {life.batch}: recorded as {request.outcome}"


def _open_tasks(orders: Orders, request: e.RunContinued) -> tuple[Sequence[Event], str]:
    """This gate lies behind the run's end: `finish` asks for it, live or not."""
    if (opened := orders.opened.get(TASKS)) is not None:
        return (), f"the gate before the {TASKS} was opened already, by {opened.by} on {opened.host}"
    return (request,), f"recorded: the gate before the {TASKS} is open; finish does them from now on"


def _halted(orders: Orders) -> str:
    """`paused by olga on host`."""
    halt = orders.halt
    if halt is None:
        return "going on"
    return f"{'paused' if halt is orders.paused else 'stopped'} by {halt.by} on {halt.host}"
