"""What the engine may use of the world, handed in.

Law: time, chance, threads and the way to ROMA come from here alone.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import anyio
import anyio.to_thread

from orchestrator.roma.transport import TransportFactory

T = TypeVar("T")


class Offload(Protocol):
    """Runs a blocking function of storage away from the event loop."""

    def __call__(self, work: Callable[..., T], *args: Any) -> Awaitable[T]: ...


class Say(Protocol):
    """One line of the log: an event's name and its fields."""

    def __call__(self, event: str, **fields: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The real world, or a simulated one."""

    wall: Callable[[], datetime]
    #: a draw in [0, 1)
    draw: Callable[[], float]
    transport: TransportFactory
    offload: Offload
    say: Say
    #: OS user, host, process and version, for the journal
    user: str
    host: str
    pid: int
    version: str
    #: seconds between two looks at what operators ask of a live run
    beat: float = 1.0

    def now(self) -> float:
        """Epoch seconds, UTC."""
        return self.wall().timestamp()


def utc_now() -> datetime:
    return datetime.now(UTC)


class Threads:
    """Storage work on worker threads, one after the other, so that the journal has one writer."""

    def __init__(self, at_once: int = 1) -> None:
        self._limit = at_once
        self._limiter: anyio.CapacityLimiter | None = None

    async def __call__(self, work: Callable[..., T], *args: Any) -> T:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._limit)
        return await anyio.to_thread.run_sync(work, *args, limiter=self._limiter)


async def inline(work: Callable[..., T], *args: Any) -> T:
    """Storage work in the event loop itself: for the simulation, whose time stands still meanwhile."""
    return work(*args)
