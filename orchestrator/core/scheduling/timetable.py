"""When each batch of a schedule would begin and end, and what would shorten the run. Law: pure; a guess is told as one.

It turns a schedule into what `core.scheduling.forecast` plays, with durations learned from earlier jobs or guessed.
Times are seconds from the run's begin.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from orchestrator.core.plan.hours import Hours, hours_of
from orchestrator.core.plan.plan import Plan
from orchestrator.core.plan.windows import Levels
from orchestrator.core.scheduling.estimates import Prediction, duration_of
from orchestrator.core.scheduling.forecast import (
    JobDuration,
    Planned,
    PlannedExport,
    PlannedImport,
    RateBound,
    Span,
    When,
    forecast,
)
from orchestrator.core.scheduling.write_rate import NOTHING_LEARNED, LearnedRate, rates_of, unlimited
from orchestrator.core.state import events as e
from orchestrator.core.state.lifecycle import DeliveryState, PackageState
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import JobKind, SlotRule

#: (instance, kind, assets) -> how long such a job will take there
Predict = Callable[[str, JobKind, int], Prediction]
#: of its expected duration, what is left at least of a job that runs on
LEAST_LEFT = 0.05
_TO_EXPORT = frozenset({PackageState.PENDING, PackageState.EXPORT_UNSURE, PackageState.EXPORTING})
_TO_IMPORT = frozenset({DeliveryState.WAITING, DeliveryState.IMPORT_UNSURE, DeliveryState.IMPORTING})


@dataclass(frozen=True, slots=True)
class Worked:
    """Who works in a slot, and where."""

    #: "export" or "import"
    kind: str
    instance: str
    credentials: str

    def __str__(self) -> str:
        return f"{self.kind}s of {self.credentials} at {self.instance}"


@dataclass(frozen=True, slots=True)
class Shorter:
    """What a second identity would save."""

    slot: str
    #: seconds by which the run would be over earlier, at most
    seconds: float
    #: who would share its work, as words: `prod-migrator at prod`
    beside: str


@dataclass(frozen=True, slots=True)
class Timetable:
    """A schedule played out before it is lived."""

    #: batch (its export) or delivery (its import) -> its job, in the order of their start
    spans: Mapping[str, Span]
    #: seconds after which the run is over in half of the cases, and in nine of ten
    p50: float
    p90: float
    #: the slot with most work, "" where there is none
    busiest: str
    #: seconds of work in it
    busy: float
    #: who works in which slot
    slots: Mapping[str, tuple[Worked, ...]]
    #: what would shorten the run, the most helpful first
    shorter: tuple[Shorter, ...]
    #: earlier jobs that the durations rest on
    known: int
    #: what no earlier job tells: `imports at prod`
    guessed: tuple[str, ...]
    #: what the times rest on
    durations: tuple[e.DurationPredicted, ...]
    #: how many writes each identity sends, in the order of the plan
    rates: tuple[e.WriteRate, ...] = ()
    #: reads a second of each identity
    reads: float = 0.0
    #: identities whose rate makes the run longer, the costliest first
    bound: tuple[RateBound, ...] = ()


@dataclass(frozen=True, slots=True)
class Basis:
    """What a schedule is played with."""

    #: (instance, credentials, kind) -> slot
    slot_of: Callable[[str, str, JobKind], str]
    predict: Predict
    #: identity -> how many writes it sends; of one that is not here nobody knows a limit
    rates: Mapping[str, e.WriteRate]
    #: reads a second of each identity
    reads: float


def basis_of(
    plan: Plan, rule: SlotRule, predict: Predict, learned: Mapping[str, LearnedRate] = NOTHING_LEARNED
) -> Basis:
    """By the plan's own rule and rates; `learned` is what regions were seen to take."""
    return Basis(
        lambda instance, credentials, kind: rule.slot(plan.instances[instance], credentials, kind), predict,
        rates_of(plan, learned), plan.settings.reads_per_second,
    )  # fmt: skip


@dataclass(slots=True)
class _Maker:
    basis: Basis
    batches: Mapping[str, e.BatchScheduled]
    #: when jobs may be asked for, and batch -> migrations that wait for its package
    hours: Hours
    for_whom: Mapping[str, Sequence[str]]
    #: subject -> seconds that its job has run already
    ran: Mapping[str, float] = field(default_factory=dict)

    def export(self, batch: e.BatchScheduled) -> PlannedExport:
        slots: dict[str, str] = {}
        for name in batch.exporters:
            slots.setdefault(self.basis.slot_of(batch.source, name, JobKind.EXPORT), name)
        duration = self._duration(batch.source, JobKind.EXPORT, len(batch.assets))
        ways = [self.hours.of_export(batch.source, name) for name in self.for_whom.get(batch.batch, ())]
        when = self._when(batch.batch, ways, (batch.source, JobKind.EXPORT, len(batch.assets)))
        rest, askers = self._rest(batch.batch, duration), self._askers(batch.batch, *slots.values())
        return PlannedExport(batch.batch, tuple(slots), rest, batch.position, when, askers)

    def imported(self, delivery: e.DeliveryScheduled, needs: Sequence[str]) -> PlannedImport:
        assets = len(self.batches[delivery.batch].assets)
        duration = self._duration(delivery.target, JobKind.IMPORT, assets)
        slots: dict[str, str] = {}
        for name in delivery.candidates:
            slots.setdefault(self.basis.slot_of(delivery.target, name, JobKind.IMPORT), name)
        rest = self._rest(delivery.delivery, duration)
        return PlannedImport(
            delivery.delivery, delivery.batch, tuple(slots), rest, tuple(needs), delivery.migration, delivery.after,
            delivery.backups,
            self._when(
                delivery.delivery, [self.hours.of_import(delivery.target, delivery.migration)],
                (delivery.target, JobKind.IMPORT, assets),
            ),
            self._askers(delivery.delivery, *slots.values()),
        )  # fmt: skip

    def planned(
        self,
        batches: Iterable[e.BatchScheduled],
        deliveries: Sequence[e.DeliveryScheduled],
        needs: Mapping[str, Sequence[str]],
        now: float,
    ) -> Planned:
        """These exports and imports, as they are played from `now` on, epoch seconds."""
        exports = tuple(self.export(batch) for batch in batches)
        imports = tuple(self.imported(delivery, needs[delivery.delivery]) for delivery in deliveries)
        planned = Planned(exports, imports, now)
        askers = sorted({who for job in planned.jobs for who in job.askers})
        rates = {who: self.basis.rates.get(who, unlimited(who)) for who in askers}
        return replace(planned, rates=rates, reads=self.basis.reads)

    def _askers(self, subject: str, *names: str) -> tuple[str, ...]:
        """What runs already is not asked for again."""
        return () if subject in self.ran else names

    def _when(self, subject: str, ways: Sequence[Levels], job: tuple[str, JobKind, int]) -> When:
        """What runs already waits for no window."""
        if subject in self.ran or not all(ways):
            return When()
        return When(tuple(dict.fromkeys(ways)), self.basis.predict(*job).p90)

    def _rest(self, subject: str, whole: JobDuration) -> JobDuration:
        return replace(whole, median=max(whole.median - self.ran.get(subject, 0.0), LEAST_LEFT * whole.median))

    def _duration(self, instance: str, kind: JobKind, assets: int) -> JobDuration:
        expected = self.basis.predict(instance, kind, assets)
        kin = f"{kind.value} {instance}"
        return JobDuration(expected.p50, expected.sigma, expected.doubt, kin, not expected.jobs)


def timetable(
    plan: Plan,
    rule: SlotRule,
    predict: Predict,
    batches: Sequence[e.BatchScheduled],
    deliveries: Sequence[e.DeliveryScheduled],
    now: float = 0.0,
    learned: Mapping[str, LearnedRate] = NOTHING_LEARNED,
) -> Timetable:
    """Play the schedule from `now` on, epoch seconds; batches that nobody can export never begin.

    `learned` is what regions were seen to take of writes.
    """
    movable = {batch.batch: batch for batch in batches if batch.exporters}
    going = [delivery for delivery in deliveries if delivery.batch in movable]
    basis = basis_of(plan, rule, predict, learned)
    maker = _Maker(basis, movable, hours_of(plan), _for_whom(going))
    planned = maker.planned(movable.values(), going, needs_of(movable, going), now)
    found = forecast(planned)
    ways = _ways(movable.values(), going)
    slots = _slots(basis, ways)
    busy = found.timeline.busy().get(found.busiest, 0.0)
    shorter = tuple(Shorter(each.slot, each.seconds, _beside(slots[each.slot])) for each in found.savings)
    p50, p90 = (found.p50, found.p90) if found.timeline.spans else (0.0, 0.0)
    spans = {span.subject: span for span in found.timeline.spans}
    durations = tuple(duration_of(predict, *way) for way in _kinds(ways))
    return Timetable(
        spans,
        p50,
        p90,
        found.busiest,
        busy,
        slots,
        shorter,
        *_rests_on(predict, ways),
        durations,
        tuple(basis.rates[who] for who in basis.rates if who in planned.rates),
        basis.reads,
        found.bound,
    )


def predicted(found: Timetable) -> e.SchedulePredicted:
    """A timetable as it is journaled when the run begins."""
    slots = tuple((way.kind, way.instance, way.credentials, slot) for slot, ways in found.slots.items() for way in ways)
    jobs = tuple(
        e.JobPredicted(each.subject, each.slot, round(each.start, 2), round(each.end, 2))
        for each in found.spans.values()
    )
    return e.SchedulePredicted(
        round(found.p50, 2), round(found.p90, 2), jobs, found.durations, slots, rates=found.rates, reads=found.reads
    )


def planned_left(basis: Basis, progress: Progress, now: float) -> Planned:
    """What a run still has to do, to be played: jobs that run are planned for the rest of their time."""
    lives = [progress.deliveries[name] for name in sorted(progress.open)]
    stopped = {instance for instance, way in progress.breaker.failures if progress.breaker.is_stopped(instance, way)}
    going = [life.scheduled for life in lives if life.state in _TO_IMPORT and life.target not in stopped]
    batches = {name: progress.batches[name] for each in going for name in (each.batch, *each.backups)}
    exports = [batch for name, batch in batches.items() if progress.packages[name].state in _TO_EXPORT]
    exports = [batch for batch in exports if batch.exporters]
    running = {life.id: life.since for life in lives if life.state is DeliveryState.IMPORTING}
    for batch in exports:
        package = progress.packages[batch.batch]
        running |= {batch.batch: package.since} if package.state is PackageState.EXPORTING else {}
    ran = {subject: max(0.0, now - since) for subject, since in running.items()}
    maker = _Maker(basis, batches, progress.orders.hours, _for_whom(going), ran)
    return maker.planned(exports, going, needs_of(batches, going), now)


def _for_whom(deliveries: Iterable[e.DeliveryScheduled]) -> dict[str, list[str]]:
    """Batch -> migrations that wait for its package."""
    found: dict[str, list[str]] = {}
    for each in deliveries:
        for batch in (each.batch, *each.backups):
            found.setdefault(batch, []).append(each.migration)
    return found


def needs_of(
    batches: Mapping[str, e.BatchScheduled], deliveries: Sequence[e.DeliveryScheduled]
) -> dict[str, tuple[str, ...]]:
    """Delivery -> the deliveries that must have landed before, in the order of the schedule."""
    carrier = {
        (each.place, batches[each.batch].source, asset.id): each.delivery
        for each in deliveries
        for asset in batches[each.batch].assets
    }
    order = {each.delivery: place for place, each in enumerate(deliveries)}
    found: dict[str, tuple[str, ...]] = {}
    for each in deliveries:
        source = batches[each.batch].source
        before = {carrier.get((each.place, source, need), "") for need in each.needs} - {"", each.delivery}
        found[each.delivery] = tuple(sorted(before, key=lambda name: order[name]))
    return found


def _ways(batches: Iterable[e.BatchScheduled], deliveries: Iterable[e.DeliveryScheduled]) -> tuple[Worked, ...]:
    """Who would ask for which jobs where, each once."""
    exports = (Worked(JobKind.EXPORT.value, each.source, name) for each in batches for name in each.exporters)
    imports = (Worked(JobKind.IMPORT.value, each.target, name) for each in deliveries for name in each.candidates)
    return tuple(dict.fromkeys((*exports, *imports)))


def _kinds(ways: Iterable[Worked]) -> tuple[tuple[str, JobKind], ...]:
    """Each instance with each kind of job there; what is imported may have to be deleted again."""
    found: dict[tuple[str, JobKind], None] = {}
    for way in ways:
        found[way.instance, JobKind(way.kind)] = None
        if way.kind == JobKind.IMPORT:
            found[way.instance, JobKind.DELETE] = None
    return tuple(found)


def _slots(basis: Basis, ways: Iterable[Worked]) -> dict[str, tuple[Worked, ...]]:
    found: dict[str, list[Worked]] = {}
    for way in ways:
        slot = basis.slot_of(way.instance, way.credentials, JobKind(way.kind))
        found.setdefault(slot, []).append(way)
    return {slot: tuple(held) for slot, held in found.items()}


def _rests_on(predict: Predict, ways: Iterable[Worked]) -> tuple[int, tuple[str, ...]]:
    """How many earlier jobs the durations rest on, and for which jobs there are none."""
    known = {(way.kind, way.instance): predict(way.instance, JobKind(way.kind), 1).jobs for way in ways}
    return sum(known.values()), tuple(f"{kind}s at {instance}" for (kind, instance), jobs in known.items() if not jobs)


def _beside(worked: Iterable[Worked]) -> str:
    """`migrator at dev and prod`."""
    places: dict[str, list[str]] = {}
    for way in worked:
        held = places.setdefault(way.credentials, [])
        if way.instance not in held:
            held.append(way.instance)
    return ", ".join(f"{name} at {' and '.join(held)}" for name, held in places.items())
