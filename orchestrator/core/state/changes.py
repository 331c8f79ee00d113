"""The life of a change: what a finish or an undo asked for, and what was read of it. Law: one table of moves, no other.

A change is PENDING until it is asked for, UNSURE until its object was read afterwards, and then settled for good: DONE,
REFUSED by the service, or DIFFERENT because somebody changed the object meanwhile (promise 16).
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from orchestrator.core.model.change import Change, Proves
from orchestrator.core.model.inventory import Reason
from orchestrator.core.state import change_events as c
from orchestrator.core.state.change_events import ChangeEvent
from orchestrator.core.state.lifecycle import IllegalMove


class ChangeState(StrEnum):
    """Where a change stands."""

    #: not asked for
    PENDING = "pending"
    #: asked for; only reading tells whether it is done
    UNSURE = "unsure"
    #: read to be done
    DONE = "done"
    #: the service refuses it, in its own words
    REFUSED = "refused"
    #: the object is not what it was when the change was planned: it is left alone
    DIFFERENT = "different"


#: states in which a change is over
SETTLED = frozenset({ChangeState.DONE, ChangeState.REFUSED, ChangeState.DIFFERENT})

S = ChangeState

#: (state, event) -> states that it may lead to; `ChangesSettled` tells for each change which
MOVES: dict[tuple[ChangeState, type], frozenset[ChangeState]] = {
    (S.PENDING, c.ChangesRequested): frozenset({S.UNSURE}),
    (S.PENDING, c.ChangesSettled): frozenset({S.DONE, S.REFUSED, S.DIFFERENT}),
    (S.UNSURE, c.ChangesAccepted): frozenset({S.UNSURE}),
    (S.UNSURE, c.ChangesRefused): frozenset({S.PENDING}),
    (S.UNSURE, c.ChangesAnswerLost): frozenset({S.UNSURE}),
    (S.UNSURE, c.ChangesEnded): frozenset({S.UNSURE}),
    (S.UNSURE, c.ChangesSettled): frozenset({S.DONE, S.PENDING, S.REFUSED, S.DIFFERENT}),
}


@dataclass(frozen=True, slots=True)
class ChangeLife:
    """One change and how far it is."""

    change: Change
    state: ChangeState = ChangeState.PENDING
    slot: str = ""
    #: the job that carries it out; "" before it is accepted
    job: str = ""
    #: when the present request was made, epoch seconds
    asked_at: float = 0.0
    #: the job was seen to be over, and to have failed
    ended: bool = False
    failed: bool = False
    #: changes in the latest request that it was part of
    together: int = 0
    #: the service's causes, where the job failed
    reasons: tuple[Reason, ...] = ()
    #: why, where it was refused, lost or is different
    why: str = ""
    #: requests made so far
    attempts: int = 0
    not_before: float = 0.0
    #: nothing is believed before this; 0 where the request is still ours to answer
    quiet_until: float = 0.0
    #: when it was settled, epoch seconds; 0 where it is not
    settled_at: float = 0.0

    @property
    def settled(self) -> bool:
        return self.state in SETTLED

    @property
    def may_be_ours(self) -> bool:
        """Settled, and a request of ours did it, or was called successful and never seen whole."""
        answered = self.ended and not self.failed
        return bool(self.attempts) and (self.state is S.DONE or (self.state is S.REFUSED and answered))


@dataclass(slots=True)
class Changes:
    """Every change of a run's finish, or of its undo: of the latest one, and what earlier ones have left behind."""

    began: c.UndoBegan | c.FinishBegan | None = None
    began_at: float = 0.0
    ended: c.UndoEnded | c.FinishEnded | None = None
    ended_at: float = 0.0
    lives: dict[str, ChangeLife] = field(default_factory=dict)
    #: (kind, id at the target, name, target, why): what is left alone
    left: tuple[tuple[str, str, str, str, str], ...] = ()
    #: (instance, id there) of what any undo of the run has restored
    restored: set[tuple[str, str]] = field(default_factory=set)
    #: change -> its life, of every one that has been settled, the latest wherever there were several
    settled: dict[str, ChangeLife] = field(default_factory=dict)
    #: change -> its life, of those that a request of ours made or may have made and no undo has taken back, in order
    ours: dict[str, ChangeLife] = field(default_factory=dict)
    #: (instance, asset) -> its update time before, and when it was settled, of each request that may have moved it
    moved: dict[tuple[str, str], list[tuple[str, float]]] = field(default_factory=dict)
    #: what of the handover list was read to be done already, and when that was planned
    found: dict[Proves, float] = field(default_factory=dict)

    @property
    def unfinished(self) -> bool:
        """It has begun and not ended."""
        return self.began is not None and self.ended is None

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps of `finish` that it is about; none where nothing has begun, or an undo takes the whole run back."""
        return self.began.steps if self.began is not None else ()

    def take_back(self, change: str) -> None:
        """An undo was read to have taken it back."""
        self.ours.pop(change, None)
        if (life := self.settled.pop(change, None)) is not None:
            for proved in life.change.proves:
                self.found.pop(proved, None)
            self._prove_no_more({each for each in life.change.proves if each.in_part})

    def _prove_no_more(self, parts: set[Proves]) -> None:
        """What takes several changes is proved by none once one of them was taken back."""
        for name, life in self.settled.items():
            if parts & {*life.change.proves}:
                kept = tuple(each for each in life.change.proves if each not in parts)
                self.settled[name] = replace(life, change=replace(life.change, proves=kept))

    def apply(self, event: ChangeEvent, at: float) -> None:
        """Believe one journaled event; raises IllegalMove."""
        match event:
            case c.UndoBegan() | c.FinishBegan():
                self.began, self.began_at, self.ended, self.left = event, at, None, ()
                self.lives = {}
            case c.UndoResumed(settle_quiet=quiet) | c.FinishResumed(settle_quiet=quiet):
                self._quiet_all(at + quiet)
            case c.UndoEnded() | c.FinishEnded():
                self.ended, self.ended_at = event, at
            case c.ChangesPlanned(changes=changes, left=left, found=found):
                self.lives |= {each.id: ChangeLife(each) for each in changes}
                self.left += left
                self.found |= dict.fromkeys(found, at)
            case c.ChangesSettled():
                self._settle(event, at)
            case _:
                for name in event.changes:
                    self.lives[name] = _moved(self._life(name, event), event, at)

    def _life(self, name: str, event: ChangeEvent) -> ChangeLife:
        life = self.lives.get(name)
        if life is None or (life.state, type(event)) not in MOVES:
            state = life.state if life else "unknown"
            raise IllegalMove(f"change {name} is {state}: {type(event).__name__} cannot follow")
        return life

    def _settle(self, event: c.ChangesSettled, at: float) -> None:
        told = [(name, S.DONE, "") for name in event.done] + [(name, S.PENDING, "") for name in event.open]
        told += [(name, S.DIFFERENT, why) for name, why in event.different]
        told += [(name, S.REFUSED, why) for name, why in event.refused]
        for name, state, why in told:
            life = self._life(name, event)
            if state not in MOVES[life.state, type(event)]:
                raise IllegalMove(f"change {name} is {life.state}: it cannot become {state}")
            if state is S.DONE and life.change.restores:
                self.restored.add((life.change.instance, life.change.object))
            after = replace(life, state=state, why="" if state is S.DONE else why or life.why, job="", quiet_until=0.0)
            self.lives[name] = after = replace(after, settled_at=at if after.settled else 0.0)
            if after.settled:
                self.settled[name] = after
                self._note_move(after)
            if after.may_be_ours:
                self.ours[name] = after

    def _note_move(self, life: ChangeLife) -> None:
        """A data source is no part of its application's time; tasks have no fact of theirs."""
        change = life.change
        if life.may_be_ours and not change.by_job and (change.fact("app updated") or not change.fact("app")):
            written = change.fact("app updated"), life.settled_at
            self.moved.setdefault((change.instance, change.asset), []).append(written)

    def _quiet_all(self, until: float) -> None:
        """The process that asked is dead: what it asked may still arrive."""
        for name, life in self.lives.items():
            if life.state is S.UNSURE and not life.job and not life.quiet_until:
                self.lives[name] = replace(life, quiet_until=until)


def _moved(life: ChangeLife, event: ChangeEvent, at: float) -> ChangeLife:
    match event:
        case c.ChangesRequested(slot=slot):
            attempts = life.attempts + 1
            together = len(event.changes)
            return replace(
                life, state=S.UNSURE, slot=slot, asked_at=at, attempts=attempts, together=together, job="",
                ended=False, failed=False, reasons=(), quiet_until=0.0,
            )  # fmt: skip
        case c.ChangesAccepted(job=job):
            return replace(life, job=job)
        case c.ChangesRefused(words=words, wait=wait):
            return replace(life, state=S.PENDING, why=str(words), not_before=at + wait, attempts=life.attempts - 1)
        case c.ChangesAnswerLost(words=words, quiet_until=quiet):
            return replace(life, job="", why=str(words), quiet_until=quiet)
        case c.ChangesEnded(word=word, failed=failed, reasons=reasons):
            return replace(life, ended=True, failed=failed, reasons=reasons, why=word)
        case _:
            return life
