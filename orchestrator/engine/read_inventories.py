"""Reads what instances hold, as the union over their credentials.

Law: reads only; what the plan rests on must succeed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import anyio

from orchestrator.core.model.failures import Failure, RequestFailed
from orchestrator.core.model.inventory import App, Inventory, Task
from orchestrator.core.model.retries import Action, Request, decide
from orchestrator.core.plan.plan import Plan
from orchestrator.engine.runtime import Runtime
from orchestrator.errors import ServiceRefuses, ServiceUnreachable
from orchestrator.roma import Reader

#: how long a service that never answered may be silent, seconds (Contract 1)
FIRST_CONTACT = 60.0


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
    found: dict[str, tuple[App, ...] | tuple[Task, ...]] = {}
    problems: list[Exception] = []

    async def read(kind: str) -> None:
        try:
            found[kind] = await (reader.apps() if kind == "apps" else reader.tasks())
        except Exception as error:  # noqa: BLE001 - carried across the task group, raised below as it was
            problems.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(read, "apps")
        group.start_soon(read, "tasks")
    if problems:
        raise problems[0]
    apps = tuple(each for each in found["apps"] if isinstance(each, App))
    tasks = tuple(each for each in found["tasks"] if isinstance(each, Task))
    return Seen(credentials, apps, tasks)


def united(instance: str, seen: Iterable[Seen]) -> Inventory:
    """The union over credentials, by id."""
    seen = tuple(seen)
    if len(seen) == 1:  # a list holds each id once
        one = seen[0]
        return Inventory(instance, one.apps, one.tasks, {each.id: (one.credentials,) for each in one.assets})
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


async def read_inventories(
    plan: Plan, readers: Mapping[tuple[str, str], Reader], runtime: Runtime
) -> dict[str, Inventory]:
    """Every instance's inventory; raises ServiceRefuses (3), ServiceUnreachable (9)."""
    seen: dict[str, list[Seen]] = {}
    problems: list[Exception] = []

    async def read(instance: str, credentials: str) -> None:
        try:
            seen.setdefault(instance, []).append(await _patiently(readers[instance, credentials], credentials, runtime))
        except Exception as error:  # noqa: BLE001 - carried across the task group, raised below as it was
            problems.append(error)

    async with anyio.create_task_group() as group:
        for instance, credentials in readers:
            group.start_soon(read, instance, credentials)
    if problems:
        raise min(problems, key=lambda problem: getattr(problem, "exit_code", 70))
    order = {name: place for place, name in enumerate(plan.credentials)}
    return {name: united(name, sorted(each, key=lambda s: order[s.credentials])) for name, each in sorted(seen.items())}


async def _patiently(reader: Reader, credentials: str, runtime: Runtime) -> Seen:
    """First contact: a minute of patience with a service that cannot be reached, none with one that refuses."""
    deadline = anyio.current_time() + FIRST_CONTACT
    while True:
        try:
            with anyio.fail_after(max(0.0, deadline - anyio.current_time())):
                return await look(reader, credentials)
        except TimeoutError:
            raise ServiceUnreachable(
                f"no answer within {FIRST_CONTACT:.0f} s for {credentials}", next_step="run the same command again"
            ) from None
        except RequestFailed as error:
            if sentence := as_sentence(error, anyio.current_time() >= deadline, runtime.draw()):
                raise sentence from None
        await anyio.sleep(min(2.0, max(0.0, deadline - anyio.current_time())))


def as_sentence(error: RequestFailed, late: bool, draw: float) -> ServiceRefuses | ServiceUnreachable | None:
    """What a failed read means for a command; None = try again."""
    failed = error.failed
    decision = decide(Request.READ, failed, 99 if late else 1, draw)
    said = " ".join(part for part in (failed.code, failed.message) if part) or str(failed.failure)
    told = f"{error.request}: {said}" + (f" (request_id {failed.request_id})" if failed.request_id else "")
    if decision.action in {Action.REFUSED, Action.VANISHED, Action.RENEW}:
        return ServiceRefuses(told, next_step=_advice(failed.failure))
    if late:
        return ServiceUnreachable(told, next_step="check the endpoint and the network, then run the same command again")
    return None


def _advice(failure: Failure) -> str:
    if failure is Failure.GONE:
        return "check endpoint, project_id and instance_id in the plan"
    return "check the credentials in the plan and the user's permissions, then run the same command again"
