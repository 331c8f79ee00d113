"""What a Merge overwrote and a backup can put back. Law: a package is imported whole, or not at all.

An object is restored where it was changed after its backup was taken, and by this run: ROMA's own update times tell
both. Where a person has changed, removed or started one since, no package that holds it is imported, because that would
undo the person's work too; whoever wants that names the object with `--include`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from orchestrator.core.model.inventory import App, Inventory, Task, moment_of
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Asset
from orchestrator.core.state.lifecycle import Delivery, PackageState
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.undecided import is_undecided

#: seconds by which a time of ROMA's may be off: its clock is known to the second, and its lists tell whole seconds
SLACK = 2.0
#: why what changed in such a moment is left
UNSEEN = "may have been changed by a person: it was changed while no process of ours watched"
#: (target, id there)
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Held:
    """What one target holds now."""

    inventory: Inventory
    #: seconds by which ROMA's clock is ahead of ours
    ahead: float = 0.0


@dataclass(frozen=True, slots=True)
class Overwritten:
    """One object that the run overwrote."""

    migration: str
    target: str
    #: its name at the source
    name: str
    #: as it was when it was backed up
    asset: Asset
    object: App | Task
    #: the batch whose package holds it as it was
    backup: str
    #: who imports that
    credentials: str
    #: why it stays as it is; "" where it is restored
    why: str = ""

    @property
    def key(self) -> Key:
        return self.target, self.object.id


@dataclass(frozen=True, slots=True)
class Restoration:
    """What of the backups is to be imported, and what becomes of the rest."""

    #: whole packages, in the order in which they were taken
    restored: tuple[Overwritten, ...] = ()
    left: tuple[Overwritten, ...] = ()
    #: whatever a backup holds: it was there before, and nothing else is said of it
    known: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class Choice:
    """What the operator wants, as questions."""

    #: whether it is to be taken back
    chosen: Callable[["Overwritten"], bool]
    #: (kind, name) -> whether it goes although it was changed since, or runs
    included: Callable[[str, str], bool]


@dataclass(slots=True)
class _Backup:
    """One backup and what was imported over it."""

    scheduled: e.BatchScheduled
    lives: list[Delivery] = field(default_factory=list)


def restoration(progress: Progress, targets: Mapping[str, Held], choice: Choice) -> Restoration:
    """What can be put back now."""
    known: set[Key] = set()
    restored: list[Overwritten] = []
    left: list[Overwritten] = []
    for backup in _backups(progress):
        target = backup.scheduled.source
        known |= {(target, asset.id) for asset in backup.scheduled.assets}
        held = targets[target]
        told = [each for asset in backup.scheduled.assets for each in _changed(progress, backup, asset, held)]
        wanted = [each for each in told if choice.chosen(each)]
        if not wanted or all((target, each.object.id) in progress.changes.restored for each in told):
            continue
        why = _stands_against(progress, backup, held, choice) or _not_chosen(told, wanted)
        if why is not None:
            left += [_because(each, *why) for each in wanted]
        else:
            restored += told
    return Restoration(tuple(restored), tuple(left), frozenset(known))


def kept_until(progress: Progress, seconds: float) -> float:
    """Until when every backup of the run is kept, epoch seconds; 0 where it has none in the vault."""
    stored = [progress.packages[name].since for name, batch in progress.batches.items() if batch.backup
              and progress.packages[name].state is PackageState.STORED]  # fmt: skip
    return min(stored) + seconds if stored else 0.0


def _backups(progress: Progress) -> Iterator[_Backup]:
    """Those over which something was imported."""
    found: dict[str, _Backup] = {}
    for life in progress.deliveries.values():
        for name in life.scheduled.backups if life.attempt else ():
            found.setdefault(name, _Backup(progress.batches[name])).lives.append(life)
    return (found[name] for name in progress.batches if name in found)


def _changed(progress: Progress, backup: _Backup, asset: Asset, held: Held) -> Iterator[Overwritten]:
    """The object, where it is not as its backup holds it; an earlier backup of it does not count."""
    there = held.inventory.by_id.get(asset.id)
    lives = _over(progress, backup, asset)
    if there is None or not lives or (there.update_time and there.update_time == asset.update_time):
        return
    life, name = lives[0]
    made = life.scheduled
    yield Overwritten(made.migration, made.target, name, asset, there, backup.scheduled.batch, made.owner)


def _over(progress: Progress, backup: _Backup, asset: Asset) -> list[tuple[Delivery, str]]:
    """The imports that may have overwritten an object, because their baseline names it; the name at the source."""
    return [
        (life, each.name)
        for life in backup.lives
        for each in progress.assets_of(life.batch)
        if life.baseline is not None and asset.id in life.baseline.seen.get(each.id, ())
    ]


def _stands_against(progress: Progress, backup: _Backup, held: Held, choice: Choice) -> tuple[str, str] | None:
    """(name of the object, why) that keeps the whole package from being imported; None where nothing does."""
    package = progress.packages[backup.scheduled.batch]
    if package.state is not PackageState.STORED:
        return "", f"its backup is not in the vault any more ({package.state})"
    for asset in backup.scheduled.assets:
        there = held.inventory.by_id.get(asset.id)
        if there is None:
            return asset.name, "was removed since"
        if not choice.included(asset.kind, there.name) and (why := _why(progress, backup, asset, there, held.ahead)):
            return there.name, why
    return None


def _why(progress: Progress, backup: _Backup, asset: Asset, there: App | Task, ahead: float) -> str:
    lives = [life for life, _ in _over(progress, backup, asset)]
    if any(map(is_undecided, lives)):
        return "was imported, and the outcome is undecided: resolve it first"
    if isinstance(there, Task) and there.running:
        return "runs"
    if (backup.scheduled.source, asset.id) in progress.changes.restored or there.update_time == asset.update_time:
        return ""
    if not there.update_time:
        return "does not tell when it was changed, so that nothing shows whether a person has changed it"
    seen = {time for life in lives for time in _seen_after(life, asset.id)} - {asset.update_time}
    moment = moment_of(there.update_time)
    if not seen and moment is not None:
        if any(unseen(life, moment, ahead) for life in lives):
            return f"{UNSEEN}, at {there.update_time}"
        last = max((over_at(life, ahead) for life in lives), default=0.0)
        return f"was changed since the run, at {there.update_time}" if moment > last + SLACK else ""
    return "" if there.update_time in seen else f"was changed since the run, at {there.update_time}"


def over_at(life: Delivery, ahead: float) -> float:
    """When its import was over, by ROMA's clock: when we knew, or where nobody of ours watched, as the job says."""
    if life.unwatched and life.over_at:
        return life.over_at
    return (life.landed_at or life.since) + ahead


def unseen(life: Delivery, moment: float, ahead: float) -> bool:
    """Whether a change at that moment, by ROMA's clock, may be its import's as well as a person's."""
    begin, end = life.gap
    return life.unwatched and not life.over_at and begin + ahead - SLACK < moment <= end + ahead + SLACK


def _seen_after(life: Delivery, asset: str) -> Iterator[str]:
    """Update times that a read behind an import has shown; nothing where a person may have come in between."""
    if life.unwatched:
        return
    for times in (life.verified.times if life.verified else (), life.look.times if life.look else ()):
        yield from (time for there, time in times if there == asset)


def _not_chosen(told: Sequence[Overwritten], wanted: Sequence[Overwritten]) -> tuple[str, str] | None:
    others = [each for each in told if each not in wanted]
    return (others[0].object.name, "is not among what shall be taken back") if others else None


def _because(each: Overwritten, name: str, what: str) -> Overwritten:
    if not name:
        return replace(each, why=what)
    own = name == each.object.name
    return replace(
        each, why=f"it {what}" if own else f"its backup, which is imported whole, holds {name}, which {what}"
    )
