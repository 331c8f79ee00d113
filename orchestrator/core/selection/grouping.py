"""Packing that keeps together what belongs together, batch by batch. Law: a given number of batches is never exceeded.

*Components* are roots and leaves connected by links or by a data source. Those that fit are taken whole, the largest
first, in a choice of sizes that fills the batch; those that do not fit are grown root by root, next the one with the
largest share of its links in this batch. A leaf whose roots ended up in different batches is *loose*: it costs nothing
more wherever it goes, so loose leaves fill what would stay empty. Room stays empty only while the number allows.
"""

from collections.abc import Sequence
from heapq import heappop, heappush

from orchestrator.core.selection.packing import Work, best_fill, by_levels, components, fewest, partners, tails

#: how many candidates are weighed for one place
LOOK = 16
#: a link through a root draws as much as so many data sources shared
LINK = 2


def placed(work: Work, size: int) -> list[int]:
    """Number -> batch, in import order, without an empty one."""
    tail = tails(work, size)
    level = by_levels(work, size, tail)
    most = max(level, default=-1) + 1
    least = min(most, max(fewest(work.count, size), max(tail, default=-1) + 1))
    for limit in sorted({least, most}):
        grown = Growth(work, size, tail, limit).run()
        if grown:
            return grown
    return level


class Growth:
    """One attempt to pack into `limit` batches; `run` gives [] where that fails, which only calls can cause."""

    def __init__(self, work: Work, size: int, tail: Sequence[int], limit: int) -> None:
        self.work, self.size, self.limit, self.tail = work, size, limit, tail
        #: number -> batch, -1 while unplaced
        self.place = [-1] * work.count
        self.left = work.count
        #: leaf -> unplaced roots; root -> called roots not yet in an earlier batch
        self.pending = [len(roots) for roots in work.roots_of]
        self.blocked = [len(called) for called in work.called]
        #: roots with calls by deadline: the last batch that leaves enough for what waits for them
        bound = [r for r in range(work.roots) if work.called[r] or work.callers[r]]
        self.deadlines = sorted((limit - 1 - tail[r], r) for r in bound)
        self.loose: list[int] = []
        self.is_loose = [False] * work.count
        self.partners = partners(work)
        self._form_components()
        self._begin(0)

    def _form_components(self) -> None:
        work = self.work
        self.component, self.members = components(work, self.size)
        count = len(self.members)
        #: component -> unplaced members that are not loose; roots that wait for a called one
        self.remaining = [len(members) for members in self.members]
        self.waiting = [0] * count
        #: component -> its free roots, those with many leaves last, for they are taken from the end
        self.openers: list[list[int]] = [[] for _ in range(count)]
        for root in sorted(range(work.roots), key=lambda r: (len(work.leaves_of[r]), -r)):
            if self.blocked[root]:
                self.waiting[self.component[root]] += 1
            else:
                self.openers[self.component[root]].append(root)
        #: size -> components that can be taken whole; component -> its size there, or 0
        self.whole: dict[int, dict[int, None]] = {}
        self.filed = [0] * count
        #: components that can only be taken in parts, and those that would be whole if they could wait for a call
        self.growing: dict[int, None] = {}
        self.postponed: dict[int, None] = {}
        self.inner = {self.component[r] for r in range(work.roots) for c in work.called[r] if self._together(r, c)}
        outer = {self.component[c] for r in range(work.roots) for c in work.called[r] if not self._together(r, c)}
        #: components that others wait for
        self.leading = sorted(outer, key=lambda c: (-max(self.tail[m] for m in self.members[c] if m < work.roots), c))
        for component in reversed(range(count)):
            self._file(component)

    def _together(self, one: int, other: int) -> bool:
        return self.component[one] == self.component[other]

    def run(self) -> list[int]:
        """Number -> batch."""
        for batch in range(self.limit):
            if not self.left:
                break
            self._begin(batch)
            if not self._fill():
                return []
            self._close()
        return [] if self.left else self.place

    def _begin(self, batch: int) -> None:
        self.batch, self.room = batch, self.size
        #: roots placed in this batch; leaves all of whose roots are placed
        self.taken: list[int] = []
        self.ready: list[int] = []
        #: root -> how strongly it is drawn to this batch, and the same as a heap of (-share, root, strength)
        self.draw: dict[int, int] = {}
        self.drawn: list[tuple[float, int, int]] = []

    @property
    def _must(self) -> bool:
        """Whether this batch needs more: the later ones cannot take all that is left, or it is empty."""
        return self.left > self.size * (self.limit - 1 - self.batch) or self.room == self.size

    def _fill(self) -> bool:
        if not self._take_urgent():
            return False
        self._grow_on()
        for component in sorted(self.growing, key=lambda c: (-self.remaining[c], c)):
            if not self.room:
                return True
            self._grow(component)
        self._take_whole()
        self._take_loose()
        while self.room and self._must:
            if not self._split():
                return False
            self._grow_on()
            self._take_loose()
        return True

    # -- roots that cannot wait

    def _take_urgent(self) -> bool:
        """The roots that must be placed now so that each later deadline can be met, the earliest deadline first."""
        unplaced = [(deadline, root) for deadline, root in self.deadlines if self.place[root] < 0]
        self.deadlines = unplaced
        need = 0
        for count, (deadline, _) in enumerate(unplaced, 1):
            if deadline < self.batch:
                return False
            need = max(need, count - self.size * (deadline - self.batch))
        urgent = [root for _, root in unplaced if not self.blocked[root]][: max(need, 0)]
        if need > min(len(urgent), self.room):
            return False
        for root in urgent:
            self._put_root(root)
        self._settle()
        return True

    # -- growth

    def _grow(self, component: int) -> None:
        """Takes as much of a component as fits without cutting leaves off their roots."""
        while self.room:
            root = next((r for r in self._free(component) if self._fits(r)), -1)
            if root < 0:
                return
            self._take(root)
            self._grow_on()

    def _grow_on(self) -> None:
        """Takes what is drawn to this batch, as long as it fits with all that it completes."""
        while self.room:
            root = next((r for r in self._strongest() if self._fits(r)), -1)
            if root < 0:
                return
            self._take(root)

    def _split(self) -> bool:
        """Takes a root that does not fit with all its leaves: the one that cuts off the fewest."""
        larger = min((size for size, filed in self.whole.items() if size > self.room and filed), default=0)
        growing = sorted([*self.growing, *self.postponed], key=lambda c: (-self.remaining[c], c))[:LOOK]
        roots = [*self._strongest(), *(root for component in growing for root in self._free(component))]
        root = min(roots, key=self._cut, default=-1)
        if larger and (root < 0 or larger - self.room < self._cut(root)[0]):
            component = next(reversed(self.whole[larger]))
            self._unfile(component)
            room = self.room
            self._grow(component)
            if self.room < room:
                return True
            root = min(self._free(component), key=self._cut)
        if root >= 0:
            self._take(root)
        return root >= 0

    def _fits(self, root: int) -> bool:
        """Whether taking it now promises to keep its leaves with it: all that it completes finds room, and the rest
        may yet find room in this batch, or is less than what it completes."""
        completes, waits = self._leaves(root)
        return 1 + completes + waits <= self.room or (1 + completes <= self.room and completes >= waits)

    def _cut(self, root: int) -> tuple[int, int]:
        """How many leaves would be cut off if it were the last one taken; the root, so that there are no ties."""
        completes, waits = self._leaves(root)
        return waits + max(0, 1 + completes - self.room), root

    def _leaves(self, root: int) -> tuple[int, int]:
        """How many leaves it would complete within this batch, and how many wait for another root."""
        completes = waits = 0
        for leaf in self.work.leaves_of[root]:
            if self.pending[leaf] > 1:
                waits += 1
            elif self._is_here(leaf, root):
                completes += 1
        return completes, waits

    def _free(self, component: int) -> list[int]:
        """Some roots of a component that may be placed now, those with many leaves first."""
        openers = self.openers[component]
        while openers and self.place[openers[-1]] >= 0:
            openers.pop()
        return [root for root in openers[: -2 * LOOK - 1 : -1] if self.place[root] < 0]

    def _strongest(self) -> list[int]:
        """Some roots that are drawn to this batch, the most strongly drawn first."""
        found: list[tuple[float, int, int]] = []
        while self.drawn and len(found) < LOOK:
            entry = heappop(self.drawn)
            if self.place[entry[1]] < 0 and self.draw[entry[1]] == entry[2]:
                found.append(entry)
        for entry in found:
            heappush(self.drawn, entry)
        return [root for _, root, _ in found]

    def _is_here(self, leaf: int, beside: int = -1) -> bool:
        roots = self.work.roots_of[leaf]
        return all(root == beside or self.place[root] == self.batch for root in roots)

    def _draw_roots_of(self, asset: int, strength: int) -> None:
        work = self.work
        for root in work.roots_of[asset] or (asset,):
            if self.place[root] < 0 and not self.blocked[root]:
                drawn = self.draw[root] = self.draw.get(root, 0) + strength
                heappush(self.drawn, (-drawn / (1 + LINK * len(work.leaves_of[root])), root, drawn))

    # -- placing

    def _take(self, root: int) -> None:
        self._put_root(root)
        self._settle()

    def _put_root(self, root: int) -> None:
        self._unfile(self.component[root])
        self._put(root)
        self.taken.append(root)
        for leaf in self.work.leaves_of[root]:
            self.pending[leaf] -= 1
            if self.pending[leaf]:
                self._draw_roots_of(leaf, LINK)
            else:
                self.ready.append(leaf)

    def _put(self, asset: int) -> None:
        self.place[asset] = self.batch
        self.room -= 1
        self.left -= 1
        if not self.is_loose[asset]:
            self.remaining[self.component[asset]] -= 1
        for shared in self.partners[asset]:
            for other in self.work.shared[shared]:
                if self.place[other] < 0 and not self.is_loose[other]:
                    self._draw_roots_of(other, 1)

    def _settle(self) -> None:
        """Places the leaves whose roots are all here; the others are loose."""
        ready, self.ready = self.ready, []
        for leaf in ready:
            if self.room and self._is_here(leaf):
                self._put(leaf)
            else:
                self.is_loose[leaf] = True
                self.remaining[self.component[leaf]] -= 1
                self.loose.append(leaf)

    def _take_loose(self) -> None:
        """The latest first: some of their roots are in this batch."""
        while self.room and self.loose:
            self._put(self.loose.pop())

    def _take_whole(self) -> None:
        """Components that others wait for, then what fills the rest best."""
        self.leading = [component for component in self.leading if self.remaining[component]]
        for component in self.leading:
            if 0 < self.filed[component] <= self.room:
                self._put_whole(component)
        counts = {size: len(components) for size, components in self.whole.items() if components}
        for size, count in best_fill(counts, self.room):
            for _ in range(count):
                self._put_whole(next(reversed(self.whole[size])))

    def _put_whole(self, component: int) -> None:
        del self.whole[self.filed[component]][component]
        self.filed[component] = 0
        for asset in self.members[component]:
            if self.place[asset] < 0 and not self.is_loose[asset]:
                self._put(asset)
                self.taken += [asset] if asset < self.work.roots else []

    # -- keeping the books

    def _file(self, component: int) -> None:
        """Says anew how a component can be taken."""
        self._unfile(component)
        size = self.remaining[component]
        if 0 < size <= self.size and not self.waiting[component]:
            del self.growing[component]
            self.whole.setdefault(size, {})[component] = None
            self.filed[component] = size
        elif not self._free(component):
            del self.growing[component]
        elif size <= self.size and component not in self.inner:
            del self.growing[component]
            self.postponed[component] = None

    def _unfile(self, component: int) -> None:
        """From now on it is taken in parts."""
        self.growing[component] = None
        self.postponed.pop(component, None)
        if self.filed[component]:
            del self.whole[self.filed[component]][component]
            self.filed[component] = 0

    def _close(self) -> None:
        touched = dict.fromkeys(self.component[root] for root in self.taken)
        for root in self.taken:
            for caller in self.work.callers[root]:
                self.blocked[caller] -= 1
                if not self.blocked[caller]:
                    component = self.component[caller]
                    self.openers[component].append(caller)
                    self.waiting[component] -= 1
                    touched[component] = None
        for component in touched:
            self._file(component)
