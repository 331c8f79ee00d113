"""The way to the emulator without a socket, at the same seam as aiohttp's.

Law: every way a reply can travel, travels here too.
"""

import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

import anyio
import anyio.lowlevel

from orchestrator.core.model.failures import Failure
from orchestrator.emulator.api.api import Api
from orchestrator.emulator.protocol.messages import (
    Body,
    Delayed,
    Drip,
    Dropped,
    Hang,
    NoLength,
    Refused,
    Reply,
    Request,
    Truncated,
    Whole,
    WrongLength,
)
from orchestrator.roma.transport import Answer, FileBody, TransportFailed, WireRequest

#: seconds that a request and its answer travel
LATENCY = 0.02


class _MemoryAnswer:
    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self.status = reply.status
        self.headers: Mapping[str, str] = self._headers(reply)

    @staticmethod
    def _headers(reply: Reply) -> dict[str, str]:
        headers = dict(reply.headers)
        match reply.how:
            case NoLength() | Truncated(with_length=False):
                headers.pop("content-length", None)
            case WrongLength(declared=declared):
                headers["content-length"] = str(declared)
            case _:
                headers["content-length"] = str(len(reply.body))
        return headers

    async def read(self, limit: int) -> bytes:
        if isinstance(self._reply.how, Drip):
            return b"".join([piece async for piece in self.chunks()])[:limit]
        arrives, ends_early = self._arrives()
        if ends_early and len(arrives) < limit:
            raise _ended_early()
        return bytes(arrives)[:limit]

    async def chunks(self) -> AsyncIterator[bytes]:
        if isinstance(self._reply.how, Drip):
            for piece in self._reply.body.chunks(self._reply.how.chunk):
                await anyio.sleep(self._reply.how.interval)
                yield piece
            return
        arrives, ends_early = self._arrives()
        for piece in arrives.chunks():
            yield piece
            await anyio.lowlevel.checkpoint()
        if ends_early:
            raise _ended_early()

    def _arrives(self) -> tuple[Body, bool]:
        """What comes of the body, and whether less of it than its length promised."""
        body = self._reply.body
        match self._reply.how:
            case Truncated(after=after, with_length=with_length):
                return Body((bytes(body)[:after],)), with_length and after < len(body)
            case WrongLength(declared=declared):
                return Body((bytes(body)[:declared],)), declared > len(body)
            case _:
                return body, False


def _ended_early() -> TransportFailed:
    return TransportFailed(Failure.DROPPED, "the connection ended early")


@dataclass(frozen=True, slots=True)
class _Sending:
    """One request on its way; entering waits for the head of its answer."""

    api: Api
    request: WireRequest

    async def __aenter__(self) -> Answer:
        await anyio.sleep(LATENCY)
        reply = self.api.handle(_as_received(self.request))
        await _arrival(reply, self.request.timeout - LATENCY)
        return _MemoryAnswer(reply)

    async def __aexit__(self, *_: object) -> None:
        """Nothing to close."""


class MemoryTransport:
    """Sends requests to a face, in the loop's own time."""

    def __init__(self, api: Api, heard: Callable[[WireRequest], None] | None = None) -> None:
        self._api = api
        self._heard = heard

    def send(self, request: WireRequest) -> AbstractAsyncContextManager[Answer]:
        request.guard.must_hold()
        if self._heard is not None:
            self._heard(request)
        return _Sending(self._api, request)

    async def aclose(self) -> None:
        """Nothing to close."""


async def _arrival(reply: Reply, patience: float) -> None:
    """Wait for the reply's head, `patience` seconds at most; raises TransportFailed where none comes."""
    lasts = LATENCY
    match reply.how:
        case Refused():
            raise TransportFailed(Failure.NOT_SENT, "connection refused")
        case Dropped():
            raise TransportFailed(Failure.DROPPED, "the connection was reset")
        case Hang():
            lasts = math.inf
        case Delayed(seconds=seconds):
            lasts += seconds
        case Whole() | Truncated() | WrongLength() | NoLength() | Drip():
            pass
    await anyio.sleep(min(lasts, patience))
    if lasts > patience:
        raise TransportFailed(Failure.HUNG, f"no answer within {patience + LATENCY:.0f} s")


def _as_received(request: WireRequest) -> Request:
    path, query, host = _address(request.url)
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers.setdefault("host", host)
    return Request(request.method, path, query, headers, _body(request.body), host)


@lru_cache(maxsize=1024)
def _address(url: str) -> tuple[str, tuple[tuple[str, str], ...], str]:
    """Path, query and host of an address."""
    parts = urlsplit(url)
    return parts.path, tuple(parse_qsl(parts.query, keep_blank_values=True)), parts.netloc


def _body(body: bytes | FileBody | None) -> bytes:
    match body:
        case None:
            return b""
        case bytes():
            return body
        case FileBody(head=head, path=path, size=size, tail=tail):
            with open(path, "rb") as file:
                return head + file.read(size) + tail
