"""Why each batch has its place in a schedule. Law: told from what was frozen, for people; nothing is decided here."""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.preview.preview import Preview
from orchestrator.core.scheduling.timetable import needs_of
from orchestrator.core.state.events import BatchScheduled, DeliveryScheduled


@dataclass(frozen=True, slots=True)
class Order:
    """Why each import has its place."""

    batches: Mapping[str, BatchScheduled]
    #: batch -> its number in the schedule, from 1
    numbers: Mapping[str, int]
    #: delivery -> numbers of the batches that must have landed before
    behind: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, preview: Preview) -> "Order":
        batches = {each.batch: each for each in preview.batches}
        numbers = {batch: number for number, batch in enumerate(batches, 1)}
        batch_of = {each.delivery: each.batch for each in preview.deliveries}
        needs = needs_of(batches, preview.deliveries)
        behind = {name: tuple(sorted(numbers[batch_of[each]] for each in held)) for name, held in needs.items()}
        return cls(batches, numbers, behind)

    def why(self, delivery: DeliveryScheduled) -> str:
        """In words, for people."""
        told = []
        if behind := self.behind[delivery.delivery]:
            numbers = ", ".join(map(str, behind))
            told.append(f"it builds on what batch {numbers} brings" if len(behind) == 1 else
                        f"it builds on what batches {numbers} bring")  # fmt: skip
        if delivery.after:
            told.append(f"the plan puts it after {', '.join(delivery.after)}")
        return "; ".join(told) or "as soon as its slot is free"
