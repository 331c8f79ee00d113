"""The search behind `core.selection.batches.pack`, on small numbers. Law: the order always holds, chance has no say.

*Roots* are applications, and tasks without a selected application; *leaves* are the other tasks. Only calls between
applications force a batch apart (strict); a leaf may travel with its roots or later (weak) and nothing waits for it.

1. `by_levels` ignores who belongs together: in each batch the roots with the longest road behind them come first, then
   leaves. Without calls it always reaches `ceil(n / size)`, with calls it is Hu's algorithm with capacities.
2. `orchestrator.core.selection.grouping` then keeps what belongs together within that number of batches, if it can.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import pairwise

from orchestrator.core.selection.dependencies import Graph

#: up to so many applications with calls, all that waits for one is counted exactly (quadratic)
EXACT_UP_TO = 512


@dataclass(frozen=True, slots=True)
class Work:
    """The assets as numbers: roots first, then leaves; each in the order of their ids."""

    #: (asset id, whether it is a task), by number
    assets: tuple[tuple[str, bool], ...]
    #: how many roots there are
    roots: int
    #: number -> its roots; empty for a root
    roots_of: tuple[tuple[int, ...], ...]
    #: root -> its leaves
    leaves_of: tuple[tuple[int, ...], ...]
    #: root -> the roots it calls, and those that call it
    called: tuple[tuple[int, ...], ...]
    callers: tuple[tuple[int, ...], ...]
    #: sets of tasks that share a data source; one shared by more than a batch can hold binds nobody
    shared: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, apps: Sequence[str], tasks: Sequence[str], graph: Graph, size: int) -> "Work":
        """The part of the graph between these sorted ids."""
        inside = set(apps)
        apps_of = {task: [a for a in graph.apps_of.get(task, ()) if a in inside] for task in tasks}
        leaves = [task for task in tasks if apps_of[task]]
        roots = [*apps, *(task for task in tasks if not apps_of[task])]
        number = {asset: i for i, asset in enumerate([*roots, *leaves])}
        roots_of = [*(() for _ in roots), *(tuple(number[a] for a in apps_of[task]) for task in leaves)]
        called = [tuple(number[a] for a in graph.calls.get(root, ()) if a in inside) for root in roots]
        return cls(
            assets=tuple((asset, asset not in inside) for asset in number),
            roots=len(roots),
            roots_of=tuple(roots_of),
            leaves_of=_reversed(roots_of, len(roots)),
            called=tuple(called),
            callers=_reversed(called, len(roots)),
            shared=_shared(tasks, number, graph, size),
        )

    @property
    def count(self) -> int:
        """How many assets there are."""
        return len(self.assets)


def _reversed(edges: Sequence[Sequence[int]], count: int) -> tuple[tuple[int, ...], ...]:
    back: list[list[int]] = [[] for _ in range(count)]
    for origin, ends in enumerate(edges):
        for end in ends:
            back[end].append(origin)
    return tuple(tuple(origins) for origins in back)


def _shared(tasks: Sequence[str], number: dict[str, int], graph: Graph, size: int) -> tuple[tuple[int, ...], ...]:
    users: dict[str, list[int]] = {}
    for task in tasks:
        for datasource in graph.datasources_of.get(task, ()):
            users.setdefault(datasource, []).append(number[task])
    return tuple(tuple(users[d]) for d in sorted(users) if 1 < len(users[d]) <= size)


def fewest(count: int, size: int) -> int:
    """How many batches `count` assets need at least."""
    return -(-count // size)


def tails(work: Work, size: int) -> list[int]:
    """Root -> how many batches must follow its own at least: the longest chain of callers, or the sheer number of
    assets that wait for it."""
    order = _callers_last(work)
    tail = [fewest(1 + len(work.leaves_of[root]), size) - 1 for root in range(work.roots)]
    exact = sum(1 for root in range(work.roots) if work.called[root] or work.callers[root]) <= EXACT_UP_TO
    waiting = [0] * work.roots
    own = _leaves_counted_once(work, order) if exact else []
    for root in reversed(order):
        for caller in work.callers[root]:
            tail[root] = max(tail[root], tail[caller] + 1)
            waiting[root] |= waiting[caller] | 1 << caller if exact else 0
        if waiting[root]:
            behind = sum(1 + own[other] for other in _bits(waiting[root]))
            tail[root] = max(tail[root], fewest(behind, size), fewest(1 + own[root] + behind, size) - 1)
    return tail


def by_levels(work: Work, size: int, tail: Sequence[int]) -> list[int]:
    """Number -> batch: roots as early as they can, those with the longest tail first; then leaves."""
    place = [-1] * work.count
    blocked = [len(called) for called in work.called]
    pending = [len(roots) for roots in work.roots_of]
    rank = [(-tail[r], -len(work.callers[r]), -len(work.leaves_of[r]), r) for r in range(work.roots)]
    available = [rank[root] for root in range(work.roots) if not blocked[root]]
    heapify(available)
    ready: list[int] = []
    batch = 0
    while available or ready:
        taken = [heappop(available)[3] for _ in range(min(size, len(available)))]
        for root in taken:
            place[root] = batch
            for leaf in work.leaves_of[root]:
                pending[leaf] -= 1
                if not pending[leaf]:
                    ready.append(leaf)
        for _ in range(min(size - len(taken), len(ready))):
            place[ready.pop()] = batch
        for caller in (caller for root in taken for caller in work.callers[root]):
            blocked[caller] -= 1
            if not blocked[caller]:
                heappush(available, rank[caller])
        batch += 1
    return place


def best_fill(counts: Mapping[int, int], room: int) -> list[tuple[int, int]]:
    """(size, how many of it) that together fill `room` as far as any choice can, the largest sizes first."""
    sizes = sorted((size for size in counts if size <= room), reverse=True)
    within = (1 << room + 1) - 1
    #: one mask for each size: the sums that it and the smaller ones can make
    sums = [1]
    for size in reversed(sizes):
        mask = sums[-1]
        for _ in range(min(counts[size], room // size)):
            mask |= sums[-1] | mask << size & within
        sums.append(mask)
    rest = sums[-1].bit_length() - 1
    chosen: list[tuple[int, int]] = []
    for size, smaller in zip(sizes, reversed(sums[:-1]), strict=True):
        most = min(counts[size], rest // size)
        count = next(n for n in range(most, -1, -1) if smaller >> rest - n * size & 1)
        chosen.append((size, count))
        rest -= count * size
    return chosen


def partners(work: Work) -> list[list[int]]:
    """Number -> the data sources, as places in `work.shared`, that bind it to others."""
    found: list[list[int]] = [[] for _ in range(work.count)]
    for shared, tasks in enumerate(work.shared):
        for task in tasks:
            found[task].append(shared)
    return found


def components(work: Work, size: int) -> tuple[list[int], list[list[int]]]:
    """Number -> component, component -> its members; in the order of their first members.

    Links through roots always bind. Data sources bind up to a batch of tasks without applications, and others only up
    to a third of one: larger components would leave less choice, and applications are worth more than data sources.
    """
    parent = list(range(work.count))
    members_at = [1] * work.count

    def top(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def join(one: int, other: int, most: int) -> None:
        one, other = top(one), top(other)
        if one != other and members_at[one] + members_at[other] <= most:
            parent[other] = one
            members_at[one] += members_at[other]

    for leaf in range(work.roots, work.count):
        for root in work.roots_of[leaf]:
            join(root, leaf, work.count)
    for tasks in work.shared:
        alone = [task for task in tasks if task < work.roots]
        for one, other in pairwise(alone):
            join(one, other, size)
        for one, other in pairwise(tasks):
            join(one, other, size // 3)
    return _numbered([top(node) for node in range(work.count)])


def _numbered(tops: Sequence[int]) -> tuple[list[int], list[list[int]]]:
    number: dict[int, int] = {}
    component = [number.setdefault(top, len(number)) for top in tops]
    members: list[list[int]] = [[] for _ in number]
    for node, its in enumerate(component):
        members[its].append(node)
    return component, members


def _callers_last(work: Work) -> list[int]:
    """The roots, called ones before their callers."""
    blocked = [len(called) for called in work.called]
    order = [root for root in range(work.roots) if not blocked[root]]
    for root in order:
        for caller in work.callers[root]:
            blocked[caller] -= 1
            if not blocked[caller]:
                order.append(caller)
    return order


def _leaves_counted_once(work: Work, order: Sequence[int]) -> list[int]:
    """Root -> its leaves, each counted at its latest root only, so that sums over roots count none twice."""
    position = {root: i for i, root in enumerate(order)}
    own = [0] * work.roots
    for leaf in range(work.roots, work.count):
        own[max(work.roots_of[leaf], key=position.__getitem__)] += 1
    return own


def _bits(mask: int) -> list[int]:
    return [i for i, bit in enumerate(reversed(f"{mask:b}")) if bit == "1"]
