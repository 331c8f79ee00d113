"""Reads what instances hold, as the union over their credentials.

Law: reads only; what the plan rests on must succeed.
"""

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import anyio

from orchestrator.core.model.failures import RequestFailed
from orchestrator.core.model.inventory import App, Inventory, Task
from orchestrator.core.model.retries import FIRST_CONTACT, as_error
from orchestrator.core.plan.plan import Plan
from orchestrator.errors import ServiceRefuses
from orchestrator.roma import Reader

T = TypeVar("T")

#: between two attempts to reach a service, seconds
PAUSE = 2.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What one identity sees of an instance."""

    credentials: str
    apps: tuple[App, ...]
    tasks: tuple[Task, ...]

    @property
    def assets(self) -> tuple[App | Task, ...]:
        return (*self.apps, *self.tasks)


async def look(reader: Reader, credentials: str) -> Seen:
    """Applications and tasks, side by side; raises RequestFailed, InventoryDisagrees."""
    apps: list[App] = []
    tasks: list[Task] = []
    problems: list[Exception] = []

    async def read(ask: Callable[[], Awaitable[Iterable[T]]], into: list[T]) -> None:
        try:
            into += await ask()
        except Exception as error:  # noqa: BLE001 - carried across the task group, raised below as it was
            problems.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(read, reader.apps, apps)
        group.start_soon(read, reader.tasks, tasks)
    if problems:
        raise problems[0]
    return Seen(credentials, tuple(apps), tuple(tasks))


def united(instance: str, seen: Iterable[Seen]) -> Inventory:
    """The union over credentials, by id."""
    seen = tuple(seen)
    if len(seen) == 1:  # a list holds each id once
        one = seen[0]
        return Inventory(
            instance, one.apps, one.tasks, dict.fromkeys((each.id for each in one.assets), (one.credentials,))
        )
    apps: dict[str, App] = {}
    tasks: dict[str, Task] = {}
    seen_by: dict[str, list[str]] = {}
    for each in seen:
        for app in each.apps:
            apps.setdefault(app.id, app)
        for task in each.tasks:
            tasks.setdefault(task.id, task)
        for asset in each.assets:
            seen_by.setdefault(asset.id, []).append(each.credentials)
    return Inventory(instance, tuple(apps.values()), tuple(tasks.values()), {k: tuple(v) for k, v in seen_by.items()})


async def read_inventories(plan: Plan, readers: Mapping[tuple[str, str], Reader]) -> dict[str, Inventory]:
    """Every instance's inventory; raises ServiceRefuses (3), ServiceUnreachable (9)."""
    seen: dict[str, list[Seen]] = {}
    problems: list[Exception] = []

    async def read(instance: str, credentials: str) -> None:
        try:
            seen.setdefault(instance, []).append(await _patiently(readers[instance, credentials], credentials))
        except Exception as error:  # noqa: BLE001 - carried across the task group, raised below as it was
            problems.append(error)

    async with anyio.create_task_group() as group:
        for instance, credentials in readers:
            group.start_soon(read, instance, credentials)
    if problems:
        raise min(problems, key=lambda problem: getattr(problem, "exit_code", 70))
    order = {name: place for place, name in enumerate(plan.credentials)}
    return {name: united(name, sorted(each, key=lambda s: order[s.credentials])) for name, each in sorted(seen.items())}


async def _patiently(reader: Reader, credentials: str) -> Seen:
    """First contact: a minute of patience with a service that cannot be reached, none with one that refuses."""
    until = math.inf
    while True:
        try:
            return await look(reader, credentials)
        except RequestFailed as error:
            ours, now = as_error(error), anyio.current_time()
            until = min(until, now + FIRST_CONTACT - error.unanswered.seconds)
            left = min(until - now, error.unanswered.left)
            if isinstance(ours, ServiceRefuses) or left <= 0:
                raise ours from None
        await anyio.sleep(min(PAUSE, left))
