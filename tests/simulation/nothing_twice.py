"""Promise 3 as a fold over the journal: nothing twice.

Law: a lost import is settled by quiet, proof, look and decision, in this order; read from the contract alone.
"""

from dataclasses import dataclass, field

from orchestrator.core.model.failures import Failure
from orchestrator.core.plan.plan import Mode
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry
from tests.simulation.book import NEVER, Book, Intent, require, subject_of

#: seconds between an answer and its entry
WRITING = 1.0


@dataclass
class Unsure:
    """An import whose answer was lost, while it is settled."""

    quiet_until: float
    #: (when it was asked for, when it was answered, what was seen), behind the quiet time
    looks: list[tuple[float, float, e.Looked]] = field(default_factory=list)
    #: when a job asked for behind the quiet time was accepted that excludes it under every reading; 0 = none was
    idle_at: float = 0.0
    #: when the service last said that a job runs which may be this one
    busy_at: float = 0.0


class Settling:
    """A baseline before each import; what was lost is never blindly repeated."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.baseline: dict[str, e.Looked] = {}
        #: the latest look behind a delivery's latest request
        self.look: dict[str, e.Looked] = {}
        self.attempted: set[str] = set()
        self.unsure: dict[str, Unsure] = {}
        #: what time alone has settled, until a job of its own is accepted
        self.presumed: set[str] = set()
        #: of these, those that wait to be asked for again: what the service says meanwhile may open the question again
        self.waiting: set[str] = set()
        #: batch -> when its lost export may be asked for again
        self.quiet: dict[str, float] = {}

    def heard(self, entry: Entry) -> None:
        at, subject = entry.at, subject_of(entry.event)
        match entry.event:
            case e.Looked() as event:
                self._looked(event, at)
            case e.ImportRequested():
                require(subject in self.look, f"promise 3: {subject} is asked for without a look since it was last")
                require(subject not in self.unsure, f"promise 3: {subject} is asked for again and was not settled")
                del self.look[subject]
                self.attempted.add(subject)
                self.waiting.discard(subject)
            case e.ExportAccepted() | e.ImportAccepted() | e.ProbeAccepted():
                self.presumed.discard(subject)
                self._accepted(*self.book.asked[subject], at)
            case e.ExportRefused(words=words) | e.ImportRefused(words=words) | e.ProbeRefused(words=words):
                if subject in self.presumed:
                    self.waiting.add(subject)
                if words.kind == Failure.BUSY.value:
                    self._busy(subject, at)
            case e.ImportAnswerLost(quiet_until=until) | e.ImportVanished(quiet_until=until):
                self._lost(subject, until, at + self.book.plan.settings.settle_quiet)
            case e.ExportAnswerLost(quiet_until=until):
                self.quiet[subject] = until
            case e.RunResumed(settle_quiet=quiet):
                # Only the wall clock tells how long nobody lived: quiet begins anew, and what was seen is not believed.
                self.look.clear()
                self.unsure = {each: Unsure(at + quiet) for each in self.unsure}
                self.quiet = dict.fromkeys(self.quiet, at + quiet)
                for each in self.book.open:
                    self._lost(each, at + quiet, at + quiet)
            case e.ExportLost():
                require(
                    at >= self.quiet.pop(subject, NEVER), f"promise 3: export {subject} is given up while it may come"
                )
            case _:
                self._decided(entry.event, subject, at)

    def _decided(self, event: e.Event, subject: str, at: float) -> None:
        match event:
            case e.ImportFound():
                self._settled(subject, at)
                absent = [each.id for each in self.book.assets_of(subject) if not self._new(subject, each.id)]
                require(
                    not absent, f"promise 3d: {subject} is found, and {absent[:3]} were there before or are not there"
                )
            case e.ImportMissing():
                self._settled(subject, at)
                self._missing(subject)
                if subject in self.presumed:
                    self.waiting.add(subject)
            case e.ImportInDoubt() | e.Split():
                self._settled(subject, at)
            case e.Resolved(outcome=outcome, settle_quiet=quiet):
                self.unsure.pop(subject, None)
                if outcome != "partial":
                    self.presumed.discard(subject)
                self.waiting.discard(subject)
                if outcome == "job-ended" and subject in self.book.deliveries:
                    self._lost(subject, at + quiet, at + quiet)
            case e.Quarantined() | e.Blocked() | e.ImportFailed():
                self.waiting.discard(subject)
            case e.Retried() if subject in self.presumed:
                self.waiting.add(subject)
            case _:
                pass
        if isinstance(event, e.Split):
            self._inherit(event)

    def _inherit(self, event: e.Split) -> None:
        self.waiting.discard(event.delivery)
        if event.delivery in self.presumed:
            self.presumed.update(child.delivery for child in event.children)
            self.waiting.update(child.delivery for child in event.children if child.fate == "waiting")
        if event.delivery in self.attempted:
            for child in event.children:
                self.baseline[child.delivery] = self.baseline[event.delivery]
                self.attempted.add(child.delivery)

    def _looked(self, event: e.Looked, at: float) -> None:
        self.look[event.delivery] = event
        if event.delivery not in self.attempted:
            self.baseline[event.delivery] = event
        if (unsure := self.unsure.get(event.delivery)) is not None:
            require(
                event.asked_at >= unsure.quiet_until, f"promise 3a: {event.delivery} is looked at before it is quiet"
            )
            unsure.looks.append((event.asked_at, at, event))

    def _lost(self, subject: str, until: float, least: float) -> None:
        intent, _ = self.book.asked[subject]
        require(until >= least - WRITING, f"promise 3a: {subject} is to be quiet for {until - least:.0f} s too few")
        if isinstance(intent, e.ImportRequested):
            self.look.pop(subject, None)
            self.unsure[subject] = Unsure(until)
        elif isinstance(intent, e.ExportRequested):
            self.quiet[subject] = until

    def _accepted(self, intent: Intent, asked_at: float, at: float) -> None:
        """ROMA accepted a job: what it excludes, and was quiet by the time it was asked for, is over (promise 3b).

        Under every reading of the one-job rule: an import, at the same instance, by the same user. Another kind of job
        only where kinds were shown to exclude each other.
        """
        if not self.book.proves(intent):
            return
        whose = self.book.users[intent.credentials], self.book.place_of(intent)
        for name in self.waiting:
            if whose == self._whose(name):
                self.unsure[name] = Unsure(0.0, idle_at=at)
        self.waiting.difference_update(self.unsure)
        for name, unsure in self.unsure.items():
            if whose == self._whose(name) and unsure.quiet_until <= asked_at and not unsure.idle_at:
                unsure.idle_at = at

    def _busy(self, subject: str, at: float) -> None:
        """A job runs, and it is none that we know of: it may be one that was lost, of that user or at that instance."""
        if self.book.trial is not None and self.book.trial.subject == subject:
            return  # asked for beside a job of ours
        intent, _ = self.book.asked[subject]
        user, place = self.book.users[intent.credentials], self.book.place_of(intent)
        for name in self.waiting:
            if user == self._whose(name)[0] or place == self._whose(name)[1]:
                self.unsure[name] = Unsure(0.0)
        self.waiting.difference_update(self.unsure)
        for name, unsure in self.unsure.items():
            if user == self._whose(name)[0] or place == self._whose(name)[1]:
                unsure.busy_at = at

    def _whose(self, delivery: str) -> tuple[str, str]:
        """The user that imports it, and where."""
        made = self.book.deliveries[delivery]
        return self.book.users[made.owner], made.target

    def _settled(self, subject: str, at: float) -> None:
        unsure = self.unsure.pop(subject, None)
        if unsure is None:
            return
        require(at >= unsure.quiet_until, f"promise 3a: {subject} is decided before it is quiet")
        require(bool(unsure.looks), f"promise 3c: {subject} is decided without a look")
        asked, _, seen = unsure.looks[-1]
        by_job = bool(unsure.idle_at) and asked >= unsure.idle_at
        alike = [answered for _, answered, look in unsure.looks if look.present == seen.present]
        by_time = asked - max(alike[0], unsure.busy_at) >= self.book.plan.settings.settle_wait
        require(by_job or by_time, f"promise 3b: {subject} is decided, and nothing shows that it does not run")
        (self.presumed.discard if by_job else self.presumed.add)(subject)

    def _new(self, delivery: str, asset: str) -> bool:
        before, seen = self.baseline[delivery].seen, self.look[delivery].seen
        return bool(set(seen.get(asset, ())) - set(before.get(asset, ())))

    def _missing(self, delivery: str) -> None:
        if self.book.deliveries[delivery].mode == Mode.MERGE.value or self.look[delivery].taken:
            return  # Merge repeats safely; taken names are judged again before the next request
        there = [each.id for each in self.book.assets_of(delivery) if self._new(delivery, each.id)]
        require(not there, f"promise 3d: {delivery} is missing, and {there[:3]} are there")
