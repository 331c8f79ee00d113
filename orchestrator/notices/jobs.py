"""Jobs as the journal tells of them: begun when they are asked for, over when their outcome is known.

Law: it only listens, and an entry costs what it touches. One that was asked for before this process lived is taken up
as it stands.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.core.model.error_detail import ErrorDetail
from orchestrator.core.model.failures import Failure
from orchestrator.core.state import change_events as c
from orchestrator.core.state import events as e
from orchestrator.core.state.changes import ChangeLife, ChangeState
from orchestrator.core.state.events import Entry
from orchestrator.core.state.lifecycle import Delivery, DeliveryState, PackageState, ProbeState
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import JobKind
from orchestrator.core.state.subjects import SubjectKind, whose

#: the kind of an export that is only asked for to learn whether a slot is idle
PROBE = "probe"
_OPEN_PACKAGE = frozenset({PackageState.EXPORT_UNSURE, PackageState.EXPORTING})
_OPEN_DELIVERY = frozenset({DeliveryState.IMPORT_UNSURE, DeliveryState.IMPORTING})
#: the kind of job that a subject has
_KINDS = {
    SubjectKind.PACKAGE: JobKind.EXPORT.value,
    SubjectKind.DELIVERY: JobKind.IMPORT.value,
    SubjectKind.PROBE: PROBE,
}
#: how a job ended, by the entry that tells it; what is not here was settled by an operator
_OUTCOMES: dict[type, str] = {
    e.Exported: "done",
    e.Imported: "done",
    e.ImportFound: "done",
    e.ProbeEnded: "done",
    e.ExportFailed: "failed",
    e.ImportFailed: "failed",
    e.ExportLost: "lost",
    e.ImportMissing: "lost",
    e.ExportVanished: "lost",
    e.Split: "partly done",
    e.ImportInDoubt: "in doubt",
    e.ExportOverdue: "overdue",
    e.ImportOverdue: "overdue",
}


class JobKey(NamedTuple):
    """What a job is known by while it runs: its kind, and what it is the job of."""

    kind: str
    subject: str


@dataclass(frozen=True, slots=True)
class RunningJob:
    """A job that was asked for and whose outcome is not known."""

    key: JobKey
    #: `migration@target`; "" where it belongs to none. A package for several targets counts for the first of them
    lane: str
    #: the batch that it moves, "" where it moves none
    batch: str
    slot: str
    #: when it was asked for, epoch seconds
    since: float


@dataclass(frozen=True, slots=True)
class EndedJob:
    """The same, once its outcome is known."""

    job: RunningJob
    #: `done`, `failed`, `busy` (somebody else's job runs), `refused`, `lost`, `partly done`, `in doubt`, `overdue`, or
    #: `settled` by an operator
    outcome: str
    at: float


def lane_of(life: Delivery) -> str:
    """`migration@target`, as bars and reports count it."""
    return f"{life.scheduled.migration}@{life.target}"


def lane_of_change(life: ChangeLife) -> str:
    """The lane whose delivery a change takes back."""
    return f"{life.change.migration}@{life.change.instance}"


class Jobs:
    """The jobs of one run that are under way."""

    def __init__(self, progress: Progress) -> None:
        self.running: dict[JobKey, RunningJob] = {job.key: job for job in _under_way(progress)}

    def heard(self, progress: Progress, entry: Entry) -> tuple[RunningJob | None, tuple[EndedJob, ...]]:
        """The job that begins with an entry, and those that it ends."""
        match entry.event:
            case e.ExportRequested(batch=batch, slot=slot):
                return self._begun(_export(progress, batch, slot, entry.at)), ()
            case e.ImportRequested(delivery=name):
                return self._begun(_import(progress.deliveries[name])), ()
            case e.ProbeRequested(slot=slot):
                return self._begun(RunningJob(JobKey(PROBE, slot), "", "", slot, entry.at)), ()
            case c.ChangesRequested(changes=names) if (life := progress.act.lives[names[0]]).change.by_job:
                return self._begun(_of_changes(life)), ()
            case event:
                keys = [key for key in _keys(event) if key in self.running and not _is_open(progress, key)]
                return None, tuple(EndedJob(self.running.pop(key), _outcome(event), entry.at) for key in keys)

    def _begun(self, job: RunningJob) -> RunningJob:
        self.running[job.key] = job
        return job


def _outcome(event: e.Event) -> str:
    words = getattr(event, "words", None)
    match event:
        case e.ExportRefused() | e.ImportRefused() | e.ProbeRefused() | c.ChangesRefused():
            busy = isinstance(words, ErrorDetail) and words.kind == Failure.BUSY.value
            return "busy" if busy else "refused"
        case c.ChangesEnded(failed=failed):
            return "failed" if failed else "done"
        case c.ChangesSettled(done=done):
            return "done" if done else "lost"
        case _:
            return _OUTCOMES.get(type(event), "settled")


def _keys(event: e.Event) -> Iterator[JobKey]:
    """The jobs of which an entry may tell the end."""
    match event:
        case c.ChangesSettled():
            settled = (*event.done, *event.open, *(name for name, _ in (*event.different, *event.refused)))
            yield from (JobKey(kind.value, name) for kind in (JobKind.DELETE, JobKind.IMPORT) for name in settled)
        case c.ChangesRefused(changes=names) | c.ChangesEnded(changes=names):
            yield from (JobKey(kind.value, names[0]) for kind in (JobKind.DELETE, JobKind.IMPORT))
        case e.Resolved(subject=subject):
            yield from (JobKey(kind.value, subject) for kind in (JobKind.EXPORT, JobKind.IMPORT))
        case _:
            moved = whose(event)
            if moved is not None and moved.kind in _KINDS:
                yield JobKey(_KINDS[moved.kind], moved.id)


def _is_open(progress: Progress, key: JobKey) -> bool:
    """Whether its outcome is not known yet."""
    if change := progress.act.lives.get(key.subject):
        return change.state is ChangeState.UNSURE and not change.ended
    match key.kind:
        case JobKind.EXPORT.value:
            return progress.packages[key.subject].state in _OPEN_PACKAGE
        case JobKind.IMPORT.value:
            return progress.deliveries[key.subject].state in _OPEN_DELIVERY
        case _:
            return key.subject in progress.probes and progress.probes[key.subject].state is not ProbeState.OVER


def _under_way(progress: Progress) -> Iterator[RunningJob]:
    for package in progress.packages.values():
        if package.state in _OPEN_PACKAGE:
            yield _export(progress, package.batch, package.slot, package.asked_at)
    for name in progress.open:
        life = progress.deliveries[name]
        if life.state in _OPEN_DELIVERY:
            yield _import(life)
    for slot, probe in progress.probes.items():
        if probe.state is not ProbeState.OVER:
            yield RunningJob(JobKey(PROBE, slot), "", "", slot, probe.since)
    together: set[tuple[str, float]] = set()
    for change in progress.act.lives.values():
        # One request carries many changes, and is known by the first of them.
        if (
            change.change.by_job
            and change.state is ChangeState.UNSURE
            and (change.slot, change.asked_at) not in together
        ):
            together.add((change.slot, change.asked_at))
            yield _of_changes(change)


def _export(progress: Progress, batch: str, slot: str, at: float) -> RunningJob:
    lane = next((lane_of(life) for life in progress.deliveries_of(batch)), "")
    return RunningJob(JobKey(JobKind.EXPORT.value, batch), lane, batch, slot, at)


def _import(life: Delivery) -> RunningJob:
    return RunningJob(JobKey(JobKind.IMPORT.value, life.id), lane_of(life), life.batch, life.slot, life.asked_at)


def _of_changes(life: ChangeLife) -> RunningJob:
    kind = JobKind.IMPORT if life.change.restores else JobKind.DELETE
    return RunningJob(JobKey(kind.value, life.change.id), lane_of_change(life), "", life.slot, life.asked_at)
