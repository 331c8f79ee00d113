"""Runs for tests, written event by event: a journal is a list of events with times. Law: values only."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from orchestrator.core.model.inventory import Reason
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Asset, Entry, ErrorDetail, Event
from orchestrator.core.state.identity import batch_of, delivery_id
from orchestrator.core.state.lifecycle import Delivery, PackageState
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.subjects import Touched

#: 2027-01-15T08:00:00Z: when every small run begins, epoch seconds
DAWN = 1_800_000_000.0
SAID = ErrorDetail("job", "ROMA.9", "no")
REASON = Reason("application", "", "ROMA.9", "no")


def app(name: str, *needs: str, **more: str) -> Asset:
    """An application; its id is its name."""
    return Asset(name, "app", name, more.get("update_time", ""), needs)


def task(name: str, *needs: str) -> Asset:
    return Asset(name, "task", name, "", needs)


def batch_id(source: str, *assets: Asset) -> str:
    apps = [each.id for each in assets if each.kind == "app"]
    return batch_of(source, apps, [each.id for each in assets if each.kind == "task"]).id


class Run:
    """A run that is written event by event: its time only passes when told."""

    def __init__(self, at: float = DAWN) -> None:
        self.progress = Progress()
        self.at = at
        self.entries: list[Entry] = []
        #: told whom each event touches
        self.hears: list[Callable[[Touched], None]] = []

    def believe(self, *events: Event) -> Touched:
        """Journal and believe them now; whom they touch."""
        all_of_them = Touched()
        for event in events:
            entry = Entry(len(self.entries) + 1, self.at, event)
            self.entries.append(entry)
            touched = self.progress.apply(entry)
            all_of_them.add(touched)
            for hear in self.hears:
                hear(touched)
        return all_of_them

    def later(self, seconds: float) -> "Run":
        self.at += seconds
        return self

    def carries(
        self, *assets: Asset, target: str = "prod", source: str = "dev", owner: str = "t",
        migration: str = "m", exporters: tuple[str, ...] = ("s",), position: float | None = None, **more: object,
    ) -> str:  # fmt: skip
        """Schedule one batch and its delivery; answers the delivery's id. `more`: fields of DeliveryScheduled."""
        batch = batch_id(source, *assets)
        if batch not in self.progress.batches:
            place = float(len(self.progress.batches) + 1) if position is None else position
            self.believe(e.BatchScheduled(batch, source, assets, exporters, place))
        own = {asset.id for asset in assets}
        needs = tuple(sorted({need for asset in assets for need in asset.needs} - own))
        made = e.DeliveryScheduled(
            delivery_id(batch, target, str(more.get("prefix", ""))), batch, migration, target, "AddNew", "", False,
            owner, needs,
        )  # fmt: skip
        self.believe(replace(made, **more))  # type: ignore[arg-type] # named as in DeliveryScheduled
        return made.delivery

    def life(self, name: str) -> Delivery:
        return self.progress.deliveries[name]

    def stores(self, name: str, slot: str = "dev.example acme/s") -> str:
        """The delivery's package is exported and lies on our disk; answers its batch."""
        batch = self.life(name).batch
        self.exports(batch, slot)
        self.believe(
            e.Exported(batch, "arch"), e.DownloadRequested(batch), e.PackageStored(batch, f"sha-{batch}", 10, "crc")
        )
        return batch

    def exports(self, batch: str, slot: str = "dev.example acme/s") -> None:
        if self.progress.packages[batch].state is not PackageState.EXPORT_UNSURE:
            self.believe(e.ExportRequested(batch, "s", slot))
        self.believe(e.ExportAccepted(batch, f"job-{batch}"))

    def slot_of(self, name: str) -> str:
        """The slot of its import, where one job runs per user."""
        life = self.life(name)
        return f"{life.target}.example acme/{life.scheduled.owner}"

    def asks_import(self, name: str, present: Sequence[tuple[str, tuple[str, ...]]] = ()) -> None:
        """Its baseline is taken and its import asked for; no answer yet."""
        owner = self.life(name).scheduled.owner
        self.believe(e.Looked(name, tuple(present)), e.ImportRequested(name, owner, self.slot_of(name)))

    def loses(self, name: str, quiet: float = 90.0) -> None:
        """Its package is stored, its import asked for, the answer lost; quiet for so many seconds."""
        self.stores(name)
        self.asks_import(name)
        self.believe(e.ImportAnswerLost(name, SAID, self.at + quiet))

    def splits(self, name: str, *parts: tuple[str, str], why: str = "reasons") -> Touched:
        """It goes on in parts of one asset each: (asset, fate); the parts are named `batch-ASSET@prod`."""
        children = []
        held = {each.id: each for each in self.progress.assets_of(self.life(name).batch)}
        for place, (asset, fate) in enumerate(parts):
            self.believe(e.BatchScheduled(f"batch-{asset}", "dev", (held[asset],), ("s",), 1.0 + place / 10))
            children.append(e.Child(f"batch-{asset}@prod", f"batch-{asset}", (asset,), fate))
        return self.believe(e.Split(name, tuple(children), why))

    def imports(self, name: str) -> None:
        self.asks_import(name)
        self.believe(e.ImportAccepted(name, f"job-{name}"))

    def lands(self, name: str) -> None:
        """Imported and verified."""
        self.imports(name)
        ids = tuple(asset.id for asset in self.progress.assets_of(self.life(name).batch))
        self.believe(e.Imported(name), e.Verified(name, ids))

    def fails(self, name: str, *reasons: Reason, words: ErrorDetail = SAID) -> None:
        self.imports(name)
        self.believe(e.ImportFailed(name, reasons, words))
