"""A clock that jumps: an event loop whose time passes only while nothing can run. Law: one thread, no real waiting.

With a seed the ready callbacks are shuffled before each turn, so that races show; the same seed gives the same order.
The operating system is never asked: nothing in virtual time has a socket, and a clock is a number.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from heapq import heappop
from typing import Any, TypeVar

T = TypeVar("T")

#: seconds within which two timers are due at once
_AT_ONCE = 1e-9


class Deadlock(Exception):
    """Nothing can run and nothing is due: somebody waits for ever."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop in virtual time, starting at 0."""

    def __init__(self, seed: int | None = None) -> None:
        self._passed = 0.0
        self._shuffle = random.Random(seed).shuffle if seed is not None else None
        super().__init__()

    def time(self) -> float:
        return self._passed

    def _run_once(self) -> None:
        """One turn, in place of asyncio's own: what was ready and what has come due, each once."""
        private: Any = self  # asyncio's parts, on purpose and in one place
        ready, timers = private._ready, private._scheduled
        if self._shuffle is not None and len(ready) > 1:
            order = list(ready)
            self._shuffle(order)
            ready.clear()
            ready.extend(order)
        while timers and timers[0]._cancelled:
            heappop(timers)._scheduled = False
        if not ready and not private._stopping:
            if not timers:
                raise Deadlock("nothing is ready and nothing is due")
            self._passed = timers[0]._when
        while timers and timers[0]._when < self._passed + _AT_ONCE:
            timer = heappop(timers)
            timer._scheduled = False
            ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()


def run_virtually(main: Callable[[], Awaitable[T]], seed: int | None = None) -> T:
    """Run `main` to its end in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(seed)) as runner:

        async def call() -> T:
            return await main()

        return runner.run(call())


async def inline(work: Callable[..., T], *args: Any) -> T:
    """Storage work in the event loop itself: time stands still meanwhile."""
    return work(*args)
