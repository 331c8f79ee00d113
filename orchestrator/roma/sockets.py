"""The transport over real sockets, on aiohttp. Law: each request is sent at most once, and nothing is followed.

Theory of operation. aiohttp repeats a GET by itself when its connection ends early, which would burn an archive
(API 1.5) and hide what happened. A middleware therefore turns every error into TransportFailed inside aiohttp, where
its own repetition no longer recognises it. NOT_SENT is said only of errors that aiohttp raises while it connects.
Messages are our own words: an aiohttp error may carry headers, and so a token.

A process may be frozen, or cut off, at any moment, and another has taken over when it goes on (promise 21). So a
request that changes something asks its guard at the start, once its connection is made, and before each piece of its
body; the last piece, without which the service does nothing, leaves only after the guard has confirmed. What the kernel
still holds of such a request dies with its socket: it is closed by a reset, and unacknowledged bytes are given up.
"""

import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import cache
from io import BufferedReader
from typing import Any
from urllib.request import getproxies_environment, proxy_bypass

import aiohttp
import anyio
import anyio.to_thread
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from aiohttp.payload import AsyncIterablePayload
from yarl import URL

from orchestrator.core.model.failures import Failure
from orchestrator.errors import OperatorError, PackageDamaged
from orchestrator.roma.transport import UNGUARDED, Answer, FileBody, Guard, TransportFailed, Unguarded, WireRequest

#: seconds for name resolution, TCP and TLS together
CONNECT_TIMEOUT = 10.0
#: seconds between two pieces of an answer's body
IDLE_TIMEOUT = 60.0
#: a token may have 100,000 characters (API 1.11)
LARGEST_HEADER = 131072
_PIECE = 262144
#: seconds after which bytes that nobody acknowledges end the connection of a request that is not a plain GET, and the
#: part of a lease within which they must: what queues on the way hold back then has as long again to be lost
UNACKNOWLEDGED, WITHIN = 10.0, 0.5
#: OpenSSL's codes for a chain that ends in no authority we know
_UNKNOWN_AUTHORITY = {18, 19, 20, 21}

#: aiohttp raises these before it has written anything
_BEFORE_SENDING = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.InvalidURL,
)


#: of the request that this task sends
_GUARD: ContextVar[Guard] = ContextVar("guard", default=UNGUARDED)


class _Way:
    """Whether the request that this task sends may have left: it cannot while its own connection is being made."""

    def __init__(self, *, fresh: bool) -> None:
        self.made = not fresh


_WAY: ContextVar[_Way] = ContextVar("way")


class AiohttpTransport:
    """Real connections. One session for GETs, which share connections, and one for requests that must not."""

    def __init__(
        self,
        ca_file: str = "",
        proxy: str = "",
        *,
        agent: str = "",
        connect_timeout: float = CONNECT_TIMEOUT,
        idle_timeout: float = IDLE_TIMEOUT,
    ) -> None:
        """`agent` is the User-Agent of every request; "" sends none."""
        self._agent = agent
        self._ca_file = ca_file
        self._proxy = proxy
        self._connect_timeout = connect_timeout
        self._idle_timeout = idle_timeout
        # Asked once for each host: it costs half as much as a request.
        self._proxy_of_environment = cache(_proxy_of_environment)
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._context: ssl.SSLContext | None = None

    @asynccontextmanager
    async def send(self, request: WireRequest) -> AsyncIterator[Answer]:
        """Send it once; see `transport.Transport`. Raises PackageDamaged where the file cannot be opened."""
        request.guard.must_hold()
        file = _opened(request.body) if isinstance(request.body, FileBody) else None
        response: ClientResponse | None = None
        try:
            response = await self._head(request, file)
            yield _SocketAnswer(response, self._idle_timeout)
        finally:
            if response is not None:
                response.close()
            if file is not None:
                file.close()

    async def aclose(self) -> None:
        """Close every connection; the transport can be used again afterwards."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def _head(self, request: WireRequest, file: BufferedReader | None) -> ClientResponse:
        """Send the request and wait for the answer's head."""
        fresh = request.single_use or request.method != "GET"
        session, way = self._session(fresh=fresh), _Way(fresh=fresh)
        headers = {**request.headers, "Accept-Encoding": "identity"}
        if self._agent:
            headers["User-Agent"] = self._agent  # added once the request is signed: it proves nothing
        data: bytes | AsyncIterator[bytes] | None = None
        if isinstance(request.body, bytes):
            data = request.body
        elif request.body is not None and file is not None:
            data = _upload(request.body, file, request.guard)
            headers["Content-Length"] = str(request.body.length)
        url = URL(request.url, encoded=True)
        _GUARD.set(request.guard)
        _WAY.set(way)
        with anyio.move_on_after(request.timeout):
            try:
                return await session.request(
                    request.method,
                    url,
                    data=data,
                    headers=headers,
                    allow_redirects=False,
                    proxy=self._proxy or self._proxy_of_environment(url.scheme, url.host or ""),
                )
            except TransportFailed:
                request.guard.must_hold()  # what it cut short is told as that
                raise
        if not way.made:
            raise TransportFailed(Failure.NOT_SENT, f"no connection within {request.timeout:g} s")
        raise TransportFailed(Failure.HUNG, f"no answer within {request.timeout:g} s")

    def _session(self, *, fresh: bool) -> aiohttp.ClientSession:
        if fresh not in self._sessions:
            self._sessions[fresh] = aiohttp.ClientSession(
                connector=self._connector(fresh=fresh),
                timeout=aiohttp.ClientTimeout(total=None, connect=self._connect_timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                # Not trust_env: it would also read ~/.netrc, whose passwords are not for ROMA.
                trust_env=False,
                skip_auto_headers=("Content-Type", "User-Agent"),
                read_bufsize=_PIECE,
                max_line_size=LARGEST_HEADER,
                max_field_size=LARGEST_HEADER,
                middlewares=(_once,),
            )
        return self._sessions[fresh]

    def _connector(self, *, fresh: bool) -> aiohttp.TCPConnector:
        if not fresh:
            return aiohttp.TCPConnector(limit=0, ssl=self._tls())
        return _Guarded(limit=0, force_close=True, ssl=self._tls(), socket_factory=_mortal_socket)

    def _tls(self) -> ssl.SSLContext:
        if self._context is not None:
            return self._context
        context = ssl.create_default_context()
        if self._ca_file:
            try:
                context.load_verify_locations(self._ca_file)
            except OSError as error:  # ssl.SSLError is one
                reason = "no certificates in it" if isinstance(error, ssl.SSLError) else error.strerror
                raise OperatorError(f"ca_file {self._ca_file} cannot be used: {reason}") from error
        self._context = context
        return context


class _Guarded(aiohttp.TCPConnector):
    """Makes connections for requests that must not be repeated, and asks their guard once they are made."""

    async def connect(self, req: ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout) -> Any:  # noqa: ASYNC109 - as aiohttp calls it
        connection = await super().connect(req, traces, timeout)
        guard = _GUARD.get()
        try:
            # A file's last piece is confirmed by itself; everything else leaves at once.
            if isinstance(req.body, AsyncIterablePayload):
                guard.must_hold()
            else:
                await _confirmed(guard)
        except BaseException:
            connection.close()
            raise
        _WAY.get().made = True
        return connection


async def _confirmed(guard: Guard) -> None:
    if not isinstance(guard, Unguarded):
        await anyio.to_thread.run_sync(guard.confirm)
        guard.must_hold()  # the thread, or this one, may have stood still since


def _mortal_socket(address: Any) -> socket.socket:
    """A socket whose unsent bytes die with it: else the kernel would deliver them long after this process's death."""
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        seconds = min(UNACKNOWLEDGED, WITHIN * _GUARD.get().ttl)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
    return made


class _SocketAnswer:
    """One answer whose body is still on the wire."""

    def __init__(self, response: ClientResponse, idle_timeout: float) -> None:
        self._response = response
        self._idle_timeout = idle_timeout

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return {name.lower(): value for name, value in self._response.headers.items()}

    async def read(self, limit: int) -> bytes:
        pieces: list[bytes] = []
        missing = limit
        while missing > 0 and (piece := await self._piece()):
            pieces.append(piece[:missing])
            missing -= len(pieces[-1])
        return b"".join(pieces)

    async def chunks(self) -> AsyncIterator[bytes]:
        while piece := await self._piece():
            yield piece

    async def _piece(self) -> bytes:
        failed: TransportFailed | None = None
        try:
            with anyio.move_on_after(self._idle_timeout):
                return await self._response.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            failed = TransportFailed(Failure.DROPPED, f"the answer ended early{_reason(error)}")
        # Raised outside the handler: nothing of aiohttp's error, not even as a context, travels on.
        raise failed or TransportFailed(Failure.HUNG, f"the answer fell silent for {self._idle_timeout:g} s")


async def _once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Pass one request on, and turn any failure into ours before aiohttp can repeat it."""
    try:
        return await handler(request)
    except _BEFORE_SENDING as error:
        words = _not_sent(error, f"{request.url.host}:{request.url.port}")
        lasting = isinstance(error, aiohttp.ClientConnectorCertificateError)
        failed = TransportFailed(Failure.NOT_SENT, words, lasting=lasting)
    except TimeoutError:
        failed = TransportFailed(Failure.HUNG, "no answer in time")
    except (aiohttp.ClientError, OSError) as error:
        failed = TransportFailed(Failure.DROPPED, f"the connection ended before a whole answer{_reason(error)}")
    raise failed


def _not_sent(error: Exception, where: str) -> str:
    """The cause, with the host; `where` is it as it was asked for."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"the certificate of {error.host}:{error.port} is not trusted{_distrust(error.certificate_error)}"
        case aiohttp.ClientSSLError():
            return f"{error.host}:{error.port} does not speak TLS as expected"
        case aiohttp.ClientProxyConnectionError():
            return f"cannot connect to the proxy{_reason(error)}"
        case aiohttp.ClientHttpProxyError():
            return f"the proxy refused the connection with HTTP status {error.status}"
        case aiohttp.ClientConnectorDNSError():
            return f"the name {error.host} cannot be resolved"
        case aiohttp.ClientConnectorError():
            return f"cannot connect to {error.host}:{error.port}{_reason(error)}"
        case aiohttp.ConnectionTimeoutError():
            return f"connecting to {where} timed out"
        case _:
            return f"no connection to {where} could be made"


def _distrust(error: Exception) -> str:
    """What OpenSSL says of a certificate: expired, of another host, self-signed, of an unknown authority."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return ""
    words = f": {error.verify_message}" if error.verify_message else ""
    return f"{words} (a private authority needs `ca_file`)" if error.verify_code in _UNKNOWN_AUTHORITY else words


def _reason(error: Exception) -> str:
    """What the operating system says of its number, where there is one; never the text of a library's error."""
    system = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    number = system.errno if isinstance(system, OSError) else None
    return f": {os.strerror(number).lower()}" if number is not None and number > 0 else ""


def _opened(body: FileBody) -> BufferedReader:
    try:
        return open(body.path, "rb")
    except OSError as error:
        raise PackageDamaged(f"the stored package {body.path} cannot be read: {error.strerror}") from error


async def _upload(body: FileBody, file: BufferedReader, guard: Guard) -> AsyncIterator[bytes]:
    """The form's bytes, with one piece of the file in memory at a time."""
    guard.must_hold()
    yield body.head
    missing = body.size
    while missing > 0:
        piece = await anyio.to_thread.run_sync(file.read, min(_PIECE, missing))
        if not piece:
            raise EOFError("the file is shorter than announced")
        missing -= len(piece)
        guard.must_hold()
        yield piece
    await _confirmed(guard)
    yield body.tail


def _proxy_of_environment(scheme: str, host: str) -> str | None:
    """HTTPS_PROXY unless NO_PROXY names the host. Plain http is loopback only, which needs no proxy."""
    if scheme != "https" or proxy_bypass(host):
        return None
    proxies = getproxies_environment()
    address = proxies.get("https", proxies.get("all", ""))
    return address if "://" in address or not address else f"http://{address}"
