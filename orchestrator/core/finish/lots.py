"""Which changes go in one request, and when: for `finish` and `undo` alike. Law: pure; promised order, no more.

At one instance what has a lower wave is settled before; anywhere, what a change is behind is settled before. Whether it
was done is asked just before the write, by whoever carries it out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.core.model.change import Change
from orchestrator.core.state.changes import ChangeLife, Changes, ChangeState


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be asked before this moment, epoch seconds."""

    until: float


@dataclass(frozen=True, slots=True)
class Behind:
    """Nothing can be asked before changes at these other instances are settled."""

    instances: frozenset[str]


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


def next_lot(
    lives: Sequence[ChangeLife], every: Mapping[str, ChangeLife], most: Callable[[Change], int], now: float
) -> list[ChangeLife] | Wait | Behind | None:
    """Changes to ask for now: of the lowest wave, of one identity and one request; None where nothing is pending.

    `lives` is what is open at one instance, `every` all changes by id, `most` how many of a kind one request carries.
    """
    pending = [life for life in lives if life.state is ChangeState.PENDING]
    if not pending:
        return None
    wave = min(life.change.wave for life in lives)
    ready = [life for life in pending if life.change.wave == wave]
    free = [life for life in ready if not _before(life, every)]
    due = [life for life in free if life.not_before <= now]
    if not due:
        if free:
            return Wait(min(life.not_before for life in free))
        behind = frozenset(each.change.instance for life in ready for each in _before(life, every))
        return Behind(behind) if ready else None
    return _lot(due, most(due[0].change))


def not_done_before(life: ChangeLife, every: Mapping[str, ChangeLife]) -> ChangeLife | None:
    """A settled change that it is behind and that was not done, None where all were."""
    behind = (every[name] for name in life.change.behind if name in every)
    return next((each for each in behind if each.settled and each.state is not ChangeState.DONE), None)


def _before(life: ChangeLife, every: Mapping[str, ChangeLife]) -> list[ChangeLife]:
    """What must be settled first and is not."""
    return [every[name] for name in life.change.behind if name in every and not every[name].settled]


def _lot(due: Sequence[ChangeLife], most: int) -> list[ChangeLife]:
    first = due[0]
    if first.change.restores:
        return [life for life in due if life.change.package == first.change.package]
    limit = max(1, (first.together + 1) // 2) if first.failed else most
    return [life for life in due if _alike(life) == _alike(first)][: min(limit, most)]


def _alike(life: ChangeLife) -> tuple[object, ...]:
    """One request carries what is equal in this."""
    change = life.change
    # A job removes applications and tasks together.
    return ("" if change.by_job else change.kind), change.restores, change.credentials, life.failed, life.together
