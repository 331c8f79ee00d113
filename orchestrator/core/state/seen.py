"""What a service has shown of itself in one run. Law: learned from what happened, never from the plan."""

from collections import defaultdict

from orchestrator.core.state import events as e
from orchestrator.core.state.lifecycle import Delivery


class Seen:
    """What is used from then on: how late it shows what it holds, how long imports run, how it names assets."""

    def __init__(self) -> None:
        #: target -> the longest time from an import's end to the look that found everything, seconds
        self.shown_after: dict[str, float] = defaultdict(float)
        #: target -> the longest time for which one process has watched an import run, seconds
        self.imports_took: dict[str, float] = defaultdict(float)
        #: source -> bytes of the largest package that came from it
        self.largest: dict[str, int] = defaultdict(int)
        #: (place, kind) -> whether the service was seen to put the prefix before names of that kind
        self.renames: dict[tuple[str, str], bool] = {}

    def size(self, source: str, size: int) -> None:
        """A package of so many bytes came from this source."""
        self.largest[source] = max(self.largest[source], size)

    def import_ended(self, delivery: Delivery, at: float, watched_from: float) -> None:
        """It took at least as long as this process has watched it: it may have ended at any time before."""
        took = at - max(delivery.asked_at, watched_from) if delivery.job else 0.0
        self.imports_took[delivery.target] = max(self.imports_took[delivery.target], took)

    def verified(self, delivery: Delivery, event: e.Verified, at: float) -> None:
        """The reading of `prefix` that the service shows is used from now on; one that it contradicts, never again.

        Where everything was there by now, the target is at most so late to show what an import brings.
        """
        kinds = [kind for kind, _ in event.renamed]
        for kind, renamed in event.renamed:
            if kinds.count(kind) == 1:
                self.renames.setdefault((delivery.scheduled.place, kind), renamed)
        if delivery.landed_at and not event.findings and not event.unverified:
            longest = max(self.shown_after[delivery.target], at - delivery.landed_at)
            self.shown_after[delivery.target] = longest
