"""What a run's own journal tells of time: durations, slots, waits for somebody else's job. Law: it only listens.

A run journals what it was expected to take (`SchedulePredicted`); its own jobs go on teaching from there. Entries are
heard once each, so that following a live run costs what is new.
"""

from dataclasses import dataclass, replace
from math import inf

from orchestrator.core.model.error_detail import ErrorDetail
from orchestrator.core.model.failures import Failure
from orchestrator.core.scheduling.estimates import Estimates, JobTimes, Prediction
from orchestrator.core.scheduling.timetable import Basis
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry
from orchestrator.core.state.slots import JobKind


@dataclass(frozen=True, slots=True)
class ForeignWait:
    """Somebody else's job holds a slot of ours (ROMA.10012)."""

    slot: str
    #: the first refusal in a row, epoch seconds
    since: float
    #: what the service said last
    words: ErrorDetail
    #: requests refused so far
    times: int = 1


class RunTimes:
    """Hears every entry of one run, in order."""

    def __init__(self) -> None:
        self._estimates = Estimates()
        self._jobs = JobTimes()
        self._slots: dict[tuple[str, str, str], str] = {}
        self._rates: dict[str, e.WriteRate] = {}
        self._reads = inf
        #: subject -> the slot that it was last asked in
        self._asked: dict[str, str] = {}
        #: slot -> who keeps us out of it
        self.foreign: dict[str, ForeignWait] = {}
        #: when a job was last begun or ended, or a package stored, epoch seconds
        self.moved_at = 0.0

    def hear(self, entry: Entry) -> None:
        match entry.event:
            case e.SchedulePredicted() as told:
                self._estimates = Estimates.resting_on(told.durations)
                self._slots = {(kind, where, who): slot for kind, where, who, slot in told.slots}
                self._rates = {each.credentials: each for each in told.rates} or _one_for_all(told)
                self._reads = told.reads or inf
            case e.WriteRateLearned(credentials=who) as told if who in self._rates:
                self._rates[who] = replace(self._rates[who], per_second=told.per_second, refused=told.refused)
            case e.RunBegan() | e.RunResumed():
                self.foreign.clear()
                self.moved_at = entry.at
            case (
                e.ExportRequested(batch=subject, slot=slot)
                | e.ImportRequested(delivery=subject, slot=slot)
            ):  # fmt: skip
                self._asked[subject] = slot
            case (
                e.ExportRefused(batch=subject, words=words)
                | e.ImportRefused(delivery=subject, words=words)
            ) if words.kind == Failure.BUSY.value:  # fmt: skip
                self._refused(self._asked.get(subject, ""), words, entry.at)
            case e.ExportAccepted(batch=subject) | e.ImportAccepted(delivery=subject):
                self.foreign.pop(self._asked.get(subject, ""), None)
                self.moved_at = entry.at
            case (
                e.Exported() | e.PackageStored() | e.Imported() | e.ImportFound() | e.Verified() | e.Split()
                | e.Quarantined() | e.ExportFailed() | e.ImportFailed()
            ):  # fmt: skip
                self.moved_at = entry.at
            case _:
                pass
        seen = self._jobs.hear(entry)
        if seen is not None:
            self._estimates.observe(seen)

    def _refused(self, slot: str, words: ErrorDetail, at: float) -> None:
        known = self.foreign.get(slot)
        if known is None:
            self.foreign[slot] = ForeignWait(slot, at, words)
        else:
            self.foreign[slot] = replace(known, words=words, times=known.times + 1)

    def predict(self, instance: str, kind: JobKind, assets: int) -> Prediction:
        """How long such a job takes there."""
        return self._estimates.predict(instance, kind, max(1, assets))

    @property
    def basis(self) -> Basis:
        """What the rest of the schedule is played with; a journal that tells no slots has one for each identity."""
        return Basis(self._slot, self.predict, self._rates, self._reads)

    def _slot(self, instance: str, credentials: str, kind: JobKind) -> str:
        # What was imported is removed by the identity that imported it, in that identity's slot for the target.
        known = self._slots.get((kind.value, instance, credentials))
        return known or self._slots.get((JobKind.IMPORT.value, instance, credentials)) or f"{credentials} at {instance}"


def _one_for_all(told: e.SchedulePredicted) -> dict[str, e.WriteRate]:
    """What an earlier version has journaled: one pause for each identity."""
    names = dict.fromkeys(who for _, _, who, _ in told.slots)
    return {who: e.WriteRate(who, 1.0 / told.pause) for who in names} if told.pause else {}
