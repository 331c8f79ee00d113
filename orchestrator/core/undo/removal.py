"""What a read says became of changes that jobs carry out. Law: a change is believed only by reading.

An object that is gone is a change that is done, whoever removed it. One that is still there when its job has ended is
asked for again, alone or in halves where the job failed, until the service has refused it by itself. What is restored
goes package by package; an import whose answer was lost is asked for again, as Merge repeats safely, and it is believed
only when a job that is known has ended and the object has changed since.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.core.model.counts import count
from orchestrator.core.model.inventory import App, Inventory, Reason, Task
from orchestrator.core.state.change_events import ChangesSettled
from orchestrator.core.state.changes import ChangeLife, Changes, ChangeState
from orchestrator.core.state.progress import Progress
from orchestrator.core.undo.provenance import image

#: deletions of one object that the service called successful before it counts as refused
MOST_ATTEMPTS = 3
#: answers to the same deletion lost before it counts as refused
MOST_SILENCES = 8


@dataclass(frozen=True, slots=True)
class Undo:
    """What a decision about some changes rests on beside them."""

    changes: Changes
    #: of the run that is taken back
    progress: Progress


def before_asking(lives: Sequence[ChangeLife], inventory: Inventory, undo: Undo) -> ChangesSettled:
    """What a read just before the request already settles: what is gone, and what a person has changed."""
    if lives[0].change.restores:
        return _before_restoring(lives, inventory, undo)
    done, different = [], []
    for life in lives:
        held = inventory.by_id.get(life.change.object)
        if held is None:
            done.append(life.change.id)
        elif why := _why_not(life, held, inventory, undo.changes):
            different.append((life.change.id, why))
    return ChangesSettled(tuple(done), (), tuple(different))


def _why_not(life: ChangeLife, held: App | Task, inventory: Inventory, changes: Changes) -> str:
    if image(held) != life.change.before:
        return "it was changed after the preview"
    if isinstance(held, App) and (users := [task.name for task in inventory.tasks if held.id in task.app_ids]):
        return f"task {users[0]} uses it"
    behind = (changes.lives[name] for name in life.change.behind)
    undone = [each.change for each in behind if each.state is not ChangeState.DONE]
    if not undone:
        return ""
    if undone[0].by_job:
        return f"{undone[0].name}, which needs it, was not restored"
    return f"what finish did to {undone[0].name} at {undone[0].instance} was not taken back"


def _before_restoring(lives: Sequence[ChangeLife], inventory: Inventory, undo: Undo) -> ChangesSettled:
    """Nothing, or that the whole package is left: importing it would undo what a person did to one of its assets."""
    told = {life.change.name: _changed(life, inventory) for life in lives}
    mine = {each.change.object for each in undo.changes.lives.values() if each.change.instance == inventory.instance}
    for asset in undo.progress.assets_of(lives[0].change.package):
        held = inventory.by_id.get(asset.id)
        if asset.id not in mine and (held is None or held.update_time != asset.update_time):
            told[asset.name] = "it was changed or removed after the preview"
    name, why = next(((name, why) for name, why in told.items() if why), ("", ""))
    if not why:
        return ChangesSettled()
    rest = f"its backup, which is imported whole, holds {name}: {why}"
    return ChangesSettled(different=tuple((life.change.id, told[life.change.name] or rest) for life in lives))


def _changed(life: ChangeLife, inventory: Inventory) -> str:
    """What a person did to an object since the preview, as far as it can be told from an import of ours that was lost.

    Merge repeats safely: once asked for, a changed update time is no reason to leave it half restored.
    """
    held = inventory.by_id.get(life.change.object)
    if held is None:
        return "it was removed after the preview"
    return "it was changed after the preview" if not life.attempts and image(held) != life.change.before else ""


def after_asking(lives: Sequence[ChangeLife], inventory: Inventory, late: bool) -> ChangesSettled | None:
    """What a read after the request settles; None while the service may only be late to show what it did."""
    open_ = [life for life in lives if not _is_done(life, inventory)]
    done = tuple(life.change.id for life in lives if life not in open_)
    if not open_:
        return ChangesSettled(done)
    if not late:
        return None
    again, refused = [], []
    for life in open_:
        why = _not_restored(life) if life.change.restores else _refusal(life)
        if why:
            refused.append((life.change.id, why))
        else:
            again.append(life.change.id)
    return ChangesSettled(done, tuple(again), (), tuple(refused))


def _is_done(life: ChangeLife, inventory: Inventory) -> bool:
    """It is gone; or it has changed since, and a job of ours is known to have imported its backup."""
    held = inventory.by_id.get(life.change.object)
    if not life.change.restores:
        return held is None
    return held is not None and life.ended and not life.failed and held.update_time != _time_before(life)


def _time_before(life: ChangeLife) -> str:
    return dict(life.change.before).get("update_time", "")


def _not_restored(life: ChangeLife) -> str:
    """Why its backup is not imported again; "" where it is: Merge repeats safely."""
    if life.failed and life.attempts >= MOST_ATTEMPTS:
        return _named(life) or f"its backup could not be imported: {_first(life)}"
    if life.ended and life.attempts >= MOST_ATTEMPTS:
        return f"nothing shows that it was restored by {life.attempts} imports that the service called {life.why}"
    return _unanswered(life)


def _refusal(life: ChangeLife) -> str:
    """Why an object that is still there is not asked for again; "" where it is."""
    if life.failed:
        return _named(life) or (_first(life) if life.together == 1 else "")
    if life.ended and life.attempts >= MOST_ATTEMPTS:
        return f"it is still there after {life.attempts} deletions that the service called {life.why}"
    return _unanswered(life)


def _unanswered(life: ChangeLife) -> str:
    """Why a request that is never answered is given up; "" where it is not yet."""
    if life.ended or life.attempts < MOST_SILENCES:
        return ""
    return f"no usable answer {count(life.attempts, 'time')} in a row: {life.why}"


def _named(life: ChangeLife) -> str:
    """What the service says of this object, "" where it does not name it."""
    return next((_told(each) for each in life.reasons if _fits(each, life)), "")


def _first(life: ChangeLife) -> str:
    """The first reason, whomever it names, else the word for how the job ended."""
    return _told(life.reasons[0]) if life.reasons else life.why


def _fits(reason: Reason, life: ChangeLife) -> bool:
    """A reason names it; names may be cut at 64 characters (API 1.4)."""
    name = reason.resource_name
    return bool(name) and (name == life.change.name or (len(name) >= 64 and life.change.name.startswith(name)))


def _told(reason: Reason) -> str:
    return " ".join(part for part in (reason.error_code, reason.error_msg) if part)
