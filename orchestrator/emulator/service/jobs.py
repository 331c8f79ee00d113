"""One asset job of a local ROMA Connect and how it is told on the wire (API 1.4).

Law: telling a job changes nothing.
"""

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

from orchestrator.emulator.protocol.messages import Json
from orchestrator.emulator.service.imports import Poison, Reason
from orchestrator.emulator.service.packages import Manifest
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import ArchiveIdPlace, Progress, ReasonKey, StatusVocab


class JobType(StrEnum):
    """What a job does; the words of API 1.4, with one of our own for deletes, which the documents leave out."""

    EXPORT = "exportAsset"
    IMPORT = "importAsset"
    DELETE = "deleteAsset"

    @property
    def word(self) -> str:
        """export, import or delete."""
        return self.value.removesuffix("Asset")


class Outcome(StrEnum):
    """Where a job stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Twist:
    """What faults change about one job as it is created."""

    #: seconds that it takes longer
    longer: float = 0.0
    #: seconds that it takes, whatever its size; infinite = for ever; -1 = as its size says
    runs: float = -1.0
    #: seconds that its slot stays taken after its end, on top of the switch
    slot_stays: float = 0.0
    #: seconds until its effect shows, on top of the switch
    lag: float = 0.0
    #: assets that make it fail
    poison: Poison = field(default_factory=Poison)
    #: it was executed after its caller's connection was gone
    late: bool = False
    #: somebody else changes what it is about, just before it
    meddled: bool = False


@dataclass(slots=True)
class Archive:
    """The package of one successful export."""

    id: str
    manifest: Manifest
    #: epoch seconds
    expires: float
    #: it was downloaded, or counts as such
    burned: bool = False


@dataclass(slots=True)
class Job:
    """One asset job."""

    id: str
    type: JobType
    #: DOMAIN/NAME
    user: str
    instance: str
    #: epoch seconds
    begin: float
    #: epoch seconds; infinite where a fault says so
    end: float
    outcome: Outcome = Outcome.RUNNING
    reasons: tuple[Reason, ...] = ()
    archive: Archive | None = None
    #: a fault made the service forget it
    vanished: bool = False

    def elapsed(self, now: float) -> float:
        """The fraction of its time that has passed, 0 to 1."""
        if math.isinf(self.end):
            return 0.5
        span = self.end - self.begin
        return 1.0 if span <= 0 else min(max((now - self.begin) / span, 0.0), 1.0)


_WORDS = {
    StatusVocab.UPPER: ("RUNNING", "SUCCEEDED", "FAILED"),
    StatusVocab.LEGACY: ("Running", "Success", "Failed"),
    StatusVocab.MIXED: ("Running", "SUCCEEDED", "FAILED"),
}


def job_json(job: Job, now: float, switches: Switches, noise: float) -> Json:
    """The job as CheckAssetJobStatus tells it; `noise` in [-1, 1] is used by noisy progress only."""
    told: Json = {"id": job.id, "type": job.type.value, "status": _status(job, now, switches)}
    told |= _progress(job, now, switches, noise)
    told["begin_time"] = iso(job.begin)
    if job.outcome is not Outcome.RUNNING:
        told["end_time"] = iso(job.end)
    if job.reasons:
        told |= _reasons(job.reasons[:10], switches)
    archive = job.archive
    if archive is not None and now < archive.expires and not (archive.burned and switches.archive_single_use):
        told |= _archive_id(archive.id, switches)
    return told


@lru_cache(maxsize=4096)
def iso(time: float) -> str:
    """UTC as the service writes it, to the second."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _status(job: Job, now: float, switches: Switches) -> str:
    running, succeeded, failed = _WORDS[switches.status_vocab]
    match job.outcome:
        case Outcome.RUNNING:
            return switches.running_word if switches.running_word and job.elapsed(now) < 0.5 else running
        case Outcome.FAILED:
            return failed
        case Outcome.SUCCEEDED:
            downloaded = job.archive is not None and job.archive.burned
            return "Finished" if downloaded and switches.status_vocab is StatusVocab.LEGACY else succeeded


def _progress(job: Job, now: float, switches: Switches, noise: float) -> Json:
    fraction = 1.0 if job.outcome is Outcome.SUCCEEDED else job.elapsed(now)
    match switches.progress:
        case Progress.ABSENT:
            return {}
        case Progress.PERCENT:
            return {"progress_percent": round(100 * fraction, 1)}
        case Progress.NOISY if job.outcome is Outcome.RUNNING:
            return {"progress_percent": round(min(max(fraction + 0.3 * noise, 0.0), 1.0), 2)}
        case Progress.TRUTHFUL | Progress.NOISY:
            return {"progress_percent": round(fraction, 4)}


def _reasons(reasons: tuple[Reason, ...], switches: Switches) -> Json:
    told: list[Json] = [
        {
            "resource_type": one.resource_type,
            "resource_name": one.resource_name[:64],
            "error_code": one.error_code[:64],
            "error_msg": one.error_msg[:64],
        }
        for one in reasons
    ]
    value: object = told[0] if switches.reason_single and len(told) == 1 else told
    keys = {ReasonKey.REASONS: ("reasons",), ReasonKey.REASON: ("reason",), ReasonKey.BOTH: ("reasons", "reason")}
    return dict.fromkeys(keys[switches.reason_key], value)


def _archive_id(archive_id: str, switches: Switches) -> Json:
    told: Json = {}
    if switches.archive_id_place is not ArchiveIdPlace.ENTITIES:
        told["archive_id"] = archive_id
    if switches.archive_id_place is not ArchiveIdPlace.TOP:
        told["entities"] = {"archive_id": archive_id}
    return told
