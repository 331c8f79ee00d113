"""Which changes go in one request, and what a read says became of them. Law: a change is believed only by reading.

An object that is gone is a change that is done, whoever removed it. One that is still there when its job has ended is
asked for again, alone or in halves where the job failed, until the service has refused it by itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.core.model.counts import count
from orchestrator.core.model.inventory import Inventory, Reason
from orchestrator.core.state.change_events import ChangesSettled
from orchestrator.core.state.changes import ChangeLife, Changes, ChangeState
from orchestrator.core.undo.provenance import image

#: deletions of one object that the service called successful before it counts as refused
MOST_ATTEMPTS = 3
#: answers to the same deletion lost before it counts as refused
MOST_SILENCES = 8


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be asked before this moment, epoch seconds."""

    until: float


def open_lives(changes: Changes, instance: str) -> list[ChangeLife]:
    """What is not settled at an instance, in the order of the plan."""
    return [life for life in changes.lives.values() if life.change.instance == instance and not life.settled]


def asked_together(lives: Sequence[ChangeLife]) -> list[ChangeLife]:
    """The unsure changes of one request: those of the earliest one."""
    unsure = [life for life in lives if life.state is ChangeState.UNSURE]
    if not unsure:
        return []
    first = min(unsure, key=lambda life: life.asked_at)
    return [life for life in unsure if life.asked_at == first.asked_at and life.job == first.job]


def next_group(lives: Sequence[ChangeLife], size: int, now: float) -> list[ChangeLife] | Wait | None:
    """Up to `size` changes to ask for now: of the lowest wave, of one identity; None where nothing is pending."""
    pending = [life for life in lives if life.state is ChangeState.PENDING]
    if not pending:
        return None
    wave = min(life.change.wave for life in lives)
    ready = [life for life in pending if life.change.wave == wave]
    due = [life for life in ready if life.not_before <= now]
    if not due:
        return Wait(min(life.not_before for life in ready)) if ready else None
    first = due[0]
    limit = max(1, (first.together + 1) // 2) if first.failed else size
    alike = [
        life
        for life in due
        if life.change.credentials == first.change.credentials
        and (life.failed, life.together) == (first.failed, first.together)
    ]
    return alike[: min(limit, size)]


def before_asking(lives: Iterable[ChangeLife], inventory: Inventory) -> ChangesSettled:
    """What a read just before the request already settles: what is gone, and what a person has changed."""
    done, different = [], []
    for life in lives:
        held = inventory.by_id.get(life.change.object)
        if held is None:
            done.append(life.change.id)
        elif image(held) != life.change.before:
            different.append((life.change.id, "it was changed after the preview"))
    return ChangesSettled(tuple(done), (), tuple(different))


def after_asking(lives: Sequence[ChangeLife], inventory: Inventory, late: bool) -> ChangesSettled | None:
    """What a read after the request settles; None while the service may only be late to show what it did."""
    there = [life for life in lives if life.change.object in inventory.by_id]
    done = tuple(life.change.id for life in lives if life.change.object not in inventory.by_id)
    if not there:
        return ChangesSettled(done)
    if not late:
        return None
    again, refused = [], []
    for life in there:
        why = _refusal(life)
        if why:
            refused.append((life.change.id, why))
        else:
            again.append(life.change.id)
    return ChangesSettled(done, tuple(again), (), tuple(refused))


def _refusal(life: ChangeLife) -> str:
    """Why an object that is still there is not asked for again; "" where it is."""
    if life.failed:
        named = next((_told(each) for each in life.reasons if _fits(each, life)), "")
        return named or ((_told(life.reasons[0]) if life.reasons else life.why) if life.together == 1 else "")
    if life.ended and life.attempts >= MOST_ATTEMPTS:
        return f"it is still there after {life.attempts} deletions that the service called {life.why}"
    if not life.ended and life.attempts >= MOST_SILENCES:
        return f"no usable answer {count(life.attempts, 'time')} in a row: {life.why}"
    return ""


def _fits(reason: Reason, life: ChangeLife) -> bool:
    """A reason names it; names may be cut at 64 characters (API 1.4)."""
    name = reason.resource_name
    return bool(name) and (name == life.change.name or (len(name) >= 64 and life.change.name.startswith(name)))


def _told(reason: Reason) -> str:
    return " ".join(part for part in (reason.error_code, reason.error_msg) if part)
