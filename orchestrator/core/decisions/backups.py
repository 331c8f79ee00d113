"""What a Merge may overwrite lies in the vault before it is asked for. Law: no backup, no import over what is there.

A backup is a batch of the target that travels nowhere: it is exported in the target's slot, waited for, downloaded and
checked as any other. The schedule holds those that the preview foresaw. What came to bear one of the names since, or
has changed, is found by the listing before the import, and backed up too.
"""

from collections.abc import Sequence

from orchestrator.core.decisions import splitting
from orchestrator.core.decisions.context import Note, SchedulerContext
from orchestrator.core.model.parts import in_parts
from orchestrator.core.plan.plan import Mode
from orchestrator.core.state import events as e
from orchestrator.core.state.identity import Batch, backup_of
from orchestrator.core.state.lifecycle import Delivery, DeliveryState, PackageState
from orchestrator.core.state.subjects import Subject


def lacking(s: SchedulerContext, life: Delivery) -> Note | None:
    """The backups that the latest listing shows to be needed beside those that were chosen; None where none is."""
    if not life.scheduled.backup or life.scheduled.mode != Mode.MERGE.value or life.look is None:
        return None
    times, seen = dict(life.look.times), life.look.seen
    held = {(each.id, each.update_time) for batch in life.scheduled.backups for each in s.progress.assets_of(batch)}
    found = [
        e.Asset(there, asset.kind, s.names(life, asset)[0], times.get(there, ""))
        for asset in s.progress.assets_of(life.batch)
        if not life.attempt or asset.id in life.unlooked
        for there in seen.get(asset.id, ())
        if (there, times.get(there, "")) not in held
    ]
    if found:
        ours = _touched(s, life)
        found = [each for each in found if each.id not in ours]
    if not found:
        return None
    made = [_scheduled(s, life, part) for part in in_parts(found, s.settings.batch_size)]
    new = [each for each in made if each.batch not in s.progress.batches]
    chosen = tuple(dict.fromkeys((*life.scheduled.backups, *(each.batch for each in made))))
    return Note((*new, e.BackupsChosen(life.id, chosen, "it came, or has changed, since the run began")))


def _touched(s: SchedulerContext, life: Delivery) -> set[str]:
    """What this run has brought or may have overwritten there by other imports: no state of before the run any more."""
    found: set[str] = set()
    for other in s.progress.deliveries.values():
        if other.target != life.target or other.id == life.id or not other.attempt:
            continue
        for asset in s.progress.assets_of(other.batch):
            for look in (other.baseline, other.look):
                found.update(look.seen.get(asset.id, ()) if look is not None else ())
            found.update(there for name, there in other.verified.ids if name == asset.id) if other.verified else None
    return found


def _scheduled(
    s: SchedulerContext, life: Delivery, assets: Sequence[e.Asset], like: e.BatchScheduled | None = None
) -> e.BatchScheduled:
    """A backup of these assets; of those of `like`, which failed, where it is given."""
    batch = _batch(life.target, assets)
    if like is None:
        position = s.progress.batches[life.batch].position
        return e.BatchScheduled(batch.id, life.target, tuple(assets), (life.scheduled.owner,), position, backup=True)
    return e.BatchScheduled(
        batch.id, life.target, tuple(assets), like.exporters, like.position, backup=True, instead_of=like.batch
    )


def _batch(instance: str, assets: Sequence[e.Asset]) -> Batch:
    apps = [(each.id, each.update_time) for each in assets if each.kind == "app"]
    return backup_of(instance, apps, [(each.id, each.update_time) for each in assets if each.kind != "app"])


# --- a backup that the service refuses -----------------------------------------------------------------------------


def after_failure(s: SchedulerContext, batch: str) -> Note | None:
    """What cannot be backed up is not overwritten: it is set aside, and the rest is backed up in parts (promise 7)."""
    lives = [life for life in s.progress.deliveries_of(batch) if life.state is DeliveryState.WAITING]
    if not lives or any(Subject.delivery(life.id) in s.active for life in lives):
        return None
    scheduled, package = s.progress.batches[batch], s.progress.packages[batch]
    said = {each.id: splitting.words_for(each, package.reasons, {}) for each in scheduled.assets}
    words = package.words or e.ErrorDetail("job", message="failed without a reason")
    named = {name: found for name, found in said.items() if found is not None}
    if len(scheduled.assets) == 1:
        named = {scheduled.assets[0].id: named.get(scheduled.assets[0].id, words)}
    for life in lives:
        aside = _poisoned(s, life, {each: named[each.id] for each in scheduled.assets if each.id in named})
        if aside:
            return Note(_set_aside(s, life, aside))
    parts = _rest(scheduled, named)
    made = [_scheduled(s, lives[0], part, scheduled) for part in parts]
    new = [each for each in made if each.batch not in s.progress.batches]
    chosen = [
        e.BackupsChosen(life.id, _instead(life.scheduled.backups, batch, [each.batch for each in made]), "in parts")
        for life in lives
    ]
    return Note((*new, *chosen))


def _rest(scheduled: e.BatchScheduled, named: dict[str, e.ErrorDetail]) -> list[tuple[e.Asset, ...]]:
    """What is to be backed up all the same: without what was named, or in halves where nothing was."""
    if named:
        rest = tuple(each for each in scheduled.assets if each.id not in named)
        return [rest] if rest else []
    middle = (len(scheduled.assets) + 1) // 2
    return [scheduled.assets[:middle], scheduled.assets[middle:]]


def _instead(backups: Sequence[str], old: str, new: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*(each for each in backups if each != old), *new]))


def _poisoned(s: SchedulerContext, life: Delivery, bad: dict[e.Asset, e.ErrorDetail]) -> dict[str, e.ErrorDetail]:
    """Assets of a delivery that would overwrite what cannot be backed up: id -> the service's words."""
    found: dict[str, e.ErrorDetail] = {}
    for asset in s.progress.assets_of(life.batch):
        for there, words in bad.items():
            if asset.kind == there.kind and there.name in s.names(life, asset):
                told = f"what it would overwrite cannot be backed up: {words.message}"[:300]
                found[asset.id] = e.ErrorDetail("no-backup", words.code, told, words.request_id)
    return found


def _set_aside(s: SchedulerContext, life: Delivery, aside: dict[str, e.ErrorDetail]) -> tuple[e.Event, ...]:
    assets = [asset.id for asset in s.progress.assets_of(life.batch)]
    if len(assets) == 1:
        return (e.Quarantined(life.id, aside[assets[0]]),)
    parts = [splitting.Part((each,), "quarantined", words) for each, words in aside.items()]
    rest = splitting.Part(tuple(each for each in assets if each not in aside), "waiting")
    return splitting.split(s.progress, life, [*parts, rest], "no-backup")


def failed_backups(s: SchedulerContext, life: Delivery) -> list[str]:
    """Backups that it waits for and that the service refuses."""
    return [each for each in life.scheduled.backups if s.progress.packages[each].state is PackageState.FAILED]
