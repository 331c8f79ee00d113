"""Which assets a migration moves, and what becomes of those it touches and does not move.

Law: all that a migration touches at a target is in exactly one class: selected, excluded or left out (promise 11).
A task that another migration of the plan carries to the same place is none of its own: it is counted there. What is
selected never depends on what an earlier run of the plan brought: the second day selects what the first did.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Protocol, TypeVar

from orchestrator.core.model.inventory import App, Inventory, Kind, Task
from orchestrator.core.plan.plan import ById, Glob, Migration, OfApps, Plan, Selector, Target

Asset = App | Task
AnyAsset = TypeVar("AnyAsset", App, Task)


class Why(StrEnum):
    """Why a task that touches a selected application does not travel."""

    #: the migration names its tasks, and this one is not among them
    NOT_ASKED = "the migration's `tasks` do not name it"
    #: `of-apps`: its other application neither travels nor is at the target under the name this plan gives it, but for
    #: names that the plan itself brings there
    OTHER_STAYS = "its other application neither travels nor is there"
    #: `of-apps`: its other application travels, but nothing says that it travels first
    NOT_AFTER = "its other application travels in a migration this one is not `after`"
    #: `of-apps`: its other application is not in the source's inventory: not ours to see, or gone
    OTHER_UNSEEN = "its other application is not visible at the source"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A task that touches a selected application and does not travel."""

    task: Task
    why: Why
    #: id and name of the application that keeps it back; both "" for NOT_ASKED, the name "" for OTHER_UNSEEN
    app_id: str = ""
    app_name: str = ""
    #: NOT_AFTER: the migration that takes the other application to the target
    migration: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """A selector that matches nothing at the source."""

    kind: Kind
    selector: Selector

    @property
    def by_id(self) -> bool:
        """An id that is missing is a blocker, a pattern a warning (Contract 4)."""
        return isinstance(self.selector, ById)


@dataclass(frozen=True, slots=True)
class Travelling:
    """What other migrations of the plan take from the same source to the same instance under the same prefix."""

    #: ids of the applications that travel in migrations this one is `after`
    earlier: frozenset[str] = frozenset()
    #: application id -> name of another migration that takes it, in no particular order to this one
    unordered: Mapping[str, str] = field(default_factory=dict)
    #: names of applications that the plan itself brings to that instance, whatever their source: that the target holds
    #: one of them proves nothing, for an earlier run may have brought it
    brought: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Selection:
    """What one migration moves to one target."""

    #: the migration's name
    migration: str
    #: name of the source instance
    source: str
    target: Target
    #: what travels, by name, then id
    apps: tuple[App, ...] = ()
    tasks: tuple[Task, ...] = ()
    #: what was selected or touches, and `exclude` takes away: applications, then tasks, by name, then id
    excluded: tuple[Asset, ...] = ()
    #: by name, then id
    left_out: tuple[LeftOut, ...] = ()
    #: selectors of `apps` and `tasks` that match nothing, in the plan's order
    missing: tuple[Missing, ...] = ()
    #: selectors of `exclude` that match nothing at the source: likely a slip of the pen
    idle_exclusions: tuple[Missing, ...] = ()

    @property
    def assets(self) -> tuple[Asset, ...]:
        """What travels: applications, then tasks."""
        return (*self.apps, *self.tasks)

    @property
    def place(self) -> tuple[str, str, str]:
        """Where its assets arrive: (target, prefix, source)."""
        return self.target.instance, self.target.prefix, self.source

    @property
    def touched(self) -> tuple[Asset, ...]:
        """Every asset that the report must account for: selected, excluded and left out."""
        return (*self.apps, *self.tasks, *self.excluded, *(left.task for left in self.left_out))


@dataclass(frozen=True, slots=True)
class Overlap:
    """One asset that would arrive twice under one name."""

    source: str
    asset: Asset
    #: the target instance and prefix
    target: str
    prefix: str
    #: the migrations that take it there, in the plan's order
    migrations: tuple[str, ...]


def kind_of(asset: Asset) -> Kind:
    """Whether it is an application or a task."""
    return Kind.APP if isinstance(asset, App) else Kind.TASK


class Named(Protocol):
    """Whatever a selector can be held against."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


def matches(selector: Selector, asset: Named) -> bool:
    """A case-sensitive shell glob on the name, or exactly one id."""
    match selector:
        case Glob(pattern):
            return fnmatchcase(asset.name, pattern)
        case ById(asset_id):
            return asset.id == asset_id


def names_under(target: Target, asset: Asset) -> tuple[str, ...]:
    """The names an asset may have at the target, the likeliest first, under both readings of `prefix` (API 7, row 12).

    Documented: the prefix renames applications (API 1.3); the user guide needs it for tasks (API 2.3).
    """
    prefixed = target.prefix + asset.name
    both = (prefixed, asset.name) if isinstance(asset, App) else (asset.name, prefixed)
    return tuple(dict.fromkeys(both))


def predecessors(plan: Plan) -> dict[str, frozenset[str]]:
    """Migration -> all whose imports are final before its own: `after`, and what those are `after` in turn."""
    after = {migration.name: migration.after for migration in plan.migrations}
    return {name: _reached(name, after) for name in after}


def select_all(plan: Plan, inventories: Mapping[str, Inventory]) -> tuple[Selection, ...]:
    """One selection for each migration and target, in the plan's order.

    `inventories` holds every source and target by instance name, else KeyError.
    """
    apps = {m.name: _chosen(m.apps, m.exclude_apps, inventories[m.source].apps) for m in plan.migrations}
    before = predecessors(plan)
    names = {name: frozenset(app.name for app in inventory.apps) for name, inventory in inventories.items()}
    return _without_carried(
        select(
            migration,
            target,
            inventories[migration.source],
            _travelling(plan, migration, target, apps, before[migration.name]),
            names[target.instance],
        )
        for migration in plan.migrations
        for target in migration.targets
    )


def _without_carried(selections: Iterable[Selection]) -> tuple[Selection, ...]:
    """Left out is only what nobody carries: a task that another migration takes to the same place is not."""
    every = tuple(selections)
    carried = {(each.place, task.id) for each in every for task in each.tasks}
    return tuple(
        replace(each, left_out=tuple(left for left in each.left_out if (each.place, left.task.id) not in carried))
        for each in every
    )


def select(
    migration: Migration, target: Target, source: Inventory, travelling: Travelling, present: AbstractSet[str]
) -> Selection:
    """What `migration` moves to `target`. `present` are the names of the applications now at the target."""
    apps = _chosen(migration.apps, migration.exclude_apps, source.apps)
    selected = frozenset(app.id for app in apps)
    view = _View(migration, target, selected, {app.id: app for app in source.apps}, travelling, present)
    verdicts = [(task, _verdict(task, view)) for task in _ordered(source.tasks)]
    asked_apps = _ordered(app for app in source.apps if _any(migration.apps, app))
    missing, idle_exclusions = _unmatched(migration, source)
    return Selection(
        migration=migration.name,
        source=migration.source,
        target=target,
        apps=_ordered(apps),
        tasks=tuple(task for task, verdict in verdicts if verdict is _Class.SELECTED),
        excluded=(
            *(app for app in asked_apps if app.id not in selected),
            *(task for task, verdict in verdicts if verdict is _Class.EXCLUDED),
        ),
        left_out=tuple(verdict for _, verdict in verdicts if isinstance(verdict, LeftOut)),
        missing=missing,
        idle_exclusions=idle_exclusions,
    )


def overlaps(selections: Iterable[Selection]) -> tuple[Overlap, ...]:
    """Assets of one source that more than one selection takes to the same instance under the same prefix.

    Assets of different sources that would meet under one name are the name-collision check's.
    """
    takers: dict[tuple[str, str, str, Kind, str], tuple[Asset, list[str]]] = {}
    for selection in selections:
        for asset in selection.assets:
            key = (*selection.place, kind_of(asset), asset.id)
            takers.setdefault(key, (asset, []))[1].append(selection.migration)
    found = [
        Overlap(source, asset, target, prefix, tuple(migrations))
        for (target, prefix, source, _, _), (asset, migrations) in takers.items()
        if len(migrations) > 1
    ]
    return tuple(
        sorted(found, key=lambda o: (o.target, o.prefix, o.source, kind_of(o.asset), o.asset.name, o.asset.id))
    )


class _Class(StrEnum):
    """What a task is to a selection, but for LeftOut, which carries its reason."""

    UNTOUCHED = "untouched"
    SELECTED = "selected"
    EXCLUDED = "excluded"


@dataclass(frozen=True, slots=True)
class _View:
    """All that the verdict on one task rests on."""

    migration: Migration
    target: Target
    #: ids of the selected applications
    selected: frozenset[str]
    #: every application of the source, by id
    apps: Mapping[str, App]
    travelling: Travelling
    #: names of the applications at the target
    present: AbstractSet[str]


def _verdict(task: Task, view: _View) -> _Class | LeftOut:
    migration = view.migration
    touches = not view.selected.isdisjoint(task.app_ids)
    asked = touches if isinstance(migration.tasks, OfApps) else _any(migration.tasks, task)
    if not (asked or touches):
        return _Class.UNTOUCHED
    if _any(migration.exclude_tasks, task):
        return _Class.EXCLUDED
    if not asked:
        return LeftOut(task, Why.NOT_ASKED)
    if isinstance(migration.tasks, OfApps):
        others = (_kept_back(task, app_id, view) for app_id in task.app_ids if app_id not in view.selected)
        return next((left for left in others if left is not None), _Class.SELECTED)
    return _Class.SELECTED


def _kept_back(task: Task, app_id: str, view: _View) -> LeftOut | None:
    """Whether an application that is not selected keeps the task back: links are resolved at the target by name."""
    app = view.apps.get(app_id)
    if app is None:
        return LeftOut(task, Why.OTHER_UNSEEN, app_id)
    travelling, name = view.travelling, names_under(view.target, app)[0]
    if app_id in travelling.earlier or (name in view.present and name not in travelling.brought):
        return None
    migration = travelling.unordered.get(app_id, "")
    return LeftOut(task, Why.NOT_AFTER if migration else Why.OTHER_STAYS, app_id, app.name, migration)


def _travelling(
    plan: Plan, migration: Migration, target: Target, apps: Mapping[str, Sequence[App]], before: frozenset[str]
) -> Travelling:
    """What the plan's other migrations bring to the same place. `apps` are each migration's selected ones."""
    beside = [
        other
        for other in plan.migrations
        if other.name != migration.name and other.source == migration.source and _goes_to(other, target)
    ]
    earlier = frozenset(app.id for other in beside if other.name in before for app in apps[other.name])
    unordered = {
        app.id: other.name for other in reversed(beside) if other.name not in before for app in apps[other.name]
    }
    return Travelling(earlier, unordered, _brought(plan, target.instance, apps))


def _brought(plan: Plan, instance: str, apps: Mapping[str, Sequence[App]]) -> frozenset[str]:
    """Names that the plan's migrations give to applications at an instance."""
    return frozenset(
        names_under(target, app)[0]
        for migration in plan.migrations
        for target in migration.targets
        if target.instance == instance
        for app in apps[migration.name]
    )


def _goes_to(migration: Migration, target: Target) -> bool:
    """Under another prefix it would arrive under another name, and a task would not find it."""
    return any((t.instance, t.prefix) == (target.instance, target.prefix) for t in migration.targets)


def _reached(name: str, after: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """All that `name` is after. A loop, which the plan's schema refuses, ends here too and does not contain itself."""
    found: set[str] = set()
    rest = list(after[name])
    while rest:
        earlier = rest.pop()
        if earlier != name and earlier not in found and earlier in after:
            found.add(earlier)
            rest.extend(after[earlier])
    return frozenset(found)


def _any(selectors: Iterable[Selector], asset: Asset) -> bool:
    return any(matches(selector, asset) for selector in selectors)


def _chosen(selectors: Sequence[Selector], exclude: Sequence[Selector], apps: Iterable[App]) -> tuple[App, ...]:
    return tuple(app for app in apps if _any(selectors, app) and not _any(exclude, app))


def _ordered(assets: Iterable[AnyAsset]) -> tuple[AnyAsset, ...]:
    return tuple(sorted(assets, key=lambda asset: (asset.name, asset.id)))


def _unmatched(migration: Migration, source: Inventory) -> tuple[tuple[Missing, ...], tuple[Missing, ...]]:
    """Selectors that match nothing: those that select, those that exclude."""
    tasks = () if isinstance(migration.tasks, OfApps) else migration.tasks

    def idle(kind: Kind, selectors: Iterable[Selector], assets: Sequence[Asset]) -> list[Missing]:
        return [Missing(kind, s) for s in selectors if not any(matches(s, asset) for asset in assets)]

    missing = idle(Kind.APP, migration.apps, source.apps) + idle(Kind.TASK, tasks, source.tasks)
    exclude = idle(Kind.APP, migration.exclude_apps, source.apps)
    return tuple(missing), tuple(exclude + idle(Kind.TASK, migration.exclude_tasks, source.tasks))
