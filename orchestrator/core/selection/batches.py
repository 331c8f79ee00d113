"""Which assets travel together, and in which order. Law: at most `size`, never empty, as few as can be.

A batch is named by its contents, so that equal batches of two migrations share one package.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from orchestrator.core.selection.dependencies import Graph, cycles
from orchestrator.core.selection.grouping import placed
from orchestrator.core.selection.packing import Work
from orchestrator.core.state.identity import Batch, batch_of


def pack(assets: Iterable[str], graph: Graph, size: int) -> tuple[Batch, ...]:
    """Batches in import order, the same for the same set of `assets`, all of which `graph` must hold.

    As few as possible (without calls always exactly `fewest`); among equally few, tasks stay with their applications
    and with tasks that share a data source, as far as a near-linear search can find. ValueError: size below 1, an
    unknown asset, or a cycle of calls, which preflight refuses before.
    """
    wanted = set(assets)
    apps = [app for app in graph.apps if app in wanted]
    tasks = [task for task in graph.tasks if task in wanted]
    if size < 1:
        raise ValueError(f"a batch holds at least one asset, not {size}")
    if unknown := wanted.difference(apps, tasks):
        raise ValueError(f"not in the graph: {min(unknown)}")
    if found := cycles(graph):
        raise ValueError(f"a cycle of calls: {' calls '.join(found[0])}")
    work = Work.of(apps, tasks, graph, size)
    contents: dict[int, tuple[list[str], list[str]]] = {}
    for (asset, is_task), place in zip(work.assets, placed(work, size), strict=True):
        contents.setdefault(place, ([], []))[is_task].append(asset)
    return tuple(batch_of(graph.source, *contents[place]) for place in sorted(contents))


def connected_groups(batches: Sequence[Batch], *graphs: Graph) -> tuple[frozenset[str], ...]:
    """Ids of the batches that must be sent by one identity, because one builds on an application of the other.

    Connected are batches that share an application which they hold or build on, at whatever distance, also one that is
    at the target already (promise 14). Parallel slots at a target take whole groups. In the order of `batches`.
    """
    builds_on = _builds_on(graphs)
    union = _Union()
    for batch in batches:
        for asset in batch.assets:
            union.join((batch.source, asset), ("", batch.id))
            for app in builds_on.get((batch.source, asset), ()):
                union.join((batch.source, app), ("", batch.id))
    groups: dict[tuple[str, str], list[str]] = {}
    for batch in batches:
        groups.setdefault(union.root(("", batch.id)), []).append(batch.id)
    return tuple(frozenset(group) for group in groups.values())


def builds_on_others(batches: Iterable[Batch], *graphs: Graph) -> set[str]:
    """Ids of the batches of which an asset builds on an application that its batch does not hold."""
    builds_on = _builds_on(graphs)
    return {
        batch.id
        for batch in batches
        for own in [{(batch.source, asset) for asset in batch.assets}]
        if any((batch.source, app) not in own for asset in own for app in builds_on.get(asset, ()))
    }


def _builds_on(graphs: Iterable[Graph]) -> dict[tuple[str, str], set[str]]:
    """(source, asset) -> the applications it builds on, selected or not."""
    found: dict[tuple[str, str], set[str]] = {}
    for graph in graphs:
        for edges in (graph.apps_of, graph.calls):
            for asset, apps in edges.items():
                found.setdefault((graph.source, asset), set()).update(apps)
        for need in graph.outside:
            if need.app_id:
                found.setdefault((graph.source, need.asset_id), set()).add(need.app_id)
    return found


@dataclass(slots=True)
class _Union:
    """Union-find over (source, asset id) and ("", batch id); no instance has an empty name."""

    parent: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def root(self, node: tuple[str, str]) -> tuple[str, str]:
        """The one that stands for the node's group; halves the way as it goes."""
        parent = self.parent
        while (above := parent.setdefault(node, node)) != node:
            parent[node] = parent[above]
            node = above
        return node

    def join(self, one: tuple[str, str], other: tuple[str, str]) -> None:
        """Both are in one group from now on."""
        self.parent[self.root(one)] = self.root(other)
