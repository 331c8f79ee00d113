"""Events as sentences that speak of assets and places. Law: what happened, where, to what, why; ids come behind.

A sentence needs the progress that believed the event, for the names and numbers that the event itself does not hold.
"""

from collections.abc import Callable
from math import ceil, log2
from typing import Any

from orchestrator.cli.output.change_sentences import CHANGE_TOLD
from orchestrator.cli.output.event_scene import MOST_NAMED, Scene, words_of
from orchestrator.cli.output.run_sentences import RUN_TOLD
from orchestrator.cli.output.times import clock, span
from orchestrator.core.model.counts import agreed, count
from orchestrator.core.model.failures import Failure
from orchestrator.core.state import events as e
from orchestrator.core.state.events import ErrorDetail, Event
from orchestrator.core.state.lifecycle import PackageState
from orchestrator.core.state.progress import Progress

#: fields that name things for programs -> what stands before them behind a sentence
_IDS = ("delivery", "batch", "job")


def sentence_of(event: Event, progress: Progress) -> str:
    """What happened, "" where the event's own name and fields say all there is to say."""
    tell = TOLD.get(type(event))
    return tell(Scene(progress), event) if tell is not None else ""


def ids_of(event: Event) -> str:
    """` [delivery ..., job ...]`: for whoever looks further, in the journal or with the service."""
    words = getattr(event, "words", None)
    told = [f"{name} {value}" for name in _IDS if isinstance(value := getattr(event, name, ""), str) and value]
    told += [f"request_id {words.request_id}"] if isinstance(words, ErrorDetail) and words.request_id else []
    return f" [{', '.join(told)}]" if told else ""


def _export(words: str, then: str = "") -> Callable[[Scene, Any], str]:
    def tell(scene: Scene, event: Any) -> str:
        told = f"{scene.source(event.batch)}: export of {scene.batch(event.batch)} {words}"
        return told + _why(scene, event, scene.export_slot(event.batch)) + then

    return tell


def _import(words: str) -> Callable[[Scene, Any], str]:
    def tell(scene: Scene, event: Any) -> str:
        told = f"{scene.target(event.delivery)}: import of {scene.of_delivery(event.delivery)} {words}"
        return told + _why(scene, event, scene.import_slot(event.delivery))

    return tell


def _why(scene: Scene, event: Any, slot: str) -> str:
    words = getattr(event, "words", None)
    why = f": {words_of(words, getattr(event, 'reasons', ()))}" if isinstance(words, ErrorDetail) else ""
    if isinstance(words, ErrorDetail) and words.kind == Failure.BUSY.value and (ours := scene.whose(slot)):
        why += f"; {ours}"
    quiet = getattr(event, "quiet_until", 0.0)
    return why + (f"; nothing is believed before {clock(quiet)}" if quiet else "") + _wait(event)


def _wait(event: Any) -> str:
    wait = getattr(event, "wait", 0.0)
    return f"; asked again in {span(wait)}" if wait else ""


def _verified(scene: Scene, event: e.Verified) -> str:
    where, batch = scene.target(event.delivery), scene.of_delivery(event.delivery)
    told = f"{where}: {batch} compared: {len(event.verified)} verified"
    told += f", {len(event.unverified)} imported but unverified" if event.unverified else ""
    if event.findings:
        found = [f"{scene.name(event.delivery, asset)}: {what}" for asset, what in event.findings[:MOST_NAMED]]
        told += f", {len(event.findings)} missing or different: {'; '.join(found)}"
    return told


def _split(scene: Scene, event: e.Split) -> str:
    where, batch = scene.target(event.delivery), scene.of_delivery(event.delivery)
    if event.why == "halves":
        most = 2 * ceil(log2(max(2, scene.size(event.delivery))))
        return (
            f"{where}: {batch} failed without naming an asset: looking for it in halves ({count(most, 'job')} at most)"
        )
    if event.why == "other-half":
        return f"{where}: {batch} holds what failed, for the other half has landed: split without an import"
    told = [
        f"quarantined {scene.assets(child)}@{where}" + (f": {words_of(child.words)}" if child.words else "")
        for child in event.children
        if child.fate == "quarantined"
    ]
    told = told[:MOST_NAMED] + ([f"and {len(told) - MOST_NAMED} more"] if len(told) > MOST_NAMED else [])
    told += [_blocked_part(scene, event, child) for child in event.children if child.fate == "blocked"]
    for fate, words in (("landed", "are there already"), ("waiting", "go on as a batch of their own")):
        number = sum(len(child.assets) for child in event.children if child.fate == fate)
        told += [f"{count(number, 'asset')} {words}"] if number else []
    return f"{where}: {batch} goes on in parts: {'; '.join(told)}"


def _quarantined(scene: Scene, event: e.Quarantined) -> str:
    return f"quarantined {scene.names(event.delivery)}@{scene.target(event.delivery)}: {words_of(event.words)}"


def _blocked_part(scene: Scene, event: e.Split, child: e.Child) -> str:
    verb = agreed(len(child.assets), "needs")
    return f"blocked {scene.assets(child)}, which {verb} {scene.needed(event.delivery, child.by)}"


def _blocked(scene: Scene, event: e.Blocked) -> str:
    needed = scene.needed(event.delivery, event.by)
    told = f"blocked {scene.names(event.delivery)}@{scene.target(event.delivery)}"
    return f"{told}: {needed}, which is needed, will not be there"


def _backups(scene: Scene, event: e.BackupsChosen) -> str:
    where, batch = scene.target(event.delivery), scene.of_delivery(event.delivery)
    return (
        f"{where}: {batch} waits for {count(len(event.backups), 'backup')} of what it would overwrite: {event.reason}"
    )


def _stopped(scene: Scene, event: e.TargetStopped) -> str:
    return (
        f"{event.instance}: no more {event.direction}s: the same error came again and again, so that its cause lies in "
        f"the instance and not in an asset: {words_of(event.words)}"
    )


def _stored(scene: Scene, event: e.PackageStored) -> str:
    doubt = f"; {event.reason}" if event.check != "crc" and event.reason else ""
    if event.check == "suspect":
        asks = scene.progress.packages[event.batch].state is PackageState.UNDECIDED
        doubt += ": only you can decide, with `roma-migrate resolve`" if asks else ": it is exported once more"
    return f"{scene.source(event.batch)}: package of {scene.batch(event.batch)} stored: {event.size:,} bytes{doubt}"


def _in_doubt(scene: Scene, event: e.ImportInDoubt) -> str:
    return (
        f"{scene.target(event.delivery)}: import of {scene.of_delivery(event.delivery)} turned out half there "
        f"({len(event.landed)} of {scene.size(event.delivery)}): only you can decide, with `roma-migrate resolve`"
    )


def _stale(scene: Scene, event: e.PackageStale) -> str:
    changed = count(len(event.changed), "asset")
    return (
        f"{scene.source(event.batch)}: {changed} of {scene.batch(event.batch)} changed since the export: exported anew"
    )


def _looked(scene: Scene, event: e.Looked) -> str:
    where, batch = scene.target(event.delivery), scene.of_delivery(event.delivery)
    return f"{where}: listed before or after the import of {batch}: {count(len(event.present), 'name')} of it there"


TOLD: dict[type, Callable[[Scene, Any], str]] = {
    **CHANGE_TOLD,
    **RUN_TOLD,
    e.ExportRequested: _export("asked for"),
    e.ExportAccepted: _export("accepted"),
    e.ExportRefused: _export("refused"),
    e.ExportAnswerLost: _export("asked for, and the answer lost"),
    e.Exported: _export("done"),
    e.ExportFailed: _export("failed"),
    e.ExportVanished: _export("is not known to the service any more"),
    e.ExportOverdue: _export("outlived job_timeout and may still run"),
    e.ExportLost: _export("whose answer was lost is asked for again: an export changes nothing"),
    e.DownloadRequested: _export("done: its package is being downloaded"),
    e.DownloadRefused: _export("done, but its download was refused"),
    e.DownloadCut: _export("done, but its download was cut by a crash"),
    e.PackageStored: _stored,
    e.PackageDropped: lambda scene, event: f"package of {scene.batch(event.batch)} removed: nothing needs it any more",
    e.PackageStale: _stale,
    e.BackupsChosen: _backups,
    e.PackageLost: _export("done, but its package lost", "; it is exported again"),
    e.PackageDamaged: _export("done, but its package damaged on our disk", "; it is exported again"),
    e.Looked: _looked,
    e.ImportRequested: _import("asked for"),
    e.ImportAccepted: _import("accepted"),
    e.ImportRefused: _import("refused"),
    e.ImportAnswerLost: _import("asked for, and the answer lost"),
    e.Imported: _import("done"),
    e.ImportFailed: _import("failed"),
    e.ImportVanished: _import("is not known to the service any more"),
    e.ImportOverdue: _import("outlived job_timeout and may still run"),
    e.ImportFound: _import("whose answer was lost is there"),
    e.ImportMissing: _import("whose answer was lost is not there: it is asked for again"),
    e.ImportInDoubt: _in_doubt,
    e.Verified: _verified,
    e.Split: _split,
    e.Quarantined: _quarantined,
    e.Blocked: _blocked,
    e.TargetStopped: _stopped,
    e.TargetReopened: lambda scene, event: f"{event.instance}: {event.direction}s are tried again, one batch first",
    e.Retried: lambda scene, event: (
        f"{scene.target(event.delivery)}: {scene.of_delivery(event.delivery)} is tried again"
    ),
    e.Resolved: lambda scene, event: f"{event.by} decided: {event.subject} counts as {event.outcome}: {event.reason}",
}
