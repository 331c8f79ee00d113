"""What is due when, in a service whose clock is only read.

Law: due actions run in time order, then in the order they were made.
"""

import heapq
from collections.abc import Callable


class Timers:
    """Actions by time. While one runs, `time` is its own due time, not the later moment somebody asked."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        #: time, place, what it belongs to, action
        self._due: list[tuple[float, int, str, Callable[[], None]]] = []
        self._count = 0
        self._acting_at: float | None = None

    @property
    def time(self) -> float:
        """Epoch seconds: of the action that runs, else of the clock."""
        return self._now() if self._acting_at is None else self._acting_at

    def at(self, time: float, action: Callable[[], None], of: str = "") -> None:
        """Remembers an action of something; one that is already due runs at the next `catch_up`."""
        self._count += 1
        heapq.heappush(self._due, (time, self._count, of, action))

    def hurry(self, of: str) -> None:
        """Whatever is still to come of that is due now, in the order that it would have had."""
        now = self.time
        own = sorted((one for one in self._due if one[2] == of), key=lambda one: one[:2])
        self._due = [one for one in self._due if one[2] != of]
        heapq.heapify(self._due)
        for time, _, _, action in own:
            self.at(min(time, now), action, of)

    def next_due(self) -> float | None:
        """When the next action is due, for simulations that jump in time; None where nothing is."""
        return self._due[0][0] if self._due else None

    def catch_up(self) -> None:
        """Runs everything due; an action may add others."""
        if self._acting_at is not None or not self._due:
            return
        now = self._now()
        if self._due[0][0] > now:
            return
        try:
            while self._due and self._due[0][0] <= now:
                self._acting_at, _, _, action = heapq.heappop(self._due)
                action()
        finally:
            self._acting_at = None
