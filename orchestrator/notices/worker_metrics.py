"""A worker of a fleet in numbers: what it conducts, itself, and where the submissions stand.

Law: what is told is bounded by the plans that are under way and their lanes. A component is named only while it is
conducted here; what was counted of it stays, by lane, as long as its plan's submission is looked at.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from orchestrator.core.state.submissions import SubmissionCounts
from orchestrator.notices.metrics import PREFIX, Figures

#: name and labels of one number
_Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(slots=True, eq=False)  # a registry looks it up by identity
class WorkerFigures(Collector):
    """One worker's numbers."""

    worker: str
    group: str
    version: str
    #: how many components it holds now
    held: Callable[[], int]
    now: Callable[[], float] = time.time
    _lock: threading.Lock = field(default_factory=threading.Lock)
    #: component -> its figures, while it is conducted here
    _conducted: dict[str, Figures] = field(default_factory=dict)
    #: what was counted of those that were left
    _before: dict[_Key, float] = field(default_factory=dict)
    #: by plan, as of the last look
    _submissions: Mapping[str, SubmissionCounts] = field(default_factory=dict)
    #: plan -> when it last ended with 0
    _good: Mapping[str, float] = field(default_factory=dict)
    #: when it last showed in the database that it lives; None before, and once it has drained
    _beat: float | None = None
    _works: bool = True
    _failed_tasks: int = 0

    # --- what is heard ---------------------------------------------------------------------------------------------

    def taken(self, component: str, figures: Figures) -> None:
        """A component is conducted from now on."""
        with self._lock:
            self._conducted[component] = figures

    def left(self, component: str) -> None:
        """It is not conducted here any more: what it was asked for and has moved stays counted."""
        with self._lock:
            figures = self._conducted.pop(component, None)
            for key, value in _samples(figures.by_lane() if figures is not None else (), "counter"):
                self._before[key] = self._before.get(key, 0.0) + value

    def beat(self) -> None:
        """It has just shown that it lives."""
        self._beat = self.now()

    def drained(self) -> None:
        """It has ended in good order: it lives no more, and nobody shall miss it."""
        self._beat, self._works = None, False

    def failed_tasks(self, number: int) -> None:
        """So many tasks of the engine's workflow have failed in this process."""
        self._failed_tasks = number

    def looked(self, submissions: Iterable[SubmissionCounts], good: Mapping[str, float]) -> None:
        """Where the submissions stand, and when each plan last ended well."""
        with self._lock:
            self._submissions, self._good = {each.plan: each for each in submissions}, dict(good)
            kept = self._submissions.keys() | {figures.plan for figures in self._conducted.values()}
            self._before = {key: value for key, value in self._before.items() if dict(key[1]).get("plan") in kept}

    # --- what is asked ---------------------------------------------------------------------------------------------

    def collect(self) -> Iterator[Metric]:
        """Every number, as it stands now."""
        with self._lock:
            families = [*self._by_lane(), *self._of_runs(), *self._of_submissions(), *self._of_itself()]
        yield from families

    def _by_lane(self) -> Iterator[Metric]:
        """The same families as of one run, those of all components together."""
        every = [family for figures in self._conducted.values() for family in figures.by_lane()]
        sums = dict(self._before)
        for key, value in _samples(every):
            sums[key] = sums.get(key, 0.0) + value
        told: dict[str, list[tuple[_Key, float]]] = {}
        for key, value in sorted(sums.items()):
            told.setdefault(key[0], []).append((key, value))
        for family in Figures("", {}).by_lane():
            name = f"{family.name}_total" if family.type == "counter" else family.name
            for key, value in told.get(name, ()):
                family.add_sample(name, dict(key[1]), value)
            yield family

    def _of_runs(self) -> Iterator[Metric]:
        info = GaugeMetricFamily(
            f"{PREFIX}run_info", "Which runs these are.", labels=["plan", "component", "run", "command"]
        )
        began = GaugeMetricFamily(
            f"{PREFIX}run_began_timestamp_seconds", "When the run began.", labels=["plan", "component"]
        )
        for component, figures in sorted(self._conducted.items()):
            run, at = figures.which
            if run:
                info.add_metric([figures.plan, component, run, figures.command], 1)
                began.add_metric([figures.plan, component], at)
        yield info
        yield began

    def _of_submissions(self) -> Iterator[Metric]:
        stands = GaugeMetricFamily(
            f"{PREFIX}components", "Components of a plan's latest submission, by where they stand.",
            labels=["plan", "state"],
        )  # fmt: skip
        code = GaugeMetricFamily(
            f"{PREFIX}exit_code", "The gravest code of a submission, once nothing of it goes on by itself.",
            labels=["plan"],
        )  # fmt: skip
        good = GaugeMetricFamily(
            f"{PREFIX}last_success_timestamp_seconds",
            "When a run or a submission of the plan last ended with 0; 0: never.",
            labels=["plan"],
        )
        for plan, each in sorted(self._submissions.items()):
            for state, number in each.stands.items():
                stands.add_metric([plan, state.value], number)
            if each.code is not None:
                code.add_metric([plan], each.code)
            good.add_metric([plan], self._good.get(plan, 0.0))
        yield from (stands, code, good)

    def _of_itself(self) -> Iterator[Metric]:
        info = GaugeMetricFamily(
            f"{PREFIX}worker_info", "Which worker this is.", labels=["worker", "group", "version"]
        )  # fmt: skip
        held = GaugeMetricFamily(f"{PREFIX}worker_components", "Components that this worker holds.", labels=["group"])
        beat = GaugeMetricFamily(
            f"{PREFIX}worker_last_beat_timestamp_seconds", "When this worker last showed that it lives.",
            labels=["group"],
        )  # fmt: skip
        failed = CounterMetricFamily(
            f"{PREFIX}worker_failed_workflow_tasks", "Tasks of the engine's workflow that failed: a defect.",
            labels=["group"],
        )  # fmt: skip
        if self._works:
            info.add_metric([self.worker, self.group, self.version], 1)
            held.add_metric([self.group], self.held())
            failed.add_metric([self.group], self._failed_tasks)
        if self._beat is not None:
            beat.add_metric([self.group], self._beat)
        yield from (info, held, beat, failed)


def _samples(families: Iterable[Metric], kind: str = "") -> Iterator[tuple[_Key, float]]:
    for family in families:
        if kind in ("", family.type):
            for sample in family.samples:
                yield (sample.name, tuple(sample.labels.items())), sample.value
