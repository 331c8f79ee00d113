"""What to do with a package now.

Law: an export is asked for only where an import could follow, and not further ahead than its bound.
"""

from orchestrator.core.decisions import backups, splitting, steps
from orchestrator.core.decisions.context import (
    MOST_AHEAD,
    MOST_LOSSES,
    MOST_SILENCES,
    Answer,
    Later,
    Note,
    SchedulerContext,
    Want,
    unanswered,
)
from orchestrator.core.model.counts import count
from orchestrator.core.scheduling.policy import Feed, Work, may_run_ahead
from orchestrator.core.state import events as e
from orchestrator.core.state.lifecycle import Delivery, DeliveryState, Package, PackageState
from orchestrator.core.state.slots import JobKind
from orchestrator.core.state.subjects import Subject, SubjectKind


def package_answer(s: SchedulerContext, life: Package, now: float) -> Answer:
    source = s.progress.batches[life.batch].source
    match life.state:
        case PackageState.PENDING | PackageState.DROPPED:
            return pending(s, life, source, now)
        case PackageState.EXPORT_UNSURE:
            if not life.quiet_until or now < life.quiet_until:
                return Later(life.quiet_until) if life.quiet_until else None
            return Note((e.ExportLost(life.batch),))
        case PackageState.EXPORTING:
            return steps.AwaitExport(life.batch, source, life.credentials, life.job, life.since)
        case PackageState.EXPORTED:
            if s.abandoning:
                return None
            if now < life.not_before:
                return Later(life.not_before)
            if life.cuts > 1:
                return Note(
                    (
                        e.PackageLost(
                            life.batch, e.ErrorDetail("download", message="two crashes fell into its download")
                        ),
                    )
                )
            return steps.Download(life.batch, source, life.credentials, life.archive, life.attempt)
        case PackageState.DOWNLOADING:
            return steps.RecoverDownload(life.batch, source, life.credentials, life.attempt)
        case PackageState.STORED:
            return stored(s, life, source, now)
        case PackageState.FAILED:
            return None if s.abandoning else failed_package(s, life)
        case PackageState.UNDECIDED:
            return None


def pending(s: SchedulerContext, life: Package, source: str, now: float) -> Answer:
    if s.abandoning:
        return None
    if life.silences >= MOST_SILENCES:
        return Note((e.ExportFailed(life.batch, (), unanswered(life)),))
    if life.losses >= MOST_LOSSES:
        words = life.words or e.ErrorDetail("package", message="lost")
        said = e.ErrorDetail(
            "package", words.code, f"its package was lost {count(life.losses, 'time')}: {words.message}"[:300]
        )
        return Note((e.ExportFailed(life.batch, (), said),))
    if not any(s.importable(each) for each in s.progress.deliveries_of(life.batch)):
        return None
    if s.progress.breaker.is_stopped(source, "export"):
        return None
    if now < life.not_before:
        return Later(life.not_before)
    exporters = s.progress.batches[life.batch].exporters
    slots = tuple(
        dict.fromkeys(s.slot(source, name, JobKind.EXPORT) for name in exporters if not s.ended(source, name))
    )
    return Want(slots, fed_by(s, life.batch)) if slots else None


def fed_by(s: SchedulerContext, batch: str) -> tuple[str, ...]:
    """Where its imports go: a delivery that moves on there, or a job that ends, makes room for more exports."""
    deliveries = tuple(s.progress.deliveries_of(batch))
    slots = (slot for each in deliveries for slot in s.import_slots(each))
    return tuple(dict.fromkeys((*(each.target for each in deliveries), *slots)))


def stored(s: SchedulerContext, life: Package, source: str, now: float) -> Answer:
    if any(each.id in s.progress.open for each in s.progress.deliveries_of(life.batch)):
        return None
    backup = s.progress.batches[life.batch].backup
    due = life.since + (s.settings.keep_backups if backup else s.settings.keep_packages.seconds)
    if now < due:
        return None
    return steps.DropPackage(life.batch, source, life.credentials, life.sha256)


def failed_package(s: SchedulerContext, life: Package) -> Answer:
    """The service does not export this batch: every delivery that waits for it goes on in parts."""
    if note := s.breaker(s.progress.batches[life.batch].source, "export", life.batch):
        return note
    if s.progress.breaker.is_stopped(s.progress.batches[life.batch].source, "export"):
        return None
    if s.progress.batches[life.batch].backup:
        return backups.after_failure(s, life.batch)
    for delivery in s.progress.deliveries_of(life.batch):
        if delivery.state is DeliveryState.WAITING and Subject.delivery(delivery.id) not in s.active:
            return Note(splitting.after_failure(s.progress, delivery, (), s.names_of(delivery)))
    return None


def export_candidate(s: SchedulerContext, batch: str, slot: str) -> steps.Step | None:
    scheduled = s.progress.batches[batch]
    if not any(room_for(s, each) for each in s.progress.deliveries_of(batch)):
        return None
    if (scheduled.source, "export") in s.progress.breaker.retrying and source_is_proving(s, scheduled.source, batch):
        return None
    for credentials in scheduled.exporters:
        if s.slot(scheduled.source, credentials, JobKind.EXPORT) == slot:
            return steps.RequestExport(batch, scheduled.source, credentials, slot)
    return None


def source_is_proving(s: SchedulerContext, source: str, batch: str) -> bool:
    others = (each.id for each in s.active if each.kind is SubjectKind.PACKAGE and each.id != batch)
    return any(s.progress.batches[each].source == source for each in others)


def room_for(s: SchedulerContext, delivery: Delivery) -> bool:
    """How far exports run ahead of imports is bounded, so that the disk is; what could land now may go all the same.

    Where the plan wants all of it exported first, only the disk is the bound: space is reserved before each export.
    """
    if not s.importable(delivery):
        return False
    ahead = s.progress.ahead[delivery.target] - {delivery.id}
    if len(ahead) < MOST_AHEAD or s.runs_ahead(delivery):
        return True
    return s.may_import(delivery) and not any(s.may_import(s.progress.deliveries[each]) for each in ahead)


def export_work(s: SchedulerContext, batch: str, slots: tuple[str, ...]) -> Work:
    """The export as the policy weighs it: how long it takes, and what it makes possible."""
    scheduled = s.progress.batches[batch]
    size = len(scheduled.assets)
    feeds = tuple(
        Feed(
            s.import_slots(each)[0],
            s.expect(each.target, JobKind.IMPORT, size),
            s.tails.get(each.id, 0.0),
            behind(s, each),
            s.import_slots(each)[1:],
        )
        for each in s.progress.deliveries_of(batch)
        if s.importable(each)
    )
    seconds = s.expect(scheduled.source, JobKind.EXPORT, size)
    sigma = s.spread(scheduled.source, JobKind.EXPORT, size)
    return Work(batch, JobKind.EXPORT, seconds, scheduled.position, feeds, 0.0, max(1, len(slots)), sigma)


def behind(s: SchedulerContext, delivery: Delivery) -> tuple[str, ...]:
    """Batches whose imports must land before this delivery can be imported."""
    source, place = s.progress.source_of(delivery), delivery.scheduled.place
    keys = ((place, source, need) for need in delivery.scheduled.needs)
    carriers = {s.progress.carrier[key] for key in keys if key in s.progress.carrier and key not in s.progress.fate}
    return tuple(sorted({s.progress.deliveries[name].batch for name in carriers} - {delivery.batch}))


def worth_it(s: SchedulerContext, work: Work, slot: str, now: float) -> bool:
    """Whether running further ahead gains anything: a pause costs nothing while every target has ample stock.

    A target whose slot is idle cannot use its stock (its needs have not landed): there is no reason to pause for it.
    """
    if any(not s.progress.occupied[slot] for feed in work.feeds for slot in feed.slots):
        return True
    waiting = [each for each in s.progress.deliveries_of(work.subject) if s.importable(each)]
    if any(s.runs_ahead(each) for each in waiting):
        return True
    targets = {each.target for each in waiting}
    ahead = min((len(s.progress.ahead[target]) for target in targets), default=0)
    return may_run_ahead(work, slot, s.board.loads, now, ahead)
