"""Brings a signal into the event loop, for the commands that write. Law: the first one asks to stop in good order.

The second leaves at once, without us (`signals.told`).
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

T = TypeVar("T")


class FirstSignal:
    """The first signal, on its way to the work that it asks to stop."""

    def __init__(self, heed: Callable[[signal.Signals, anyio.CancelScope], None]) -> None:
        #: told of the signal within the loop; it may cut all of the work
        self._heed = heed
        #: the signal, once it has come
        self.came: signal.Signals | None = None
        #: wakes the loop when a signal has come; does nothing before it runs and after
        self._wake: Callable[[], object] = lambda: None

    def hear(self, number: signal.Signals) -> None:
        """Leave word of it; safe between any two instructions of the main thread."""
        self.came = number
        self._wake()

    async def heeded(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """Do the work, and heed the signal as soon as it comes; None where that has cut the work."""
        asked, loop = anyio.Event(), asyncio.get_running_loop()
        done: T | None = None
        self._wake = lambda: loop.call_soon_threadsafe(asked.set)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._wait, asked, group.cancel_scope)
                done = await work()
                group.cancel_scope.cancel()
        finally:
            self._wake = lambda: None
        return done

    async def _wait(self, asked: anyio.Event, all_of_it: anyio.CancelScope) -> None:
        if self.came is None:
            await asked.wait()
        if self.came is not None:
            self._heed(self.came, all_of_it)
