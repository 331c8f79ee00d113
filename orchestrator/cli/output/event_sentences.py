"""Events as sentences that speak of assets and places. Law: what happened, where, to what, why; ids come behind.

A sentence needs the progress that believed the event, for the names and numbers that the event itself does not hold.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from math import ceil, log2
from typing import Any

from orchestrator.cli.output.tables import count
from orchestrator.cli.output.times import clock, span
from orchestrator.core.model.inventory import Reason
from orchestrator.core.state import events as e
from orchestrator.core.state.events import ErrorDetail, Event
from orchestrator.core.state.progress import Progress

#: assets, or reasons, that are named in one sentence
MOST_NAMED = 3
#: fields that name things for programs -> what stands before them behind a sentence
_IDS = ("delivery", "batch", "job")


class EventSentences:
    """Tells the events of one run. It numbers batches as bars and reports do."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        #: batches that were looked at, backups too
        self._seen = 0

    def of(self, event: Event, progress: Progress) -> str:
        """What happened, "" where the event's own name and fields say all there is to say."""
        tell = _TOLD.get(type(event))
        return tell(_Scene(self, progress), event) if tell is not None else ""

    def number(self, batch: str, progress: Progress) -> int:
        if batch not in self._numbers:
            fresh = islice(progress.batches.values(), self._seen, None)
            self._seen = len(progress.batches)
            names = (each.batch for each in fresh if not each.backup)
            self._numbers |= {name: number for number, name in enumerate(names, len(self._numbers) + 1)}
        return self._numbers.get(batch, 0)


def ids_of(event: Event) -> str:
    """` [delivery ..., job ...]`: for whoever looks further, in the journal or with the service."""
    words = getattr(event, "words", None)
    told = [f"{name} {value}" for name in _IDS if isinstance(value := getattr(event, name, ""), str) and value]
    told += [f"request_id {words.request_id}"] if isinstance(words, ErrorDetail) and words.request_id else []
    return f" [{', '.join(told)}]" if told else ""


def words_of(words: ErrorDetail, reasons: Sequence[Reason] = ()) -> str:
    """Why, in the service's own words, each asset by its name."""
    if not reasons:
        said = words.message or words.kind.replace("-", " ")
        return f"{said.rstrip('.')} ({words.code})" if words.code else said.rstrip(".")
    told = [_reason(each) for each in reasons[:MOST_NAMED]]
    more = f"; and {len(reasons) - MOST_NAMED} more" if len(reasons) > MOST_NAMED else ""
    return "; ".join(told) + more


def _reason(reason: Reason) -> str:
    who = f"{reason.resource_name}: " if reason.resource_name else ""
    code = f" ({reason.error_code})" if reason.error_code else ""
    return f"{who}{reason.error_msg.rstrip('.')}{code}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


class _Scene:
    """One event in its run."""

    def __init__(self, sentences: EventSentences, progress: Progress) -> None:
        self._sentences, self._progress = sentences, progress

    def batch(self, batch: str) -> str:
        """`batch 1 (30 assets)`, `the backup of 30 assets`."""
        held = self._progress.batches.get(batch)
        if held is not None and held.backup:
            return f"the backup of {count(len(held.assets), 'asset')}"
        number = self._sentences.number(batch, self._progress)
        return f"batch {number} ({count(len(held.assets), 'asset')})" if held is not None else f"batch {batch}"

    def source(self, batch: str) -> str:
        held = self._progress.batches.get(batch)
        return held.source if held is not None else "source"

    def target(self, delivery: str) -> str:
        life = self._progress.deliveries.get(delivery)
        return life.target if life is not None else delivery.rpartition("@")[2]

    def of_delivery(self, delivery: str) -> str:
        life = self._progress.deliveries.get(delivery)
        return self.batch(life.batch) if life is not None else f"delivery {delivery}"

    def names(self, delivery: str, ids: Iterable[str] | None = None) -> str:
        """`orders-web, billing-web, stock-web and 4 more`."""
        life = self._progress.deliveries.get(delivery)
        if life is None:
            return delivery
        assets = self._progress.assets_of(life.batch)
        return _some([asset.name for asset in assets if ids is None or asset.id in set(ids)])

    def assets(self, child: e.Child) -> str:
        """The same for a part of a delivery."""
        held = self._progress.batches.get(child.batch)
        return _some([asset.name for asset in held.assets]) if held is not None else ", ".join(child.assets)

    def name(self, delivery: str, asset: str) -> str:
        return self.names(delivery, (asset,)) or asset

    def size(self, delivery: str) -> int:
        life = self._progress.deliveries.get(delivery)
        return len(self._progress.assets_of(life.batch)) if life is not None else 0


def _export(words: str) -> Callable[[_Scene, Any], str]:
    def tell(scene: _Scene, event: Any) -> str:
        return f"{scene.source(event.batch)}: export of {scene.batch(event.batch)} {words}" + _why(event)

    return tell


def _import(words: str) -> Callable[[_Scene, Any], str]:
    def tell(scene: _Scene, event: Any) -> str:
        return f"{scene.target(event.delivery)}: import of {scene.of_delivery(event.delivery)} {words}" + _why(event)

    return tell


def _why(event: Any) -> str:
    words = getattr(event, "words", None)
    why = f": {words_of(words, getattr(event, 'reasons', ()))}" if isinstance(words, ErrorDetail) else ""
    quiet = getattr(event, "quiet_until", 0.0)
    return why + (f"; nothing is believed before {clock(quiet)}" if quiet else "") + _wait(event)


def _wait(event: Any) -> str:
    wait = getattr(event, "wait", 0.0)
    return f"; asked again in {span(wait)}" if wait else ""


def _verified(scene: _Scene, event: e.Verified) -> str:
    where, batch = scene.target(event.delivery), scene.of_delivery(event.delivery)
    told = f"{where}: {batch} compared: {len(event.verified)} verified"
    told += f", {len(event.unverified)} imported but unverified" if event.unverified else ""
    if event.findings:
        found = [f"{scene.name(event.delivery, asset)}: {what}" for asset, what in event.findings[:MOST_NAMED]]
        told += f", {len(event.findings)} missing or different: {'; '.join(found)}"
    return told


def _split(scene: _Scene, event: e.Split) -> str:
    where, batch = scene.target(event.delivery), scene.of_delivery(event.delivery)
    if event.why == "halves":
        most = 2 * ceil(log2(max(2, scene.size(event.delivery))))
        return f"{where}: {batch} failed without naming an asset: looking for it in halves ({most} jobs at most)"
    told = [
        f"quarantined {scene.assets(child)}@{where}" + (f": {words_of(child.words)}" if child.words else "")
        for child in event.children
        if child.fate == "quarantined"
    ]
    told = told[:MOST_NAMED] + ([f"and {len(told) - MOST_NAMED} more"] if len(told) > MOST_NAMED else [])
    told += [f"blocked {scene.assets(child)}" for child in event.children if child.fate == "blocked"]
    for fate, words in (("landed", "are there already"), ("waiting", "go on as a batch of their own")):
        number = sum(len(child.assets) for child in event.children if child.fate == fate)
        told += [f"{count(number, 'asset')} {words}"] if number else []
    return f"{where}: {batch} goes on in parts: {'; '.join(told)}"


def _quarantined(scene: _Scene, event: e.Quarantined) -> str:
    return f"quarantined {scene.names(event.delivery)}@{scene.target(event.delivery)}: {words_of(event.words)}"


def _blocked(scene: _Scene, event: e.Blocked) -> str:
    return f"blocked {scene.names(event.delivery)}@{scene.target(event.delivery)}: what it needs will not be there"


def _backups(scene: _Scene, event: e.BackupsChosen) -> str:
    where, batch = scene.target(event.delivery), scene.of_delivery(event.delivery)
    return (
        f"{where}: {batch} waits for {count(len(event.backups), 'backup')} of what it would overwrite: {event.reason}"
    )


def _outage_ended(scene: _Scene, event: e.OutageEnded) -> str:
    return f"{event.host} answers again, after {span(event.seconds)}"


def _stopped(scene: _Scene, event: e.TargetStopped) -> str:
    return (
        f"{event.instance}: no more {event.direction}s: the same error came again and again, so that its cause lies in "
        f"the instance and not in an asset: {words_of(event.words)}"
    )


def _stored(scene: _Scene, event: e.PackageStored) -> str:
    doubt = f" ({event.check}: {event.reason})" if event.reason else ""
    return f"{scene.source(event.batch)}: package of {scene.batch(event.batch)} stored: {event.size:,} bytes{doubt}"


def _in_doubt(scene: _Scene, event: e.ImportInDoubt) -> str:
    return (
        f"{scene.target(event.delivery)}: import of {scene.of_delivery(event.delivery)} turned out half there "
        f"({len(event.landed)} of {scene.size(event.delivery)}): only you can decide, with `roma-migrate resolve`"
    )


_TOLD: dict[type, Callable[[_Scene, Any], str]] = {
    e.ExportRequested: _export("asked for"),
    e.ExportAccepted: _export("accepted"),
    e.ExportRefused: _export("refused"),
    e.ExportAnswerLost: _export("asked for, and the answer lost"),
    e.Exported: _export("done"),
    e.ExportFailed: _export("failed"),
    e.ExportVanished: _export("is not known to the service any more"),
    e.ExportOverdue: _export("outlived job_timeout and may still run"),
    e.DownloadRefused: _export("done, but its download was refused"),
    e.DownloadCut: _export("done, but its download was cut by a crash"),
    e.PackageStored: _stored,
    e.PackageLost: _export("done, but its package lost: it is exported again"),
    e.PackageDamaged: _export("done, but its package damaged on our disk: it is exported again"),
    e.BackupsChosen: _backups,
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
    e.OutageBegan: lambda scene, event: f"{event.host} does not answer: {words_of(event.words)}",
    e.OutageEnded: _outage_ended,
    e.TargetStopped: _stopped,
    e.TargetReopened: lambda scene, event: f"{event.instance}: {event.direction}s are tried again, one batch first",
    e.Retried: lambda scene, event: (
        f"{scene.target(event.delivery)}: {scene.of_delivery(event.delivery)} is tried again"
    ),
    e.Resolved: lambda scene, event: f"{event.by} decided: {event.subject} counts as {event.outcome}: {event.reason}",
    e.RunEnded: lambda scene, event: f"the run has ended with code {event.code}",
    e.RunInterrupted: lambda scene, event: f"interrupted by {event.signal}",
}
