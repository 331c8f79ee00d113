"""What must be at the target before what, and what would rather travel together. Law: a cycle is told, never broken.

Two kinds of edge. A task's applications travel in the same or an earlier batch (weak); a called application travels in
an earlier batch than its caller (strict, promise 8). Nothing points at a task, so only strict edges can close a cycle.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from orchestrator.core.model.inventory import App, Inventory
from orchestrator.core.selection.selection import Selection


@dataclass(frozen=True, slots=True)
class Need:
    """An application outside the selection that a selected asset builds on: it must be at the target already."""

    #: the selected asset: a task, or the caller
    asset_id: str
    #: "" where a call names an application that the source does not hold
    app_id: str
    #: the application's name; "" where it is not visible at the source
    app_name: str
    #: a call, which needs it in an earlier job; else a task's application
    strict: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """The dependencies among the selected assets of one source for one target. Ids throughout, all tuples sorted."""

    #: name of the source instance
    source: str
    apps: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    #: task -> its applications that are selected too (weak); a task without any is absent
    apps_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: caller -> the selected applications it calls (strict); without any it is absent
    calls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: task -> its data sources, where the inventory tells them
    datasources_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: what must be at the target already, by asset, application and name
    outside: tuple[Need, ...] = ()
    #: globs of callers that match no selected application: likely a slip of the pen
    idle_calls: tuple[str, ...] = ()

    def builds_on(self, asset_id: str) -> tuple[str, ...]:
        """The selected applications that must be there before, or together with, this asset."""
        return self.apps_of.get(asset_id, ()) or self.calls.get(asset_id, ())


Calls = Sequence[tuple[str, tuple[str, ...]]]


def graph_of(selection: Selection, source: Inventory, calls: Calls = ()) -> Graph:
    """The graph of what one selection moves; `calls` is its migration's, globs on both sides.

    Globs of callers match selected applications, globs of called ones all of the source's: a called application that
    does not travel becomes a Need, as does a name without wildcards that the source does not hold.
    """
    travels = {app.id for app in selection.apps}
    callers, outside = _calls(selection.apps, source.apps, calls)
    apps_of = {task.id: _sorted(a for a in task.app_ids if a in travels) for task in selection.tasks}
    names = {app.id: app.name for app in source.apps}
    outside += [
        Need(task.id, app_id, names.get(app_id, ""), strict=False)
        for task in selection.tasks
        for app_id in task.app_ids
        if app_id not in travels
    ]
    return Graph(
        source=selection.source,
        apps=_sorted(travels),
        tasks=_sorted(task.id for task in selection.tasks),
        apps_of={task: apps for task, apps in apps_of.items() if apps},
        calls=callers,
        datasources_of={task.id: _sorted(task.datasource_ids) for task in selection.tasks if task.datasource_ids},
        outside=tuple(sorted(set(outside), key=lambda need: (need.asset_id, need.app_id, need.app_name))),
        idle_calls=tuple(c for c, _ in calls if not any(fnmatchcase(app.name, c) for app in selection.apps)),
    )


def cycles(graph: Graph) -> tuple[tuple[str, ...], ...]:
    """One cycle of each knot of applications that call one another, in the order of the calls.

    Each is a shortest one through the knot's smallest id, with which it begins; the last one calls the first.
    Empty means: every asset has its place.
    """
    return tuple(sorted(_shortest_cycle(knot, graph.calls) for knot in _knots(graph.calls)))


def cycle_told(cycle: Sequence[str], apps: Iterable[App]) -> str:
    """A cycle as words: `orders-web calls billing calls orders-web`."""
    names = {app.id: app.name for app in apps}
    return " calls ".join(names.get(app_id, app_id) for app_id in (*cycle, *cycle[:1]))


def _calls(
    selected: Sequence[App], at_home: Sequence[App], calls: Calls
) -> tuple[dict[str, tuple[str, ...]], list[Need]]:
    """Caller -> called among the selected, and what is called beyond them. An application that calls itself is fine."""
    travels = {app.id for app in selected}
    inside: dict[str, set[str]] = {}
    outside: list[Need] = []
    for caller_glob, called_globs in calls:
        callers = [app for app in selected if fnmatchcase(app.name, caller_glob)]
        for glob in called_globs if callers else ():
            called = [app for app in at_home if fnmatchcase(app.name, glob)]
            inner = {app.id for app in called} & travels
            outer = [(app.id, app.name) for app in called if app.id not in travels]
            if not called and not _has_wildcard(glob):
                outer = [("", glob)]
            for caller in callers:
                inside.setdefault(caller.id, set()).update(inner - {caller.id})
                outside += [Need(caller.id, app_id, name, strict=True) for app_id, name in outer]
    return {caller: _sorted(called) for caller, called in sorted(inside.items()) if called}, outside


def _has_wildcard(glob: str) -> bool:
    return any(sign in glob for sign in "*?[")


def _sorted(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(ids)))


def _knots(calls: Mapping[str, Collection[str]]) -> Iterator[set[str]]:
    """Strongly connected sets of more than one application (Tarjan's algorithm, on a stack of our own)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    open_: dict[str, None] = {}
    for root in calls:
        if root in index:
            continue
        path = [(root, iter(calls[root]))]
        index[root] = low[root] = len(index)
        open_[root] = None
        while path:
            node, rest = path[-1]
            called = next(rest, None)
            if called is None:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == index[node]:
                    knot = _closed(open_, node)
                    if len(knot) > 1:
                        yield knot
            elif called not in index:
                index[called] = low[called] = len(index)
                open_[called] = None
                path.append((called, iter(calls.get(called, ()))))
            elif called in open_:
                low[node] = min(low[node], index[called])


def _closed(open_: dict[str, None], root: str) -> set[str]:
    """Takes a finished knot off the open ones, of which `root` was met first."""
    knot: set[str] = set()
    while root not in knot:
        knot.add(open_.popitem()[0])
    return knot


def _shortest_cycle(knot: set[str], calls: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """A shortest one through the smallest id of the knot, found breadth first."""
    start = min(knot)
    came_from: dict[str, str] = {}
    layer = [start]
    while start not in came_from:
        following: list[str] = []
        for node in layer:
            for called in sorted(knot & set(calls.get(node, ()))):
                if called not in came_from:
                    came_from[called] = node
                    following.append(called)
        layer = following
    way = [start]
    while came_from[way[-1]] != start:
        way.append(came_from[way[-1]])
    return (start, *reversed(way[1:]))
