"""What a run backs up before Merge overwrites it. Law: whatever bears one of its names, in as few jobs as it takes.

A package is imported whole, so that one change of a person keeps all of it from being restored: backups of two
migrations never share one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.core.model.inventory import App, Inventory, Task
from orchestrator.core.model.parts import in_parts
from orchestrator.core.plan.plan import Mode, Plan
from orchestrator.core.selection.routes import Route
from orchestrator.core.selection.selection import kind_of
from orchestrator.core.state import events as e
from orchestrator.core.state.identity import backup_of


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A schedule with its backups."""

    backups: tuple[e.BatchScheduled, ...]
    deliveries: tuple[e.DeliveryScheduled, ...]


def backed_up(
    plan: Plan,
    routes: Sequence[Route],
    inventories: Mapping[str, Inventory],
    batches: Sequence[e.BatchScheduled],
    deliveries: Sequence[e.DeliveryScheduled],
) -> BackedUp:
    """The deliveries with the backups that each waits for; what an earlier one of them backs up is not taken twice."""
    held = {batch.batch: batch for batch in batches}
    ways = {(r.selection.migration, r.target.instance, r.target.prefix): r for r in routes}
    taken: dict[tuple[str, str], str] = {}
    made: list[e.BatchScheduled] = []
    found: list[e.DeliveryScheduled] = []
    for lane in _lanes(deliveries):
        route = ways[lane[0].migration, lane[0].target, lane[0].prefix]
        if not route.target.backup or route.target.mode is not Mode.MERGE:
            found += lane
            continue
        target = inventories[route.target.instance]
        wanted = {each.delivery: tuple(_overwritten(route, target, held[each.batch])) for each in lane}
        new = {(target.instance, a.id): a for each in wanted.values() for a in each}
        fresh = [asset for key, asset in new.items() if key not in taken]
        for batch in _packed(plan, target, lane[0].owner, fresh, float(len(batches) + len(made))):
            made.append(batch)
            taken |= {(target.instance, asset.id): batch.batch for asset in batch.assets}
        for each in lane:
            keys = [(target.instance, asset.id) for asset in wanted[each.delivery]]
            names = dict.fromkeys(taken[key] for key in keys if key in taken)
            found.append(replace(each, backup=True, backups=tuple(names)))
    order = {each.delivery: place for place, each in enumerate(deliveries)}
    return BackedUp(tuple(made), tuple(sorted(found, key=lambda each: order[each.delivery])))


def _lanes(deliveries: Iterable[e.DeliveryScheduled]) -> list[list[e.DeliveryScheduled]]:
    """What one identity imports for one migration into one place, in the order of the schedule."""
    lanes: dict[tuple[str, str, str], list[e.DeliveryScheduled]] = {}
    for each in deliveries:
        lanes.setdefault((each.migration, each.place, each.owner), []).append(each)
    return list(lanes.values())


def _overwritten(route: Route, target: Inventory, batch: e.BatchScheduled) -> Iterator[App | Task]:
    """What the target holds under any name that an asset of the batch may have there."""
    moving = {asset.id: asset for asset in route.moving}
    for each in batch.assets:
        asset = moving[each.id]
        for name in route.names_of(asset):
            yield from target.named.get((kind_of(asset).value, name), ())


def _packed(
    plan: Plan, target: Inventory, owner: str, assets: Sequence[App | Task], position: float
) -> Iterator[e.BatchScheduled]:
    """As few backups as one identity each sees whole; the one that imports goes first."""
    size, left = plan.settings.batch_size, list(assets)
    credentials = sorted(plan.instances[target.instance].credentials, key=lambda name: name != owner)
    while left:
        sees = {name: [a for a in left if name in target.seen_by.get(a.id, credentials)] for name in credentials}
        best = max(credentials, key=lambda name: len(sees[name]))
        if not sees[best]:
            return  # the listing before the import finds it, and the one who imports has to back it up
        for part in in_parts(sees[best], size):
            exporters = tuple(name for name in credentials if all(a in sees[name] for a in part))
            yield _scheduled(target.instance, part, exporters, position)
            position += 1.0
        left = [asset for asset in left if asset not in sees[best]]


def _scheduled(
    instance: str, assets: Sequence[App | Task], exporters: tuple[str, ...], position: float
) -> e.BatchScheduled:
    apps = [asset for asset in assets if isinstance(asset, App)]
    tasks = [asset for asset in assets if isinstance(asset, Task)]
    batch = backup_of(instance, ((a.id, a.update_time) for a in apps), ((t.id, t.update_time) for t in tasks))
    return e.BatchScheduled(
        batch.id, instance, tuple(_asset(asset) for asset in assets), exporters, position, backup=True
    )


def _asset(asset: App | Task) -> e.Asset:
    if isinstance(asset, App):
        return e.Asset(asset.id, "app", asset.name, asset.update_time, key=asset.key)
    return e.Asset(asset.id, "task", asset.name, asset.update_time, asset.app_ids, running=asset.running)
