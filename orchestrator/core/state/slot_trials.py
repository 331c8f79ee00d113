"""What `one_job_per: auto` has tried and seen, folded from the events (promise 2).

Law: a widening is tried once; what a crash, a lost answer or an early end hid is open, and changes nothing.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from orchestrator.core.model.failures import Failure
from orchestrator.core.plan.plan import Scope
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry, Event
from orchestrator.core.state.slots import Widening


class Reply(StrEnum):
    """What ROMA said to the job that was asked for beside another."""

    #: nothing yet
    AWAITED = "awaited"
    #: a job was created
    ACCEPTED = "accepted"
    #: ROMA.10012
    BUSY = "busy"
    #: it cannot be known, or has another cause
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Trial:
    """One widening, tried."""

    tried: e.WideningTried
    #: epoch seconds
    at: float
    reply: Reply = Reply.AWAITED
    shown: e.WideningShown | None = None

    @property
    def widening(self) -> Widening:
        return Widening(self.tried.widening)


class Trials:
    """Every trial of one run; without `auto` there is none."""

    def __init__(self) -> None:
        self._known: dict[Widening, Trial] = {}
        self._auto = False
        #: what tells slots apart, in the order in which it was shown
        self.apart: tuple[Widening, ...] = ()

    @property
    def known(self) -> tuple[Trial, ...]:
        """Every trial, in the order in which they were made."""
        return tuple(self._known.values())

    @property
    def pending(self) -> Trial | None:
        """The trial whose result is not known."""
        return next((trial for trial in self.known if trial.shown is None), None)

    @property
    def told(self) -> tuple[tuple[str, str], ...]:
        """(widening, what was shown of it), for people."""
        return tuple((trial.tried.widening, trial.shown.shown) for trial in self.known if trial.shown)

    @property
    def kinds_exclude(self) -> bool:
        """Whether a job of one kind was shown to exclude jobs of another.

        Only then an export that is accepted can prove that no import runs (promise 3b). What the plan says of it
        decides what is asked for, and proves nothing: the service's pages speak of each kind for itself (API 2.1).
        """
        kind = self._known.get(Widening.KIND)
        return kind is not None and kind.shown is not None and kind.shown.shown == "one"

    def next(self) -> Widening | None:
        """What is to be tried next; None while a trial is pending, and where nothing is left to learn."""
        if not self._auto or self.pending is not None:
            return None
        kind = self._known.get(Widening.KIND)
        if kind is None:
            return Widening.KIND
        answered = kind.tried.both and kind.reply is Reply.BUSY
        return None if answered or Widening.INSTANCE in self._known else Widening.INSTANCE

    def apply(self, entry: Entry) -> bool:
        """Believe one event; True where what tells slots apart has changed."""
        event = entry.event
        match event:
            case e.RunBegan(one_job_per=scope) | e.RunResumed(one_job_per=scope):
                self._auto = scope == Scope.AUTO.value
                self._reply(Reply.HIDDEN, only=Reply.AWAITED)
            case e.WideningTried(widening=widening):
                self._known[Widening(widening)] = Trial(event, entry.at)
            case e.WideningShown(widening=widening, shown=shown):
                known = Widening(widening)
                self._known[known] = replace(self._known[known], shown=event)
                if shown == "apart":
                    self.apart = (*self.apart, known)
                    return True
            case _:
                self._answered(event)
        return False

    def _answered(self, event: Event) -> None:
        trial = self.pending
        if trial is None or trial.reply is not Reply.AWAITED:
            return
        match event:
            case e.ExportAccepted(batch=subject) | e.ImportAccepted(delivery=subject):
                reply = Reply.ACCEPTED
            case e.ExportRefused(batch=subject, words=words) | e.ImportRefused(delivery=subject, words=words):
                reply = Reply.BUSY if words.kind == Failure.BUSY.value else Reply.HIDDEN
            case e.ExportAnswerLost(batch=subject) | e.ImportAnswerLost(delivery=subject):
                reply = Reply.HIDDEN
            case e.ExportFailed(batch=subject) | e.ImportFailed(delivery=subject):
                reply = Reply.HIDDEN
            case _:
                return
        if subject == trial.tried.subject:
            self._reply(reply, only=Reply.AWAITED)

    def _reply(self, reply: Reply, only: Reply) -> None:
        trial = self.pending
        if trial is not None and trial.reply is only:
            self._known[trial.widening] = replace(trial, reply=reply)
