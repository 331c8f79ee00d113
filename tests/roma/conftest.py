"""A far side that says exactly what a test tells it to: over a loopback socket, or in memory and virtual time."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import anyio
import looptime
import pytest
from aiohttp import web

from orchestrator.core.model.failures import Failure
from orchestrator.core.model.secrets import AccessKeySecret, PasswordSecret, Secret
from orchestrator.core.plan.plan import Instance, Settings
from orchestrator.roma import Roma
from orchestrator.roma.transport import Answer, TransportFailed, WireRequest
from tests.roma.canned import Canned

T = TypeVar("T")
Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]

NOW = datetime(2025, 11, 21, 17, 45, tzinfo=UTC)
KEY = AccessKeySecret("AKEXAMPLE0000000000X", "SKexample/secret+key0000000000000000000000")
PASSWORD = PasswordSecret("migrator", "acme", "correct horse battery")


@dataclass(frozen=True)
class Seen:
    """One request as it came over the socket."""

    method: str
    #: as sent, not decoded
    target: str
    headers: Mapping[str, str]
    body: bytes
    #: the client's port: equal ports mean a shared connection
    port: int


@dataclass
class Script:
    """A server whose answers are lined up beforehand; a request too many is answered 500."""

    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    replies: deque[Reply] = field(default_factory=deque)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def json(self, value: object, status: int = 200, **headers: str) -> None:
        self.raw(json.dumps(value).encode(), status, **headers)

    def raw(self, body: bytes, status: int = 200, **headers: str) -> None:
        named = {name.replace("_", "-"): text for name, text in headers.items()}

        async def reply(request: web.Request) -> web.StreamResponse:
            return web.Response(body=body, status=status, headers=named)

        self.replies.append(reply)

    def token(self, text: str = "TOKEN-ONE", lifetime: int = 86400) -> None:
        ends = datetime.fromtimestamp(NOW.timestamp() + lifetime, UTC)
        body = {"token": {"issued_at": _iam_time(NOW), "expires_at": _iam_time(ends), "project": {"id": "p"}}}
        self.json(body, 201, X_Subject_Token=text)

    def drop(self) -> None:
        """The connection is reset after the request was read."""

        async def reply(request: web.Request) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()

        self.replies.append(reply)

    def hang(self) -> None:
        """No answer until the client gives up."""

        async def reply(request: web.Request) -> web.StreamResponse:
            await asyncio.Event().wait()
            return web.Response()

        self.replies.append(reply)

    def stream(self, body: bytes, *, announced: int | None, then: str) -> None:
        """An answer that announces a length (or none) and after `body` is cut, hangs or ends."""

        async def reply(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            if announced is not None:
                response.content_length = announced
            await response.prepare(request)
            await response.write(body)
            if then == "hang":
                await asyncio.Event().wait()
            if then == "cut":
                assert request.transport is not None
                request.transport.abort()
            return response

        self.replies.append(reply)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        port = request.transport.get_extra_info("peername")[1]
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append(Seen(request.method, request.raw_path, headers, await request.read(), port))
        return await (self.replies.popleft()(request) if self.replies else _unexpected())


async def _unexpected() -> web.StreamResponse:
    return web.Response(status=500, text="nobody lined this answer up")


def _iam_time(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.000000Z")


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    found = Script()
    app = web.Application(client_max_size=2**31)
    app.router.add_route("*", "/{tail:.*}", found.answer)
    runner = web.AppRunner(
        app, access_log=None, shutdown_timeout=0, max_field_size=200000, max_line_size=200000, handler_cancellation=True
    )
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.port = runner.addresses[0][1]
    yield found
    await runner.cleanup()


@pytest.fixture
def instance(script: Script) -> Instance:
    return Instance("prod", script.endpoint, script.endpoint, "p" * 32, "i1", ("key",), region="cn-north-4")


@pytest.fixture
async def roma() -> AsyncIterator[Roma]:
    fast = Settings(reads_per_second=10000, writes_per_second=10000)
    found = Roma(fast, {"key": KEY, "password": PASSWORD}, wall=lambda: NOW, draw=lambda: 0.0)
    yield found
    await found.aclose()


@dataclass
class Memory:
    """A transport in memory, for virtual time: answers or failures lined up, the last one for ever."""

    outcomes: list[Answer | Failure] = field(default_factory=list)
    seen: list[WireRequest] = field(default_factory=list)
    #: when each request was sent, in anyio's time
    times: list[float] = field(default_factory=list)
    #: seconds until an answer
    latency: float = 0.0

    def json(self, value: object, status: int = 200, **headers: str) -> None:
        named = {name.replace("_", "-").lower(): text for name, text in headers.items()}
        self.outcomes.append(Canned(status, json.dumps(value).encode(), named))

    def fail(self, failure: Failure) -> None:
        self.outcomes.append(failure)

    def token(self, text: str, lifetime: int = 86400) -> None:
        ends = datetime.fromtimestamp(NOW.timestamp() + lifetime, UTC)
        body = {"token": {"issued_at": _iam_time(NOW), "expires_at": _iam_time(ends)}}
        self.json(body, 201, X_Subject_Token=text)

    @asynccontextmanager
    async def send(self, request: WireRequest) -> AsyncIterator[Answer]:
        self.seen.append(replace(request))
        self.times.append(anyio.current_time())
        await anyio.sleep(self.latency)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Failure):
            raise TransportFailed(outcome, f"told to be {outcome}")
        yield outcome

    async def aclose(self) -> None:
        self.outcomes.clear()


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def memory_roma(memory: Memory) -> Roma:
    """Speaks to `memory` with the default rates."""
    secrets: dict[str, Secret] = {"key": KEY, "password": PASSWORD}
    return Roma(Settings(), secrets, wall=lambda: NOW, draw=lambda: 0.5, transport=lambda ca_file, proxy: memory)


@pytest.fixture
def memory_instance() -> Instance:
    return Instance("prod", "https://roma.example", "https://iam.example", "p" * 32, "i1", ("key",), region="r")


@pytest.fixture
def virtually() -> Iterator[Callable[[Coroutine[Any, Any, object]], float]]:
    """Runs a coroutine in virtual time; returns the seconds that passed there."""
    loop = looptime.new_event_loop()

    def run(coroutine: Coroutine[Any, Any, object]) -> float:
        begun = loop.time()
        loop.run_until_complete(coroutine)
        return float(loop.time() - begun)

    yield run
    loop.close()


@pytest.fixture
def secrets() -> tuple[AccessKeySecret, PasswordSecret]:
    return KEY, PASSWORD
