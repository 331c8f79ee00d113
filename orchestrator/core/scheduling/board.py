"""What is left to do and what each job waits for. Law: kept from what is told, job by job, and never searched for.

`policy` weighs what each slot has to do; `lookahead` plays all that is tied to a slot to its end.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestrator.core.scheduling.policy import LoadKind, SlotLoad, SlotLoads, Work


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that has not begun."""

    work: Work
    #: slots that could take it
    slots: tuple[str, ...]
    #: exports and imports that must be over before it
    before: tuple[str, ...] = ()
    #: migrations of which every import must be over before it
    after: tuple[str, ...] = ()


def _index() -> dict[str, dict[str, None]]:
    return defaultdict(dict)


@dataclass(slots=True)
class Board:
    """Jobs that wait and jobs that run."""

    waiting: dict[str, Waiting] = field(default_factory=dict)
    #: slot -> (the job that runs there, when it is expected to end by the caller's clock)
    running: dict[str, tuple[str, float]] = field(default_factory=dict)
    #: job that runs -> its slot
    slot_of: dict[str, str] = field(default_factory=dict)
    #: slot -> jobs that wait for it
    at: dict[str, dict[str, None]] = field(default_factory=_index)
    #: job -> jobs that wait for its end
    heirs: dict[str, dict[str, None]] = field(default_factory=_index)
    #: migration -> jobs that wait for the end of all its imports
    followers: dict[str, dict[str, None]] = field(default_factory=_index)
    #: migration -> its imports that wait or run
    members: dict[str, dict[str, None]] = field(default_factory=_index)
    #: job that waits -> its place in the order that was found best; a hint, which may be forgotten at any time
    places: dict[str, int] = field(default_factory=dict)
    _ledger: SlotLoads = field(default_factory=SlotLoads)
    #: import that waits or runs -> its migration
    _migrations: dict[str, str] = field(default_factory=dict)

    @property
    def loads(self) -> dict[str, SlotLoad]:
        """Slot -> what it has to do."""
        return self._ledger.loads

    def waits(self, job: Waiting, part: LoadKind, migration: str = "") -> None:
        """A job waits; replaces what was said of it before. `migration` is that of an import."""
        subject = job.work.subject
        if self.waiting.get(subject) != job:
            self._forget(subject)
            self.waiting[subject] = job
            for indexed in self._indices(job):
                indexed[subject] = None
        if migration:
            self._migrations[subject] = migration
            self.members[migration][subject] = None
        self._ledger.waits(subject, job.slots, part, job.work.seconds)

    def runs(self, subject: str, slot: str, until: float) -> None:
        """A job has begun and is expected to end at `until`."""
        self._forget(subject)
        self._ledger.runs(subject, slot, until)
        self.running[slot] = (subject, until)
        self.slot_of[subject] = slot

    def ended(self, slot: str, now: float) -> None:
        """The slot's job is over."""
        self._ledger.ended(slot, now)
        if slot in self.running:
            subject, _ = self.running.pop(slot)
            self.slot_of.pop(subject, None)
            self._leave_migration(subject)

    def drop(self, subject: str) -> None:
        """The job waits no longer, and does not run."""
        self._forget(subject)
        if subject in self.slot_of:
            self.running.pop(self.slot_of.pop(subject), None)
        self._ledger.drop(subject)
        self._leave_migration(subject)

    def migration_of(self, subject: str) -> str:
        """The migration of an import that waits or runs; "" for others."""
        return self._migrations.get(subject, "")

    def _forget(self, subject: str) -> None:
        job = self.waiting.pop(subject, None)
        self.places.pop(subject, None)
        if job is not None:
            for indexed in self._indices(job):
                indexed.pop(subject, None)

    def _leave_migration(self, subject: str) -> None:
        migration = self._migrations.pop(subject, "")
        if migration:
            self.members[migration].pop(subject, None)

    def _indices(self, job: Waiting) -> Iterable[dict[str, None]]:
        yield from (self.at[slot] for slot in job.slots)
        yield from (self.heirs[name] for name in job.before)
        yield from (self.followers[name] for name in job.after)
