"""What now? The agenda of a run.

Law: the answer follows from the progress, the clock and a draw; nothing here waits or asks.

`Scheduler.ready` looks only at what an event, a freed slot or the clock has touched. A subject that wants a slot joins
that slot's lane; when the slot is free the lane's best candidate goes. The single-job rule is derived from the lives,
never held in a lock, so a crash cannot leak it.
"""

import heapq
from collections import defaultdict
from dataclasses import dataclass, field, replace

from orchestrator.core.decisions import steps
from orchestrator.core.decisions.context import (
    BASELINE_AGE,
    Answer,
    Decision,
    Finished,
    Later,
    Note,
    SchedulerContext,
    Start,
    WaitUntil,
    Want,
)
from orchestrator.core.decisions.exporting import export_candidate, export_work, package_answer, worth_it
from orchestrator.core.decisions.importing import delivery_answer, import_candidate, import_work, tails
from orchestrator.core.decisions.lost_imports import probe_answer, probe_candidate
from orchestrator.core.decisions.slot_discovery import asked_beside, chance, subject_of, trial_answer
from orchestrator.core.plan.plan import Scope
from orchestrator.core.scheduling.policy import LoadKind, SlotLoads, SlotQueue, Work, choose
from orchestrator.core.state.lifecycle import Delivery, DeliveryState, PackageState
from orchestrator.core.state.slots import JobKind, Widening, overlapping


@dataclass(slots=True)
class Scheduler(SchedulerContext):
    """Asks for each subject what to do, and gives the slots away."""

    #: slot -> jobs that wait for it, in the orders that the policy weighs
    queues: dict[str, SlotQueue] = field(default_factory=lambda: defaultdict(SlotQueue))
    #: slot -> lost imports that wait for a proof that it is idle
    seekers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _queue_of: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _touched: set[str] = field(default_factory=set)
    #: slots that a job of ours has left, until somebody takes them from here: their leases may go
    left: set[str] = field(default_factory=set)
    #: what told slots apart when the lanes were made
    _apart: tuple[Widening, ...] = ()

    def ready(self, now: float) -> Decision:
        """What to do now; Note comes before Start, and both before waiting."""
        started: list[steps.Step] = []
        self._ring(now)
        if self._apart != self.progress.trials.apart:
            self._regroup()
        if not self.tails and self.progress.deliveries:
            self.tails = tails(self)
        # New sets, for one that once held ten thousand is walked at that length for ever.
        subjects, self.nudged = sorted(self.nudged | self._take_subjects(now)), set()
        for place, subject in enumerate(subjects):
            self.nudged.discard(subject)
            answer = self._consider(subject, now)
            if isinstance(answer, Note):
                self.nudged.update(subjects[place:])
                return self._first(answer, started)
            if answer is not None and not isinstance(answer, Want | Later):
                started.append(self._begin(subject, answer))
        slots, self._touched = sorted(self._touched), set()
        for place, slot in enumerate(slots):
            self._touched.discard(slot)
            chosen = self._arbitrate(slot, now)
            if isinstance(chosen, Note):
                self._touched.update(slots[place:])
                return self._first(chosen, started)
            if chosen is not None:
                started.append(self._begin(chosen.subject, chosen))
                if isinstance(chosen, steps.RequestImport):
                    self._touched.add(slot)  # while it runs the next one's baseline is taken
        if started:
            return Start(tuple(started))
        if self.nudged:  # one subject has asked for another
            return self.ready(now)
        if self.active or (self.timers and not self.stopping):
            return WaitUntil(self.timers[0][0] if self.timers else float("inf"))
        return Finished()

    def _first(self, note: Note, started: list[steps.Step]) -> Decision:
        """Steps already chosen go first; the note is found again at the next question."""
        return Start(tuple(started)) if started else note

    def _take_subjects(self, now: float) -> set[str]:
        woken = self.progress.take_woken()
        freed = self.progress.take_freed()
        for slot in freed:
            self.ledger.ended(slot, now)
            self._touched |= self.feeds[slot]
        self._touched |= freed
        self.left |= freed
        if self.rule.scope is Scope.AUTO:
            self._touched.update(each for slot in freed for each in overlapping(slot, self.queues))
            if (trial := self.progress.trials.pending) is not None:
                woken.add(subject_of(trial))
        for target in self.progress.take_eased():
            self._touched |= self.feeds[target]
        return woken

    def _ring(self, now: float) -> None:
        while self.timers and self.timers[0][0] <= now:
            name = heapq.heappop(self.timers)[1]
            if name.startswith("slot "):
                self._touched.add(name.removeprefix("slot "))
            else:
                self.nudged.add(name)

    def _regroup(self) -> None:
        """`auto` has seen which slots are apart: every job joins the lane that is now its own."""
        self._apart = self.progress.trials.apart
        self.queues.clear()
        self.seekers.clear()
        self._queue_of.clear()
        self.feeds.clear()
        self.ledger = SlotLoads()
        for subject in (*self.progress.packages, *self.progress.open):
            self._account(subject, None)
        self.progress.wake_all()

    def _begin(self, subject: str, step: steps.Step) -> steps.Step:
        self.active[subject] = step
        return step

    def finish(self, subject: str) -> None:
        """The step of this subject is over, whatever came of it."""
        self.active.pop(subject, None)
        self.nudged.add(subject)
        self._touched.update(self._queue_of.get(subject, ()))

    def _consider(self, subject: str, now: float) -> Answer:
        if subject in self.active:
            return None
        answer = self._evaluate(subject, now)
        self._account(subject, answer)
        match answer:
            case Want(slots=slots):
                self._join(subject, slots)
            case Later(time=time):
                self._leave(subject)
                heapq.heappush(self.timers, (time, subject))
            case _:
                self._leave(subject)
        if answer is None or isinstance(answer, Note | Want | Later):
            return answer
        return self.if_reachable(answer, now)

    def _account(self, subject: str, answer: Answer) -> None:
        """Keep the ledger of what each slot has to do."""
        if subject in self.progress.packages:
            package = self.progress.packages[subject]
            if isinstance(answer, Want):
                work = export_work(self, subject, answer.slots)
                self.ledger.waits(subject, answer.slots, LoadKind.EXPORTS, work.seconds)
            elif package.state is PackageState.EXPORTING:
                size = len(self.progress.assets_of(subject))
                source = self.progress.batches[subject].source
                self.ledger.runs(subject, package.slot, package.since + self.expect(source, JobKind.EXPORT, size))
            else:
                self.ledger.drop(subject)
        elif subject in self.progress.deliveries:
            self._account_import(self.progress.deliveries[subject])

    def _account_import(self, life: Delivery) -> None:
        work = import_work(self, life)
        if life.state is DeliveryState.WAITING and self.importable(life):
            stored = self.progress.packages[life.batch].state is PackageState.STORED
            stored = stored and self.progress.is_backed_up(life)
            slot = self.slot(life.target, life.scheduled.owner, JobKind.IMPORT)
            self.ledger.waits(life.id, (slot,), LoadKind.STORED if stored else LoadKind.IMPORTS, work.seconds)
        elif life.state is DeliveryState.IMPORTING:
            self.ledger.runs(life.id, life.slot, life.since + work.seconds)
        else:
            self.ledger.drop(life.id)

    def _join(self, subject: str, slots: tuple[str, ...]) -> None:
        self._leave(subject)
        self._queue_of[subject] = slots
        life = self.progress.deliveries.get(subject)
        for slot in slots:
            if life is None:
                self.queues[slot].put(export_work(self, subject, slots))
            elif life.state is DeliveryState.IMPORT_UNSURE:
                self.seekers[slot].add(subject)
            else:
                self.queues[slot].put(import_work(self, life))
        self._touched.update(slots)

    def _leave(self, subject: str) -> None:
        for slot in self._queue_of.pop(subject, ()):
            self.queues[slot].discard(subject)
            self.seekers[slot].discard(subject)
            self._touched.add(slot)

    def _evaluate(self, subject: str, now: float) -> Answer:
        if subject in self.progress.packages:
            return package_answer(self, self.progress.packages[subject], now)
        if subject in self.progress.deliveries:
            return delivery_answer(self, self.progress.deliveries[subject], now)
        if subject in self.progress.probes:
            return probe_answer(self, self.progress.probes[subject], now)
        trial = self.progress.trials.pending
        if trial is not None and subject == subject_of(trial):
            return trial_answer(self, trial)
        return None

    def _arbitrate(self, slot: str, now: float) -> steps.Step | Note | None:
        """The best candidate of a free slot, or a look ahead for the best delivery of a busy one."""
        if self.stopping or slot in self.ends or not (len(self.queues[slot]) or self.seekers[slot]):
            return None
        busy = self.busy.get(slot)
        if busy is not None and now < busy.until:
            self.ring_slot_at(slot, busy.until)
            return None
        heads = self.queues[slot].heads(self.ledger.loads, now)
        if taken := self._taken_until(slot, now):
            if taken == float("inf"):
                return self._beside(slot, heads, now) or self._look_ahead(heads, now)
            self.ring_slot_at(slot, taken)
            return None
        answer = self._best(slot, heads, now) or self._seek(slot, now)
        if isinstance(answer, steps.RequestExport | steps.RequestImport | steps.RequestProbe):
            return self._claimed(answer, slot, now)
        return answer

    def _best(self, slot: str, heads: list[Work], now: float) -> steps.Step | Note | None:
        """The policy's choice among those that may go now (`core.policy`)."""
        candidates = [work for work in heads if self._may_go(work, slot, now)]
        while candidates:
            work = choose(candidates, self.ledger.loads, now)
            if work is None:
                return None
            answer = self._candidate(work.subject, slot, now)
            if answer is not None or isinstance(self.active.get(work.subject), steps.ListTarget):
                return answer  # an import that takes its baseline asks next: nothing goes before it
            candidates.remove(work)
        return None

    def _may_go(self, work: Work, slot: str, now: float) -> bool:
        if work.kind is JobKind.IMPORT:
            return work.subject not in self.active or isinstance(self.active[work.subject], steps.ListTarget)
        room = work.subject not in self.active and export_candidate(self, work.subject, slot) is not None
        return room and worth_it(self, work, slot, now)

    def _seek(self, slot: str, now: float) -> steps.Step | None:
        """A probe for a lost import, where no job of ours can prove that the slot is idle."""
        for subject in sorted(self.seekers[slot]):
            if subject not in self.active and (probe := probe_candidate(self, self.progress.deliveries[subject], now)):
                return probe
        return None

    def _claimed(self, step: steps.Step, slot: str, now: float) -> steps.Step | None:
        reachable = self.if_reachable(step, now)
        if isinstance(reachable, Later):
            self.ring_slot_at(slot, reachable.time)
        elif reachable is not None and (wait := self.claim(slot)):
            self.ring_slot_at(slot, now + wait)
        elif reachable is not None:
            return step
        return None

    def _taken_until(self, slot: str, now: float) -> float:
        """0 where the slot is free, the time of the next quiet end, or infinity while a job of ours runs."""
        until = 0.0
        for subject in self.occupants(slot):
            quiet = self._quiet_of(subject)
            if not quiet:
                return float("inf")
            if now < quiet:
                until = max(until, quiet)
        return until

    def _beside(self, slot: str, heads: list[Work], now: float) -> steps.Step | Note | None:
        """With `auto`, once per widening: a real job beside the one that runs in its slot."""
        if self.rule.scope is not Scope.AUTO:
            return None
        trial = self.progress.trials.pending
        for work in heads:
            if trial is not None and (trial.tried.subject, trial.tried.slot) != (work.subject, slot):
                continue
            if work.subject in self.active or not self._may_go(work, slot, now):
                continue
            step = self._candidate(work.subject, slot, now)
            if not isinstance(step, steps.RequestExport | steps.RequestImport):
                continue
            if trial is None:
                return chance(self, slot, work, now)
            return self._claimed(replace(step, slot=asked_beside(self, step, trial)), slot, now)
        return None

    def _quiet_of(self, subject: str) -> float:
        if subject in self.progress.deliveries:
            delivery = self.progress.deliveries[subject]
            return delivery.quiet_until if delivery.state is DeliveryState.IMPORT_UNSURE else 0.0
        if subject in self.progress.packages:
            package = self.progress.packages[subject]
            return package.quiet_until if package.state is PackageState.EXPORT_UNSURE else 0.0
        probe = self.progress.probes[subject.removeprefix("probe ")]
        return probe.quiet_until

    def _candidate(self, subject: str, slot: str, now: float) -> steps.Step | Note | None:
        if subject in self.active:
            return None
        if subject in self.progress.packages:
            return export_candidate(self, subject, slot)
        return import_candidate(self, self.progress.deliveries[subject], slot, now)

    def _look_ahead(self, heads: list[Work], now: float) -> steps.Step | None:
        """While a job of ours runs, the next delivery's baseline is taken, so that its request leaves at once."""
        for work in heads:
            life = self.progress.deliveries.get(work.subject)
            if life is None or isinstance(self.active.get(work.subject), steps.RequestImport):
                continue
            if work.subject in self.active or (life.look is not None and now - life.looked_at <= BASELINE_AGE):
                return None
            look = steps.ListTarget(life.id, life.target, life.scheduled.owner)
            return self.only_step(self.if_reachable(look, now))
        return None
