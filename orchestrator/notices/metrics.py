"""A run in numbers, for Prometheus. Law: an entry costs what it touches; whoever scrapes asks for no more than numbers.

`Figures` hears the journal's entries in the run's thread; whoever serves them collects in another one. Names of assets
are in no label.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from orchestrator.core.model.failures import Failure
from orchestrator.core.plan.windows import Calendar
from orchestrator.core.state import change_events as c
from orchestrator.core.state import events as e
from orchestrator.core.state.affected import affected_deliveries
from orchestrator.core.state.change_events import ChangeEvent
from orchestrator.core.state.events import Entry
from orchestrator.core.state.holders import lost_request_in
from orchestrator.core.state.lifecycle import SETTLED, Delivery, DeliveryState, Package, PackageState
from orchestrator.core.state.orders import Orders
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import JobKind
from orchestrator.core.state.undecided import undecided_before
from orchestrator.notices.jobs import Jobs, lane_of, lane_of_change

#: before each name
PREFIX = "roma_migrate_"


class Waiting(StrEnum):
    """What keeps a delivery or a change from going on, where it is not our own work."""

    PERSON = "person"
    FOREIGN_JOB = "foreign-job"
    OUTAGE = "outage"
    WINDOW = "window"


class _Need(NamedTuple):
    """The job that a delivery waits to ask for, as windows and gates ask of it."""

    lane: str
    kind: JobKind
    instance: str
    migration: str


@dataclass(frozen=True, slots=True)
class _Stand:
    """Where one delivery or change stands."""

    lane: str
    state: str
    #: assets that it carries
    size: int = 0
    waiting: Waiting | None = None
    need: _Need | None = None


@dataclass(slots=True)
class _Slot:
    """How much one slot was used in this process."""

    #: seconds of jobs that are over
    seconds: float = 0.0
    #: jobs in it now, and since when there is one
    jobs: int = 0
    since: float = 0.0


@dataclass(slots=True, eq=False)  # a registry looks it up by identity
class Figures(Collector):
    """One plan's numbers, as far as this process knows them."""

    plan: str
    #: instance -> host of its endpoint, which is what an outage strikes
    hosts: Mapping[str, str]
    #: when a run of the plan ended with 0 for the last time before this one, epoch seconds; 0 where none did
    last_success: float = 0.0
    now: Callable[[], float] = time.time
    #: `run`, or `undo`
    command: str = "run"
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _jobs: Jobs | None = None
    _ended: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _bytes: Counter[tuple[str, str]] = field(default_factory=Counter)
    _deliveries: dict[str, _Stand] = field(default_factory=dict)
    _changes: dict[str, _Stand] = field(default_factory=dict)
    #: (what stands, lane, state) -> how many, of which waits and assets are counted beside
    _counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    #: how many deliveries wait to ask for which job: a window opens and closes without an entry
    _needs: Counter[_Need] = field(default_factory=Counter)
    _orders: Orders = field(default_factory=Orders)
    _calendar: Calendar = field(default_factory=Calendar)
    _slots: dict[str, _Slot] = field(default_factory=dict)
    _run: str = ""
    _began: float = 0.0
    _code: int | None = None

    # --- what is heard ---------------------------------------------------------------------------------------------

    def begin(self, run: str, progress: Progress) -> None:
        """A run is known from now on, with all that its journal told before."""
        with self._lock:
            self._run, self._began, self._orders = run, progress.began_at, progress.orders
            self._jobs = Jobs(progress)
            for job in self._jobs.running.values():
                self._enter(job.slot, self.now())
            self._deliveries_stand(progress, progress.deliveries)
            self._changes_stand(progress, progress.act.lives)

    def heard(self, progress: Progress, entry: Entry) -> None:
        """One more entry, which the progress holds already; those before `begin` are told by the progress there."""
        if self._jobs is None:
            return
        with self._lock:
            self._count_jobs(self._jobs, progress, entry)
            match entry.event:
                case c.ChangesPlanned(changes=changes):
                    self._changes_stand(progress, [each.id for each in changes])
                case c.ChangesRefused(changes=names, words=words):
                    waiting = Waiting.FOREIGN_JOB if words.kind == Failure.BUSY.value else None
                    self._changes_stand(progress, names, waiting)
                case event if isinstance(event, ChangeEvent):
                    self._changes_stand(progress, _changed(event))
                case e.OutageBegan() | e.OutageEnded():
                    self._deliveries_stand(progress, progress.open)
                case event:
                    self._deliveries_stand(progress, affected_deliveries(progress, event))

    def ended(self, code: int, at: float) -> None:
        """The command has ended with that code."""
        with self._lock:
            self._code = code
            if code == 0 and self.command == "run":
                self.last_success = at

    def _count_jobs(self, jobs: Jobs, progress: Progress, entry: Entry) -> None:
        begun, ended = jobs.heard(progress, entry)
        if begun is not None:
            self._enter(begun.slot, entry.at)
        for each in ended:
            self._ended[each.job.lane, each.job.key.kind, each.outcome] += 1
            self._leave(each.job.slot, each.at)
        match entry.event:
            case e.PackageStored(batch=batch, size=size):
                lane = next((lane_of(life) for life in progress.deliveries_of(batch)), "")
                self._bytes[lane, "from the source"] += size
            case e.ImportAccepted(delivery=name):
                life = progress.deliveries[name]
                self._bytes[lane_of(life), "to the target"] += progress.packages[life.batch].size
            case _:
                pass

    def _enter(self, slot: str, at: float) -> None:
        used = self._slots.setdefault(slot, _Slot())
        used.since = used.since if used.jobs else at
        used.jobs += 1

    def _leave(self, slot: str, at: float) -> None:
        used = self._slots.setdefault(slot, _Slot())
        used.jobs = max(0, used.jobs - 1)
        if not used.jobs:
            used.seconds += max(0.0, at - used.since)

    def _deliveries_stand(self, progress: Progress, names: Iterable[str]) -> None:
        for name in names:
            if (life := progress.deliveries.get(name)) is not None:
                package, size = progress.packages[life.batch], len(progress.assets_of(life.batch))
                waiting = self._waiting(progress, life, package)
                need = _need(progress, life, package) if waiting is None else None
                self._stand(self._deliveries, name, _Stand(lane_of(life), life.state.value, size, waiting, need))

    def _changes_stand(self, progress: Progress, names: Iterable[str], waiting: Waiting | None = None) -> None:
        for name in names:
            life = progress.act.lives[name]
            self._stand(self._changes, name, _Stand(lane_of_change(life), life.state.value, waiting=waiting))

    def _stand(self, stands: dict[str, _Stand], name: str, stand: _Stand) -> None:
        what = "deliveries" if stands is self._deliveries else "changes"
        if (before := stands.get(name)) is not None:
            self._count(what, before, -1)
        stands[name] = stand
        self._count(what, stand, 1)

    def _count(self, what: str, stand: _Stand, sign: int) -> None:
        self._counts[what, stand.lane, stand.state] += sign
        if stand.size and stand.state != DeliveryState.SPLIT.value:  # its parts count its assets
            self._counts["assets", stand.lane, stand.state] += sign * stand.size
        if stand.waiting is not None:
            self._counts["waiting", stand.lane, stand.waiting.value] += sign
        if stand.need is not None:
            self._needs[stand.need] += sign

    def _waiting(self, progress: Progress, life: Delivery, package: Package) -> Waiting | None:
        if life.state in SETTLED:
            return None
        if undecided_before(progress, life) is not None:
            return Waiting.PERSON
        ahead = life.state is DeliveryState.WAITING and package.state is not PackageState.STORED
        where = progress.source_of(life) if ahead else life.target
        if self.hosts.get(where) in progress.outages.down:
            return Waiting.OUTAGE
        return Waiting.FOREIGN_JOB if _is_kept_out(progress, life, package) else None

    # --- what is asked ---------------------------------------------------------------------------------------------

    def collect(self) -> Iterator[Metric]:
        """Every number, as it stands now."""
        yield from self.by_lane()
        with self._lock:
            families = [*self._of_the_plan()]
        yield from families

    def by_lane(self) -> list[Metric]:
        """Those that tell of lanes and slots, of which no two runs of one plan at the same time have one in common."""
        with self._lock:
            return [*self._of_jobs(), *self._of_lanes(), *self._of_slots()]

    @property
    def which(self) -> tuple[str, float]:
        """The run, "" before it is known, and when it began."""
        with self._lock:
            return self._run, self._began

    def _of_jobs(self) -> Iterator[Metric]:
        labels = ["plan", "lane", "kind", "outcome"]
        jobs = CounterMetricFamily(f"{PREFIX}jobs", "Jobs whose outcome is known, by this process.", labels=labels)
        for (lane, kind, outcome), count in sorted(self._ended.items()):
            jobs.add_metric([self.plan, lane, kind, outcome], count)
        labels = ["plan", "lane", "direction"]
        moved = CounterMetricFamily(f"{PREFIX}package_bytes", "Bytes of packages that were moved.", labels=labels)
        for (lane, direction), count in sorted(self._bytes.items()):
            moved.add_metric([self.plan, lane, direction], count)
        yield jobs
        yield moved

    def _of_lanes(self) -> Iterator[Metric]:
        counts = self._counts.copy()
        for need, count in self._needs.items():
            if count and (waiting := self._held(need)):
                counts["waiting", need.lane, waiting.value] += count
        for what, label, told in (
            ("deliveries", "state", "Batches on their way into a target, by where they stand."),
            ("assets", "state", "Assets of these batches."),
            ("changes", "state", "What a finish does or an undo takes back, by where it stands."),
            (
                "waiting",
                "reason",
                "Batches, and changes of a finish or an undo, that cannot go on, by what they wait for.",
            ),
        ):
            family = GaugeMetricFamily(f"{PREFIX}{what}", told, labels=["plan", "lane", label])
            for (kind, lane, state), count in sorted(counts.items()):
                if kind == what:
                    family.add_metric([self.plan, lane, state], count)
            yield family

    def _held(self, need: _Need) -> Waiting | None:
        """What keeps that job from being asked for now, by the clock and by a person's word."""
        orders, now = self._orders, self.now()
        gated = need.kind is JobKind.IMPORT and orders.is_gated(need.migration)
        if orders.halt is not None or gated:
            return Waiting.PERSON
        of_kind = orders.hours.of_import if need.kind is JobKind.IMPORT else orders.hours.of_export
        opening = self._calendar.first(of_kind(need.instance, need.migration), now)
        closed = opening is None or opening.begins > now or 0 < orders.hours.until <= now
        return Waiting.WINDOW if closed else None

    def _of_slots(self) -> Iterator[Metric]:
        labels = ["plan", "slot"]
        jobs = GaugeMetricFamily(f"{PREFIX}slot_jobs", "Jobs of ours in the slot now.", labels=labels)
        used = CounterMetricFamily(f"{PREFIX}slot_busy_seconds", "Seconds with a job of ours in it.", labels=labels)
        now = self.now()
        for slot, each in sorted(self._slots.items()):
            jobs.add_metric([self.plan, slot], each.jobs)
            used.add_metric([self.plan, slot], each.seconds + (max(0.0, now - each.since) if each.jobs else 0.0))
        yield jobs
        yield used

    def _of_the_plan(self) -> Iterator[Metric]:
        info = GaugeMetricFamily(f"{PREFIX}run_info", "Which run this is.", labels=["plan", "run", "command"])
        info.add_metric([self.plan, self._run, self.command], 1)
        yield info
        for name, told, value in (
            ("run_began_timestamp_seconds", "When the run began.", self._began or None),
            ("exit_code", "The code with which the command ended, once it has.", self._code),
            (
                "last_success_timestamp_seconds",
                "When a run of the plan last ended with 0; 0: never.",
                self.last_success,
            ),
        ):
            family = GaugeMetricFamily(f"{PREFIX}{name}", told, labels=["plan"])
            if value is not None:
                family.add_metric([self.plan], value)
            yield family


def _need(progress: Progress, life: Delivery, package: Package) -> _Need | None:
    if life.state is not DeliveryState.WAITING:
        return None
    lane, migration = lane_of(life), life.scheduled.migration
    if package.state is PackageState.STORED:
        return _Need(lane, JobKind.IMPORT, life.target, migration)
    if package.state is PackageState.PENDING:
        return _Need(lane, JobKind.EXPORT, progress.source_of(life), migration)
    return None


def _is_kept_out(progress: Progress, life: Delivery, package: Package) -> bool:
    """Whether somebody else's job holds the slot that it needs; a lost request of ours may be it, and is not meant."""
    if life.state is not DeliveryState.WAITING:
        return False
    if life.words is not None and life.words.kind == Failure.BUSY.value and life.not_before:
        return not lost_request_in(progress, life.slot)
    refused = package.state is PackageState.PENDING and package.words is not None
    busy = refused and package.words is not None and package.words.kind == Failure.BUSY.value
    return busy and not lost_request_in(progress, package.slot)


def _changed(event: ChangeEvent) -> tuple[str, ...]:
    match event:
        case c.ChangesSettled():
            return (*event.done, *event.open, *(name for name, _ in (*event.different, *event.refused)))
        case _:
            return getattr(event, "changes", ())
