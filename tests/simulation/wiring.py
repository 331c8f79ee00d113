"""The way to the emulator without a socket, at the same seam as aiohttp's.

Law: every way a reply can travel, travels here too.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import anyio
import anyio.lowlevel

from orchestrator.core.failures import Failure
from orchestrator.emulator.face import Face
from orchestrator.emulator.wire import (
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
        found = b""
        async for chunk in self.chunks():
            found += chunk
            if len(found) >= limit:
                break
        return found[:limit]

    async def chunks(self) -> AsyncIterator[bytes]:
        body, how = self._reply.body, self._reply.how
        match how:
            case Truncated(after=after, with_length=with_length):
                yield bytes(body)[:after]
                if with_length and after < len(body):
                    raise TransportFailed(Failure.DROPPED, "the connection ended early")
            case WrongLength(declared=declared):
                yield bytes(body)[:declared]
                if declared > len(body):
                    raise TransportFailed(Failure.DROPPED, "the connection ended early")
            case Drip(chunk=chunk, interval=interval):
                for piece in body.chunks(chunk):
                    await anyio.sleep(interval)
                    yield piece
            case _:
                for piece in body.chunks():
                    await anyio.lowlevel.checkpoint()
                    yield piece


class MemoryTransport:
    """Sends requests to a face, in the loop's own time."""

    def __init__(self, face: Face, heard: Callable[[WireRequest], None] | None = None) -> None:
        self._face = face
        self._heard = heard

    def send(self, request: WireRequest) -> AbstractAsyncContextManager[Answer]:
        return self._send(request)

    @asynccontextmanager
    async def _send(self, request: WireRequest) -> AsyncIterator[Answer]:
        if self._heard is not None:
            self._heard(request)
        try:
            with anyio.fail_after(request.timeout):
                reply = await self._exchange(request)
        except TimeoutError:
            raise TransportFailed(Failure.HUNG, f"no answer within {request.timeout:.0f} s") from None
        yield _MemoryAnswer(reply)

    async def _exchange(self, request: WireRequest) -> Reply:
        await anyio.sleep(LATENCY)
        reply = self._face.handle(_as_received(request))
        match reply.how:
            case Refused():
                raise TransportFailed(Failure.NOT_SENT, "connection refused")
            case Dropped():
                raise TransportFailed(Failure.DROPPED, "the connection was reset")
            case Hang():
                await anyio.sleep_forever()
            case Delayed(seconds=seconds):
                await anyio.sleep(seconds)
            case Whole() | Truncated() | WrongLength() | NoLength() | Drip():
                pass
        await anyio.sleep(LATENCY)
        return reply

    async def aclose(self) -> None:
        """Nothing to close."""


def _as_received(request: WireRequest) -> Request:
    url = urlsplit(request.url)
    query = tuple(parse_qsl(url.query, keep_blank_values=True))
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers.setdefault("host", url.netloc)
    return Request(request.method, url.path, query, headers, _body(request.body), url.netloc)


def _body(body: bytes | FileBody | None) -> bytes:
    match body:
        case None:
            return b""
        case bytes():
            return body
        case FileBody(head=head, path=path, size=size, tail=tail):
            return head + Path(path).read_bytes()[:size] + tail
