"""A clock that jumps: an event loop whose time passes only while nothing can run. Law: one thread, no real waiting.

With a seed the ready callbacks are shuffled before each turn, so that races show; the same seed gives the same order.
"""

import asyncio
import random
import selectors
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Deadlock(Exception):
    """Nothing can run and nothing is due: somebody waits for ever."""


class _Jumping(selectors.SelectSelector):
    """Never waits: an idle wait moves the loop's clock instead."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("nothing is ready and nothing is due")
        if timeout > 0:
            self.skipped += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop in virtual time, starting at 0."""

    def __init__(self, seed: int | None = None) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)
        self._shuffle = random.Random(seed) if seed is not None else None
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._jumping.skipped

    def _run_once(self) -> None:
        ready: Any = getattr(self, "_ready")  # noqa: B009 - a private part of asyncio, on purpose and in one place
        if self._shuffle is not None and len(ready) > 1:
            order = list(ready)
            self._shuffle.shuffle(order)
            ready.clear()
            ready.extend(order)
        super()._run_once()  # type: ignore[misc] # private in asyncio's stubs


def run_virtually(main: Callable[[], Awaitable[T]], seed: int | None = None) -> T:
    """Run `main` to its end in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(seed)) as runner:

        async def call() -> T:
            return await main()

        return runner.run(call())
