"""Who waits for which slot, and what each slot has to do. Law: kept from answers, never searched for.

A subject waits in one or several queues at once, of which the policy weighs the heads (`core.scheduling.policy`).
"""

from collections import defaultdict
from dataclasses import dataclass, field

from orchestrator.core.decisions.context import Answer, SchedulerContext, Want
from orchestrator.core.decisions.exporting import export_work
from orchestrator.core.decisions.importing import carriers_of, import_work
from orchestrator.core.scheduling.board import Board, Waiting
from orchestrator.core.scheduling.policy import LoadKind, SlotQueue
from orchestrator.core.state.lifecycle import Delivery, DeliveryState, PackageState
from orchestrator.core.state.slots import JobKind
from orchestrator.core.state.subjects import Subject, SubjectKind


@dataclass(slots=True)
class Queues:
    """The queues of one process."""

    context: SchedulerContext
    #: slot -> jobs that wait for it, in the orders that the policy weighs
    waiting: dict[str, SlotQueue] = field(default_factory=lambda: defaultdict(SlotQueue))
    #: slot -> lost imports that wait for a proof that it is idle
    seekers: dict[str, set[Subject]] = field(default_factory=lambda: defaultdict(set))
    #: target, or import slot -> slots whose exports feed it
    feeds: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    #: subject -> slots in whose queue it waits
    _slots_of: dict[Subject, tuple[str, ...]] = field(default_factory=dict)

    def slots_of(self, subject: Subject) -> tuple[str, ...]:
        return self._slots_of.get(subject, ())

    def has(self, slot: str) -> bool:
        """Whether anybody waits for this slot."""
        return bool(len(self.waiting[slot]) or self.seekers[slot])

    def join(self, subject: Subject, want: Want) -> None:
        """It waits in no queue before."""
        self._slots_of[subject] = want.slots
        for feeding in want.fed_by:
            self.feeds[feeding].update(want.slots)
        life = self.context.progress.life_of(subject)
        for slot in want.slots:
            if not isinstance(life, Delivery):
                self.waiting[slot].put(export_work(self.context, subject.id, want.slots))
            elif life.state is DeliveryState.IMPORT_UNSURE:
                self.seekers[slot].add(subject)
            else:
                self.waiting[slot].put(import_work(self.context, life))

    def leave(self, subject: Subject) -> tuple[str, ...]:
        """The slots in whose queue it has waited."""
        left = self._slots_of.pop(subject, ())
        for slot in left:
            self.waiting[slot].discard(subject.id)
            self.seekers[slot].discard(subject)
        return left

    def empty(self) -> None:
        """Nobody waits any more: which slots there are has changed."""
        for each in (self.waiting, self.seekers, self.feeds, self._slots_of):
            each.clear()
        progress, self.context.board = self.context.progress, Board()
        for subject in (*map(Subject.package, progress.packages), *map(Subject.delivery, progress.open)):
            self.account(subject, None)

    def account(self, subject: Subject, answer: Answer) -> None:
        """Keep the board of what is left to do: `answer` is what this subject has to do now."""
        if subject.kind is SubjectKind.PACKAGE:
            self._account_export(subject.id, answer)
        elif subject.kind is SubjectKind.DELIVERY:
            self._account_import(self.context.progress.deliveries[subject.id])

    def _account_export(self, batch: str, answer: Answer) -> None:
        s = self.context
        package = s.progress.packages[batch]
        if isinstance(answer, Want):
            work = export_work(s, batch, answer.slots)
            s.board.waits(Waiting(work, answer.slots), LoadKind.EXPORTS)
        elif package.state is PackageState.EXPORTING:
            scheduled = s.progress.batches[batch]
            seconds = s.expect(scheduled.source, JobKind.EXPORT, len(scheduled.assets))
            s.board.runs(batch, package.slot, package.since + seconds)
        else:
            s.board.drop(batch)

    def _account_import(self, life: Delivery) -> None:
        s = self.context
        work = import_work(s, life)
        if life.state is DeliveryState.WAITING and s.importable(life):
            stored = s.progress.packages[life.batch].state is PackageState.STORED
            stored = stored and s.progress.is_backed_up(life)
            before = (life.batch, *life.scheduled.backups, *carriers_of(s, life))
            job = Waiting(work, s.import_slots(life), before, life.scheduled.after)
            s.board.waits(job, LoadKind.STORED if stored else LoadKind.IMPORTS, life.scheduled.migration)
        elif life.state is DeliveryState.IMPORTING:
            s.board.runs(life.id, life.slot, life.since + work.seconds)
        else:
            s.board.drop(life.id)
