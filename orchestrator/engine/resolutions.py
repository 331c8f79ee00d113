"""What an operator decides of an unknown outcome, on a live run or a dead one.

Law: only what is undecided can be decided.
"""

from collections.abc import Sequence

from orchestrator.core.decisions import splitting
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Event
from orchestrator.core.state.lifecycle import Delivery, DeliveryState, Package, PackageState
from orchestrator.core.state.progress import Progress

OUTCOMES = ("imported", "absent", "partial", "quarantine", "job-ended")


class Operators:
    """Turns an operator's request into events, or says why not."""

    def answer(self, progress: Progress, request: Event) -> tuple[Sequence[Event], str]:
        """(events to journal, what to tell the operator); no events where the request does not fit."""
        if isinstance(request, e.HandoverDone):
            return (request,), f"{request.item}: recorded as done"
        if not isinstance(request, e.Resolved):
            return (), "this run does not understand the request"
        if request.subject in progress.deliveries:
            return self._delivery(progress, progress.deliveries[request.subject], request)
        if request.subject in progress.packages:
            return self._package(progress.packages[request.subject], request)
        return (), f"this run has no batch {request.subject}"

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
