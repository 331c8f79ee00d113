"""A local ROMA Connect on a socket. Law: it adds nothing to the face but the realisation of how a reply travels.

`async with serve(face) as address:` listens on loopback; leaving the block stops it, and a new block with the same face
and port goes on where it was: that is an outage. A refused connection can only be shown by a server that is stopped, so
the fault of that name cuts the connection instead.
"""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap

import anyio
import anyio.lowlevel
from aiohttp import web

from orchestrator.emulator.api.api import Api
from orchestrator.emulator.control import PREFIX, control
from orchestrator.emulator.protocol.messages import (
    Delayed,
    Drip,
    Dropped,
    Hang,
    NoLength,
    Received,
    Refused,
    Reply,
    Request,
    Truncated,
    Whole,
    WrongLength,
)

#: seconds between two looks whether a hung caller has left
_LOOK = 0.05
#: bytes of a request body that are held in memory; a longer one lies in a file that has no name
_HELD = 8 * 1024**2
_LOOPBACK = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """As an endpoint, without a trailing slash."""
        return f"http://{self.host}:{self.port}"


@asynccontextmanager
async def serve(
    api: Api, port: int = 0, host: str = "127.0.0.1", body_limit: int = 2 * 1024**3
) -> AsyncIterator[Address]:
    """Serves a face until the block is left; port 0 takes a free one. `body_limit` is in bytes."""
    app = web.Application()
    server = _Server(api, body_limit)
    app.router.add_route("*", "/{path:.*}", server.answer)
    # Tokens are long (API 1.11), so are the headers that carry them.
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=0.2,
        max_line_size=1 << 16,
        max_field_size=1 << 18,
        handler_cancellation=True,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, reuse_address=True)
        await site.start()
        yield Address(host, runner.addresses[0][1])
    finally:
        server.stopping.set()
        await runner.cleanup()


class _Server:
    """Turns aiohttp's requests into the face's, and replies into bytes."""

    def __init__(self, api: Api, body_limit: int) -> None:
        self._api = api
        self._body_limit = body_limit
        self.stopping = anyio.Event()

    async def answer(self, incoming: web.Request) -> web.StreamResponse:
        request = Request(
            incoming.method,
            incoming.raw_path.partition("?")[0],
            tuple(incoming.query.items()),
            {name.lower(): value for name, value in incoming.headers.items()},
            await _received(incoming, self._body_limit),
            incoming.host,
        )
        if request.path.startswith(PREFIX) and incoming.remote in _LOOPBACK:
            return await _whole(incoming, control(self._api, request))
        return await self._send(incoming, self._api.handle(request))

    async def _send(self, incoming: web.Request, reply: Reply) -> web.StreamResponse:
        match reply.how:
            case Whole():
                return await _whole(incoming, reply)
            case Refused() | Dropped():
                return _cut(incoming)
            case Hang():
                await self._wait_until_gone(incoming)
                return _cut(incoming)
            case Truncated(after, with_length):
                return await _raw(incoming, reply, len(reply.body) if with_length else None, after)
            case WrongLength(declared):
                return await _raw(incoming, reply, declared, len(reply.body))
            case NoLength():
                return await _stream(incoming, reply, sized=False)
            case Drip(chunk, interval):
                return await _stream(incoming, reply, sized=True, chunk=chunk, interval=interval)
            case Delayed(seconds):
                with anyio.move_on_after(seconds):
                    await self.stopping.wait()
                return await _whole(incoming, reply)

    async def _wait_until_gone(self, incoming: web.Request) -> None:
        """Says nothing until the caller leaves or the server stops."""
        while not self.stopping.is_set() and incoming.transport is not None and not incoming.transport.is_closing():
            with anyio.move_on_after(_LOOK):
                await self.stopping.wait()


async def _received(incoming: web.Request, limit: int) -> Received:
    """The body of a request; 413 for one of more than `limit` bytes."""
    with tempfile.SpooledTemporaryFile(_HELD) as file:
        size = 0
        async for chunk in incoming.content.iter_any():
            size += len(chunk)
            if size > limit:
                raise web.HTTPRequestEntityTooLarge(limit, size)
            file.write(chunk)
        if size > _HELD:
            file.flush()
            return mmap(file.fileno(), 0, access=ACCESS_READ)
        file.seek(0)
        return file.read()


async def _whole(incoming: web.Request, reply: Reply) -> web.StreamResponse:
    if len(reply.body) > 1 << 20:
        return await _stream(incoming, reply, sized=True)
    return web.Response(status=reply.status, headers=dict(reply.headers), body=bytes(reply.body))


async def _stream(
    incoming: web.Request, reply: Reply, *, sized: bool, chunk: int = 65536, interval: float = 0.0
) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=dict(reply.headers))
    if sized:
        response.content_length = len(reply.body)
    else:
        response.enable_chunked_encoding()
    with suppress(ConnectionError):
        await response.prepare(incoming)
        for piece in reply.body.chunks(chunk):
            await response.write(piece)
            if interval:
                await anyio.sleep(interval)
        await response.write_eof()
    return response


async def _raw(incoming: web.Request, reply: Reply, length: int | None, after: int) -> web.StreamResponse:
    """Writes the reply by hand, since a correct server would refuse to; then the connection ends in good order."""
    transport = incoming.transport
    if transport is None:
        return web.Response()
    headers = dict(reply.headers) | {"connection": "close"}
    if length is not None:
        headers["content-length"] = str(length)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    transport.write(f"HTTP/1.1 {reply.status} {'OK' if reply.status < 400 else 'Error'}\r\n{head}\r\n".encode())
    left = after
    for piece in reply.body.chunks():
        if left <= 0 or transport.is_closing():
            break
        transport.write(piece[:left])
        left -= len(piece)
        await anyio.lowlevel.checkpoint()
    transport.close()
    return web.Response()


def _cut(incoming: web.Request) -> web.StreamResponse:
    if incoming.transport is not None:
        incoming.transport.abort()
    return web.Response()
