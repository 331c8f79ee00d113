"""Which job a free slot takes next where the end is near: what is left is played. Law: pure and repeatable.

Theory. `policy` weighs an export by the slots that it feeds, and sees of what follows an import only the length of its
longest chain. That is enough while the end is far. Near it everything counts: which migration is `after` which, what a
delivery needs, what other slots do meanwhile. So all that is tied to the slot is played (`rest`) in a few orders:
Johnson's readings, the most work behind a job first, one migration before the other, the frozen order, and the best one
of the last decision. They are played in worlds in which the estimates are wrong. Single jobs of the best order are then
moved, as long as that gains more than chance would. Last, each candidate is tried as the next one. What many moves gain
in a few worlds is luck, so MARGIN and MOVES were fitted on seeds that `tests.benchmarks.harder` does not report on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice, permutations
from math import exp
from statistics import NormalDist

from orchestrator.core.scheduling import policy
from orchestrator.core.scheduling.board import Board
from orchestrator.core.scheduling.mixing import mixed
from orchestrator.core.scheduling.policy import Work
from orchestrator.core.scheduling.rest import Rest, tied_to

#: candidates that are tried as the next one
MOST_TRIED = 16
#: worlds in which an order is played: the first as estimated, the others with wrong estimates, in opposite pairs
WORLDS = 9
#: another order must be better by this factor: estimates are not worth more
MARGIN = 0.998
#: orders of the migrations, and orders of all that are played in every world, at most
MOST_SEQUENCES, MOST_ORDERS = 24, 6
#: moves of single jobs that are tried at one decision
MOVES = 30

_NORMALS = tuple(NormalDist().inv_cdf(pow(2, number, 61) / 61) for number in range(60))
#: seconds to the end, and to the end of each job, summed over the worlds
_Cost = tuple[float, float]


def choose(candidates: Iterable[Work], board: Board, now: float) -> Work | None:
    """The job that the free slot should take; None where there is none."""
    candidates = list(candidates)
    if len(candidates) < 2:
        return candidates[0] if candidates else None
    if all(work.subject in board.waiting for work in candidates):
        names = tied_to((work.subject for work in candidates), board)
        if names is not None:
            chosen = _Choice.among(Rest.of(names, board, now), board, now).best(candidates)
            if chosen is not None:
                return chosen
    return policy.choose(candidates, board.loads, now)


@dataclass(slots=True)
class _Choice:
    """One decision."""

    rest: Rest
    board: Board
    now: float
    #: world -> seconds of each job
    worlds: list[list[float]]
    #: job -> estimated seconds that must pass behind it
    behind: list[float] = field(default_factory=list)

    @classmethod
    def among(cls, rest: Rest, board: Board, now: float) -> "_Choice":
        """The rest in every world."""
        return cls(rest, board, now, [_world(number, rest.works) for number in range(WORLDS)])

    def best(self, candidates: Sequence[Work]) -> Work | None:
        """The candidate after which all is over first; None where it makes no difference."""
        numbers = self._different(candidates)
        slot = self.rest.free_slot(numbers)
        if slot is None or len(numbers) < 2:
            return None
        self.behind = behind(self.rest)
        rank = self._best_order()
        self.board.places |= {work.subject: rank[number] for number, work in enumerate(self.rest.works)}
        best, *others = sorted(numbers, key=rank.__getitem__)
        bar = self._cost(rank, (slot, best))
        bar = (bar[0] * MARGIN, bar[1])
        for number in others[: MOST_TRIED - 1]:
            cost = self._cost(rank, (slot, number))
            if cost < bar:
                best, bar = number, cost
        return self.rest.works[best]

    def _different(self, candidates: Sequence[Work]) -> list[int]:
        """The first of those for which the same waits, and which take as long."""
        found: dict[object, int] = {}
        for work in sorted(candidates, key=lambda work: (work.position, work.subject)):
            number = self.rest.number[work.subject]
            key = (work.seconds, work.feeds) if work.is_export else (*self.rest.heirs[number], work.shared)
            found.setdefault(key, number)
        return list(found.values())

    def _cost(self, rank: Sequence[int], first: tuple[int, int] | None = None) -> _Cost:
        played = [self.rest.play(rank, seconds, first) for seconds in self.worlds]
        return sum(end for end, _ in played), sum(each for _, each in played)

    # --- orders ---

    def _best_order(self) -> list[int]:
        """Job -> its place in the best order that is found."""
        ranks = [self._merged(order) for order in self._orders()]
        if self.board.places:
            ranks.append(self._last_one())
        ranks.sort(key=lambda rank: self.rest.play(rank, self.worlds[0]))
        costs = [(self._cost(rank), place) for place, rank in enumerate(ranks[:MOST_ORDERS])]
        cost, place = min(costs)
        return self._moved(ranks[place], cost)

    def _orders(self) -> list[list[int]]:
        """Orders of all exports that are worth playing."""
        works, number = self.rest.works, self.rest.number
        exports = [works[each] for each in self.rest.exports()]
        frozen = sorted(exports, key=lambda work: (work.position, work.subject))
        longest = sorted(frozen, key=lambda work: -self.behind[number[work.subject]])
        quick = sorted(longest, key=self._johnson)
        seen = policy.readings(exports, self.board.loads, self.now) if exports else []
        found = [[number[work.subject] for work in order] for order in (*seen, longest, quick, frozen)]
        return [*found, *self._by_migration(found[-2])]

    def _johnson(self, work: Work) -> tuple[int, float]:
        after = self.behind[self.rest.number[work.subject]]
        return (0, work.seconds) if work.seconds < after else (1, -after)

    def _by_migration(self, order: Sequence[int]) -> Iterable[list[int]]:
        """The order, but one migration's batches before the other's: few migrations in every sequence."""
        if not self.rest.migrations:
            return
        theirs = {
            export: {self.board.migration_of(self.rest.works[heir].subject) for heir in self.rest.heirs[export]}
            for export in order
        }
        names = sorted({name for held in theirs.values() for name in held})
        for sequence in islice(permutations(names), MOST_SEQUENCES):
            place = {name: at for at, name in enumerate(sequence)}
            turn = {export: min((place[each] for each in held), default=len(place)) for export, held in theirs.items()}
            yield sorted(order, key=turn.__getitem__)

    def _merged(self, exports: Sequence[int]) -> list[int]:
        """Job -> its place where both kinds are one order: an import goes first where more waits for it."""
        works = self.rest.works
        arriving = sorted(
            self.rest.imports(),
            key=lambda each: (self.behind[each], works[each].shared, -works[each].position, -each),
        )
        leaving = list(reversed(exports))
        order: list[int] = []
        while arriving or leaving:
            lands = arriving and (not leaving or self.behind[arriving[-1]] > self.behind[leaving[-1]])
            order.append((arriving if lands else leaving).pop())
        return _rank(order)

    def _last_one(self) -> list[int]:
        """The order that was best at an earlier decision; what is new goes first."""
        places, works = self.board.places, self.rest.works
        return _rank(sorted(range(len(works)), key=lambda number: (places.get(works[number].subject, -1), number)))

    def _moved(self, rank: list[int], cost: _Cost) -> list[int]:
        """The order with single jobs put before or behind others of their slot."""
        rivals = self._rivals()
        first = MOVES * len(rank)
        for number in range(first, first + MOVES) if rivals else ():
            group = rivals[mixed(number, 0) % len(rivals)]
            job, other = group[mixed(number, 1) % len(group)], group[mixed(number, 2) % len(group)]
            order = sorted((each for each in range(len(rank)) if each != job), key=rank.__getitem__)
            order.insert(order.index(other) + (rank[job] < rank[other]) if job != other else 0, job)
            tried = _rank(order)
            found = self._cost(tried) if job != other else cost
            if found[0] < MARGIN * cost[0]:
                rank, cost = tried, found
        return rank

    def _rivals(self) -> list[list[int]]:
        """Jobs of one slot, for each of them that others wait for."""
        at: dict[int, list[int]] = {}
        for number, slots in enumerate(self.rest.slots):
            for slot in slots:
                at.setdefault(slot, []).append(number)
        weights = {
            slot: sum(bool(self.rest.heirs[number]) or len(self.rest.slots[number]) > 1 for number in group)
            for slot, group in at.items()
        }
        return [group for slot, group in at.items() if len(group) > 1 for _ in range(weights[slot])]


def _rank(order: Sequence[int]) -> list[int]:
    rank = [0] * len(order)
    for place, number in enumerate(order):
        rank[number] = place
    return rank


def _world(world: int, works: Sequence[Work]) -> list[float]:
    """Seconds of each job in one of the worlds."""
    if world == 0:
        return [work.seconds for work in works]
    sign, shift = (1.0 if world % 2 else -1.0), world // 2 * 17
    normals = (_NORMALS[(shift + number) % len(_NORMALS)] for number in range(len(works)))
    return [work.seconds * exp(sign * work.sigma * normal) for work, normal in zip(works, normals, strict=True)]


def behind(rest: Rest) -> list[float]:
    """Job -> the longest chain behind it, or the work of one slot that may begin only then, whichever is more."""
    later: dict[int, int] = {}
    chain: dict[int, float] = {}
    for number in _heirs_first(rest):
        heirs = rest.heirs[number]
        own = [rest.works[heir].seconds if heir < len(rest.works) else 0.0 for heir in heirs]
        chain[number] = max((each + chain.get(heir, 0.0) for each, heir in zip(own, heirs, strict=True)), default=0.0)
        later[number] = 0
        for heir in heirs:
            later[number] |= later.get(heir, 0) | 1 << heir
    fullest = {jobs: _fullest(rest, jobs) for jobs in set(later.values())}
    return [max(chain[number], fullest[later[number]]) for number in range(len(rest.works))]


def _heirs_first(rest: Rest) -> list[int]:
    """All of it, what waits before what it waits for; a cycle, which preflight refuses, is left out."""
    missing = rest.missing[:]
    order = [number for number, count in enumerate(missing) if not count]
    for number in order:
        for heir in rest.heirs[number]:
            missing[heir] -= 1
            if not missing[heir]:
                order.append(heir)
    cycle = set(range(len(missing))).difference(order)
    return [*cycle, *reversed(order)]


def _fullest(rest: Rest, jobs: int) -> float:
    """Most seconds of work in one slot among these jobs, which are bits."""
    work: dict[int, float] = {}
    for number in range(len(rest.works)):
        if jobs >> number & 1:
            for slot in rest.slots[number]:
                work[slot] = work.get(slot, 0.0) + rest.works[number].seconds / len(rest.slots[number])
    return max(work.values(), default=0.0)
