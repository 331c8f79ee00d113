"""The whole schedule played out before it is lived. Law: pure and repeatable, under the very policy that will run.

`play` lets jobs of given durations run in slots under a rule, in virtual time. `forecast` plays the estimates, many
times over with their uncertainty, and says when the run should be over, which slot is the busiest and what would help.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, inf, log
from statistics import NormalDist, fmean, stdev
from typing import TypeVar

from orchestrator.core.plan.windows import Calendar, Levels
from orchestrator.core.scheduling import policy
from orchestrator.core.scheduling.board import Board, Waiting
from orchestrator.core.scheduling.lookahead import choose
from orchestrator.core.scheduling.mixing import mixed
from orchestrator.core.scheduling.policy import SIGMA, Feed, LoadKind, SlotQueue, Work
from orchestrator.core.scheduling.write_rate import BURST, AdaptiveRate
from orchestrator.core.state.events import WriteRate
from orchestrator.core.state.slots import JobKind

#: what picks a job for a free slot: (candidates, what is left, now) -> the job, or None to leave the slot free
Rule = Callable[[Sequence[Work], Board, float], Work | None]

#: dead time of a job as a share of its duration, as the polling policy leaves it
WASTE = 0.05
#: worlds that are played: at most and at least so many, in between as many as keep to so many jobs
MOST_WORLDS, FEWEST_WORLDS, MOST_PLAYED = 40, 4, 8_000
#: a schedule of at most so many jobs is played under the very rule that will run, a larger one without its look ahead
MOST_SEEN_AHEAD = 400
#: reads that one job needs at least: the poll that sees its end, and its package; the lists of its target before and
#: after it, each of applications and of tasks. Where reads are scarce, polls are: there are hardly more
EXPORT_READS, IMPORT_READS = 2.0, 5.0
#: share of the time to the end that an identity's requests must need before its rate can bind
CAN_BIND = 0.3
#: slots for which a second identity is weighed, and the share of the run it must save to be told
MOST_SAVINGS, WORTHWHILE = 3, 0.03

_P90 = NormalDist().inv_cdf(0.9)


@dataclass(frozen=True, slots=True)
class JobDuration:
    """How long a job is expected to take: lognormal about its median."""

    #: seconds
    median: float
    #: spread of the logarithm from job to job
    sigma: float = 0.0
    #: how unsure the median itself is, as spread of its logarithm: shared by all jobs of `kin`
    unsure: float = 0.0
    #: jobs whose median is wrong together, such as "import prod"
    kin: str = ""
    #: no earlier job tells it
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class When:
    """When a job may be asked for."""

    #: windows level by level, in several ways of which one is enough; none means always
    ways: tuple[Levels, ...] = ()
    #: seconds that must be left of the window
    room: float = 0.0


_ANY_TIME = When()


@dataclass(frozen=True, slots=True)
class PlannedExport:
    """One batch on its way out of its source."""

    batch: str
    #: slots that may take it
    slots: tuple[str, ...]
    duration: JobDuration
    position: float = 0.0
    when: When = _ANY_TIME
    #: who would ask for it in each of `slots`; nobody where it runs already
    askers: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        return self.batch


@dataclass(frozen=True, slots=True)
class PlannedImport:
    """One batch on its way into one target."""

    delivery: str
    batch: str
    #: slots that may take it
    slots: tuple[str, ...]
    duration: JobDuration
    #: deliveries that must have landed before
    needs: tuple[str, ...] = ()
    migration: str = ""
    #: migrations all of whose imports must have landed before
    after: tuple[str, ...] = ()
    #: batches that must be exported before it: backups of what it overwrites
    backups: tuple[str, ...] = ()
    when: When = _ANY_TIME
    #: who would ask for it in each of `slots`; nobody where it runs already
    askers: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        return self.delivery


_Job = TypeVar("_Job", PlannedExport, PlannedImport)


@dataclass(frozen=True, slots=True)
class Planned:
    """A schedule as plain values."""

    exports: tuple[PlannedExport, ...]
    imports: tuple[PlannedImport, ...]
    #: when it begins, epoch seconds: windows are times of the calendar
    begins: float = 0.0
    #: identity -> how many writes it may send, after a burst
    rates: Mapping[str, WriteRate] = field(default_factory=dict)
    #: reads a second of each identity
    reads: float = inf

    @property
    def jobs(self) -> tuple[PlannedExport | PlannedImport, ...]:
        return (*self.exports, *self.imports)


@dataclass(frozen=True, slots=True)
class Span:
    """One job in the predicted timeline, seconds from its begin."""

    subject: str
    kind: JobKind
    slot: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """One way the schedule can go, jobs in the order of their start."""

    spans: tuple[Span, ...]
    #: subjects that could never begin: what they need never lands
    stuck: tuple[str, ...] = ()

    @property
    def end(self) -> float:
        """Seconds from the begin until the last job is over."""
        return max((span.end for span in self.spans), default=0.0)

    def busy(self) -> dict[str, float]:
        """Slot -> seconds in which a job runs there."""
        seconds: dict[str, float] = defaultdict(float)
        for span in self.spans:
            seconds[span.slot] += span.end - span.start
        return dict(seconds)


def works_of(planned: Planned, believed: Mapping[str, float]) -> dict[str, Work]:
    """Subject -> the job as the policy sees it; `believed` are the estimates in seconds."""
    tails = tails_of(planned.imports, believed)
    feeds: dict[str, list[Feed]] = defaultdict(list)
    works: dict[str, Work] = {}
    position = {export.batch: export.position for export in planned.exports}
    batch_of = {each.delivery: each.batch for each in planned.imports}
    for each in planned.imports:
        seconds, tail = believed[each.delivery], tails[each.delivery]
        behind = tuple(dict.fromkeys(batch_of[n] for n in each.needs if batch_of.get(n, each.batch) != each.batch))
        for batch in (each.batch, *each.backups):
            feeds[batch].append(Feed(each.slots[0], seconds, tail, behind, each.slots[1:]))
        place = position.get(each.batch, 0.0)
        works[each.delivery] = Work(
            each.delivery, JobKind.IMPORT, seconds, place, (), tail, len(each.slots), max(SIGMA, each.duration.sigma)
        )
    for export in planned.exports:
        works[export.batch] = Work(
            export.batch, JobKind.EXPORT, believed[export.batch], export.position, tuple(feeds[export.batch]), 0.0,
            len(export.slots), max(SIGMA, export.duration.sigma),
        )  # fmt: skip
    return works


def tails_of(imports: Sequence[PlannedImport], believed: Mapping[str, float]) -> dict[str, float]:
    """Delivery -> estimated seconds of the longest chain of imports that must follow it."""
    heirs: dict[str, list[str]] = defaultdict(list)
    members: dict[str, list[str]] = defaultdict(list)
    for each in imports:
        members[each.migration].append(each.delivery)
    for each in imports:
        for need in (*each.needs, *(name for other in each.after for name in members[other])):
            heirs[need].append(each.delivery)
    tails: dict[str, float] = {}
    for first in imports:
        _walk(first.delivery, heirs, believed, tails)
    return tails


def _walk(first: str, heirs: Mapping[str, list[str]], believed: Mapping[str, float], tails: dict[str, float]) -> None:
    """Depth first without recursion; a cycle, which preflight refuses, counts once."""
    stack, entered = [first], {first}
    while stack:
        name = stack[-1]
        todo = [heir for heir in heirs.get(name, ()) if heir not in tails and heir not in entered]
        if name not in tails and todo:
            stack.extend(todo)
            entered.update(todo)
            continue
        stack.pop()
        tails[name] = max((believed[heir] + tails.get(heir, 0.0) for heir in heirs.get(name, ())), default=0.0)


@dataclass(slots=True)
class _Play:
    """The state of one play. Events are (time, number, slot, subject) of jobs that end."""

    planned: Planned
    works: Mapping[str, Work]
    actual: Mapping[str, float]
    rule: Rule
    clock: float = 0.0
    spans: list[Span] = field(default_factory=list)
    board: Board = field(default_factory=Board)
    ends: list[tuple[float, int, str, str]] = field(default_factory=list)
    lanes: dict[str, SlotQueue] = field(default_factory=lambda: defaultdict(SlotQueue))
    running: dict[str, str] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    slots_of: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: what each delivery still waits for: its package, deliveries, migrations
    waits: dict[str, set[str]] = field(default_factory=dict)
    waiters: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    open_of: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    migration_of: dict[str, str] = field(default_factory=dict)
    #: delivery -> jobs that must be over before it, and migrations
    ties: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)
    fed: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    #: jobs that must wait for a window
    when: dict[str, When] = field(default_factory=dict)
    #: of these, those for which none opens any more
    shut: list[str] = field(default_factory=list)
    calendar: Calendar = field(default_factory=Calendar)
    #: (subject, slot) -> who would ask for it there
    askers: dict[tuple[str, str], str] = field(default_factory=dict)
    #: identity -> when its next write is due, and its rate by then
    due: dict[str, float] = field(default_factory=dict)
    rates: dict[str, AdaptiveRate] = field(default_factory=dict)
    #: identity -> when what its jobs have to read will have been read
    read: dict[str, float] = field(default_factory=dict)

    def run(self) -> Timeline:
        self._set_up()
        self._fill()
        while self.ends:
            self.clock = self.ends[0][0]
            while self.ends and self.ends[0][0] <= self.clock:
                _, _, slot, subject = heapq.heappop(self.ends)
                if slot:
                    self._end(slot, subject)
                else:
                    self._offer(subject)
            self._fill()
        spans = sorted(self.spans, key=lambda span: span.start)
        return Timeline(tuple(spans), tuple(sorted([*self.waits, *self.shut])))

    def _set_up(self) -> None:
        self.when = {job.subject: job.when for job in self.planned.jobs if job.when.ways}
        self.rates = {who: AdaptiveRate.of(rate) for who, rate in self.planned.rates.items()}
        for job in self.planned.jobs if self.rates or self.planned.reads < inf else ():
            self.askers |= {(job.subject, slot): who for slot, who in zip(job.slots, job.askers, strict=False)}
        batches = {export.batch for export in self.planned.exports}
        for each in self.planned.imports:
            self.open_of[each.migration] += 1
        for each in self.planned.imports:
            self.slots_of[each.delivery] = each.slots
            self.migration_of[each.delivery] = each.migration
            self.fed[each.batch].append(each.delivery)
            others = {f"after {name}" for name in each.after if self.open_of.get(name)}
            packages = {each.batch, *each.backups} & batches
            waits = packages | set(each.needs) | others
            self.ties[each.delivery] = ((*sorted(packages), *each.needs), each.after)
            self.waits[each.delivery] = waits
            for name in waits:
                self.waiters[name].append(each.delivery)
            self._wait(each.delivery, LoadKind.IMPORTS if each.batch in batches else LoadKind.STORED)
            if not waits:
                self._offer(each.delivery)
        for export in self.planned.exports:
            self.slots_of[export.batch] = export.slots
            self._wait(export.batch, LoadKind.EXPORTS)
            self._offer(export.batch)

    def _wait(self, subject: str, part: LoadKind) -> None:
        job = Waiting(self.works[subject], self.slots_of[subject], *self.ties.get(subject, ()))
        self.board.waits(job, part, self.migration_of.get(subject, ""))

    def _offer(self, subject: str) -> None:
        self.waits.pop(subject, None)
        if not self._is_open(subject):
            return
        for slot in self.slots_of[subject]:
            self.lanes[slot].put(self.works[subject])
            self.touched.add(slot)

    def _is_open(self, subject: str) -> bool:
        """Whether it may be asked for now; where not, it is offered again when it may be."""
        when = self.when.get(subject)
        if when is None:
            return True
        now = self.planned.begins + self.clock
        found = (self.calendar.first(way, now, when.room) for way in when.ways)
        begins = min((each.begins for each in found if each is not None), default=float("inf"))
        if begins == float("inf"):
            self.shut.append(subject)
        elif begins > now:
            heapq.heappush(self.ends, (begins - self.planned.begins, len(self.spans), "", subject))
        return begins <= now

    def _heads(self, slot: str) -> list[Work]:
        """Those that may begin now: what has waited until its window closed leaves the queue."""
        while True:
            heads = self.lanes[slot].heads(self.board.loads, self.clock)
            closed = [work.subject for work in heads if work.subject in self.when and not self._is_open(work.subject)]
            if not closed:
                return heads
            for subject in closed:
                for each in self.slots_of[subject]:
                    self.lanes[each].discard(subject)

    def _fill(self) -> None:
        for slot in sorted(self.touched):
            self.touched.discard(slot)
            if slot in self.running or not self.lanes[slot]:
                continue
            heads = self._heads(slot)
            work = self.rule(heads, self.board, self.clock) if heads else None
            if work is not None:
                self._begin(slot, work)

    def _begin(self, slot: str, work: Work) -> None:
        for each in self.slots_of[work.subject]:
            self.lanes[each].discard(work.subject)
        asker = self.askers.get((work.subject, slot), "")
        start = self._leaves(asker)
        self.board.runs(work.subject, slot, start + work.seconds)
        self.running[slot] = work.subject
        end = max(start + self.actual[work.subject], self._has_read(asker, work.kind, start))
        heapq.heappush(self.ends, (end, len(self.spans), slot, work.subject))
        self.spans.append(Span(work.subject, work.kind, slot, start, end))

    def _leaves(self, asker: str) -> float:
        """When a request that is made now leaves: those of one identity keep its rate, in their order.

        Where the rate is adapted, it rises here as it does while the service refuses nothing.
        """
        rate = self.rates.get(asker)
        if rate is None:
            return self.clock
        pause = 1.0 / rate.per_second
        due = self.due.get(asker, self.clock)
        start = max(self.clock, due - (rate.at_once - 1) * pause)
        self.due[asker] = max(due, start) + pause
        if start > self.clock:
            rate.taken()
        return start

    def _has_read(self, asker: str, kind: JobKind, start: float) -> float:
        """When a job that begins then can have been read to its end: the reads of one identity keep its rate."""
        if not asker or self.planned.reads == inf:
            return start
        seconds = (EXPORT_READS if kind is JobKind.EXPORT else IMPORT_READS) / self.planned.reads
        self.read[asker] = max(self.read.get(asker, 0.0), start) + seconds
        return self.read[asker] - BURST / self.planned.reads

    def _end(self, slot: str, subject: str) -> None:
        del self.running[slot]
        self.touched.add(slot)
        self.board.ended(slot, self.clock)
        for delivery in self.fed.get(subject, ()):
            self._wait(delivery, LoadKind.STORED)
        self._tell(subject)
        if subject in self.migration_of:
            migration = self.migration_of[subject]
            self.open_of[migration] -= 1
            if not self.open_of[migration]:
                self._tell(f"after {migration}")

    def _tell(self, name: str) -> None:
        for waiter in self.waiters.get(name, ()):
            waits = self.waits[waiter]
            waits.discard(name)
            if not waits:
                self._offer(waiter)


def play(planned: Planned, believed: Mapping[str, float], actual: Mapping[str, float], rule: Rule = choose) -> Timeline:
    """The timeline when jobs take `actual` seconds while the rule believes in `believed`; both by subject."""
    return _Play(planned, works_of(planned, believed), actual, rule).run()


# --- with its uncertainty -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Saving:
    """What a second identity would bring: the jobs of this slot shared between two."""

    slot: str
    #: seconds by which the run would be over earlier, at most
    seconds: float


@dataclass(frozen=True, slots=True)
class RateBound:
    """An identity whose requests are too few: its slots stand idle until it may ask again."""

    identity: str
    #: "write" or "read"
    what: str
    #: slots of one kind of job that share its rate
    lanes: int
    #: requests a second at first, and how far that rises; 0 where it does not
    per_second: float
    most: float
    #: seconds by which the run would be over earlier without it
    seconds: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """What to expect of a schedule."""

    #: as it goes if every estimate is right
    timeline: Timeline
    #: seconds after which the run is over in half of the cases, and in nine of ten
    p50: float
    p90: float
    #: the slot with most work, "" where there is none
    busiest: str
    #: what would shorten the run, the most helpful first
    savings: tuple[Saving, ...]
    #: identities whose rate makes the run longer, the costliest first
    bound: tuple[RateBound, ...] = ()


def forecast(planned: Planned, waste: float = WASTE) -> Forecast:
    """Play the schedule as estimated and in worlds where the estimates are wrong; `waste` is the dead time of a job as
    a share of its duration.
    """
    believed = {each.subject: each.duration.median for each in planned.jobs}
    works = works_of(planned, believed)
    likely = {subject: seconds * (1.0 + waste) for subject, seconds in believed.items()}
    timeline = _Play(planned, works, likely, _rule_for(len(believed))).run()
    count = max(FEWEST_WORLDS, min(MOST_WORLDS, MOST_PLAYED // max(1, len(believed))))
    ends = [
        log(max(_Play(planned, works, _wrong(planned, world, waste), _plainly).run().end, 1e-9))
        for world in range(count)
    ]
    middle, spread = (fmean(ends), stdev(ends)) if timeline.spans else (log(1e-9), 0.0)
    busy = sorted(timeline.busy().items(), key=lambda item: (-item[1], item[0]))
    plain = _Play(planned, works, likely, _plainly).run().end
    savings = (Saving(slot, plain - _with_twin(planned, likely, slot).end) for slot, _ in busy[:MOST_SAVINGS])
    worthwhile = (saving for saving in savings if saving.seconds >= WORTHWHILE * timeline.end)
    return Forecast(
        timeline,
        exp(middle),
        exp(middle + _P90 * spread),
        busy[0][0] if busy else "",
        tuple(sorted(worthwhile, key=lambda saving: (-saving.seconds, saving.slot))),
        _bound(planned, likely, plain),
    )


def _bound(planned: Planned, likely: Mapping[str, float], end: float) -> tuple[RateBound, ...]:
    """Who would be sooner done if he had not to wait between his requests."""
    lanes: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    writes: Counter[str] = Counter()
    reads: Counter[str] = Counter()
    for job in planned.jobs:
        needs = EXPORT_READS if isinstance(job, PlannedExport) else IMPORT_READS
        for who in job.askers[:1]:
            writes[who] += 1
            reads[who] += int(needs)
        for slot, who in zip(job.slots, job.askers, strict=False):
            lanes[who]["export" if isinstance(job, PlannedExport) else "import"].add(slot)
    found: list[RateBound] = []
    for who, count in writes.most_common(MOST_SAVINGS):
        shared = max(map(len, lanes[who].values()))
        rate = planned.rates.get(who)
        if rate is not None and count > BURST and count / rate.per_second >= CAN_BIND * end:
            free = replace(planned, rates={name: each for name, each in planned.rates.items() if name != who})
            seconds = end - play(free, likely, likely, _plainly).end
            found.append(RateBound(who, "write", shared, rate.per_second, rate.most, seconds))
        if reads[who] / planned.reads >= CAN_BIND * end:
            # The one rate is everybody's: whose reads are few is held back by it for nothing anyway.
            seconds = end - play(replace(planned, reads=inf), likely, likely, _plainly).end
            found.append(RateBound(who, "read", shared, planned.reads, 0.0, seconds))
    found = [each for each in found if each.seconds >= WORTHWHILE * end]
    return tuple(sorted(found, key=lambda each: (-each.seconds, each.identity, each.what)))


def _rule_for(jobs: int) -> Rule:
    """The very rule that will run, as far as many plays of it can be waited for."""
    if jobs <= MOST_SEEN_AHEAD:
        return choose
    return _doubtfully if jobs <= MOST_PLAYED else _plainly


def _doubtfully(candidates: Sequence[Work], board: Board, now: float) -> Work | None:
    """The policy without its look ahead."""
    return policy.choose(candidates, board.loads, now)


def _plainly(candidates: Sequence[Work], board: Board, now: float) -> Work | None:
    """The policy without its doubts: many plays cost little."""
    return policy.choose(candidates, board.loads, now, worlds=1)


def _wrong(planned: Planned, world: int, waste: float) -> dict[str, float]:
    """Subject -> seconds in one of the worlds: each job off by its own spread, all of a kin by their shared doubt."""
    kin: dict[str, float] = {}
    actual: dict[str, float] = {}
    for number, each in enumerate(planned.jobs):
        known = each.duration
        shared = kin.setdefault(known.kin, _normal(world, 1_000_003 + len(kin)))
        factor = exp(known.sigma * _normal(world, number) + known.unsure * shared)
        actual[each.subject] = known.median * factor * (1.0 + waste)
    return actual


def _normal(world: int, number: int) -> float:
    """A repeatable draw from the normal distribution: the bits of its place, mixed."""
    return NormalDist().inv_cdf((mixed(world, number) + 0.5) / 2**32)


def _with_twin(planned: Planned, likely: Mapping[str, float], slot: str) -> Timeline:
    """The timeline if a second identity, with a rate of its own, shared this slot's work."""
    exports = tuple(_shared(each, slot) for each in planned.exports)
    imports = tuple(_shared(each, slot) for each in planned.imports)
    rates = {**planned.rates, **{_second(who): rate for who, rate in planned.rates.items()}}
    return play(Planned(exports, imports, planned.begins, rates, planned.reads), likely, likely, _plainly)


def _shared(job: _Job, slot: str) -> _Job:
    """The job as a second identity could take it too, if it is of this slot."""
    if slot not in job.slots:
        return job
    beside: tuple[str, ...] = tuple(_second(who) for at, who in zip(job.slots, job.askers, strict=False) if at == slot)
    return replace(job, slots=(*job.slots, _second(slot)), askers=(*job.askers, *beside))


def _second(name: str) -> str:
    return f"{name} (second)"
