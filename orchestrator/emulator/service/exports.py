"""What an export carries and why a delete may fail. Law: reads a holding, changes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from orchestrator.emulator.protocol.errors import IN_USE, POISON
from orchestrator.emulator.service.imports import Poison, Reason
from orchestrator.emulator.service.instance_store import Holding
from orchestrator.emulator.service.packages import Manifest, collect
from orchestrator.emulator.world.readings import Carried
from orchestrator.emulator.world.world import App, Task

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The assets that an export or delete names, by id."""

    apps: tuple[str, ...]
    tasks: tuple[str, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.apps, *self.tasks)


def compose(holding: Holding, chosen: Chosen, package_id: str, carried: Carried) -> Manifest:
    """What the export carries, as of now (API 2.4)."""
    apps = _found(holding.apps.get(one) for one in chosen.apps)
    tasks = _found(holding.tasks.get(one) for one in chosen.tasks)
    inside = {app.id for app in apps}
    referred = {*inside, *(x for app in apps for x in app.calls)}
    referred |= {x for task in tasks for x in (task.source_app_id, task.target_app_id) if x}
    bare = Manifest(
        package_id,
        holding.instance.name,
        dict(holding.instance.features),
        tuple(replace(app, secret="", members=()) for app in apps),
        tuple(tasks),
        (),
        tuple(replace(one, publications=()) for one in holding.apis.all() if one.app_id in inside and one.released),
        tuple(one for one in holding.groups.all() if one.app_id in inside),
        tuple(one for one in holding.belongings.all() if one.app_id in inside),
        {one.id: one.name for one in _found(holding.apps.get(x) for x in sorted(referred))},
    )
    return replace(bare, datasources=collect(bare, holding.datasources.all(), carried))


def poisoned(manifest: Manifest, poison: Poison) -> tuple[bool, tuple[Reason, ...]]:
    """Whether a fault makes this export fail, and what its job says."""
    assets: list[tuple[str, App | Task]] = [("application", one) for one in manifest.apps]
    assets += [("task", one) for one in manifest.tasks]
    bad = [(kind, one) for kind, one in assets if {one.id, one.name} & poison.names]
    reasons = tuple(Reason(kind, one.name, POISON, "The asset cannot be exported.") for kind, one in bad)
    return bool(bad), reasons if poison.named else ()


def why_not_deleted(holding: Holding, chosen: Chosen) -> tuple[Reason, ...]:
    """A task that runs, or an application that a remaining task uses, fails the whole delete (API 3.2, invented)."""
    gone = set(chosen.ids)
    used = {app for one in holding.tasks.all() if one.id not in gone for app in (one.source_app_id, one.target_app_id)}
    tasks = _found(holding.tasks.get(one) for one in chosen.tasks)
    apps = _found(holding.apps.get(one) for one in chosen.apps)
    running = (Reason("task", x.name, "FDI.3023", "One or more tasks are running.") for x in tasks if x.running)
    needed = (Reason("application", x.name, IN_USE, "A task uses it.") for x in apps if x.id in used)
    return (*running, *needed)


def _found(values: Iterable[_T | None]) -> list[_T]:
    return [one for one in values if one is not None]
