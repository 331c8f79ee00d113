"""One migration's way to one target, as preview and preflight see it. Law: values, from plan and inventories."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.core.model.contents import Contents
from orchestrator.core.model.instance_facts import Facts
from orchestrator.core.model.inventory import App, Inventory, Task
from orchestrator.core.plan.plan import Migration, Mode, Plan, Target
from orchestrator.core.selection.dependencies import Graph, graph_of
from orchestrator.core.selection.selection import Selection, kind_of, names_under
from orchestrator.core.state import events as e


@dataclass(frozen=True, slots=True)
class Kept:
    """What an earlier run of the plan brought to a target."""

    #: ids at the target under which it was seen then
    ids: tuple[str, ...]
    #: credentials that imported it
    owner: str
    run: str
    #: its update time at the source when it was imported, where it was verified and not taken back; "" elsewhere
    update_time: str = ""


@dataclass(frozen=True, slots=True)
class EarlierImports:
    """What earlier runs of this plan did: (target, prefix, source, asset id) -> what is kept there."""

    imported: Mapping[tuple[str, str, str, str], Kept] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One migration's way to one target."""

    migration: Migration
    selection: Selection
    graph: Graph
    #: what an earlier run brought and the target still holds, and is not to be brought again
    skipped: tuple[App | Task, ...]
    moving: tuple[App | Task, ...]
    #: asset id -> credentials of the source that see it
    seen_by: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(
        cls, plan: Plan, selection: Selection, inventories: Mapping[str, Inventory], history: EarlierImports
    ) -> "Route":
        migration = next(m for m in plan.migrations if m.name == selection.migration)
        graph = graph_of(selection, inventories[selection.source], migration.calls)
        there = {each.id for each in inventories[selection.target.instance].assets}
        skipped: list[App | Task] = []
        moving: list[App | Task] = []
        for asset in selection.assets:
            kept = history.imported.get(
                (selection.target.instance, selection.target.prefix, selection.source, asset.id)
            )
            stays = kept is not None and bool(there.intersection(kept.ids)) and _stays(selection.target, asset, kept)
            (skipped if stays else moving).append(asset)
        seen_by = inventories[selection.source].seen_by
        return cls(migration, selection, graph, tuple(skipped), tuple(moving), seen_by)

    @property
    def name(self) -> str:
        return f"{self.selection.migration}@{self.selection.target.instance}"

    @property
    def source(self) -> str:
        return self.selection.source

    @property
    def target(self) -> Target:
        return self.selection.target

    @property
    def place(self) -> tuple[str, str, str]:
        """Where its assets arrive: (target, prefix, source)."""
        return self.selection.place

    @property
    def apps(self) -> tuple[App, ...]:
        """The applications that move."""
        return tuple(asset for asset in self.moving if isinstance(asset, App))

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks that move."""
        return tuple(asset for asset in self.moving if isinstance(asset, Task))

    @property
    def adds(self) -> bool:
        """Whether what it finds at the target is left alone: AddNew."""
        return self.target.mode is Mode.ADD_NEW

    def names_of(self, asset: App | Task) -> tuple[str, ...]:
        """The names it may have at the target, the likeliest first (API 7, 12)."""
        return names_under(self.target, asset)

    def needs_of(self, asset: App | Task) -> tuple[str, ...]:
        """What must be at the target before: a task's applications, an application's callees, selected or not."""
        if isinstance(asset, Task):
            return asset.app_ids
        outside = (need.app_id for need in self.graph.outside if need.asset_id == asset.id and need.app_id)
        return tuple(dict.fromkeys((*self.graph.calls.get(asset.id, ()), *outside)))


def _stays(target: Target, asset: App | Task, kept: Kept) -> bool:
    """Whether what an earlier run brought, and the target still holds, is not brought again."""
    if target.mode is Mode.ADD_NEW:
        return True
    return target.only_changed and bool(kept.update_time) and kept.update_time == asset.update_time


def frozen_assets(route: Route, assets: Iterable[App | Task], facts: Facts | None) -> tuple[e.Asset, ...]:
    """The assets as a run journals them; with `facts` also what should travel with each (promise 15)."""
    contents = Contents.of(facts) if facts is not None else Contents({}, {}, {})
    return tuple(_frozen(route, asset, contents) for asset in assets)


def _frozen(route: Route, asset: App | Task, contents: Contents) -> e.Asset:
    key = asset.key if isinstance(asset, App) else ""
    running = isinstance(asset, Task) and asset.running
    held, needs = contents.of_asset(asset), route.needs_of(asset)
    return e.Asset(asset.id, kind_of(asset).value, asset.name, asset.update_time, needs, key, running, held)
