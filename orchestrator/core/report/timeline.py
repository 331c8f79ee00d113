"""When each slot did what, folded from a run's entries. Law: only what the journal tells; nothing is estimated.

It ends with the run: what people tick or take back days later does not stretch it.

A *slot* is the place in which one job may run, so its jobs never overlap; what a job brings about beside it (the
download of its package, the comparison with the target) overlaps the next job and is kept apart. Times are epoch
seconds, UTC. What was expected stands in `core.report.prediction`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from orchestrator.core.model.counts import count
from orchestrator.core.model.failures import Failure
from orchestrator.core.state import events as e
from orchestrator.core.state.change_events import ChangeEvent
from orchestrator.core.state.events import Entry, ErrorDetail
from orchestrator.core.state.slots import overlapping


class BarKind(StrEnum):
    """What a slot was used for, or waited for."""

    EXPORT = "export"
    IMPORT = "import"
    #: an export of one asset, asked only to learn whether the slot is idle (promise 3b)
    PROBE = "probe"
    #: somebody else's job held the slot (ROMA.10012): from the first refusal to the answer that a job of ours runs
    FOREIGN = "somebody else's job"
    #: ROMA.10012 while a lost request of ours might be the job that ran
    OURS = "our own lost job"
    #: our answer was lost: until it was known what had come of it
    UNKNOWN = "unknown outcome"
    #: the package on its way to our disk
    DOWNLOAD = "download"
    #: imported, and being compared with what was sent
    VERIFICATION = "verification"


#: kinds that do not take the slot: they run beside the next job
BESIDE = frozenset({BarKind.DOWNLOAD, BarKind.VERIFICATION})
#: kinds in which ROMA says that the slot is taken
_TAKEN = frozenset({BarKind.FOREIGN, BarKind.OURS})


@dataclass(frozen=True, slots=True)
class Bar:
    """One stretch of time of one subject."""

    kind: BarKind
    slot: str
    #: batch or delivery id; what a probe is called
    subject: str
    began: float
    #: the last entry of the journal where it has not ended
    ended: float
    #: how it ended, in a word or in the service's words; "" while it lasts
    word: str
    #: ROMA's job, "" where there is none
    job: str = ""

    @property
    def seconds(self) -> float:
        return max(0.0, self.ended - self.began)


@dataclass(frozen=True, slots=True)
class SlotTimeline:
    """One slot from its first request to its last."""

    slot: str
    #: in the order of their begin; `BESIDE` among them
    bars: tuple[Bar, ...]

    @property
    def busy(self) -> float:
        """Seconds in which a job of ours ran."""
        ours = {BarKind.EXPORT, BarKind.IMPORT, BarKind.PROBE}
        return sum(bar.seconds for bar in self.bars if bar.kind in ours)


@dataclass(frozen=True, slots=True)
class Pause:
    """No process conducted the run: from the last entry of one to the first of the next."""

    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """The whole run."""

    began: float
    ended: float
    slots: tuple[SlotTimeline, ...] = ()
    pauses: tuple[Pause, ...] = ()


def timeline(entries: Iterable[Entry]) -> Timeline:
    """Fold the entries of one run, in their order."""
    folding = _Folding()
    for entry in entries:
        folding.take(entry)
    return folding.timeline()


class _Folding:
    """Keeps what is open while the entries go by."""

    def __init__(self) -> None:
        self._began = self._at = 0.0
        self._bars: list[Bar] = []
        #: subject -> place of its open bar
        self._open: dict[str, int] = {}
        #: subject -> the slot that it was last asked in, and when
        self._asked: dict[str, tuple[str, float]] = {}
        #: asked for, and no answer journaled: a crash leaves it so
        self._unanswered: set[str] = set()
        self._pauses: list[Pause] = []
        #: subject of the trial of `auto` whose answer is awaited: a 10012 for it is our own doing
        self._trial = ""
        #: subject of a lost request whose job may run yet -> its slot
        self._lost_in: dict[str, str] = {}

    def take(self, entry: Entry) -> None:
        at, event = entry.at, entry.event
        if isinstance(event, e.HandoverDone | ChangeEvent):
            return
        if not self._began:
            self._began = at
        match event:
            case e.RunResumed():
                self._pauses.append(Pause(self._at, at))
                for subject in sorted(self._unanswered):
                    self._lost(subject, "the process ended before the answer came")
            case e.WideningTried(subject=subject):
                self._trial = subject
            case e.ExportRequested(batch=subject, slot=slot) | e.ImportRequested(delivery=subject, slot=slot):
                self._ask(subject, slot, at)
            case e.ExportRefused(batch=subject, words=words) | e.ImportRefused(delivery=subject, words=words):
                self._refused(subject, words, at)
            case e.ProbeRequested() | e.ProbeAccepted() | e.ProbeRefused() | e.ProbeAnswerLost() | e.ProbeEnded():
                self._probe(event, at)
            case e.Resolved(subject=subject, outcome=outcome):
                self._close(subject, at, f"the operator said {outcome}")
            case e.Split(delivery=subject, why=why):
                self._close(subject, at, f"went on in parts ({why})")
            case _:
                self._package(event, at)
                self._delivery(event, at)
        self._at = at

    def timeline(self) -> Timeline:
        still = set(self._open.values())
        held: dict[str, list[Bar]] = {}
        for place, bar in enumerate(self._bars):
            held.setdefault(bar.slot, []).append(replace(bar, ended=self._at) if place in still else bar)
        slots = (SlotTimeline(slot, tuple(sorted(bars, key=lambda b: b.began))) for slot, bars in sorted(held.items()))
        return Timeline(self._began, self._at, tuple(slots), tuple(self._pauses))

    # --- bars ------------------------------------------------------------------------------------------------------

    def _ask(self, subject: str, slot: str, at: float) -> None:
        self._asked[subject] = (slot, at)
        self._unanswered.add(subject)

    def _begin(self, kind: BarKind, subject: str, at: float, job: str = "") -> None:
        self._close(subject, at, "")
        self._unanswered.discard(subject)
        slot, _ = self._asked.get(subject, ("", at))
        if job:  # it was accepted, so no other job ran there
            over = overlapping(slot, self._lost_in.values())
            self._lost_in = {name: held for name, held in self._lost_in.items() if held not in over}
        self._open[subject] = len(self._bars)
        self._bars.append(Bar(kind, slot, subject, at, at, "", job))

    def _close(self, subject: str, at: float, word: str) -> None:
        place = self._open.pop(subject, None)
        if place is not None:
            self._bars[place] = replace(self._bars[place], ended=at, word=word or self._bars[place].word)

    def _refused(self, subject: str, words: ErrorDetail, at: float) -> None:
        """Another job, once for all its refusals in a row."""
        self._unanswered.discard(subject)
        ours = subject == self._trial
        self._trial = "" if ours else self._trial
        place = self._open.get(subject)
        if words.kind != Failure.BUSY.value or ours:
            self._close(subject, at, "")
        elif place is None or self._bars[place].kind not in _TAKEN:
            lost = overlapping(self._asked[subject][0], self._lost_in.values()) if subject in self._asked else []
            self._begin(BarKind.OURS if lost else BarKind.FOREIGN, subject, at)
            self._bars[-1] = replace(self._bars[-1], word=str(words))

    # --- lives -----------------------------------------------------------------------------------------------------

    def _package(self, event: e.Event, at: float) -> None:
        match event:
            case e.ExportAccepted(batch=subject, job=job):
                self._begin(BarKind.EXPORT, subject, at, job)
            case e.ExportAnswerLost(batch=subject, words=words):
                self._lost(subject, words)
            case e.ExportLost(batch=subject):
                self._close(subject, at, "asked again")
            case e.Exported(batch=subject):
                self._close(subject, at, "exported")
            case e.ExportFailed(batch=subject, words=words) | e.ExportVanished(batch=subject, words=words):
                self._close(subject, at, f"failed: {words}")
            case e.DownloadRequested(batch=subject):
                self._begin(BarKind.DOWNLOAD, subject, at)
            case e.PackageStored(batch=subject, check=check):
                self._close(subject, at, f"stored ({check})")
            case e.DownloadRefused(batch=subject, words=words) | e.PackageLost(batch=subject, words=words):
                self._close(subject, at, f"failed: {words}")
            case e.DownloadCut(batch=subject):
                self._close(subject, at, "cut off by a crash")
            case _:
                pass

    def _delivery(self, event: e.Event, at: float) -> None:
        match event:
            case e.ImportAccepted(delivery=subject, job=job):
                self._begin(BarKind.IMPORT, subject, at, job)
            case e.ImportAnswerLost(delivery=subject, words=words):
                self._lost(subject, words)
            case e.ImportVanished(delivery=subject, words=words):
                self._close(subject, at, f"vanished: {words}")
                self._asked[subject] = (self._asked.get(subject, ("", at))[0], at)
                self._lost(subject, words)
            case e.Imported(delivery=subject) | e.ImportFound(delivery=subject):
                self._lost_in.pop(subject, None)
                self._close(subject, at, "imported")
                self._begin(BarKind.VERIFICATION, subject, at)
            case e.ImportFailed(delivery=subject, words=words):
                self._close(subject, at, f"failed: {words}")
            case e.ImportMissing(delivery=subject):
                self._close(subject, at, "was not done: asked again")
            case e.ImportInDoubt(delivery=subject, landed=landed):
                self._close(subject, at, f"half there ({count(len(landed), 'asset')})")
            case e.Verified(delivery=subject):
                self._close(subject, at, "verified")
            case e.Quarantined(delivery=subject, words=words):
                self._close(subject, at, str(words))
            case _:
                pass

    def _lost(self, subject: str, words: ErrorDetail | str) -> None:
        """Unknown since it was asked for."""
        slot, asked = self._asked.get(subject, ("", self._at))
        self._lost_in[subject] = slot
        self._close(subject, asked, "")
        self._begin(BarKind.UNKNOWN, subject, asked)
        self._bars[-1] = replace(self._bars[-1], word=str(words))

    def _probe(self, event: e.Event, at: float) -> None:
        match event:
            case e.ProbeRequested(slot=slot):
                self._ask(_probe_of(slot), slot, at)
            case e.ProbeAccepted(slot=slot, job=job):
                self._begin(BarKind.PROBE, _probe_of(slot), at, job)
            case e.ProbeRefused(slot=slot, words=words):
                self._refused(_probe_of(slot), words, at)
            case e.ProbeAnswerLost(slot=slot, words=words):
                self._lost(_probe_of(slot), words)
            case e.ProbeEnded(slot=slot, word=word):
                self._close(_probe_of(slot), at, word)
            case _:
                pass


def _probe_of(slot: str) -> str:
    return f"probe {slot}"


# --- by subject ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Journey:
    """When one batch, or one delivery, was where; 0 where it never was."""

    #: first request of a job
    asked: float = 0.0
    #: the job that succeeded, or the last one
    began: float = 0.0
    ended: float = 0.0
    #: seconds behind a job that we could only wait for
    waited: float = 0.0


def journeys(held: Timeline) -> Mapping[str, Journey]:
    """Subject -> its journey, over all its attempts."""
    found: dict[str, Journey] = {}
    for bar in _in_order(held):
        known = found.get(bar.subject, Journey())
        asked = known.asked or bar.began
        match bar.kind:
            case BarKind.EXPORT | BarKind.IMPORT:
                found[bar.subject] = replace(known, asked=asked, began=bar.began, ended=bar.ended)
            case BarKind.FOREIGN | BarKind.OURS:
                found[bar.subject] = replace(known, asked=asked, waited=known.waited + bar.seconds)
            case BarKind.PROBE | BarKind.UNKNOWN | BarKind.DOWNLOAD | BarKind.VERIFICATION:
                found[bar.subject] = replace(known, asked=asked)
    return found


def _in_order(held: Timeline) -> Iterator[Bar]:
    return iter(sorted((bar for slot in held.slots for bar in slot.bars), key=lambda bar: bar.began))
