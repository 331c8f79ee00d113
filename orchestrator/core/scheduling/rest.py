"""All that is tied to one decision, as numbers, and how it goes on in a given order. Law: pure; a play has no doubts.

A play is a list schedule: a slot that is free takes the first of its ready jobs. Jobs are numbers; behind those that
wait come those that run, and one for each migration that others are `after`, which is over when its last import is.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from orchestrator.core.scheduling.board import Board, Waiting
from orchestrator.core.scheduling.policy import Work

#: jobs that are played; where more are tied together the end is far
MOST_JOBS = 120
#: seconds that a job is expected to run on at least
LEAST_LEFT = 5.0


def tied_to(first: Iterable[str], board: Board) -> list[str] | None:
    """Jobs that wait and share a slot or an order with these, and so on; None where they are too many."""
    found = dict.fromkeys(first)
    stack = list(found)
    while stack:
        for name in _neighbours(stack.pop(), board):
            if name not in found:
                found[name] = None
                stack.append(name)
            if len(found) > MOST_JOBS:
                return None
    return list(found)


def _neighbours(name: str, board: Board) -> Iterator[str]:
    job = board.waiting[name]
    for slot in job.slots:
        yield from board.at[slot]
    yield from (each for each in job.before if each in board.waiting)
    yield from board.heirs.get(name, ())
    for migration in job.after:
        yield from (each for each in board.members[migration] if each in board.waiting)
    yield from board.followers.get(board.migration_of(name), ())


@dataclass(slots=True)
class Rest:
    """Jobs, and what must be over before others may begin."""

    works: list[Work]
    #: subject of a job that waits or runs -> its number
    number: dict[str, int] = field(default_factory=dict)
    #: job that waits -> slots that could take it
    slots: list[tuple[int, ...]] = field(default_factory=list)
    #: job or migration -> what waits for its end
    heirs: list[list[int]] = field(default_factory=list)
    #: job or migration -> how much it waits for
    missing: list[int] = field(default_factory=list)
    #: (seconds until it ends, slot, job) of what runs
    running: list[tuple[float, int, int]] = field(default_factory=list)
    #: migration that others are `after` -> its number
    migrations: dict[str, int] = field(default_factory=dict)
    _slots: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Sequence[str], board: Board, now: float) -> "Rest":
        """These jobs, what runs in their slots, and what else they wait for."""
        jobs = [board.waiting[name] for name in names]
        rest = cls([job.work for job in jobs])
        for name, job in zip(names, jobs, strict=True):
            rest.slots.append(tuple(rest._slots.setdefault(slot, len(rest._slots)) for slot in job.slots))
            rest._add(name)
        for slot in rest._taken(jobs, board):
            subject, until = board.running[slot]
            number = rest._slots.setdefault(slot, len(rest._slots))
            rest.running.append((max(until - now, LEAST_LEFT), number, rest._add(subject)))
        for place, job in enumerate(jobs):
            for name in job.before:
                rest._tie(name, place)
            for migration in job.after:
                rest._tie_migration(migration, place, board)
        return rest

    def imports(self) -> list[int]:
        """Those that have not begun."""
        return [number for number, work in enumerate(self.works) if not work.is_export]

    def exports(self) -> list[int]:
        """Those that have not begun."""
        return [number for number, work in enumerate(self.works) if work.is_export]

    def free_slot(self, jobs: Iterable[int]) -> int | None:
        """A slot in which nothing runs, and which could take any of these."""
        common = set(self.slots[next(iter(jobs))]).intersection(*(self.slots[number] for number in jobs))
        return min(common - {slot for _, slot, _ in self.running}, default=None)

    def _taken(self, jobs: Iterable[Waiting], board: Board) -> list[str]:
        """Slots in which a job runs that one of these waits for, or that one of these could take."""
        found = dict.fromkeys(slot for slot in self._slots if slot in board.running)
        for job in jobs:
            members = (name for migration in job.after for name in board.members[migration])
            found |= dict.fromkeys(board.slot_of[name] for name in (*job.before, *members) if name in board.slot_of)
        return list(found)

    def _add(self, name: str) -> int:
        number = len(self.heirs)
        self.number[name] = number
        self.heirs.append([])
        self.missing.append(0)
        return number

    def _tie(self, name: str, heir: int) -> None:
        if name in self.number:
            self.heirs[self.number[name]].append(heir)
            self.missing[heir] += 1

    def _tie_migration(self, migration: str, heir: int, board: Board) -> None:
        if migration not in self.migrations:
            members = [name for name in board.members[migration] if name in self.number]
            if not members:
                return
            self.migrations[migration] = len(self.heirs)
            self.heirs.append([])
            self.missing.append(0)
            for name in members:
                self._tie(name, self.migrations[migration])
        self.heirs[self.migrations[migration]].append(heir)
        self.missing[heir] += 1

    def play(
        self, rank: Sequence[int], seconds: Sequence[float], first: tuple[int, int] | None = None
    ) -> tuple[float, float]:
        """(seconds to the end, sum over the jobs of the seconds to their ends).

        `rank` is each job's place in the order, `seconds` what each takes, `first` a (slot, job) that begins at once.
        """
        count, slots, heirs, missing = len(self.works), self.slots, self.heirs, self.missing[:]
        events, begun = self.running[:], bytearray(count)
        busy = {slot for _, slot, _ in events}
        if first is not None:
            slot, number = first
            begun[number] = 1
            busy.add(slot)
            events.append((seconds[number], slot, number))
        heapify(events)
        ready: dict[int, list[tuple[int, int]]] = {}
        for number in range(count):
            if not missing[number]:
                for slot in slots[number]:
                    ready.setdefault(slot, []).append((rank[number], number))
        for queue in ready.values():
            heapify(queue)
        free = [slot for slot in ready if slot not in busy]
        clock = total = 0.0
        while True:
            for slot in free:
                queue = ready.get(slot, [])
                while queue and slot not in busy:
                    _, number = heappop(queue)
                    if not begun[number]:
                        begun[number] = 1
                        busy.add(slot)
                        heappush(events, (clock + seconds[number], slot, number))
            if not events:
                return clock, total
            clock, slot, number = heappop(events)
            total += clock
            busy.discard(slot)
            free = [slot]
            over = heirs[number][:]
            while over:
                heir = over.pop()
                missing[heir] -= 1
                if missing[heir]:
                    continue
                if heir >= count:
                    over += heirs[heir]
                    continue
                for slot in slots[heir]:
                    heappush(ready.setdefault(slot, []), (rank[heir], heir))
                    free.append(slot)
