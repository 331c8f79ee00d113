"""What this run has learned of durations, and so when to ask again whether a job has ended.

Law: it only listens and advises; nothing is decided here, and all of it may be forgotten.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestrator.core.scheduling.estimates import Estimates, JobTimes, Prediction
from orchestrator.core.scheduling.polling import LATEST, ProgressAccuracy, Report, Watch, aim, next_poll
from orchestrator.core.state.events import Entry
from orchestrator.core.state.slots import JobKind


@dataclass(slots=True)
class PollTiming:
    """Durations and progress, per instance and kind of job, from this run and earlier ones."""

    estimates: Estimates = field(default_factory=Estimates)
    _times: JobTimes = field(default_factory=JobTimes)
    _truths: dict[tuple[str, JobKind], ProgressAccuracy] = field(default_factory=lambda: defaultdict(ProgressAccuracy))
    _jobs: Counter[tuple[str, JobKind]] = field(default_factory=Counter)
    _calls: Counter[tuple[str, JobKind]] = field(default_factory=Counter)

    def learn(self, earlier: Iterable[Entry]) -> None:
        """From an earlier run's journal."""
        times = JobTimes()
        for entry in earlier:
            seen = times.hear(entry)
            if seen is not None:
                self.estimates.observe(seen)

    def follow(self, entries: Iterable[Entry]) -> None:
        """What this run's journal holds already: it was learned from, and what comes next builds on it."""
        for entry in entries:
            self._times.hear(entry)

    def hear(self, entry: Entry) -> None:
        """From the live run, as its events are believed."""
        seen = self._times.hear(entry)
        if seen is not None:
            self.estimates.observe(seen)

    def predict(self, instance: str, kind: JobKind, assets: int) -> Prediction:
        return self.estimates.predict(instance, kind, max(1, assets))

    def poller(self, instance: str, kind: JobKind, assets: int) -> "Poller":
        """Advice for one job."""
        alike = self.estimates.alike(instance, kind, max(1, assets), LATEST)
        return Poller(self, (instance, kind), self.predict(instance, kind, assets), alike)


@dataclass(slots=True)
class Poller:
    """When to poll one job; `ended` teaches what its polls were worth."""

    poll_timing: PollTiming
    of: tuple[str, JobKind]
    expected: Prediction
    #: seconds that the latest jobs like it took
    alike: tuple[float, ...] = ()
    _reports: list[Report] = field(default_factory=list)
    _calls: int = 0

    def wait(self, age: float) -> float:
        """Seconds until the next poll of a job that has run `age` seconds."""
        error = self.poll_timing._truths[self.of].error
        budget = aim(self.poll_timing._jobs[self.of], self.poll_timing._calls[self.of])
        return next_poll(Watch(max(age, 0.0), self.expected, tuple(self._reports), error, budget, self.alike))

    def polled(self, age: float, progress: float | None) -> None:
        """The job still ran, and said this of its progress."""
        self._calls += 1
        if progress is not None and age > 0:
            self._reports.append(Report(age, progress))

    def ended(self, age: float) -> None:
        """The last poll saw its end."""
        self.poll_timing._jobs[self.of] += 1
        self.poll_timing._calls[self.of] += self._calls + 1
        self.poll_timing._truths[self.of].compare(self._reports, age)
