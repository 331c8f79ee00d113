"""Events in the words of the log. Law: the journal's own names and fields; only what is long is told by its length."""

import re
from dataclasses import fields, is_dataclass

from orchestrator.cli.output.terminal import LogLevel
from orchestrator.core.state import events as e
from orchestrator.core.state.events import ErrorDetail, Event

#: a sequence longer than this is told by its length
LONGEST = 4
#: fields that hold whole documents
_LEFT_OUT = frozenset({"moves", "hours"})

_WARNING = (
    e.OutageBegan, e.OutageEnded, e.TargetStopped, e.ExportAnswerLost, e.ExportFailed, e.ExportVanished,
    e.ExportOverdue, e.PackageLost, e.PackageDamaged, e.ImportAnswerLost, e.ImportFailed, e.ImportVanished,
    e.ImportOverdue, e.ImportInDoubt, e.Quarantined, e.Blocked, e.ProbeAnswerLost, e.RunInterrupted, e.GateReached,
)  # fmt: skip
_DEBUG = (
    e.SelectionMade, e.AssetsSkipped, e.AssetsHeld, e.BatchScheduled, e.DeliveryScheduled, e.Looked,
    e.DownloadRequested, e.ExportLost, e.PackageDropped, e.HandoverListed, e.SchedulePredicted,
    e.WriteRateLearned,
)  # fmt: skip


def name_of(event: Event) -> str:
    """`ExportAccepted` as `export-accepted`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(event).__name__).lower()


def level_of(event: Event) -> LogLevel:
    """How much it matters to somebody who reads along."""
    if isinstance(event, e.ExportRefused | e.ImportRefused | e.ProbeRefused):
        return LogLevel.INFO if event.words.kind in {"busy", "throttled"} else LogLevel.WARNING
    if isinstance(event, e.Split) and any(child.fate == "quarantined" for child in event.children):
        return LogLevel.WARNING
    if isinstance(event, _WARNING) or (isinstance(event, e.PackageStored) and event.check == "suspect"):
        return LogLevel.WARNING
    return LogLevel.DEBUG if isinstance(event, _DEBUG) else LogLevel.INFO


def fields_of(event: Event) -> dict[str, object]:
    """Its fields that say something, ready for JSON."""
    told: dict[str, object] = {}
    for field in fields(event):
        value = getattr(event, field.name)
        if field.name in _LEFT_OUT or value in ("", (), None):
            continue
        told |= _words(value) if isinstance(value, ErrorDetail) else {field.name: _plain(value)}
    return told


def _words(words: ErrorDetail) -> dict[str, object]:
    told: dict[str, object] = {"words": str(words)}
    return told | ({"request_id": words.request_id} if words.request_id else {})


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        if len(value) > LONGEST or any(isinstance(each, tuple) for each in value):
            return len(value)
        return [_plain(each) for each in value]
    if is_dataclass(value):
        return str(value) if isinstance(value, ErrorDetail) else _short(value)
    return value if isinstance(value, int | float) else str(value)


def _short(value: object) -> str:
    """A nested value by its names, such as a reason of the service."""
    parts = [str(getattr(value, key, "")) for key in ("resource_name", "error_code", "error_msg", "delivery", "fate")]
    return " ".join(part for part in parts if part)
