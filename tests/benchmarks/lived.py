"""How a run spent its time, read from its journal. Law: the journal alone, so any run can be asked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry


@dataclass(slots=True)
class Job:
    """One job as the run saw it; times in epoch seconds."""

    #: batch, or `batch>target`
    subject: str
    slot: str
    requested: float
    accepted: float = 0.0
    ended: float = 0.0


@dataclass(slots=True)
class Lived:
    """The jobs of one run, in the order of their requests."""

    jobs: dict[str, Job] = field(default_factory=dict)
    #: batch -> the workload's name for it; delivery -> `name>target`
    _names: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "Lived":
        """What these entries tell; batches are named as their tasks are."""
        found = cls()
        for entry in entries:
            found._hear(entry)
        return found

    def _hear(self, entry: Entry) -> None:
        match entry.event:
            case e.BatchScheduled(batch=batch, assets=assets):
                self._names[batch] = assets[0].name.rpartition("-")[0]
            case e.DeliveryScheduled(delivery=delivery, batch=batch, target=target):
                self._names[delivery] = f"{self._names[batch]}>{target}"
            case e.ExportRequested(batch=subject, slot=slot) | e.ImportRequested(delivery=subject, slot=slot):
                self.jobs[subject] = Job(self._names[subject], slot, entry.at)
            case e.ExportAccepted(batch=subject) | e.ImportAccepted(delivery=subject):
                self.jobs[subject].accepted = entry.at
            case e.Exported(batch=subject) | e.Imported(delivery=subject):
                self.jobs[subject].ended = entry.at
            case _:
                pass

    @property
    def begin(self) -> float:
        """Epoch seconds of the first request for a job."""
        return min(job.requested for job in self.jobs.values())

    @property
    def makespan(self) -> float:
        """Seconds from the first request for a job until the last one was seen to have ended."""
        return max(job.ended for job in self.jobs.values()) - self.begin

    def late(self, actual: Mapping[str, float]) -> float:
        """Seconds from the ends of jobs to the polls that saw them, as a share of the jobs' seconds."""
        late = sum(job.ended - job.accepted - actual[job.subject] for job in self.jobs.values())
        return late / sum(actual[job.subject] for job in self.jobs.values())

    def last_slot(self, actual: Mapping[str, float]) -> dict[str, float]:
        """The makespan, taken apart along the slot whose job ended last: seconds by what they went into."""
        last = max(self.jobs.values(), key=lambda job: job.ended)
        along = sorted((job for job in self.jobs.values() if job.slot == last.slot), key=lambda job: job.requested)
        free = [self.begin, *(job.ended for job in along)]
        return {
            "until its first request": along[0].requested - self.begin,
            "jobs": sum(actual[job.subject] for job in along),
            "requests answered": sum(job.accepted - job.requested for job in along),
            "ends seen late": sum(job.ended - job.accepted - actual[job.subject] for job in along),
            "idle between jobs": sum(job.requested - before for job, before in zip(along[1:], free[1:], strict=False)),
        }
