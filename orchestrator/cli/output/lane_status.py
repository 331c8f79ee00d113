"""How far each lane is, kept up to date by the events alone. Law: an event costs what it touches, not more.

A lane is one migration's way to one target.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.cli.output.times import clock
from orchestrator.core.model.failures import Failure
from orchestrator.core.scheduling.timetable import Predict
from orchestrator.core.state import events as e
from orchestrator.core.state.affected import affected_deliveries
from orchestrator.core.state.events import Entry
from orchestrator.core.state.holders import lost_request_in
from orchestrator.core.state.lifecycle import Delivery, DeliveryState, Package, PackageState
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import JobKind

LaneKey = tuple[str, str]

#: how the words of a lane begin that waits for a slot which somebody else's job holds
FOREIGN = "waiting for somebody else's job"
#: what is told of a lane that does several things, the most telling first
_ORDER = (
    "undecided",
    "settling",
    "waiting for",
    "importing",
    "exporting",
    "downloading",
    "verifying",
    "asking",
    "at the gate",
)
_TROUBLED = frozenset({DeliveryState.QUARANTINED, DeliveryState.BLOCKED, DeliveryState.UNDECIDED})


@dataclass(frozen=True, slots=True)
class Activity:
    """What is done for one delivery now."""

    #: `importing batch 10 of 30`
    words: str
    #: since when, epoch seconds
    since: float = field(default=0.0, compare=False)
    #: seconds that its job is expected to take, 0 where it is none, and whether no earlier job tells
    expected: float = field(default=0.0, compare=False)
    guessed: bool = field(default=False, compare=False)


@dataclass(slots=True)
class LaneStatus:
    """One migration at one target, measured in assets."""

    migration: str
    target: str
    #: assets selected, and those of them that an earlier run brought
    selected: int = 0
    skipped: int = 0
    imported: int = 0
    verified: int = 0
    #: assets that are set aside: quarantined, blocked, undecided, held
    aside: Counter[str] = field(default_factory=Counter)
    #: migrations that go first
    after: frozenset[str] = frozenset()
    #: delivery -> what is done for it
    doing: dict[str, Activity] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.migration}@{self.target}"

    @property
    def there(self) -> int:
        """Assets at the target by the service's word or ours."""
        return self.skipped + self.imported + self.verified

    @property
    def troubled(self) -> int:
        return self.aside.total()

    @property
    def done(self) -> bool:
        """Whether nothing is left to do: all its assets are verified, or set aside."""
        return self.skipped + self.verified + self.troubled >= self.selected

    @property
    def activity(self) -> Activity | None:
        """The most telling thing that is done for it; None where it waits for something else, or is done."""
        for start in _ORDER:
            for activity in self.doing.values():
                if activity.words.startswith(start):
                    return activity
        return None

    @property
    def words(self) -> str:
        """What it is doing, the most telling first; "" where it waits for something else."""
        activity = self.activity
        if activity is not None:
            return activity.words
        if self.there >= self.selected:
            return "verified" if self.skipped + self.verified >= self.selected else ""
        return f"{self.troubled} set aside" if self.troubled + self.there >= self.selected else "waiting"


class LaneStatuses:
    """Every lane of a run."""

    def __init__(self, predict: Predict | None = None) -> None:
        self.lanes: dict[LaneKey, LaneStatus] = {}
        self._predict = predict
        #: instances at which the breaker has stopped imports
        self.stopped: set[str] = set()
        #: services that do not answer -> since when
        self.down: dict[str, float] = {}
        #: under which order no job is asked for; "" where none holds
        self.halted = ""
        #: delivery -> how it was counted last
        self._counted: dict[str, tuple[LaneKey, DeliveryState, int]] = {}
        #: batch -> its number, as the progress keeps it
        self._numbers: Mapping[str, int] = {}
        #: batch whose lost request may hold a slot -> deliveries that are told to wait for it
        self._behind: dict[str, set[str]] = {}

    @classmethod
    def of(cls, progress: Progress, predict: Predict | None = None) -> "LaneStatuses":
        """From a whole progress, at once."""
        statuses = cls(predict)
        for selection in progress.selections:
            statuses._select(selection)
        for skipped in progress.skipped:
            statuses._lane((skipped.migration, skipped.target)).skipped += len(skipped.assets)
        for held in progress.held:
            statuses._lane((held.migration, held.target)).aside["held"] += len(held.assets)
        statuses._numbers = progress.numbers
        statuses.down = dict(progress.outages.down)
        statuses.halted = halted(progress)
        breaker = progress.breaker
        statuses.stopped = {name for name, way in breaker.failures if way == "import" and breaker.is_stopped(name, way)}
        statuses._count(progress, progress.deliveries)
        return statuses

    def take(self, progress: Progress, entry: Entry) -> list[LaneStatus]:
        """Count one entry that is believed; the lanes it touched."""
        self._numbers = progress.numbers
        match entry.event:
            case e.SelectionMade() as event:
                return [self._select(event)]
            case e.AssetsSkipped() as event:
                lane = self._lane((event.migration, event.target))
                lane.skipped += len(event.assets)
                return [lane]
            case e.AssetsHeld() as event:
                lane = self._lane((event.migration, event.target))
                lane.aside["held"] += len(event.assets)
                return [lane]
            case e.BatchScheduled():
                return []
            case e.RunResumed() | e.RunPaused() | e.RunStopped() | e.RunContinued():
                self.halted = halted(progress)
                return self._count(progress, list(progress.open))
            case e.OutageBegan(host=host):
                self.down[host] = entry.at
                return []
            case e.OutageEnded(host=host):
                self.down.pop(host, None)
                return []
            case e.TargetStopped(instance=instance, direction="import"):
                self.stopped.add(instance)
                return []
            case e.TargetReopened(instance=instance, direction="import"):
                self.stopped.discard(instance)
                return []
            case event:
                return self._count(progress, self._concerned(progress, event))

    @property
    def batches(self) -> int:
        return len(self._numbers)

    def _select(self, event: e.SelectionMade) -> LaneStatus:
        lane = self._lane((event.migration, event.target))
        lane.selected += event.selected
        return lane

    def _lane(self, key: LaneKey) -> LaneStatus:
        if key not in self.lanes:
            self.lanes[key] = LaneStatus(*key)
        return self.lanes[key]

    def _concerned(self, progress: Progress, event: e.Event) -> list[str]:
        """The deliveries that an event touches, and those that were told to wait for a lost request of these."""
        touched = affected_deliveries(progress, event)
        lives = (progress.deliveries[name] for name in touched if name in progress.deliveries)
        behind = [name for batch in {life.batch for life in lives} for name in self._behind.pop(batch, ())]
        return list(dict.fromkeys([*touched, *sorted(behind)]))

    def _count(self, progress: Progress, names: Iterable[str]) -> list[LaneStatus]:
        touched: dict[LaneKey, LaneStatus] = {}
        for name in names:
            life = progress.deliveries.get(name)
            if life is None:
                continue
            key = (life.scheduled.migration, life.target)
            lane = touched[key] = self._lane(key)
            lane.after |= frozenset(life.scheduled.after)
            self._recount_one(progress, lane, life)
            activity = self._activity(progress, life)
            if activity is not None:
                lane.doing[name] = activity
            else:
                lane.doing.pop(name, None)
        return list(touched.values())

    def _recount_one(self, progress: Progress, lane: LaneStatus, life: Delivery) -> None:
        before = self._counted.get(life.id)
        if before is not None and before[1] is life.state:
            return
        if before is not None:
            _add(lane, before[1], -before[2])
        size = len(progress.assets_of(life.batch))
        self._counted[life.id] = ((life.scheduled.migration, life.target), life.state, size)
        _add(lane, life.state, size)

    def _activity(self, progress: Progress, life: Delivery) -> Activity | None:
        package = progress.packages[life.batch]
        words = self._phrase(progress, life, package)
        if not words and life.state is DeliveryState.WAITING:
            return self._backing_up(progress, life)
        if not words:
            return None
        assets = len(progress.assets_of(life.batch))
        if life.state is DeliveryState.IMPORTING:
            return self._job(words, life.since, (life.target, JobKind.IMPORT, assets))
        if life.state is DeliveryState.WAITING and package.state is PackageState.EXPORTING:
            return self._job(words, package.since, (progress.source_of(life), JobKind.EXPORT, assets))
        return Activity(words, package.since if life.state is DeliveryState.WAITING else life.since)

    def _backing_up(self, progress: Progress, life: Delivery) -> Activity | None:
        """What is exported before it is overwritten, while its own package is not on its way."""
        batch = f"what batch {self._numbers.get(life.batch, 0)} of {self.batches} would overwrite"
        for name in life.scheduled.backups:
            package = progress.packages[name]
            if words := self._before_import(progress, life, package, batch):
                assets = len(progress.assets_of(name))
                if package.state is PackageState.EXPORTING:
                    return self._job(words, package.since, (life.target, JobKind.EXPORT, assets))
                return Activity(words, package.since)
        return None

    def _job(self, words: str, since: float, job: tuple[str, JobKind, int]) -> Activity:
        if self._predict is None:
            return Activity(words, since)
        expected = self._predict(*job)
        return Activity(words, since, expected.p50, not expected.jobs)

    def _phrase(self, progress: Progress, life: Delivery, package: Package) -> str:
        batch = self._batch(life.batch)
        match life.state:
            case DeliveryState.IMPORTING:
                return f"importing {batch}"
            case DeliveryState.IMPORT_UNSURE:
                return f"settling {batch}, {_quiet(life)}" if life.quiet_until else f"asking to import {batch}"
            case DeliveryState.IMPORTED:
                return f"verifying {batch}"
            case DeliveryState.UNDECIDED:
                return f"undecided: {batch}"
            case DeliveryState.WAITING:
                return self._before_import(progress, life, package, batch)
            case _:
                return ""

    def _before_import(self, progress: Progress, life: Delivery, package: Package, batch: str) -> str:
        busy = life.words if life.refusals == 0 and life.not_before else None
        if busy is not None and busy.kind == Failure.BUSY.value:
            return f"waiting for {self._job_in(progress, life.slot, life.id)} since {clock(life.since)}, {batch}"
        if package.state is PackageState.PENDING and package.words is not None:
            if package.words.kind == Failure.BUSY.value:
                whose = self._job_in(progress, package.slot, life.id)
                return f"waiting for {whose} since {clock(package.since)}, {batch}"
            return ""
        if package.state is PackageState.STORED and progress.orders.is_gated(life.scheduled.migration):
            return f"at the gate, waiting for a person, {batch}"
        return _exporting(package, batch)

    def _job_in(self, progress: Progress, slot: str, waiting: str) -> str:
        """Whose job it is that ROMA says runs in a slot, as far as we can know; `waiting` is who is told."""
        lost = lost_request_in(progress, slot)
        if not lost:
            return FOREIGN.removeprefix("waiting for ")
        life = progress.deliveries.get(lost)
        kind, batch = ("import", life.batch) if life is not None else ("export", lost)
        self._behind.setdefault(batch, set()).add(waiting)
        return f"our own lost {kind} of batch {self._numbers.get(batch, 0)}"

    def _batch(self, batch: str) -> str:
        return f"batch {self._numbers.get(batch, 0)} of {self.batches}"


def halted(progress: Progress) -> str:
    """`paused by olga on host`, while that holds; else ""."""
    orders = progress.orders
    if (halt := orders.halt) is None or progress.ended is not None:
        return ""
    return f"{'paused' if halt is orders.paused else 'stopped'} by {halt.by} on {halt.host}"


def _add(lane: LaneStatus, state: DeliveryState, size: int) -> None:
    if state is DeliveryState.IMPORTED:
        lane.imported += size
    elif state is DeliveryState.VERIFIED:
        lane.verified += size
    elif state in _TROUBLED:
        lane.aside[state.value] += size
        lane.aside += Counter()  # forgets what nobody is in any more


def _quiet(life: Delivery) -> str:
    return f"quiet until {clock(life.quiet_until)}"


def _exporting(package: Package, batch: str) -> str:
    match package.state:
        case PackageState.EXPORTING:
            return f"exporting {batch}"
        case PackageState.EXPORT_UNSURE:
            return f"settling the export of {batch}" if package.quiet_until else f"asking to export {batch}"
        case PackageState.EXPORTED | PackageState.DOWNLOADING:
            return f"downloading {batch}"
        case PackageState.UNDECIDED:
            return f"undecided: {batch}"
        case _:
            return ""
