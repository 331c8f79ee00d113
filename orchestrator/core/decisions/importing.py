"""What to do with a delivery now.

Law: nothing is imported whose needs have not landed, or over a name that others hold.
"""

from orchestrator.core.decisions import backups, splitting, steps, target_evidence
from orchestrator.core.decisions.context import (
    BASELINE_AGE,
    MOST_SILENCES,
    PRESUMED_AGE,
    Answer,
    Later,
    Note,
    Refer,
    SchedulerContext,
    Want,
    unanswered,
)
from orchestrator.core.decisions.lost_imports import settle
from orchestrator.core.scheduling.forecast import JobDuration, PlannedImport, tails_of
from orchestrator.core.scheduling.policy import Work
from orchestrator.core.state import events as e
from orchestrator.core.state.lifecycle import Delivery, DeliveryState, PackageState
from orchestrator.core.state.slots import JobKind
from orchestrator.core.state.subjects import Subject, SubjectKind


def delivery_answer(s: SchedulerContext, life: Delivery, now: float) -> Answer:
    where = (life.id, life.target, life.scheduled.owner)
    if s.abandoning and life.state in {DeliveryState.WAITING, DeliveryState.FAILED}:
        return None
    match life.state:
        case DeliveryState.WAITING:
            return waiting(s, life, now)
        case DeliveryState.IMPORT_UNSURE:
            return settle(s, life, now)
        case DeliveryState.IMPORTING:
            return steps.AwaitImport(*where, life.job, life.since)
        case DeliveryState.IMPORTED:
            return steps.Verify(*where)
        case DeliveryState.FAILED:
            return failed(s, life, now)
        case _:
            return None


def waiting(s: SchedulerContext, life: Delivery, now: float) -> Answer:
    source = s.progress.source_of(life)
    fates = [s.progress.fate.get((life.scheduled.place, source, need)) for need in life.scheduled.needs]
    if False in fates:
        return Note(splitting.blocked(s.progress, life))
    if s.progress.breaker.is_stopped(life.target, "import") or not s.owners_of(life):
        return None
    if s.progress.packages[life.batch].state is PackageState.FAILED:
        return Refer((Subject.package(life.batch),))
    if failed := backups.failed_backups(s, life):
        return Refer(tuple(map(Subject.package, failed)))
    if s.progress.packages[life.batch].state is not PackageState.STORED or not s.may_import(life):
        return None
    if not s.progress.is_backed_up(life):
        return None
    if now < life.not_before:
        return Later(life.not_before)
    return Want(s.import_slots(life))


def failed(s: SchedulerContext, life: Delivery, now: float) -> Answer:
    """A job that failed may have left something behind, which a service may be late to show."""
    if note := s.breaker(life.target, "import", life.id):
        return note
    if s.progress.breaker.is_stopped(life.target, "import"):
        return None
    sure_at = life.since + s.lag_of(life.target)
    if life.job and now < sure_at:
        return Later(sure_at)
    if life.look is None:
        return steps.ListTarget(life.id, life.target, life.scheduled.owner)
    assets = tuple(asset.id for asset in s.progress.assets_of(life.batch))
    there, names = target_evidence.sight(life, assets, life.look).landed, s.names_of(life)
    theirs = splitting.refused_as_existing(s.progress, life, there, names)
    landed = tuple(asset for asset in there if asset not in theirs)
    return Note(splitting.after_failure(s.progress, life, landed, names, theirs))


def import_candidate(s: SchedulerContext, life: Delivery, slot: str, now: float) -> steps.Step | Note | Later | None:
    if untried := splitting.untried(s.progress, life):
        return Note(untried)
    owner = s.owner_in(life, slot)
    look = steps.ListTarget(life.id, life.target, owner)
    if life.look is None or now - life.looked_at > (PRESUMED_AGE if life.presumed else BASELINE_AGE):
        return s.if_reachable(look, now)
    if (life.target, "import") in s.progress.breaker.retrying and target_is_proving(s, life):
        return None
    match target_evidence.judge(life, s.ids_of(life), life.look):
        case target_evidence.Again() if life.silences >= MOST_SILENCES:
            return Note((e.ImportFailed(life.id, (), unanswered(life)),))
        case target_evidence.Again():
            ask = steps.RequestImport(life.id, life.target, owner, slot)
            return backups.lacking(s, life) or ask
        case target_evidence.Done():
            return Note((e.ImportFound(life.id),))
        case target_evidence.Half(landed=landed, rest=rest):
            parts = [splitting.Part(landed, "landed"), splitting.Part(rest, "waiting")]
            return Note(splitting.split(s.progress, life, parts, "landed"))
        case target_evidence.Taken(names=names) if set(names) <= set(life.scheduled.forced):
            return steps.RequestImport(life.id, life.target, owner, slot)
        case target_evidence.Taken(names=names, landed=landed, rest=rest):
            return Note(name_taken(s, life, names, landed, rest))


def target_is_proving(s: SchedulerContext, life: Delivery) -> bool:
    others = (each.id for each in s.active if each.kind is SubjectKind.DELIVERY and each.id != life.id)
    return any(s.progress.deliveries[each].target == life.target for each in others) or any(
        each.target == life.target and each.state in {DeliveryState.IMPORTING, DeliveryState.IMPORT_UNSURE}
        for each in (s.progress.deliveries[name] for name in s.progress.open)
    )


def name_taken(
    s: SchedulerContext, life: Delivery, names: tuple[str, ...], landed: tuple[str, ...], rest: tuple[str, ...]
) -> tuple[e.Event, ...]:
    """AddNew never imports over a name that somebody else holds: that asset is set aside, the rest goes on."""
    words = e.ErrorDetail("name-taken", message="its name is taken at the target; use a prefix or Merge")
    if len(s.ids_of(life)) == 1:
        return (e.Quarantined(life.id, words),)
    poison = [splitting.Part((each,), "quarantined", words) for each in names]
    parts = [splitting.Part(landed, "landed"), *poison, splitting.Part(rest, "waiting")]
    return splitting.split(s.progress, life, parts, "name-taken")


def import_work(s: SchedulerContext, life: Delivery) -> Work:
    """The import as the policy weighs it: how long it takes, and what waits for it."""
    scheduled = s.progress.batches[life.batch]
    job = (life.target, JobKind.IMPORT, len(scheduled.assets))
    tail = s.tails.get(life.id, 0.0)
    slots = len(s.import_slots(life))
    return Work(life.id, JobKind.IMPORT, s.expect(*job), scheduled.position, (), tail, slots, s.spread(*job))


def tails(s: SchedulerContext) -> dict[str, float]:
    """Delivery -> expected seconds of the longest chain of imports that must follow it, over the whole schedule."""
    planned = [
        PlannedImport(
            life.id,
            life.batch,
            (),
            JobDuration(0.0),
            carriers_of(s, life),
            life.scheduled.migration,
            life.scheduled.after,
        )
        for life in s.progress.deliveries.values()
    ]
    seconds = {
        life.id: s.expect(life.target, JobKind.IMPORT, len(s.progress.assets_of(life.batch)))
        for life in s.progress.deliveries.values()
    }
    return tails_of(planned, seconds)


def carriers_of(s: SchedulerContext, life: Delivery) -> tuple[str, ...]:
    """Deliveries that bring what this one needs."""
    source, place = s.progress.source_of(life), life.scheduled.place
    found = (s.progress.carrier.get((place, source, need)) for need in life.scheduled.needs)
    return tuple(dict.fromkeys(name for name in found if name is not None and name != life.id))
