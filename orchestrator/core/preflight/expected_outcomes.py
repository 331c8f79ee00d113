"""What would become of each asset at each target. Law: one line per asset and lane, from values alone."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from orchestrator.core.model.inventory import App, Task
from orchestrator.core.preflight.context import PreflightContext
from orchestrator.core.preflight.names import colliding, overwritten
from orchestrator.core.selection.routes import Route
from orchestrator.core.selection.selection import kind_of


class Expected(StrEnum):
    """What an import would do with an asset."""

    CREATED = "created"
    #: Merge finds it there
    OVERWRITTEN = "overwritten"
    #: an earlier run brought it, and the target still holds it
    SKIPPED = "skipped"
    #: AddNew finds its name taken
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ExpectedOutcome:
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
    fate: Expected
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


def expected_outcomes(context: PreflightContext) -> tuple[ExpectedOutcome, ...]:
    """Every selected asset, once per lane, in the order of lanes, applications, tasks."""
    return tuple(each for route in context.routes for each in _route(context, route))


def _route(context: PreflightContext, route: Route) -> Iterator[ExpectedOutcome]:
    fates: dict[str, Expected] = dict.fromkeys((asset.id for asset in route.skipped), Expected.SKIPPED)
    fates |= dict.fromkeys((asset.id for asset in colliding(context, route)), Expected.REFUSED)
    fates |= dict.fromkeys((asset.id for asset in overwritten(context, route)), Expected.OVERWRITTEN)
    carriers = context.carriers(route)
    owners = {app.id: app.owner for app in context.inventories[route.source].apps}
    for asset in route.selection.assets:
        owner = asset.owner or next((owners[app] for app in _apps_of(asset) if owners.get(app)), "")
        made = _foreseen(context, route, asset, fates.get(asset.id, Expected.CREATED))
        carrier = carriers.get(asset.id)
        yield replace(made, owner=owner, batch=carrier.batch if carrier is not None else "")


def _apps_of(asset: App | Task) -> tuple[str, ...]:
    """A task that tells no owner is its application's owner's."""
    return asset.app_ids if isinstance(asset, Task) else ()


def _foreseen(context: PreflightContext, route: Route, asset: App | Task, fate: Expected) -> ExpectedOutcome:
    names = route.names_of(asset)
    held = context.held[route.target.instance][kind_of(asset)]
    return ExpectedOutcome(
        migration=route.selection.migration,
        source=route.source,
        target=route.target.instance,
        prefix=route.target.prefix,
        id=asset.id,
        kind=kind_of(asset).value,
        name=asset.name,
        fate=fate,
        names=names,
        present=tuple(name for name in names if name in held),
        links=tuple(sorted(route.needs_of(asset))),
        update_time=asset.update_time,
        running=isinstance(asset, Task) and asset.running,
    )
