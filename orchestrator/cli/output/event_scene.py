"""What the sentence about an event may need: names and numbers that the event itself does not hold.

Law: a batch is numbered as bars and reports number it (`Progress.numbers`).
"""

from collections.abc import Iterable, Sequence

from orchestrator.core.model.counts import count
from orchestrator.core.model.inventory import Reason
from orchestrator.core.state import events as e
from orchestrator.core.state.events import ErrorDetail
from orchestrator.core.state.holders import lost_request_in
from orchestrator.core.state.progress import Progress

#: assets, or reasons, that are named in one sentence
MOST_NAMED = 3


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


def some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


class Scene:
    """One event in its run."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def batch(self, batch: str) -> str:
        """`batch 1 (30 assets)`, `the backup of 30 assets`."""
        held = self.progress.batches.get(batch)
        if held is not None and held.backup:
            return f"the backup of {count(len(held.assets), 'asset')}"
        if held is None:
            return f"batch {batch}"
        return f"batch {self.progress.numbers[batch]} ({count(len(held.assets), 'asset')})"

    def source(self, batch: str) -> str:
        held = self.progress.batches.get(batch)
        return held.source if held is not None else "source"

    def target(self, delivery: str) -> str:
        life = self.progress.deliveries.get(delivery)
        return life.target if life is not None else delivery.rpartition("@")[2]

    def of_delivery(self, delivery: str) -> str:
        life = self.progress.deliveries.get(delivery)
        return self.batch(life.batch) if life is not None else f"delivery {delivery}"

    def names(self, delivery: str, ids: Iterable[str] | None = None) -> str:
        """`orders-web, billing-web, stock-web and 4 more`."""
        life = self.progress.deliveries.get(delivery)
        if life is None:
            return delivery
        assets = self.progress.assets_of(life.batch)
        return some([asset.name for asset in assets if ids is None or asset.id in set(ids)])

    def assets(self, child: e.Child) -> str:
        """The same for a part of a delivery."""
        held = self.progress.batches.get(child.batch)
        return some([asset.name for asset in held.assets]) if held is not None else ", ".join(child.assets)

    def name(self, delivery: str, asset: str) -> str:
        return self.names(delivery, (asset,)) or asset

    def size(self, delivery: str) -> int:
        life = self.progress.deliveries.get(delivery)
        return len(self.progress.assets_of(life.batch)) if life is not None else 0

    def needed(self, delivery: str, asset: str) -> str:
        """The name of what a delivery lacks."""
        life = self.progress.deliveries.get(delivery)
        found = self.progress.find_asset(self.progress.source_of(life), asset) if life is not None else None
        return found.name if found is not None else asset or "something"

    def export_slot(self, batch: str) -> str:
        package = self.progress.packages.get(batch)
        return package.slot if package is not None else ""

    def import_slot(self, delivery: str) -> str:
        life = self.progress.deliveries.get(delivery)
        return life.slot if life is not None else ""

    def subject(self, subject: str) -> str:
        """`import of batch 1 (30 assets) at prod` for a delivery, `export of ...` for a batch."""
        if subject in self.progress.deliveries:
            return f"import of {self.of_delivery(subject)} at {self.target(subject)}"
        return f"export of {self.batch(subject)} at {self.source(subject)}"

    def whose(self, slot: str) -> str:
        """Which job of ours it may be that ROMA says runs in a slot; "" where it can only be somebody else's."""
        subject = lost_request_in(self.progress, slot)
        if not subject:
            return ""
        kind, batch = "export", self.batch(subject)
        if subject in self.progress.deliveries:
            kind, batch = "import", self.of_delivery(subject)
        return f"our own lost {kind} of {batch} may still run"
