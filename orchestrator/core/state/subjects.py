"""What the scheduler calls up, and what an event touches. Law: an id is known together with its kind."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from orchestrator.core.state import events as e


class SubjectKind(StrEnum):
    """What an id is the id of."""

    #: a batch on its way out of its source
    PACKAGE = "package"
    #: a batch on its way into one target
    DELIVERY = "delivery"
    #: the question to a slot whether it is idle; its id is the slot
    PROBE = "probe"
    #: a widening that `auto` has tried; its id is the widening
    TRIAL = "trial"
    #: a slot that may have become free
    SLOT = "slot"


class Subject(NamedTuple):
    """One thing that may have something to do now. A tuple, for it is hashed and ordered at every decision."""

    #: first, so that a delivery comes right behind its batch
    id: str
    kind: SubjectKind

    @classmethod
    def package(cls, batch: str) -> "Subject":
        return cls(batch, SubjectKind.PACKAGE)

    @classmethod
    def delivery(cls, name: str) -> "Subject":
        return cls(name, SubjectKind.DELIVERY)

    @classmethod
    def probe(cls, slot: str) -> "Subject":
        return cls(slot, SubjectKind.PROBE)

    @classmethod
    def trial(cls, widening: str) -> "Subject":
        return cls(widening, SubjectKind.TRIAL)

    @classmethod
    def slot(cls, slot: str) -> "Subject":
        return cls(slot, SubjectKind.SLOT)


@dataclass(slots=True)
class Touched:
    """What events have changed for others: gathered while they are believed, considered at the next decision."""

    #: lives that have changed, and those that wait for them
    subjects: set[Subject] = field(default_factory=set)
    #: slots that a job has left
    slots: set[str] = field(default_factory=set)
    #: targets at which a delivery has moved on: more may be exported for them
    targets: set[str] = field(default_factory=set)

    def add(self, other: "Touched") -> None:
        self.subjects |= other.subjects
        self.slots |= other.slots
        self.targets |= other.targets

    def deliveries(self, names: Iterable[str]) -> None:
        self.subjects.update(map(Subject.delivery, names))


def whose(event: e.Event) -> Subject | None:
    """Whose life an event begins or moves; None where it is told to the run as a whole, or names it by its id alone."""
    if isinstance(event, e.PackageEvent | e.BatchScheduled):
        return Subject.package(event.batch)
    if isinstance(event, e.DeliveryEvent | e.DeliveryScheduled | e.Split | e.Retried):
        return Subject.delivery(event.delivery)
    return Subject.probe(event.slot) if isinstance(event, e.ProbeEvent) else None
