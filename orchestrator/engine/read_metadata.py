"""Reads what only informs: settings, dictionaries, data sources, APIs. Law: reads only, and no failure ends anything.

A refused or missing read becomes `Unread` with its reason (promise 13). Details and settings are asked once per
instance, data sources and APIs once for each of as few credentials as together see every asset.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import anyio

from orchestrator.core.model.failures import RequestFailed
from orchestrator.core.model.instance_facts import Facts, Unread
from orchestrator.core.model.inventory import Inventory
from orchestrator.core.model.retries import READ_ATTEMPTS, Action, Request, decide
from orchestrator.core.plan.plan import Plan
from orchestrator.engine.runtime import Runtime
from orchestrator.roma import InventoryDisagrees, Reader

T = TypeVar("T")

#: how long one informing read may take in all, seconds: a preview waits no longer for what it can do without
PATIENCE = 120.0
#: credentials asked for data sources and APIs, at most: 6 requests per instance, 4 more per further credentials
MOST_ASKED = 3


async def facts(
    plan: Plan,
    readers: Mapping[tuple[str, str], Reader],
    inventories: Mapping[str, Inventory],
    runtime: Runtime,
) -> dict[str, Facts]:
    """Every instance's facts, read side by side; never raises for what the service says.

    `readers` are by (instance, credentials); `inventories` as `read_inventories` read them.
    """
    found: dict[str, Facts] = {}

    async def ask(instance: str) -> None:
        names = [name for name in plan.instances[instance].credentials if (instance, name) in readers]
        asked = cover(names, inventories[instance])[:MOST_ASKED]
        found[instance] = await _facts(instance, [readers[instance, name] for name in asked], runtime)

    async with anyio.create_task_group() as group:
        for instance in dict.fromkeys(name for name, _ in readers):
            group.start_soon(ask, instance)
    return dict(sorted(found.items()))


def cover(names: Sequence[str], inventory: Inventory) -> list[str]:
    """Few credentials that together see what all of them see, the one that sees most first; at least one."""
    left = set(inventory.seen_by)
    chosen: list[str] = []
    while left or not chosen:
        sees = {name: {a for a in left if name in inventory.seen_by[a]} for name in names if name not in chosen}
        if not sees:
            break
        best = max(sees, key=lambda name: len(sees[name]))
        if chosen and not sees[best]:
            break
        chosen.append(best)
        left -= sees[best]
    return chosen


async def contents(instance: str, readers: Sequence[Reader]) -> Facts:
    """Data sources and APIs alone, as the union over all `readers`: what they hold is compared (promise 15).

    A part that is refused or missing is `Unread`; raises RequestFailed, InventoryDisagrees where that may pass.
    """
    datasources = await _unless_refused(partial(united, [each.datasources for each in readers]))
    apis = await _unless_refused(partial(united, [each.apis for each in readers]))
    return Facts(instance, datasources=datasources, apis=apis)


async def _facts(instance: str, readers: Sequence[Reader], runtime: Runtime) -> Facts:
    first = readers[0]
    parts: dict[str, Callable[[], Awaitable[object]]] = {
        "details": first.instance,
        "features": first.features,
        "configs": first.project_configs,
        "dictionaries": first.dictionaries,
        "groups": first.api_groups,
        "datasources": partial(united, [each.datasources for each in readers]),
        "apis": partial(united, [each.apis for each in readers]),
    }
    told: dict[str, Any] = {}

    async def ask(part: str) -> None:
        told[part] = await tolerantly(parts[part])

    async with anyio.create_task_group() as group:
        for part in parts:
            group.start_soon(ask, part)
    offset = first.clock_offset
    clock = Unread("its answers carry no time") if offset is None else offset
    return Facts(instance, **told, clock_offset=clock, at=runtime.now())


async def united(reads: Sequence[Callable[[], Awaitable[Sequence[T]]]]) -> tuple[T, ...]:
    """The union of what several credentials see, by id."""
    found: dict[object, T] = {}
    for read in reads:
        for each in await read():
            found.setdefault(getattr(each, "id", each), each)
    return tuple(found.values())


async def tolerantly(read: Callable[[], Awaitable[T]]) -> T | Unread:
    """What was read, or why it was not."""
    try:
        return await _in_time(read)
    except (RequestFailed, InventoryDisagrees) as error:
        return unread(error)


async def _unless_refused(read: Callable[[], Awaitable[T]]) -> T | Unread:
    """What was read, or why it never will be; raises where asking again may help."""
    try:
        return await _in_time(read)
    except RequestFailed as error:
        if decide(Request.READ, error.failed, READ_ATTEMPTS, 0.0).action in {Action.OUTAGE, Action.REPEAT}:
            raise
        return unread(error)


async def _in_time(read: Callable[[], Awaitable[T]]) -> T | Unread:
    with anyio.move_on_after(PATIENCE):
        return await read()
    return Unread(f"no answer within {PATIENCE:.0f} s")


def unread(error: RequestFailed | InventoryDisagrees) -> Unread:
    """Why, in the service's own words where there were any."""
    if isinstance(error, InventoryDisagrees):
        return Unread(error.message)
    said = " ".join(part for part in (error.failed.code, error.failed.message) if part)
    return Unread(said or str(error.failed.failure))
