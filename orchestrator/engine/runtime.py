"""What the engine may use of the world, handed in.

Law: time, chance, threads and the way to ROMA come from here alone.
"""

import gc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

import anyio
import anyio.to_thread

from orchestrator.roma.transport import TransportFactory
from orchestrator.storage.boot_clock import seconds_since_boot

T = TypeVar("T")

#: objects made before the garbage collector looks at the young ones; Python's 700 is meant for short programs
YOUNG = 20_000


def collect_rarely() -> None:
    """For the whole process: what a run remembers lives long, and is not to be walked again and again.

    With Python's own setting a run of ten thousand batches spends a seventh of its processor time there, and more with
    each batch.
    """
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])


class Offload(Protocol):
    """Runs a blocking function of storage away from the event loop."""

    def __call__(self, work: Callable[..., T], *args: Any) -> Awaitable[T]: ...


class Say(Protocol):
    """One line of the log: an event's name and its fields."""

    def __call__(self, event: str, **fields: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Runtime:
    """The real world, or a simulated one."""

    #: wall time that passes as time itself does: a `SteadyClock`, for every wait, quiet and deadline rests on it
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
    #: the wall clock as it stands, with every step that it makes: windows rest on it, and nothing else; None: as `wall`
    clock: Callable[[], datetime] | None = None

    def now(self) -> float:
        """Epoch seconds, UTC."""
        return self.wall().timestamp()

    def wall_ahead(self) -> float:
        """Seconds by which the wall clock is ahead of the run's time: it was stepped so far since the process began."""
        return (self.clock() - self.wall()).total_seconds() if self.clock is not None else 0.0


def moment(at: float) -> str:
    """A moment for people, with its offset."""
    return datetime.fromtimestamp(at, UTC).astimezone().isoformat(" ", "seconds")


def utc_now() -> datetime:
    return datetime.now(UTC)


class SteadyClock:
    """Wall time as this process found it, carried on by the seconds that have passed since.

    A wall clock that is stepped (NTP, a virtual machine that goes on) cuts no quiet short and gives up no job.
    """

    def __init__(
        self, wall: Callable[[], datetime] = utc_now, passed: Callable[[], float] = seconds_since_boot
    ) -> None:
        self._passed = passed
        self._began, self._zero = wall(), passed()

    def __call__(self) -> datetime:
        return self._began + timedelta(seconds=self._passed() - self._zero)


class Threads:
    """Storage work on worker threads, one after the other, so that the journal has one writer."""

    def __init__(self, at_once: int = 1) -> None:
        self._limit = at_once
        self._limiter: anyio.CapacityLimiter | None = None

    async def __call__(self, work: Callable[..., T], *args: Any) -> T:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._limit)
        return await anyio.to_thread.run_sync(work, *args, limiter=self._limiter)
