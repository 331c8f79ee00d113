"""How a run fares: on course, late, stuck, waiting, or ended. Law: from its journal and the clock alone.

Times are epoch seconds, UTC. Whoever only follows a run asks nobody, so nothing here needs the plan or the service.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, inf

from orchestrator.core.plan.windows import Calendar, Levels
from orchestrator.core.scheduling.forecast import forecast
from orchestrator.core.scheduling.run_times import RunTimes
from orchestrator.core.scheduling.timetable import planned_left
from orchestrator.core.state.holders import lost_request_in
from orchestrator.core.state.lifecycle import DeliveryState, PackageState
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import JobKind, host_of
from orchestrator.core.state.undecided import undecided_deliveries

#: seconds for which nothing may move before a run counts as stuck
STUCK = 300.0
#: a job that runs for so many times what nine in ten such jobs take counts as stuck too
OVERLONG = 3.0
#: objects in one request that deletes (promise 1)
AT_ONCE = 100
#: what an undo could find at the target: it is there, or may come to be
_MAY_ARRIVE = frozenset(
    {
        DeliveryState.WAITING,
        DeliveryState.IMPORT_UNSURE,
        DeliveryState.IMPORTING,
        DeliveryState.IMPORTED,
        DeliveryState.VERIFIED,
        DeliveryState.UNDECIDED,
    }
)


class Course(StrEnum):
    """The verdict, in the words that are printed."""

    ON_COURSE = "on course"
    #: it will be over later than predicted or than it must
    LATE = "late"
    #: nothing moves, and nothing of ours is going to move it
    STUCK = "stuck"
    #: nothing may be asked for before a window opens
    CLOSED = "waiting for its window"
    #: whatever could come next would ask a service that does not answer
    AWAY = "waiting for the service"
    #: only an operator can decide what comes next
    PERSON = "waiting for a person"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Finish:
    """When a run is over: in half of the cases, and in nine of ten."""

    p50: float
    p90: float
    #: some durations are told by no earlier job
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class StatedEnd:
    """A moment by which the run must be over."""

    at: float
    #: who states it: an option, later a window
    why: str


@dataclass(frozen=True, slots=True)
class UndoOutlook:
    """What taking everything back would take."""

    things: int
    jobs: int
    #: nine in ten such undos take less
    seconds: float
    guessed: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """One look at a run's time."""

    course: Course
    #: what the verdict rests on, a sentence without a full stop; "" where nothing needs to be said
    why: str
    #: if it goes on now; None where nothing is left to do
    finish: Finish | None
    #: as it was predicted when the run began; None where no journal tells it
    predicted: Finish | None
    end: StatedEnd | None
    undo: UndoOutlook | None
    #: when the first window opens in which a job may be asked for: 0 where one may be now, infinite where none opens
    opens: float = 0.0

    @property
    def spare(self) -> Finish | None:
        """Seconds between the finish and the stated end; less than 0 where it is missed."""
        if self.end is None or self.finish is None:
            return None
        return Finish(self.end.at - self.finish.p50, self.end.at - self.finish.p90, self.finish.guessed)

    @property
    def undo_by(self) -> float:
        """The last moment at which undoing everything would still end in time; 0 where no end is stated."""
        return self.end.at - self.undo.seconds if self.end is not None and self.undo is not None else 0.0

    def slot_by(self, now: float) -> float:
        """The latest time at which a lane that waits must get its slot, at P90; 0 where no end is stated."""
        return now + self.spare.p90 if self.spare is not None else 0.0


@dataclass(frozen=True, slots=True)
class Look:
    """What an outlook rests on."""

    progress: Progress
    times: RunTimes
    #: whether a process conducts the run
    live: bool
    now: float
    #: by when it must be over, None where nobody states it
    end: StatedEnd | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """What is dear to find out: whoever looks each second may use an answer of a moment ago."""

    #: None where no job is left
    finish: Finish | None
    #: None where there is nothing to take back
    undo: UndoOutlook | None


def play(look: Look) -> Played:
    """Play what is left, as the preview plays it all."""
    left = planned_left(look.times.basis, look.progress, look.now)
    if not left.jobs or look.progress.ended is not None:
        return Played(None, undo_outlook(look))
    found = forecast(left)
    guessed = any(each.duration.guessed for each in left.jobs)
    return Played(Finish(look.now + found.p50, look.now + found.p90, guessed), undo_outlook(look))


def outlook(look: Look, played: Played) -> Outlook:
    """Judge a run."""
    predicted = _predicted(look.progress)
    opens = opens_at(look.progress, look.now)
    course, why = _judged(look, played.finish, predicted, opens)
    return Outlook(course, why, played.finish, predicted, look.end, played.undo, opens)


def opens_at(progress: Progress, now: float) -> float:
    """When a job that is left may be asked for, as far as windows say; 0 where that is now, infinite where never."""
    hours, calendar = progress.orders.hours, Calendar()
    if not hours.bind or not progress.open:
        return 0.0
    ways: set[Levels] = set()
    for name in progress.open:
        life = progress.deliveries[name]
        migration, package = life.scheduled.migration, progress.packages[life.batch]
        if life.state is not DeliveryState.WAITING:
            return 0.0
        if package.state is not PackageState.STORED:
            ways.add(hours.of_export(progress.source_of(life), migration))
        elif not progress.orders.is_gated(migration):
            ways.add(hours.of_import(life.target, migration))
    found = [calendar.first(way, now) for way in ways]
    first = min((each.begins for each in found if each is not None), default=inf if ways else 0.0)
    return first if first > now else 0.0


def _predicted(progress: Progress) -> Finish | None:
    told, began = progress.predicted, progress.began_at
    if told is None:
        return None
    return Finish(began + told.p50, began + told.p90, any(not each.jobs for each in told.durations))


# --- the verdict ---------------------------------------------------------------------------------------------------


def _judged(look: Look, finish: Finish | None, predicted: Finish | None, opens: float) -> tuple[Course, str]:
    progress = look.progress
    if progress.ended is not None:
        return Course.ENDED, ""
    asked = undecided_deliveries(progress)
    if asked and (not look.live or not _moving(progress, asked)):
        return Course.PERSON, "an outcome is unknown and only the operator can decide it"
    if told := waits_for_a_person(progress, look.live):
        return Course.PERSON, told
    if not look.live and opens and opens < inf:
        return Course.CLOSED, "no window is open in which a job may be asked for"
    if not look.live:
        return Course.STUCK, "no process conducts it"
    if stuck := _stuck(look):
        return Course.STUCK, stuck
    if away := _all_away(progress):
        return Course.AWAY, f"{', '.join(away)} does not answer"
    return _in_time(look, finish, predicted)


def waits_for_a_person(progress: Progress, live: bool) -> str:
    """What is waited for, a sentence; "" where jobs of the run go on, or nobody is waited for."""
    orders = progress.orders
    if orders.halt is not None and progress.open:
        done = "paused" if orders.paused is not None else "stopped"
        return f"{orders.halt.by} on {orders.halt.host} has {done} it"
    gate = orders.waits_at
    held = frozenset(
        name for name in progress.open
        if orders.is_gated(progress.deliveries[name].scheduled.migration)
        and progress.deliveries[name].state is DeliveryState.WAITING
    )  # fmt: skip
    if not gate or not held or (live and _moving(progress, held)):
        return ""
    return f"nothing is left to do before the {gate}, and their gate is closed"


def _moving(progress: Progress, asked: frozenset[str]) -> bool:
    """Whether anything that is open is not waiting for the operator."""
    return not progress.open <= asked


def _stuck(look: Look) -> str:
    progress, times = look.progress, look.times
    if told := next(_overlong(look), ""):
        return told
    still = look.now - times.moved_at
    if still < STUCK or any(progress.occupied.values()):
        return ""
    if down := progress.outages.down:
        return f"nothing has moved for {ceil(still / 60)} min: {', '.join(sorted(down))} does not answer"
    if times.foreign:
        ours = any(lost_request_in(progress, slot) for slot in times.foreign)
        holder = "our own lost request may still hold" if ours else "somebody else's job holds"
        return f"nothing has moved for {ceil(still / 60)} min: {holder} the slot"
    return ""


def _all_away(progress: Progress) -> list[str]:
    """The hosts that every open delivery would ask next, where none of them answers; else none."""
    began = progress.began
    hosts = {each.name: host_of(each.endpoint) for each in began.places} if began is not None else {}
    asked: set[str] = set()
    for name in progress.open:
        life = progress.deliveries[name]
        stored = progress.packages[life.batch].state is PackageState.STORED
        asked.add(hosts.get(life.target if stored else progress.source_of(life), ""))
    return sorted(asked) if asked and asked <= progress.outages.down.keys() else []


def _overlong(look: Look) -> Iterator[str]:
    """Jobs of ours that run far longer than such jobs do."""
    progress = look.progress
    for name in sorted(progress.open):
        life = progress.deliveries[name]
        package, assets = progress.packages[life.batch], len(progress.assets_of(life.batch))
        if life.state is DeliveryState.IMPORTING:
            job = (JobKind.IMPORT, life.target, life.since)
        elif package.state is PackageState.EXPORTING:
            job = (JobKind.EXPORT, progress.source_of(life), package.since)
        else:
            continue
        kind, where, since = job
        usual, age = look.times.predict(where, kind, assets).p90, look.now - since
        if age > max(STUCK, OVERLONG * usual):
            number = progress.numbers[life.batch]
            yield (
                f"the {kind} of batch {number} at {where} has run for {ceil(age / 60)} min; nine in ten such jobs "
                f"take {ceil(usual / 60)} min at most"
            )


def _in_time(look: Look, finish: Finish | None, predicted: Finish | None) -> tuple[Course, str]:
    if finish is None:
        return Course.ON_COURSE, ""
    if look.end is not None and finish.p50 > look.end.at:
        return Course.LATE, f"it will more likely than not be over after {look.end.why}"
    if look.end is not None and finish.p90 > look.end.at:
        return Course.LATE, f"it may well be over after {look.end.why}"
    if look.end is None and predicted is not None and finish.p50 > predicted.p90:
        return Course.LATE, "it will be over later than nine in ten such runs were predicted to be"
    return Course.ON_COURSE, ""


# --- taking it back ------------------------------------------------------------------------------------------------


def undo_outlook(look: Look) -> UndoOutlook | None:
    """Removing all that it has brought and may still bring: tasks, then applications; targets side by side."""
    numbers = _to_remove(look.progress)
    jobs = [(target, min(AT_ONCE, n - at)) for (target, *_), n in numbers.items() for at in range(0, n, AT_ONCE)]
    if not jobs:
        return None
    seconds: dict[str, float] = {}
    guessed = False
    for target, size in jobs:
        expected = look.times.predict(target, JobKind.DELETE, size)
        seconds[target] = seconds.get(target, 0.0) + expected.p90
        guessed = guessed or not expected.jobs
    return UndoOutlook(numbers.total(), len(jobs), max(seconds.values()), guessed)


def _to_remove(progress: Progress) -> Counter[tuple[str, str, str]]:
    """(target, owner, kind) -> how many."""
    found: Counter[tuple[str, str, str]] = Counter()
    for life in progress.deliveries.values():
        if life.state in _MAY_ARRIVE:
            for asset in progress.assets_of(life.batch):
                found[life.target, life.scheduled.owner, asset.kind] += 1
    return found
