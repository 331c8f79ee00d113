"""Who is who in a journal, and what was asked. Law: it knows nothing of how the program decides."""

from dataclasses import dataclass, field, replace

from orchestrator.core.plan.plan import Plan, Scope
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry
from orchestrator.emulator.service.ledger import slot_of
from orchestrator.emulator.world.readings import LockScope

#: the plan's word for a slot in the emulator's words; `auto` begins as the first
SCOPES = {
    Scope.AUTO: LockScope.USER_ANY,
    Scope.USER: LockScope.USER_ANY,
    Scope.USER_TYPE: LockScope.USER_TYPE,
    Scope.INSTANCE: LockScope.INSTANCE_ANY,
    Scope.INSTANCE_TYPE: LockScope.INSTANCE_TYPE,
    Scope.USER_INSTANCE: LockScope.USER_INSTANCE_ANY,
    Scope.USER_INSTANCE_TYPE: LockScope.USER_INSTANCE_TYPE,
}
NEVER = float("inf")

Intent = e.ExportRequested | e.ImportRequested | e.ProbeRequested


class Broken(AssertionError):
    """A promise does not hold."""


def require(holds: bool, what: str) -> None:
    if not holds:
        raise Broken(what)


#: events after which a request has its answer, or none is awaited any more
ANSWERS = (
    e.ExportAccepted, e.ExportRefused, e.ExportFailed, e.ExportAnswerLost, e.ExportLost,
    e.ImportAccepted, e.ImportRefused, e.ImportFailed, e.ImportAnswerLost, e.ImportFound, e.ImportMissing,
    e.ImportInDoubt, e.Split, e.ProbeAccepted, e.ProbeRefused, e.ProbeAnswerLost, e.ProbeEnded, e.Resolved,
)  # fmt: skip
#: of these, those after which no job of ours is in the slot, nor may still arrive there
GONE = (
    e.ExportRefused, e.ExportFailed, e.ExportLost, e.Exported, e.ExportVanished, e.ImportRefused, e.ImportFailed,
    e.Imported, e.ImportFound, e.ImportMissing, e.ImportInDoubt, e.Split, e.ProbeRefused, e.ProbeEnded, e.Resolved,
)  # fmt: skip
LOST = (e.ExportAnswerLost, e.ImportAnswerLost, e.ImportVanished, e.ProbeAnswerLost)
SETTLED = (e.Verified, e.Quarantined, e.Blocked, e.Split)


def subject_of(event: e.Event) -> str:
    """Delivery, batch or probe that an event is about; "" for the run's own."""
    match event:
        case e.Resolved(subject=subject):
            return subject
        case e.ProbeRequested() | e.ProbeAccepted() | e.ProbeRefused() | e.ProbeAnswerLost() | e.ProbeEnded():
            return f"probe {event.slot}"
        case _:
            return str(getattr(event, "delivery", "") or getattr(event, "batch", ""))


@dataclass
class Book:
    """Who is who, and what was asked: hears each entry behind the folds, so that they find what was before."""

    plan: Plan
    #: credentials' name -> user
    users: dict[str, str]
    batches: dict[str, e.BatchScheduled] = field(default_factory=dict)
    #: parts of split ones too
    deliveries: dict[str, e.DeliveryScheduled] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    #: subject -> the latest request and when its intent was written
    asked: dict[str, tuple[Intent, float]] = field(default_factory=dict)
    #: subjects whose request awaits its answer, in the process that sent it
    open: set[str] = field(default_factory=set)
    #: deliveries that are final
    settled: set[str] = field(default_factory=set)
    #: outages as told so far, in watched time
    outages: list[tuple[float, float]] = field(default_factory=list)
    down: float = 0.0
    at: float = 0.0
    #: seconds by which watched time is ahead of the journal's: between two processes only the wall clock told the time
    ahead: float = 0.0
    #: what `auto` tries now, and what each widening was shown to be
    trial: e.WideningTried | None = None
    shown: dict[str, str] = field(default_factory=dict)

    def heard(self, entry: Entry) -> None:
        self._scheduled(entry.event)
        self._owned(entry.event)
        subject = subject_of(entry.event)
        match entry.event:
            case e.ExportRequested() | e.ImportRequested() | e.ProbeRequested() as intent:
                self.asked[subject] = intent, entry.at
                self.open.add(subject)
            case e.WideningTried() as trial:
                self.trial = trial
            case e.WideningShown(widening=widening, shown=shown):
                self.trial, self.shown[widening] = None, shown
            case e.RunResumed():
                self.open.clear()
                self.ahead += self.at - entry.at
                self.down = 0.0
            case e.OutageBegan():
                self.down = self.watched(entry.at)
            case e.OutageEnded():
                self.outages.append((self.down, self.watched(entry.at)))
                self.down = 0.0
            case event if isinstance(event, SETTLED):
                self.settled.add(subject)
            case e.Retried() | e.Resolved():
                self.settled.discard(subject)
            case _:
                pass
        if isinstance(entry.event, ANSWERS):
            self.open.discard(subject)
        self.at = entry.at

    def _scheduled(self, event: e.Event) -> None:
        match event:
            case e.BatchScheduled():
                self.batches[event.batch] = event
            case e.DeliveryScheduled():
                self.deliveries[event.delivery] = event
            case e.Split(delivery=parent, children=children):
                self.deliveries[parent] = replace(self.deliveries[parent], owners=())
                for child in children:
                    made = replace(self.deliveries[parent], delivery=child.delivery, batch=child.batch)
                    self.deliveries[child.delivery] = made
                    self.parents[child.delivery] = parent
                    if child.fate in {"quarantined", "blocked"}:
                        self.settled.add(child.delivery)
            case _:
                pass

    def _owned(self, event: e.Event) -> None:
        """Who has asked for an import keeps it, unless he was refused; after a crash nobody knows whether he was."""
        match event:
            case e.ImportRequested(delivery=name, credentials=credentials):
                self.deliveries[name] = replace(self.deliveries[name], owner=credentials)
            case e.ImportAccepted(delivery=name) | e.ImportAnswerLost(delivery=name):
                self.deliveries[name] = replace(self.deliveries[name], owners=())
            case e.RunResumed():
                for name in self.open & self.deliveries.keys():
                    self.deliveries[name] = replace(self.deliveries[name], owners=())
            case _:
                pass

    def assets_of(self, delivery: str) -> tuple[e.Asset, ...]:
        return self.batches[self.deliveries[delivery].batch].assets

    def of_batch(self, batch: str) -> list[str]:
        return [name for name, made in self.deliveries.items() if made.batch == batch]

    def place_of(self, intent: Intent) -> str:
        """The instance that a request goes to."""
        match intent:
            case e.ExportRequested(batch=batch):
                return self.batches[batch].source
            case e.ImportRequested(delivery=delivery):
                return self.deliveries[delivery].target
            case e.ProbeRequested(instance=instance):
                return instance

    def slot_of(self, intent: Intent) -> str:
        """The slot as the plan's words and the emulator's reading of them make it, whatever the event says."""
        kind = "import" if isinstance(intent, e.ImportRequested) else "export"
        return self.slot(self.users[intent.credentials], self.place_of(intent), kind)

    def slot(self, user: str, instance: str, kind: str) -> str:
        slot = slot_of(SCOPES[self.plan.settings.one_job_per], user, instance, kind)
        told = {"kind": kind, "instance": instance}
        return "|".join([slot, *(told[each] for each in sorted(self.shown) if self.shown[each] == "apart")])

    def proves(self, intent: Intent) -> bool:
        """Whether such a job can show that no import runs beside it: of another kind, only where that was seen."""
        return isinstance(intent, e.ImportRequested) or self.shown.get("kind") == "one"

    def away(self, since: float, now: float) -> float:
        """Seconds of outages behind `since`, both in watched time."""
        spans = [*self.outages, *([(self.down, now)] if self.down else [])]
        return sum(max(0.0, min(end, now) - max(begin, since)) for begin, end in spans)

    def watched(self, at: float) -> float:
        """A moment of the journal, as if one process had lived all the time: no clock step and no gap is in it."""
        return at + self.ahead
