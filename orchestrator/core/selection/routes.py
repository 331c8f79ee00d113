"""One migration's way to one target, as preview and preflight see it. Law: values, from plan and inventories."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.core.model.instance_facts import Facts, Unread, read_or
from orchestrator.core.model.inventory import Api, App, Inventory, Task
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


@dataclass(frozen=True, slots=True)
class History:
    """What earlier runs of this plan did: (target, prefix, source, asset id) -> what is kept there."""

    imported: Mapping[tuple[str, str, str, str], Kept] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lane:
    """One migration's way to one target."""

    migration: Migration
    selection: Selection
    graph: Graph
    #: what an earlier run brought and the target still holds
    skipped: tuple[App | Task, ...]
    moving: tuple[App | Task, ...]
    #: asset id -> credentials of the source that see it
    seen_by: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, plan: Plan, selection: Selection, inventories: Mapping[str, Inventory], history: History) -> "Lane":
        migration = next(m for m in plan.migrations if m.name == selection.migration)
        graph = graph_of(selection, inventories[selection.source], migration.calls)
        there = {each.id for each in inventories[selection.target.instance].assets}
        skipped: list[App | Task] = []
        moving: list[App | Task] = []
        for asset in selection.assets:
            kept = history.imported.get(
                (selection.target.instance, selection.target.prefix, selection.source, asset.id)
            )
            still = kept is not None and bool(there.intersection(kept.ids))
            (skipped if still and selection.target.mode is Mode.ADD_NEW else moving).append(asset)
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
        return self.target.instance, self.target.prefix, self.selection.source

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


@dataclass(frozen=True, slots=True)
class Contents:
    """What an instance's assets hold that travels with them (API 2.4): words such as `datasource:NAME`."""

    #: application -> the words of its data sources, and of its APIs in RELEASE
    held: Mapping[str, tuple[str, ...]]
    #: data source -> its word
    datasources: Mapping[str, str]
    #: what a word begins with -> why such words could not be read
    unread: Mapping[str, str]

    @classmethod
    def of(cls, facts: Facts) -> "Contents":
        """As far as the facts tell."""
        found: dict[str, set[str]] = {}
        datasources = {each.id: f"datasource:{each.name}" for each in read_or(facts.datasources, ())}
        for source in read_or(facts.datasources, ()):
            found.setdefault(source.app_id, set()).add(datasources[source.id])
        for api in read_or(facts.apis, ()):
            if api.released:
                found.setdefault(api.app_id, set()).add(f"api:{path_of(api)}")
        reads = {"datasource": facts.datasources, "api": facts.apis}
        unread = {what: read.why for what, read in reads.items() if isinstance(read, Unread)}
        return cls({app: tuple(sorted(words)) for app, words in found.items() if app}, datasources, unread)

    def of_asset(self, asset: App | Task) -> tuple[str, ...]:
        """Its words; a task's are the data sources at its ends, where the list of tasks tells them (API 1.8)."""
        if isinstance(asset, App):
            return self.held.get(asset.id, ())
        return tuple(sorted({self.datasources[each] for each in asset.datasource_ids if each in self.datasources}))


def frozen_assets(lane: Lane, assets: Iterable[App | Task], facts: Facts | None) -> tuple[e.Asset, ...]:
    """The assets as a run journals them; with `facts` also what should travel with each (promise 15)."""
    contents = Contents.of(facts) if facts is not None else Contents({}, {}, {})
    return tuple(_frozen(lane, asset, contents) for asset in assets)


def _frozen(lane: Lane, asset: App | Task, contents: Contents) -> e.Asset:
    key = asset.key if isinstance(asset, App) else ""
    running = isinstance(asset, Task) and asset.running
    held, needs = contents.of_asset(asset), lane.needs_of(asset)
    return e.Asset(asset.id, kind_of(asset).value, asset.name, asset.update_time, needs, key, running, held)


def path_of(api: Api) -> str:
    """`GET /orders`, what a path conflict is about."""
    return f"{api.method} {api.path}".strip()
