"""A run as spans of OpenTelemetry: the run, its batches, their jobs. Law: the API alone; the user brings the SDK.

Times are those of the journal. A process that goes on with a run begins a trace of its own, and takes up what is under
way with the time at which it was asked for. Names of assets are in no attribute.
"""

from collections.abc import Mapping

from opentelemetry import trace
from opentelemetry.trace import Span, Status, StatusCode, TracerProvider

from orchestrator.core.state import events as e
from orchestrator.core.state.affected import affected_deliveries
from orchestrator.core.state.events import Entry
from orchestrator.core.state.lifecycle import SETTLED, DeliveryState
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import JobKind
from orchestrator.notices.jobs import EndedJob, JobKey, Jobs, RunningJob, lane_of

#: before each attribute of ours
_NAME = "roma_migrate"
#: outcomes after which a job's work was not done
_WRONG = frozenset({"failed", "lost", "overdue", "in doubt", "partly done"})

Attributes = Mapping[str, str | int]


class Spans:
    """One command's spans. Each begins and ends with an entry of the journal."""

    def __init__(self, plan: str, command: str, version: str, provider: TracerProvider | None = None) -> None:
        self._plan, self._command = plan, command
        self._tracer = trace.get_tracer(_NAME, version, provider)
        self._jobs: Jobs | None = None
        self._root: Span | None = None
        #: batch -> its span, from its first job until every delivery of it is settled
        self._batches: dict[str, Span] = {}
        self._running: dict[JobKey, Span] = {}

    def begin(self, run: str, resumed: bool, progress: Progress, at: float) -> None:
        """A run is known from now on."""
        if self._root is None:  # an undo may first end the run
            about: Attributes = {"plan": self._plan, "run": run, "resumed": resumed}
            self._root = self._begun(self._command, None, about, at)
        self._jobs = Jobs(progress)
        for job in self._jobs.running.values():
            self._begin_job(progress, job)

    def heard(self, progress: Progress, entry: Entry) -> None:
        """One more entry, which the progress holds already."""
        if self._jobs is None:
            return
        begun, ended = self._jobs.heard(progress, entry)
        if begun is not None:
            self._begin_job(progress, begun)
        for each in ended:
            self._end_job(each)
        self._name_job(entry)
        for name in affected_deliveries(progress, entry.event):
            self._end_batch(progress, progress.deliveries[name].batch, entry.at)

    def ended(self, code: int, at: float) -> None:
        """The command ends; what is under way goes on without it."""
        for span in (*self._running.values(), *self._batches.values()):
            span.set_attribute(f"{_NAME}.left_open", True)
            span.end(_nanoseconds(at))
        self._running.clear()
        self._batches.clear()
        if self._root is not None:
            self._root.set_attribute(f"{_NAME}.code", code)
            if code:
                self._root.set_status(Status(StatusCode.ERROR, f"ended with code {code}"))
            self._root.end(_nanoseconds(at))
            self._root = None

    def _begin_job(self, progress: Progress, job: RunningJob) -> None:
        above = self._batch(progress, job) if job.batch else self._root
        about = {"kind": job.key.kind, "lane": job.lane, "slot": job.slot}
        self._running[job.key] = self._begun(job.key.kind, above, about, job.since)

    def _batch(self, progress: Progress, job: RunningJob) -> Span:
        if job.batch not in self._batches:
            lanes = ", ".join(sorted({lane_of(life) for life in progress.deliveries_of(job.batch)}))
            assets = len(progress.assets_of(job.batch))
            about: Attributes = {"batch": job.batch, "lanes": lanes, "assets": assets}
            self._batches[job.batch] = self._begun("batch", self._root, about, job.since)
        return self._batches[job.batch]

    def _begun(self, name: str, above: Span | None, about: Attributes, at: float) -> Span:
        context = trace.set_span_in_context(above) if above is not None else None
        return self._tracer.start_span(name, context, attributes=_named(about), start_time=_nanoseconds(at))

    def _name_job(self, entry: Entry) -> None:
        """The service's id of a job is known once it is accepted."""
        match entry.event:
            case e.ExportAccepted(batch=subject, job=job):
                key = JobKey(JobKind.EXPORT.value, subject)
            case e.ImportAccepted(delivery=subject, job=job):
                key = JobKey(JobKind.IMPORT.value, subject)
            case _:
                return
        if span := self._running.get(key):
            span.set_attribute(f"{_NAME}.job", job)

    def _end_job(self, ended: EndedJob) -> None:
        span = self._running.pop(ended.job.key, None)
        if span is None:
            return
        span.set_attribute(f"{_NAME}.outcome", ended.outcome)
        if ended.outcome in _WRONG:
            span.set_status(Status(StatusCode.ERROR, ended.outcome))
        span.end(_nanoseconds(ended.at))

    def _end_batch(self, progress: Progress, batch: str, at: float) -> None:
        lives = [progress.deliveries[name] for name in progress.of_batch.get(batch, ())]
        if batch not in self._batches or not all(life.state in SETTLED for life in lives):
            return
        span = self._batches.pop(batch)
        if any(life.state is not DeliveryState.VERIFIED for life in lives):
            span.set_status(Status(StatusCode.ERROR, ", ".join(sorted({life.state.value for life in lives}))))
        span.end(_nanoseconds(at))


def _named(about: Attributes) -> Attributes:
    return {f"{_NAME}.{name}": value for name, value in about.items() if value != ""}


def _nanoseconds(at: float) -> int:
    return int(at * 1_000_000_000)
