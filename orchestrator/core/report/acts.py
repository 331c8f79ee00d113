"""What people did about a run: who, when, what and why. Law: every operator's act that a journal holds is told here.

An act whose event names nobody (older journals, a retry's single deliveries) is that of whoever conducted the run then.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.core.model.counts import count
from orchestrator.core.model.handover_item import Item
from orchestrator.core.state import events as e
from orchestrator.core.state.change_events import FinishBegan, FinishResumed, UndoBegan, UndoResumed
from orchestrator.core.state.events import Entry

_GOING_ON = {
    "": "went on with it",
    "retry": "asked for what was quarantined, blocked or stopped once more (--retry)",
    "abandon": "asked for its end (--abandon)",
}
#: how `RunEnded` tells that the operator asked for the end
ABANDONED = "abandoned by the operator"


@dataclass(frozen=True, slots=True)
class Act:
    """Something an operator or a signal did."""

    at: float
    #: who, with the host
    by: str
    #: what and why, for people
    sentence: str
    #: "begin", "resume", "retry", "abandon", "approve", "sign", "accept-changed", "hold-drifted", "waive", "interrupt",
    #: "resolve", "finish", "undo", "handover-done", "pause", "stop" or "continue"
    act: str = ""
    #: the batch, delivery, migration or item that it is about; "" where it is about the run
    subject: str = ""
    #: the reason or note that was given; "" where none was
    why: str = ""


class Acts:
    """Gathers them while the entries go by."""

    def __init__(self) -> None:
        self._by = ""
        self._items: dict[str, Item] = {}

    def of(self, entry: Entry) -> Iterator[Act]:
        """The acts that this entry holds."""
        at = entry.at
        match entry.event:
            case e.RunBegan() as began:
                self._by = f"{began.by} on {began.host}"
                yield from self._beginning(began, at)
            case e.RunResumed() as event:
                self._by = f"{event.by} on {event.host}"
                told = _GOING_ON.get(event.asked, f"went on with it ({event.asked})")
                yield Act(at, self._by, told + _noted(event.note), event.asked or "resume", why=event.note)
            case e.RunInterrupted(signal=signal, by=by, host=host):
                who = f"{by} on {host}" if by else self._by
                yield Act(at, who, f"was conducting it when {signal} interrupted it", "interrupt", why=signal)
            case e.RunEnded(reason=reason) if reason == ABANDONED:
                yield Act(at, self._by, "ended it unfinished", "abandon")
            case e.RunPaused() | e.RunStopped() | e.RunContinued() as event:
                yield _ordered(event, at)
            case UndoBegan() as event:
                told = f"asked for it to be taken back (undo){_noted(event.note)}"
                self._by = f"{event.by} on {event.host}"
                yield Act(at, self._by, told, "undo", event.approved, event.note)
            case UndoResumed() as event:
                self._by = f"{event.by} on {event.host}"
                yield Act(at, self._by, f"went on taking it back{_noted(event.note)}", "undo", why=event.note)
            case FinishBegan() as event:
                told = f"asked for what ROMA does not carry (finish: {', '.join(event.steps)}){_noted(event.note)}"
                self._by = f"{event.by} on {event.host}"
                yield Act(at, self._by, told, "finish", event.approved, event.note)
            case FinishResumed() as event:
                self._by = f"{event.by} on {event.host}"
                yield Act(at, self._by, f"went on finishing it{_noted(event.note)}", "finish", why=event.note)
            case e.Regrouped(parts=parts, scheduled=scheduled):
                names = ", ".join(each.delivery for each in scheduled)
                whole = count(len(scheduled), "batch")
                told = f"gave {count(len(parts), 'delivery')} that were set aside one more try, together as {whole}"
                yield Act(at, self._by, told, "retry", names)
            case e.Retried(delivery=delivery):
                yield Act(at, self._by, f"gave {delivery} one more try", "retry", delivery)
            case e.TargetReopened(instance=instance, direction=direction):
                yield Act(at, self._by, f"opened {instance} again for {direction}s", "retry", instance)
            case e.Resolved() as event:
                why = event.reason + (f" ({event.note})" if event.note else "")
                told = f"resolved {event.subject} as {event.outcome}: {why}"
                yield Act(at, f"{event.by} on {event.host}", told, "resolve", event.subject, why)
            case e.HandoverListed(items=items):
                self._items |= {item.id: item for item in items}
            case e.HandoverDone() as event:
                told = f"ticked item {event.item} of the handover list{self._about(event.item)}: {event.note}"
                yield Act(at, f"{event.by} on {event.host}", told, "handover-done", event.item, event.note)
            case _:
                pass

    def _beginning(self, began: e.RunBegan, at: float) -> Iterator[Act]:
        if began.approved_by:
            told = f"saved the preview {began.approved[:8]} that was approved{_noted(began.approved_note)}"
            yield Act(began.approved_at, began.approved_by, told, "approve", began.approved, began.approved_note)
        if began.signed_by:
            told = f"had signed the saved preview {began.approved[:8]}; the signature was good when the run began"
            yield Act(at, began.signed_by, told, "sign", began.approved)
        yield Act(at, self._by, f"began the run{_noted(began.note)}", "begin", why=began.note)
        if began.approved:
            told = f"carried out the saved preview {began.approved[:8]}{_noted(began.note)}"
            yield Act(at, self._by, told, "approve", began.approved, began.note)
        for each in began.accepted:
            told = f"accepted a change since the approval: {each}{_noted(began.note)}"
            yield Act(at, self._by, told, "accept-changed", each, began.note)
        for each in began.held:
            told = f"left out what has drifted since the approval: {each}{_noted(began.note)}"
            yield Act(at, self._by, told, "hold-drifted", each, began.note)
        for each in began.waived:
            yield Act(at, self._by, f"began it under a waiver of the plan: {each}", "waive", each, began.note)

    def _about(self, item: str) -> str:
        held = self._items.get(item)
        return f" ({' '.join(part for part in (held.action, held.asset, 'at', held.where) if part)})" if held else ""


def _ordered(event: e.RunPaused | e.RunStopped | e.RunContinued, at: float) -> Act:
    by = f"{event.by} on {event.host}"
    match event:
        case e.RunPaused():
            return Act(at, by, f"paused it{_noted(event.note)}", "pause", why=event.note)
        case e.RunStopped():
            return Act(at, by, f"stopped it{_noted(event.note)}", "stop", why=event.note)
        case e.RunContinued(gate=""):
            return Act(at, by, f"let it go on{_noted(event.note)}", "continue", why=event.note)
        case e.RunContinued(gate=gate):
            return Act(at, by, f"opened the gate before the {gate}{_noted(event.note)}", "continue", gate, event.note)


def _noted(note: str) -> str:
    return f": {note}" if note else ""
