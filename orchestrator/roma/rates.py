"""Client-side rate limits (API 4). Law: within one bucket requests leave in the order they came, evenly spaced.

A generic cell rate algorithm, whose whole state is one instant: the theoretical arrival time of the next request.
Only the first in the queue sleeps, so a cancelled waiter holds no slot that would have to be given back.
"""

import math
from collections.abc import Callable
from functools import cached_property

import anyio

from orchestrator.core.scheduling.write_rate import BURST, AdaptiveRate

#: seconds: a clock may be coarser than what is left to wait, which would then never pass
_CLOSE_ENOUGH = 0.001


class Pause:
    """The instant before which one credentials' requests may not leave, because the service asked for it."""

    def __init__(self) -> None:
        #: in anyio's time
        self.until = -math.inf

    def extend(self, seconds: float) -> None:
        """Nothing leaves within the next `seconds`; a longer pause that already holds stays."""
        self.until = max(self.until, anyio.current_time() + seconds)


class Bucket:
    """At most `per_second` requests a second in the long run, and `at_once` together; divided by who shares it."""

    def __init__(
        self,
        per_second: Callable[[], float],
        pause: Pause,
        sharers: Callable[[], int] = lambda: 1,
        at_once: Callable[[], int] = lambda: BURST,
    ) -> None:
        self._per_second, self._at_once = per_second, at_once
        self._sharers = sharers
        self._pause = pause
        # Fast: a request waits for the network soon enough to let the others run.
        self._turn = anyio.Lock(fast_acquire=True)
        self._arrival = -math.inf

    @property
    def _interval(self) -> float:
        return max(1, self._sharers()) / self._per_second()

    async def take(self) -> bool:
        """Wait for a slot, first come, first served; whether the rate made the request wait."""
        held_back = False
        async with self._turn:
            while True:
                # Looked at again after each sleep: a pause may have been asked for meanwhile.
                now = anyio.current_time()
                wait = self._opens() - now
                if wait <= _CLOSE_ENOUGH:
                    break
                held_back = held_back or self._by_rate() > now + _CLOSE_ENOUGH
                await anyio.sleep(wait)
            self._arrival = max(self._arrival, now) + self._interval
        return held_back

    def empty(self) -> None:
        """No burst is left: the next request leaves a whole interval from now."""
        self._arrival = anyio.current_time() + self._at_once() * self._interval

    def _opens(self) -> float:
        """When the next request may leave, in anyio's time."""
        return max(self._by_rate(), self._pause.until)

    def _by_rate(self) -> float:
        return self._arrival - (self._at_once() - 1) * self._interval


#: told of each change of a rate: the region that brought it, and the rate before
Changed = Callable[[str, float], None]


def _nobody_asks(region: str, before: float) -> None:
    """Where nothing is learned."""


class Rates:
    """The limits of one credentials: reads, writes, and a pause over both."""

    def __init__(
        self,
        reads_per_second: float,
        begins: Callable[[], AdaptiveRate],
        sharers: Callable[[], int] = lambda: 1,
        changed: Changed = _nobody_asks,
    ) -> None:
        """`begins` gives the rate of writes when the first one comes.

        `sharers` tells how many processes ask as the same user now, this one included (API 4).
        """
        self.pause = Pause()
        self.reads = Bucket(lambda: reads_per_second, self.pause, sharers)
        self.writes = Bucket(lambda: self.writing.per_second, self.pause, sharers, lambda: self.writing.at_once)
        self._begins, self._changed = begins, changed
        self._fell_at = -math.inf

    @cached_property
    def writing(self) -> AdaptiveRate:
        """The rate of writes now."""
        return self._begins()

    def taken(self, region: str) -> None:
        """A write that the rate had held back was taken there."""
        before = self.writing.per_second
        if self.writing.taken():
            self._changed(region, before)

    def throttled(self, region: str, left: float) -> None:
        """A write that left then, in anyio's time, was refused as one too many.

        What had left before the rate fell says nothing of the rate since.
        """
        before = self.writing.per_second
        if left > self._fell_at and self.writing.throttled():
            self._fell_at = anyio.current_time()
            # Else what is left of a burst would leave at once, be refused too, and lower it again.
            self.writes.empty()
            self._changed(region, before)
