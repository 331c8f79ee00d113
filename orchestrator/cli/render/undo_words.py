"""What became of an undo's changes, in words for people: `removed` and not `done`."""

from collections import Counter
from collections.abc import Iterable

from orchestrator.core.model.change import Change
from orchestrator.core.state.changes import Changes, ChangeState

_WORDS = {
    ("remove", ChangeState.DONE.value): "removed",
    ("restore", ChangeState.DONE.value): "restored",
    ("take-back", ChangeState.DONE.value): "taken back of its finishing",
    ("remove", ChangeState.PENDING.value): "not removed yet",
    ("restore", ChangeState.PENDING.value): "not restored yet",
    ("take-back", ChangeState.PENDING.value): "not taken back yet",
    ("remove", ChangeState.UNSURE.value): "asked for, and not known to be gone",
    ("restore", ChangeState.UNSURE.value): "asked for, and not known to be restored",
    ("take-back", ChangeState.UNSURE.value): "asked for, and not known to be taken back",
    ("leave", "left"): "left alone",
}


def change_words(action: str, state: str) -> str:
    """What became of one object; `action` is remove, restore, take-back or leave, as a report's document says it."""
    return _WORDS.get((action, state), state)


def changes_told(changes: Iterable[tuple[str, str]]) -> str:
    """`458 removed, 2 different` of (action, state); "" where there are none."""
    found = Counter(change_words(*each) for each in changes)
    return ", ".join(f"{number:,} {word}" for word, number in found.items())


def taken_back(changes: Changes) -> str:
    """Whether a run was taken back, in a word or two; "" where nobody has asked for that."""
    if changes.began is None:
        return ""
    if changes.ended is None:
        return "its undo has not ended"
    what = f"what finish did ({', '.join(changes.steps)}) is " if changes.steps else ""
    return f"{what}taken back" if changes.ended.code == 0 else f"{what}taken back in part"


def action_of(change: Change) -> str:
    """What an undo does with an object: remove, restore, or take-back of what `finish` did."""
    if not change.by_job:
        return "take-back"
    return "restore" if change.restores else "remove"
