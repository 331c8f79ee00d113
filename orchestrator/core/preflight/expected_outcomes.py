"""What would become of each asset at each target. Law: one line per asset and lane, from values alone."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from orchestrator.core.model.inventory import App, Task
from orchestrator.core.preflight.context import Ground
from orchestrator.core.preflight.names import colliding, overwritten
from orchestrator.core.selection.routes import Lane
from orchestrator.core.selection.selection import kind_of


class Fate(StrEnum):
    """What an import would do with an asset."""

    CREATED = "created"
    #: Merge finds it there
    OVERWRITTEN = "overwritten"
    #: an earlier run brought it, and the target still holds it
    SKIPPED = "skipped"
    #: AddNew finds its name taken
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One asset on its way to one target."""

    migration: str
    source: str
    target: str
    prefix: str
    #: at the source
    id: str
    #: "app" or "task"
    kind: str
    #: at the source
    name: str
    fate: Fate
    #: the names it may have at the target, the likeliest first
    names: tuple[str, ...]
    #: those of them that the target holds now
    present: tuple[str, ...] = ()
    #: ids at the source of the applications it builds on, sorted
    links: tuple[str, ...] = ()
    #: ISO text as the source wrote it, "" where unknown
    update_time: str = ""
    #: a task's run state
    running: bool = False
    #: who made it at the source, or for a task its application; "" where unknown
    owner: str = ""
    #: the batch it would travel in, "" where it does not
    batch: str = ""


def foresee(ground: Ground) -> tuple[Foreseen, ...]:
    """Every selected asset, once per lane, in the order of lanes, applications, tasks."""
    return tuple(each for lane in ground.lanes for each in _lane(ground, lane))


def _lane(ground: Ground, lane: Lane) -> Iterator[Foreseen]:
    fates: dict[str, Fate] = dict.fromkeys((asset.id for asset in lane.skipped), Fate.SKIPPED)
    fates |= dict.fromkeys((asset.id for asset in colliding(ground, lane)), Fate.REFUSED)
    fates |= dict.fromkeys((asset.id for asset in overwritten(ground, lane)), Fate.OVERWRITTEN)
    carriers = ground.carriers(lane)
    owners = {app.id: app.owner for app in ground.inventories[lane.source].apps}
    for asset in lane.selection.assets:
        owner = asset.owner or next((owners[app] for app in _apps_of(asset) if owners.get(app)), "")
        made = _foreseen(ground, lane, asset, fates.get(asset.id, Fate.CREATED))
        carrier = carriers.get(asset.id)
        yield replace(made, owner=owner, batch=carrier.batch if carrier is not None else "")


def _apps_of(asset: App | Task) -> tuple[str, ...]:
    """A task that tells no owner is its application's owner's."""
    return asset.app_ids if isinstance(asset, Task) else ()


def _foreseen(ground: Ground, lane: Lane, asset: App | Task, fate: Fate) -> Foreseen:
    names = lane.names_of(asset)
    held = ground.held[lane.target.instance][kind_of(asset)]
    return Foreseen(
        migration=lane.selection.migration,
        source=lane.source,
        target=lane.target.instance,
        prefix=lane.target.prefix,
        id=asset.id,
        kind=kind_of(asset).value,
        name=asset.name,
        fate=fate,
        names=names,
        present=tuple(name for name in names if name in held),
        links=tuple(sorted(lane.needs_of(asset))),
        update_time=asset.update_time,
        running=isinstance(asset, Task) and asset.running,
    )
