"""Whether a scheduler may go on with a plan by itself. Law: only what needs no person, and not before its time."""

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.cli.context.find_run import plan_of
from orchestrator.engine.past_runs import read_run
from orchestrator.errors import RESTARTABLE
from orchestrator.storage.store import LocalStore


@dataclass(frozen=True, slots=True)
class NotDue:
    """Why nothing is to be done now."""

    why: str
    #: epoch seconds, where it becomes due by itself; else 0
    not_before: float = 0.0


def not_due(store: LocalStore, plan: str, now: Callable[[], float]) -> NotDue | None:
    """None where an unfinished run is to be gone on with; raises MemoryFailed where its journal cannot be read."""
    latest = next((run for run in reversed(store.run_ids()) if _is_whole(store, run, plan)), None)
    if latest is None or not read_run(store, latest).unfinished:
        return NotDue(f"plan {plan} has no unfinished run")
    if store.holder(plan) is not None:
        return NotDue(f"run {latest} is under way")
    end = store.home.last_end(plan)
    if end is None:  # killed, or the host went down
        return None
    if end.code not in RESTARTABLE:
        return NotDue(f"run {latest} ended with code {end.code}, which needs a person")
    if now() < end.not_before:
        return NotDue(f"run {latest} is not to go on yet", end.not_before)
    return None


def _is_whole(store: LocalStore, run: str, plan: str) -> bool:
    """Whether it is a run of this plan; a fleet's workers go on with those of components."""
    return plan_of(store, run) == plan and not store.component_of(run)
