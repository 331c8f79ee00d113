"""Reads what may travel and was never documented. Law: reads only, bounded, and no failure ends anything (promise 13).

Topics, products and custom back ends are lists of the whole instance. Authorisations, schedules and increment positions
are one request for each asset, so that only some assets are asked about: a few show how a region behaves.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import anyio

from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import Belonging, Inventory
from orchestrator.core.model.undocumented import Thing, Undocumented
from orchestrator.engine.read_metadata import MOST_ASKED, cover, tolerantly, united
from orchestrator.roma import Reader

#: assets of one instance that are asked about alone, for each thing: 5 requests a second make 12 s of three things
MOST_SAMPLED = 20
#: what a request for each application tells, and for each task
OF_APPS = (Thing.AUTHORISATION,)
OF_TASKS = (Thing.SCHEDULE, Thing.POSITION)


@dataclass(frozen=True, slots=True)
class Sample:
    """Which assets of one instance are asked about alone."""

    #: thing -> asset ids
    assets: Mapping[Thing, Sequence[str]]

    @classmethod
    def of(cls, apps: Iterable[str], tasks: Iterable[str]) -> "Sample":
        """At most `MOST_SAMPLED` of each, spread over all of them."""
        some_apps, some_tasks = _spread(list(apps)), _spread(list(tasks))
        return cls(dict.fromkeys(OF_APPS, some_apps) | dict.fromkeys(OF_TASKS, some_tasks))


#: no asset is asked about alone
NOBODY = Sample({})


def _spread(ids: list[str]) -> list[str]:
    step = max(1, -(-len(ids) // MOST_SAMPLED))
    return ids[::step]


async def read_undocumented(readers: Mapping[str, Reader], inventory: Inventory, sample: Sample) -> Undocumented:
    """As the union over the credentials of one instance, by their names; never raises for what the service says."""
    asked = [readers[name] for name in cover(list(readers), inventory)[:MOST_ASKED]]
    reads: dict[Thing, Callable[[], Awaitable[Mapping[str, tuple[str, ...]] | Unread]]] = {
        Thing.TOPIC: partial(_owned, [each.topics for each in asked], inventory),
        Thing.PRODUCT: partial(_owned, [each.products for each in asked], inventory),
        Thing.BACKEND: partial(_owned, [each.backends for each in asked], inventory),
    }
    for thing, ids in sample.assets.items():
        if ids:
            reads[thing] = partial(_each, thing, ids, readers, inventory)
    held: dict[Thing, Mapping[str, tuple[str, ...]]] = {}
    unread: dict[Thing, Unread] = {}

    async def ask(thing: Thing) -> None:
        found = await tolerantly(reads[thing])
        if isinstance(found, Unread):
            unread[thing] = found
        else:
            held[thing] = found

    async with anyio.create_task_group() as group:
        for thing in reads:
            group.start_soon(ask, thing)
    return Undocumented(held, unread)


async def _owned(
    lists: Sequence[Callable[[], Awaitable[Sequence[Belonging]]]], inventory: Inventory
) -> Mapping[str, tuple[str, ...]]:
    """The names of what each application owns; what belongs to none that is seen is left out."""
    found: dict[str, list[str]] = {app.id: [] for app in inventory.apps}
    by_key = {app.key: app.id for app in inventory.apps if app.key}
    by_name = {app.name: app.id for app in inventory.apps}
    for each in await united(lists):
        owner = each.app if each.app in found else by_key.get(each.app) or by_name.get(each.app_name)
        if owner is not None:
            found[owner].append(each.name)
    return {app: tuple(sorted(names)) for app, names in found.items()}


async def _each(
    thing: Thing, ids: Sequence[str], readers: Mapping[str, Reader], inventory: Inventory
) -> Mapping[str, tuple[str, ...]] | Unread:
    """One request for each asset, by credentials that see it; what refuses one refuses all."""
    found: dict[str, tuple[str, ...]] = {}
    for asset in ids:
        sees = next((name for name in inventory.seen_by.get(asset, ()) if name in readers), None)
        if sees is None:
            continue
        told = await _ask(thing, readers[sees], asset)
        if isinstance(told, Unread):
            return told
        found[asset] = told
    return found


async def _ask(thing: Thing, reader: Reader, asset: str) -> tuple[str, ...] | Unread:
    if thing is Thing.AUTHORISATION:
        return tuple(sorted(await reader.authorisations(asset)))
    if thing is Thing.POSITION:
        return await reader.position(asset)
    schedule = await reader.schedule(asset)
    return (schedule,) if schedule else ()
