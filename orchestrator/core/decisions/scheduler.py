"""What now? Answered for a whole run.

Law: the answer follows from the progress, the clock and a draw; nothing here waits or asks.

`Scheduler.ready` looks only at what an event has touched, a slot that was left, or the clock. A subject that wants a
slot joins that slot's queue; when the slot is free the queue's best candidate goes. The single-job rule is derived from
the lives, never held in a lock, so a crash cannot leak it.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from orchestrator.core.decisions import steps
from orchestrator.core.decisions.context import (
    BASELINE_AGE,
    Answer,
    Decision,
    Later,
    Note,
    Refer,
    SchedulerContext,
    Start,
    WaitUntil,
    Want,
)
from orchestrator.core.decisions.exporting import export_candidate, package_answer, worth_it
from orchestrator.core.decisions.importing import delivery_answer, import_candidate, tails
from orchestrator.core.decisions.lost_imports import probe_answer, probe_candidate
from orchestrator.core.decisions.permission import NEVER, Hold, hold_of
from orchestrator.core.decisions.queues import Queues
from orchestrator.core.decisions.slot_discovery import asked_beside, chance, trial_answer
from orchestrator.core.decisions.waiting import gate_reached, soonest, waited
from orchestrator.core.plan.plan import Scope
from orchestrator.core.scheduling.lookahead import choose
from orchestrator.core.scheduling.policy import Work
from orchestrator.core.state.lifecycle import Delivery, DeliveryState, Package, PackageState
from orchestrator.core.state.slots import JobKind, Widening, overlapping
from orchestrator.core.state.subjects import Subject, SubjectKind, Touched

#: seconds by which the wall clock must have been stepped before windows are looked for anew
CLOCK_STEP = 1.0


@dataclass(slots=True)
class Scheduler:
    """Asks for each subject what to do, and gives the slots away."""

    context: SchedulerContext
    #: decides whether this process may use a slot now (leases between processes); seconds to wait, 0 = yes
    claim: Callable[[str], float] = field(default=lambda slot: 0.0)
    #: slots that a job of ours has left, until somebody takes them from here: their leases may go
    left: set[str] = field(default_factory=set)
    _queues: Queues = field(init=False)
    #: what events have touched since the last decision
    _touched: Touched = field(default_factory=Touched)
    #: subjects to be considered, and slots to be given away, at the next decision
    _due: set[Subject] = field(default_factory=set)
    _slots: set[str] = field(default_factory=set)
    #: (epoch seconds, what is due then)
    _timers: list[tuple[float, Subject]] = field(default_factory=list)
    #: subject -> why the job that it waits for may not be asked for; it is in no queue
    _held: dict[Subject, Hold] = field(default_factory=dict)
    #: (epoch seconds, subject of which a window opens then)
    _openings: list[tuple[float, Subject]] = field(default_factory=list)
    #: `wall_ahead` when these were found
    _wall_ahead: float = 0.0
    #: delivery whose baseline is being taken -> the free slot that takes its import next
    _next_in: dict[Subject, str] = field(default_factory=dict)
    #: what told slots apart when the queues were made
    _apart: tuple[Widening, ...] = ()

    def __post_init__(self) -> None:
        self._queues = Queues(self.context)

    def touch(self, touched: Touched) -> None:
        """What an event has changed, as the progress tells it: considered at the next decision."""
        self._touched.add(touched)

    def touch_all(self) -> None:
        """After a replay, or where the way to a service is another now: everything that is open deserves a look."""
        self.touch(self.context.progress.everything())

    def ready(self, now: float) -> Decision:
        """What to do now; Note comes before Start, and both before waiting."""
        started: list[steps.Step] = []
        self._ring(now)
        if self._apart != self.context.progress.trials.apart:
            self._regroup()
        if not self.context.tails and self.context.progress.deliveries:
            self.context.tails = tails(self.context)
        self._take_touched(now)
        # New sets, for one that once held ten thousand is walked at that length for ever.
        subjects, self._due = sorted(self._due), set()
        for place, subject in enumerate(subjects):
            self._due.discard(subject)
            answer = self._consider(subject, now)
            if isinstance(answer, Note):
                self._due.update(subjects[place:])
                return self._first(answer, started)
            if answer is not None:
                started.append(self._begin(answer))
        slots, self._slots = sorted(self._slots), set()
        for place, slot in enumerate(slots):
            self._slots.discard(slot)
            chosen = self._arbitrate(slot, now)
            if isinstance(chosen, Note):
                self._slots.update(slots[place:])
                return self._first(chosen, started)
            if chosen is not None:
                started.append(self._begin(chosen))
                if isinstance(chosen, steps.RequestImport):
                    self._slots.add(slot)  # while it runs the next one's baseline is taken
        if started:
            return Start(tuple(started))
        if self._due:  # one subject has referred to another
            return self.ready(now)
        if note := gate_reached(self.context, self._held.values()):
            return note
        if self.context.active or (self._timers and not self.context.stopping):
            opens = self._openings[0][0] if self._openings else NEVER
            return WaitUntil(min(self._timers[0][0] if self._timers else NEVER, soonest(opens, now)))
        return waited(self.context, self._held.values(), now)

    def _first(self, note: Note, started: list[steps.Step]) -> Decision:
        """Steps already chosen go first; the note is found again at the next question."""
        return Start(tuple(started)) if started else note

    def _take_touched(self, now: float) -> None:
        """What events have touched, as subjects and slots to look at."""
        touched, self._touched = self._touched, Touched()
        self._due |= touched.subjects
        for slot in touched.slots:
            self.context.board.ended(slot, now)
            self._slots |= self._queues.feeds[slot]
        self._slots |= touched.slots
        self.left |= touched.slots
        if self.context.rule.scope is Scope.AUTO:
            self._slots.update(each for slot in touched.slots for each in overlapping(slot, self._queues.waiting))
            if (trial := self.context.progress.trials.pending) is not None:
                self._due.add(Subject.trial(trial.tried.widening))
        for target in touched.targets:
            self._slots |= self._queues.feeds[target]

    def _ring(self, now: float) -> None:
        if abs(self.context.wall_ahead - self._wall_ahead) > CLOCK_STEP:
            self._wall_ahead = self.context.wall_ahead
            self._due.update(self._held)
        while self._openings and self._openings[0][0] <= now:
            self._due.add(heapq.heappop(self._openings)[1])
        while self._timers and self._timers[0][0] <= now:
            subject = heapq.heappop(self._timers)[1]
            if subject.kind is SubjectKind.SLOT:
                self._slots.add(subject.id)
            else:
                self._due.add(subject)

    def _ring_at(self, time: float, subject: Subject) -> None:
        heapq.heappush(self._timers, (time, subject))

    def _regroup(self) -> None:
        """`auto` has seen which slots are apart: every job joins the queue that is now its own."""
        self._apart = self.context.progress.trials.apart
        self._queues.empty()
        self.touch_all()

    def _begin(self, step: steps.Step) -> steps.Step:
        subject = step.subject
        self.context.active[subject] = step
        silence = self.context.silence_of(step)
        if silence is not None:
            silence.asking = subject
        return step

    def finish(self, subject: Subject) -> None:
        """The step of this subject is over, whatever came of it."""
        step = self.context.active.pop(subject, None)
        self._next_in.pop(subject, None)
        self._due.add(subject)
        self._slots.update(self._queues.slots_of(subject))
        if isinstance(step, steps.AwaitExport | steps.AwaitImport):  # it may have taught that such jobs are shorter
            self._due.update(each for each, hold in self._held.items() if hold.short)

    def _consider(self, subject: Subject, now: float) -> steps.Step | Note | None:
        """What this subject has to do now; what it waits for is kept."""
        if subject in self.context.active:
            return None
        self._held.pop(subject, None)
        answer = self._evaluate(subject, now)
        self._queues.account(subject, answer)
        if isinstance(answer, Want):
            if hold := hold_of(self.context, subject, now):
                self._hold(subject, hold)
            else:
                self._join(subject, answer)
            return None
        self._leave(subject)
        match answer:
            case Later(time=time):
                self._ring_at(time, subject)
                return None
            case Refer(to=others):
                self._due.update(others)
                return None
            case None | Note():
                return answer
            case step:
                return self._now_or_later(self.context.if_reachable(step, now), subject)

    def _now_or_later(self, answer: steps.Step | Note | Later | None, subject: Subject) -> steps.Step | Note | None:
        """The answer, if it is one for now; else the subject is called up when its time comes."""
        if isinstance(answer, Later):
            self._ring_at(answer.time, subject)
            return None
        return answer

    def _join(self, subject: Subject, want: Want) -> None:
        self._leave(subject)
        self._queues.join(subject, want)
        self._slots.update(want.slots)

    def _leave(self, subject: Subject) -> None:
        self._slots.update(self._queues.leave(subject))

    def _hold(self, subject: Subject, hold: Hold) -> None:
        """Its job may not be asked for now: it waits in no queue."""
        self._leave(subject)
        self._held[subject] = hold
        if hold.until < NEVER:
            heapq.heappush(self._openings, (hold.until, subject))

    def _heads(self, slot: str, now: float) -> list[Work]:
        """The candidates of a slot that may be asked for: what must wait since it joined the queue leaves it."""
        for subject in sorted(self._queues.seekers[slot]):
            if hold_of(self.context, subject, now) is not None:
                self._leave(subject)
                self._due.add(subject)  # time alone may settle it
        while True:
            heads = self._queues.waiting[slot].heads(self.context.board.loads, now)
            held = [(each, hold) for work in heads if (hold := hold_of(self.context, each := subject_of(work), now))]
            if not held:
                return heads
            for subject, hold in held:
                self._hold(subject, hold)

    def _evaluate(self, subject: Subject, now: float) -> Answer:
        s = self.context
        match subject.kind:
            case SubjectKind.PACKAGE:
                return package_answer(s, s.progress.packages[subject.id], now)
            case SubjectKind.DELIVERY:
                return delivery_answer(s, s.progress.deliveries[subject.id], now)
            case SubjectKind.PROBE:
                return probe_answer(s, s.progress.probes[subject.id], now)
            case SubjectKind.TRIAL:
                trial = s.progress.trials.pending
                return trial_answer(s, trial) if trial is not None and trial.tried.widening == subject.id else None
            case SubjectKind.SLOT:
                return None

    def _arbitrate(self, slot: str, now: float) -> steps.Step | Note | None:
        """The best candidate of a free slot, or a look ahead for the best delivery of a busy one."""
        s = self.context
        if s.stopping or slot in s.ends or not self._queues.has(slot):
            return None
        busy = s.busy.get(slot)
        if busy is not None and now < busy.until:
            self._ring_at(busy.until, Subject.slot(slot))
            return None
        heads = self._heads(slot, now)
        if taken := self._taken_until(slot, now):
            if taken == float("inf"):
                return self._beside(slot, heads, now) or self._look_ahead(slot, heads, now)
            self._ring_at(taken, Subject.slot(slot))
            return None
        answer = self._best(slot, heads, now) or self._seek(slot, now)
        if isinstance(answer, steps.RequestExport | steps.RequestImport | steps.RequestProbe):
            return self._claimed(answer, slot, now)
        return answer

    def _best(self, slot: str, heads: list[Work], now: float) -> steps.Step | Note | None:
        """The policy's choice among those that may go now (`core.policy`)."""
        candidates = [work for work in heads if self._may_go(work, slot, now)]
        while candidates:
            work = choose(candidates, self.context.board, now)
            if work is None:
                return None
            answer, subject = self._candidate(work, slot, now), subject_of(work)
            if isinstance(answer, steps.ListTarget):
                self._next_in[subject] = slot
            looks = isinstance(self.context.active.get(subject), steps.ListTarget)
            if answer is not None or (looks and self._next_in.get(subject, slot) == slot):
                return answer  # an import that takes its baseline asks next: nothing goes before it in its slot
            candidates.remove(work)
        return None

    def _may_go(self, work: Work, slot: str, now: float) -> bool:
        step = self.context.active.get(subject_of(work))
        if work.kind is JobKind.IMPORT:
            return step is None or isinstance(step, steps.ListTarget)
        room = step is None and export_candidate(self.context, work.subject, slot) is not None
        return room and worth_it(self.context, work, slot, now)

    def _seek(self, slot: str, now: float) -> steps.Step | None:
        """A probe for a lost import, where no job of ours can prove that the slot is idle."""
        for subject in sorted(self._queues.seekers[slot]):
            if subject in self.context.active:
                continue
            probe = probe_candidate(self.context, self.context.progress.deliveries[subject.id], now)
            if isinstance(probe, Later):
                self._ring_at(probe.time, Subject.slot(slot))
            elif probe is not None:
                return probe
        return None

    def _claimed(
        self, step: steps.RequestExport | steps.RequestImport | steps.RequestProbe, slot: str, now: float
    ) -> steps.Step | None:
        reachable = self.context.if_reachable(step, now)
        if isinstance(reachable, Later):
            self._ring_at(reachable.time, Subject.slot(slot))
        elif reachable is not None and (wait := self.claim(slot)):
            self._ring_at(now + wait, Subject.slot(slot))
        elif reachable is not None:
            return step
        return None

    def _taken_until(self, slot: str, now: float) -> float:
        """0 where the slot is free, the time of the next quiet end, or infinity while a job of ours runs."""
        until = 0.0
        for subject in self.context.occupants(slot):
            quiet = self._quiet_of(subject)
            if not quiet:
                return float("inf")
            if now < quiet:
                until = max(until, quiet)
        return until

    def _beside(self, slot: str, heads: list[Work], now: float) -> steps.Step | Note | None:
        """With `auto`, once per widening: a real job beside the one that runs in its slot."""
        s = self.context
        if s.rule.scope is not Scope.AUTO:
            return None
        trial = s.progress.trials.pending
        for work in heads:
            if trial is not None and (trial.tried.subject, trial.tried.slot) != (work.subject, slot):
                continue
            if subject_of(work) in s.active or not self._may_go(work, slot, now):
                continue
            step = self._candidate(work, slot, now)
            if not isinstance(step, steps.RequestExport | steps.RequestImport):
                continue
            if trial is None:
                return chance(s, slot, work, now)
            return self._claimed(replace(step, slot=asked_beside(s, step, trial)), slot, now)
        return None

    def _quiet_of(self, subject: Subject) -> float:
        match self.context.progress.life_of(subject):
            case Delivery() as delivery:
                return delivery.quiet_until if delivery.state is DeliveryState.IMPORT_UNSURE else 0.0
            case Package() as package:
                return package.quiet_until if package.state is PackageState.EXPORT_UNSURE else 0.0
            case None:
                return self.context.progress.probes[subject.id].quiet_until

    def _candidate(self, work: Work, slot: str, now: float) -> steps.Step | Note | None:
        subject = subject_of(work)
        if subject in self.context.active:
            return None
        if work.kind is JobKind.EXPORT:
            return export_candidate(self.context, work.subject, slot)
        life = self.context.progress.deliveries[work.subject]
        return self._now_or_later(import_candidate(self.context, life, slot, now), subject)

    def _look_ahead(self, slot: str, heads: list[Work], now: float) -> steps.Step | None:
        """While a job of ours runs, the next delivery's baseline is taken, so that its request leaves at once."""
        s = self.context
        for work in heads:
            step = s.active.get(subject_of(work))
            if work.kind is JobKind.EXPORT or isinstance(step, steps.RequestImport):
                continue
            life = s.progress.deliveries[work.subject]
            if step is not None or (life.look is not None and now - life.looked_at <= BASELINE_AGE):
                return None
            look = s.if_reachable(steps.ListTarget(life.id, life.target, s.owner_in(life, slot)), now)
            if isinstance(look, Later):
                self._ring_at(look.time, subject_of(work))
                return None
            return look
        return None


def subject_of(work: Work) -> Subject:
    """Whose job it is."""
    return Subject.package(work.subject) if work.kind is JobKind.EXPORT else Subject.delivery(work.subject)
