"""What is told of a run as a whole, of probes and of slots. Law: the same as for the events of batches."""

from collections.abc import Callable
from typing import Any

from orchestrator.cli.output.event_scene import Scene, words_of
from orchestrator.cli.output.times import clock, local, span
from orchestrator.core.model.checks import in_short
from orchestrator.core.model.counts import agreed, count
from orchestrator.core.state import events as e

Tell = Callable[[Scene, Any], str]
#: what an operator asked of a run that goes on
_ASKED = {"retry": ", with what was set aside once more (--retry)", "abandon": ", to its end (--abandon)"}
#: what `auto` tries -> what it would like to know
_TRIED = {"kind": "exports and imports of one user", "instance": "one user's jobs at several instances"}
_SHOWN = {
    "apart": "they run at the same time, and will from now on",
    "one": "one waits for the other",
    "open": "nothing was seen, so that one waits for the other",
}


def _began(_: Scene, event: e.RunBegan) -> str:
    told = f"run of plan {event.plan} begun by {event.by} on {event.host} (process {event.pid}, {event.version}), "
    told += f"preview digest {event.digest or '-'}"
    if event.approved:
        told += f", carrying out the saved preview {event.approved[:8]}"
        told += f" of {event.approved_by} at {local(event.approved_at)}" if event.approved_by else ""
    return told + (f", note: {event.note}" if event.note else "")


def _resumed(_: Scene, event: e.RunResumed) -> str:
    told = f"the run goes on{_ASKED.get(event.asked, '')}, by {event.by} on {event.host} (process {event.pid}, "
    return f"{told}{event.version})" + (f", note: {event.note}" if event.note else "")


def _selected(_: Scene, event: e.SelectionMade) -> str:
    told = f"{event.migration}@{event.target}: {count(event.selected, 'asset')} of {event.source} selected"
    told += f", {len(event.excluded)} excluded" if event.excluded else ""
    return told + (f", {len(event.left_out)} set aside" if event.left_out else "")


def _aside(word: str) -> Tell:
    def tell(_: Scene, event: Any) -> str:
        return f"{event.migration}@{event.target}: {count(len(event.assets), 'asset')} {word}: {event.reason}"

    return tell


def _scheduled_batch(scene: Scene, event: e.BatchScheduled) -> str:
    return f"{event.source}: {scene.batch(event.batch)} scheduled"


def _scheduled(scene: Scene, event: e.DeliveryScheduled) -> str:
    after = f", after {', '.join(event.after)}" if event.after else ""
    return f"{event.target}: import of {scene.batch(event.batch)} of {event.migration} scheduled{after}"


def _findings(_: Scene, event: e.FindingsNoted) -> str:
    return f"preflight {'; it '.join(in_short(event.findings))}"


def _predicted(_: Scene, event: e.SchedulePredicted) -> str:
    return f"expected to be over {span(event.p50)} after its begin (P50), at most {span(event.p90)} (P90)"


def _rate(_: Scene, event: e.WriteRateLearned) -> str:
    if event.per_second < event.before:
        told = f"{event.region} refused one write of {event.credentials} as one too many at {event.before:.3g}/s"
        return f"{told}: {event.per_second:.3g}/s from now on"
    return (
        f"{event.region} takes {event.before:.3g} writes a second of {event.credentials}: {event.per_second:.3g}/s now"
    )


def _handover(_: Scene, event: e.HandoverListed) -> str:
    number = len(event.items)
    return f"{count(number, 'thing')} {agreed(number, 'is')} left to people once their assets have arrived"


def _done_by_hand(_: Scene, event: e.HandoverDone) -> str:
    return f"{event.by} on {event.host} ticked item {event.item} of the handover list: {event.note}"


def _regrouped(scene: Scene, event: e.Regrouped) -> str:
    where = scene.target(event.parts[0]) if event.parts else "target"
    parts, whole = count(len(event.parts), "delivery"), count(len(event.scheduled), "batch")
    return f"{where}: {parts} set aside earlier {agreed(len(event.parts), 'goes')} on as {whole}"


# --- slots ---------------------------------------------------------------------------------------------------------


def _probe(words: str) -> Tell:
    def tell(scene: Scene, event: Any) -> str:
        probe = scene.progress.probes.get(event.slot)
        where = probe.requested.instance if probe is not None else event.slot
        return f"{where}: probe {words}{_probe_why(scene, event)}"

    return tell


def _probe_why(scene: Scene, event: Any) -> str:
    if isinstance(event, e.ProbeEnded):
        return f": {event.word}"
    words = getattr(event, "words", None)
    told = f": {words_of(words)}" if words is not None else ""
    if isinstance(event, e.ProbeRefused):
        ours = scene.whose(event.slot) if event.words.kind == "busy" else ""
        told += f"; {ours}" if ours else ""
        told += f"; asked again in {span(event.wait)}" if event.wait else ""
    quiet = getattr(event, "quiet_until", 0.0)
    return told + (f"; nothing is believed before {clock(quiet)}" if quiet else "")


def _tried(scene: Scene, event: e.WideningTried) -> str:
    one, other = scene.subject(event.subject), scene.subject(event.beside)
    return f"{one} asked for beside {other}, to see whether {_TRIED[event.widening]} run at the same time"


def _shown(_: Scene, event: e.WideningShown) -> str:
    reason = f" ({event.reason})" if event.reason else ""
    return f"{_TRIED[event.widening]}: {_SHOWN.get(event.shown, event.shown)}{reason}"


# --- an undo -------------------------------------------------------------------------------------------------------


def ended(what: str) -> Tell:
    def tell(_: Scene, event: Any) -> str:
        return f"{what} has ended with code {event.code}" + (f": {event.reason}" if event.reason else "")

    return tell


def _ordered(what: str, then: str) -> Tell:
    def tell(_: Scene, event: Any) -> str:
        return f"{what} by {event.by} on {event.host}{f': {event.note}' if event.note else ''}{then and f'; {then}'}"

    return tell


RUN_TOLD: dict[type, Tell] = {
    e.RunBegan: _began,
    e.RunResumed: _resumed,
    e.RunInterrupted: lambda scene, event: f"interrupted by {event.signal}",
    e.RunEnded: ended("the run"),
    e.GateReached: lambda scene, event: (
        f"waiting for a person: nothing is left to do before the {event.gate}; "
        f"to open this gate: roma-migrate continue --gate {event.gate}"
    ),
    e.RunPaused: _ordered("paused", "what runs is waited for, no job is asked for"),
    e.RunStopped: _ordered("stopped", "what runs is waited for, then the run ends"),
    e.RunContinued: lambda scene, event: _ordered(
        f"the gate before the {event.gate} was opened" if event.gate else "continued", ""
    )(scene, event),
    e.SelectionMade: _selected,
    e.AssetsSkipped: _aside("skipped"),
    e.AssetsHeld: _aside("held back"),
    e.BatchScheduled: _scheduled_batch,
    e.DeliveryScheduled: _scheduled,
    e.SchedulePredicted: _predicted,
    e.WriteRateLearned: _rate,
    e.FindingsNoted: _findings,
    e.HandoverListed: _handover,
    e.HandoverDone: _done_by_hand,
    e.Regrouped: _regrouped,
    e.OutageBegan: lambda scene, event: f"{event.host} does not answer: {words_of(event.words)}",
    e.OutageEnded: lambda scene, event: f"{event.host} answers again, after {span(event.seconds)}",
    e.ProbeRequested: _probe("asked for: one asset is exported, to learn whether a job still runs in the slot"),
    e.ProbeAccepted: _probe("accepted: no other job runs in the slot"),
    e.ProbeRefused: _probe("refused"),
    e.ProbeAnswerLost: _probe("asked for, and the answer lost"),
    e.ProbeEnded: _probe("over"),
    e.WideningTried: _tried,
    e.WideningShown: _shown,
}
