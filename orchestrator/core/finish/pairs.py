"""What a run brought, as pairs of an object at its source and the same object at its target."""

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.core.state.events import Asset
from orchestrator.core.state.lifecycle import LANDED, Delivery
from orchestrator.core.state.progress import Progress


@dataclass(frozen=True, slots=True)
class Pair:
    """One asset that a run brought, or found there because an earlier run had brought it."""

    migration: str
    source: str
    target: str
    #: as it was at the source when the run began
    asset: Asset
    #: its id at the target
    there: str
    #: who exported it, and who imported it; "" where an earlier run did
    exporter: str = ""
    owner: str = ""
    #: the target held it before the run: a Merge went over it
    was_there: bool = False

    @property
    def kind(self) -> str:
        """`app` or `task`."""
        return self.asset.kind


def pairs_of(progress: Progress) -> tuple[Pair, ...]:
    """Every one whose id at the target is known, in the order of the schedule."""
    found = {(each.source, each.asset.id, each.target, each.there): each for each in _pairs(progress)}
    return tuple(found.values())


def _pairs(progress: Progress) -> Iterator[Pair]:
    for life in progress.deliveries.values():
        if life.state in LANDED and life.verified is not None:
            yield from _brought(progress, life)
    sources = {each.migration: each.source for each in progress.selections}
    for skipped in progress.skipped:
        assets = {each.id: each for each in skipped.assets}
        for source, there, _ in skipped.held:
            if source in assets and skipped.migration in sources:
                yield Pair(skipped.migration, sources[skipped.migration], skipped.target, assets[source], there)


def _brought(progress: Progress, life: Delivery) -> Iterator[Pair]:
    source, scheduled = progress.source_of(life), life.scheduled
    exporter = progress.packages[life.batch].credentials
    ids = dict(life.verified.ids) if life.verified is not None else {}
    before = life.baseline.seen if life.baseline is not None else {}
    for asset in progress.assets_of(life.batch):
        if asset.id in ids:
            yield Pair(
                scheduled.migration, source, scheduled.target, asset, ids[asset.id], exporter, scheduled.owner,
                ids[asset.id] in before.get(asset.id, ()),
            )  # fmt: skip
