"""What a run's journal remembers beyond where everything stands: outages, waits, probes, settlements.

Law: a fold over the entries, in their order; nothing is judged here. Times are epoch seconds, UTC.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from orchestrator.core.model.counts import count
from orchestrator.core.report.acts import Act, Acts
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry, ErrorDetail
from orchestrator.core.state.slot_trials import Trial, Trials
from orchestrator.core.state.subjects import whose


@dataclass(frozen=True, slots=True)
class Outage:
    """One service was away."""

    host: str
    began: float
    #: 0 while it lasts, or where the process died in it
    ended: float
    words: str

    @property
    def seconds(self) -> float:
        return max(0.0, self.ended - self.began) if self.ended else 0.0


@dataclass(frozen=True, slots=True)
class Wait:
    """Refusals in a row of one subject: somebody else's job, or throttling."""

    #: batch id, delivery id or slot
    subject: str
    #: "busy" or the failure's kind
    kind: str
    #: first and latest refusal
    began: float
    latest: float
    times: int
    words: str


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """An export of one asset, asked only to learn whether a slot is idle (promise 3b)."""

    at: float
    slot: str
    #: "app:ID" or "task:ID"
    asset: str
    job: str
    #: how it ended, "" while it lasts
    word: str


@dataclass(frozen=True, slots=True)
class TrialReport:
    """With `one_job_per: auto`, a real job asked for beside another of ours, and what that showed (promise 2)."""

    at: float
    #: "kind" or "instance"
    widening: str
    #: the slot that both would have shared
    slot: str
    #: batch or delivery id of the one, and of the other
    subject: str
    beside: str
    #: "apart", "one" or "open", "" while it is not known
    shown: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """An answer was lost, and what was found instead (promise 3)."""

    #: when the answer was lost
    lost: float
    #: when it was settled, 0 where it is not
    settled: float
    #: batch or delivery id
    subject: str
    #: how the answer was lost
    words: str
    #: what was found, "" where it is not settled
    found: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The breaker stopped one side of an instance (promise 7)."""

    at: float
    instance: str
    direction: str
    words: str
    #: when a retry closed the breaker, 0 where none did
    reopened: float = 0.0


@dataclass(frozen=True, slots=True)
class RateReport:
    """What one region took of one identity's writes."""

    region: str
    credentials: str
    #: writes a second: before the first change, and after the last
    first: float
    last: float
    #: how often a write was refused as one too many, and at which rate the last time
    refusals: int = 0
    refused: float = 0.0


@dataclass(frozen=True, slots=True)
class History:
    """All of it, each in order."""

    outages: tuple[Outage, ...] = ()
    waits: tuple[Wait, ...] = ()
    probes: tuple[ProbeReport, ...] = ()
    settlements: tuple[Settlement, ...] = ()
    acts: tuple[Act, ...] = ()
    stops: tuple[Stop, ...] = ()
    trials: tuple[TrialReport, ...] = ()
    #: where the rate of writes was adapted
    rates: tuple[RateReport, ...] = ()
    #: subject -> ROMA's job ids
    jobs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: subject -> request_ids where ROMA told them
    request_ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def asked(self, subject: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(jobs, request_ids) of a batch or a delivery."""
        return self.jobs.get(subject, ()), self.request_ids.get(subject, ())


def gather(entries: Iterable[Entry]) -> History:
    """Fold the entries of one run."""
    gatherer = _Gatherer()
    for entry in entries:
        gatherer.take(entry)
    return gatherer.history()


class _Gatherer:
    """Remembers what is open while the entries go by."""

    def __init__(self) -> None:
        self._outages: list[Outage] = []
        self._waits: list[Wait] = []
        self._waiting: dict[str, int] = {}
        self._probes: list[ProbeReport] = []
        self._probing: dict[str, int] = {}
        self._settlements: list[Settlement] = []
        self._lost: dict[str, int] = {}
        self._acts: list[Act] = []
        self._people = Acts()
        self._stops: list[Stop] = []
        self._trials = Trials()
        #: (region, credentials) -> what was learned of it
        self._rates: dict[tuple[str, str], RateReport] = {}
        self._jobs: dict[str, list[str]] = {}
        self._request_ids: dict[str, list[str]] = {}

    def history(self) -> History:
        return History(
            tuple(self._outages), tuple(self._waits), tuple(self._probes), tuple(self._settlements),
            tuple(self._acts), tuple(self._stops), tuple(map(_trial, self._trials.known)),
            tuple(self._rates.values()),
            {k: tuple(v) for k, v in self._jobs.items()},
            {k: tuple(v) for k, v in self._request_ids.items()},
        )  # fmt: skip

    def take(self, entry: Entry) -> None:
        self._request_id(entry.event)
        self._trials.apply(entry)
        self._acts += self._people.of(entry)
        match entry.event:
            case e.OutageBegan() | e.OutageEnded() | e.TargetStopped() | e.TargetReopened():
                self._note_reachability(entry)
            case e.ProbeRequested() | e.ProbeAccepted() | e.ProbeRefused() | e.ProbeAnswerLost() | e.ProbeEnded():
                self._probe(entry)
            case e.WriteRateLearned() as event:
                self._learned(event)
            case e.Resolved() as event:
                self._settled(event.subject, entry.at, f"the operator said {event.outcome}: {event.reason}")
            case _:
                self._life(entry)

    def _request_id(self, event: e.Event) -> None:
        subject = whose(event)
        words = getattr(event, "words", None)
        request_id = words.request_id if isinstance(words, ErrorDetail) else ""
        if subject and request_id and request_id not in self._request_ids.setdefault(subject.id, []):
            self._request_ids[subject.id].append(request_id)

    def _learned(self, event: e.WriteRateLearned) -> None:
        key = (event.region, event.credentials)
        known = self._rates.get(key) or RateReport(*key, event.before, event.before)
        known = replace(known, last=event.per_second)
        if event.per_second < event.before:
            known = replace(known, refusals=known.refusals + 1, refused=event.before)
        self._rates[key] = known

    # --- the way to ROMA -------------------------------------------------------------------------------------------

    def _note_reachability(self, entry: Entry) -> None:
        match entry.event:
            case e.OutageBegan(host=host, words=words):
                self._outages.append(Outage(host, entry.at, 0.0, str(words)))
            case e.OutageEnded(host=host):
                self._outages = [
                    replace(each, ended=entry.at) if each.host == host and not each.ended else each
                    for each in self._outages
                ]
            case e.TargetStopped(instance=instance, words=words, direction=direction):
                self._stops.append(Stop(entry.at, instance, direction, str(words)))
            case e.TargetReopened(instance=instance, direction=direction):
                self._stops = [
                    replace(each, reopened=entry.at)
                    if (each.instance, each.direction, each.reopened) == (instance, direction, 0.0)
                    else each
                    for each in self._stops
                ]
            case _:
                pass

    def _probe(self, entry: Entry) -> None:
        match entry.event:
            case e.ProbeRequested(slot=slot, app=app, task=task):
                self._probing[slot] = len(self._probes)
                asset = f"app:{app}" if app else f"task:{task}"
                self._probes.append(ProbeReport(entry.at, slot, asset, "", ""))
            case e.ProbeAccepted(slot=slot, job=job):
                self._probed(slot, job=job)
            case e.ProbeRefused(slot=slot, words=words):
                self._probed(slot, word=f"refused: {words}")
            case e.ProbeAnswerLost(slot=slot, words=words):
                self._probed(slot, word=f"its answer was lost: {words}")
            case e.ProbeEnded(slot=slot, word=word):
                self._probed(slot, word=word)
            case _:
                pass

    def _probed(self, slot: str, *, job: str = "", word: str = "") -> None:
        at = self._probing.get(slot)
        if at is not None:
            known = self._probes[at]
            self._probes[at] = replace(known, job=job or known.job, word=word or known.word)

    # --- lives -----------------------------------------------------------------------------------------------------

    def _life(self, entry: Entry) -> None:
        at = entry.at
        match entry.event:
            case e.ExportAccepted(batch=subject, job=job) | e.ImportAccepted(delivery=subject, job=job):
                self._jobs.setdefault(subject, []).append(job)
                self._waiting.pop(subject, None)
            case e.ExportRefused(batch=subject, words=words) | e.ImportRefused(delivery=subject, words=words):
                self._refused(subject, words, at)
            case e.ExportAnswerLost(batch=subject, words=words) | e.ImportAnswerLost(delivery=subject, words=words):
                self._lose(subject, words, at)
            case e.ImportVanished(delivery=subject, words=words):
                self._lose(subject, words, at)
            case e.ExportLost(batch=subject):
                self._settled(subject, at, "an export needs only to be asked again")
            case e.ImportFound(delivery=subject):
                self._settled(subject, at, "it was done: everything is there")
            case e.ImportMissing(delivery=subject, reason=reason):
                self._settled(subject, at, f"asked again: {reason}")
            case e.ImportInDoubt(delivery=subject, landed=landed):
                self._settled(subject, at, f"half there ({count(len(landed), 'asset')}): the operator decides")
            case e.Split(delivery=subject, why=why):
                self._settled(subject, at, f"half there: went on in parts ({why})")
            case _:
                pass

    def _refused(self, subject: str, words: ErrorDetail, at: float) -> None:
        trial = self._trials.pending
        if trial is not None and trial.tried.subject == subject:
            return  # not somebody else's job: ours, asked for beside another of ours
        place = self._waiting.get(subject)
        if place is not None and self._waits[place].kind == words.kind:
            known = self._waits[place]
            self._waits[place] = replace(known, latest=at, times=known.times + 1)
            return
        self._waiting[subject] = len(self._waits)
        self._waits.append(Wait(subject, words.kind, at, at, 1, str(words)))

    def _lose(self, subject: str, words: ErrorDetail, at: float) -> None:
        self._lost[subject] = len(self._settlements)
        self._settlements.append(Settlement(at, 0.0, subject, str(words), ""))

    def _settled(self, subject: str, at: float, found: str) -> None:
        place = self._lost.get(subject)
        if place is None:
            return
        in_doubt = "the operator decides" in found
        self._settlements[place] = replace(self._settlements[place], settled=0.0 if in_doubt else at, found=found)
        if not in_doubt:
            del self._lost[subject]


def _trial(trial: Trial) -> TrialReport:
    tried, shown = trial.tried, trial.shown
    told = (shown.shown, shown.reason) if shown is not None else ()
    return TrialReport(trial.at, tried.widening, tried.slot, tried.subject, tried.beside, *told)
