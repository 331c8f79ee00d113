"""The seam between what is said to ROMA and how bytes travel. Law: whoever implements it never retries or redirects.

The product speaks through `orchestrator.roma.sockets`; the deterministic simulation puts a service in memory here.
"""

import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from orchestrator.core.model.failures import Failure


class Guard(Protocol):
    """Whether this process may still change something at the far side, or another has taken over (promise 21)."""

    @property
    def ttl(self) -> float:
        """Seconds for which what was confirmed stays ours, whatever becomes of this process."""
        ...

    def must_hold(self) -> None:
        """Raises LeaseLost where another may have taken over, or soon may; asks nobody who could keep it waiting."""
        ...

    def confirm(self) -> None:
        """The same, after whoever keeps the leases has confirmed ours within the last second; for a worker thread."""
        ...


class Unguarded:
    """For what changes nothing, or where nothing is leased."""

    ttl = math.inf

    def must_hold(self) -> None:
        """Nothing can be lost."""

    def confirm(self) -> None:
        """Nothing can be lost."""


UNGUARDED = Unguarded()


@dataclass(frozen=True, slots=True)
class FileBody:
    """A multipart body around one file that is streamed from disk; its whole length is known beforehand."""

    #: bytes before the file
    head: bytes
    #: the file on disk
    path: str
    #: bytes of the file that are sent; a shorter file ends the request as dropped
    size: int
    #: bytes after the file
    tail: bytes

    @property
    def length(self) -> int:
        """Bytes of the whole body: its Content-Length."""
        return len(self.head) + self.size + len(self.tail)


@dataclass(frozen=True, slots=True, repr=False)
class WireRequest:
    """One HTTP request, complete but for what the connection adds (Content-Length, Connection)."""

    method: str
    #: absolute and already percent-encoded: sent as it is
    url: str
    #: carries credentials: never shown
    headers: Mapping[str, str]
    body: bytes | FileBody | None
    #: seconds for sending the request and receiving the answer's head
    timeout: float
    #: a connection of its own that nobody used before; so is every request that is not a GET
    single_use: bool = False
    #: asked at the start, after the connection is made and before each piece of a body, and to confirm before the last
    guard: Guard = UNGUARDED

    def __repr__(self) -> str:
        return f"WireRequest({self.method} {self.url.partition('?')[0]})"


class TransportFailed(Exception):
    """No whole answer. `failure` is NOT_SENT only when it is certain that no byte of the request left this host."""

    def __init__(self, failure: Failure, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.failure = failure
        self.message = message
        #: whether it needs a person, and waiting mends nothing
        self.lasting = lasting


class Answer(Protocol):
    """The head of an answer, whose body is read once, by one of the two methods; both raise TransportFailed."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, their names in lower case."""

    async def read(self, limit: int) -> bytes:
        """The body's first `limit` bytes; a longer body is not read further, a truncated one raises DROPPED."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body's bytes as they come; a truncated one raises DROPPED, a silent one HUNG."""


class Transport(Protocol):
    """Sends requests, each at most once, and no piece of one that its guard does not let pass."""

    def send(self, request: WireRequest) -> AbstractAsyncContextManager[Answer]:
        """Send it and wait for the answer's head; raises TransportFailed. Leaving the block ends the answer."""

    async def aclose(self) -> None:
        """Close every connection."""


#: (path of a private authority's certificates or "", proxy address or "") -> a transport
TransportFactory = Callable[[str, str], Transport]
