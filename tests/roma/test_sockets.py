"""The real transport on loopback sockets: what was certainly not sent, what may have been, and that nothing repeats."""

import asyncio
import socket
import ssl
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from orchestrator.core.model.failures import Failure
from orchestrator.errors import OperatorError, PackageDamaged
from orchestrator.roma.sockets import AiohttpTransport
from orchestrator.roma.transport import FileBody, TransportFailed, WireRequest

if TYPE_CHECKING:
    from tests.roma.conftest import Script


@pytest.fixture
async def transport() -> AsyncIterator[AiohttpTransport]:
    found = AiohttpTransport(idle_timeout=0.2)
    yield found
    await found.aclose()


def get(url: str, *, timeout: float = 5, single_use: bool = False) -> WireRequest:
    return WireRequest("GET", url, {}, None, timeout, single_use)


def post(url: str, body: bytes | FileBody = b"{}", *, timeout: float = 5) -> WireRequest:
    return WireRequest("POST", url, {"Content-Type": "application/json"}, body, timeout)


async def failure_of(transport: AiohttpTransport, request: WireRequest) -> TransportFailed:
    async def whole() -> None:
        async with transport.send(request) as answer:
            async for _ in answer.chunks():
                pass

    with pytest.raises(TransportFailed) as caught:
        await whole()
    assert caught.value.__context__ is None, "an aiohttp error may carry headers"
    return caught.value


async def test_an_answer_has_its_status_headers_and_body(transport: AiohttpTransport, script: "Script") -> None:
    script.raw(b"0123456789", 418, X_Request_Id="r1")
    async with transport.send(get(f"{script.endpoint}/a%2Fb?x=%20~")) as answer:
        assert answer.status == 418
        assert answer.headers["x-request-id"] == "r1"
        assert await answer.read(4) == b"0123"
    assert script.seen[0].target == "/a%2Fb?x=%20~"
    assert script.seen[0].headers["accept-encoding"] == "identity"
    assert script.seen[0].headers.get("content-type") is None


@pytest.mark.parametrize(("agent", "said"), [("", None), ("roma-migrate/1 (worker w)", "roma-migrate/1 (worker w)")])
async def test_who_asks_is_said_where_it_has_a_name(script: "Script", agent: str, said: str | None) -> None:
    transport = AiohttpTransport(agent=agent)
    for request in (get(f"{script.endpoint}/a"), post(f"{script.endpoint}/b")):
        script.raw(b"{}", 200)
        async with transport.send(request):
            assert script.seen[-1].headers.get("user-agent") == said
    await transport.aclose()


async def test_a_refused_connection_was_certainly_not_sent(transport: AiohttpTransport) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        unused_port = unused.getsockname()[1]
        failed = await failure_of(transport, post(f"http://127.0.0.1:{unused_port}/"))
    assert failed.failure is Failure.NOT_SENT
    assert failed.message == f"cannot connect to 127.0.0.1:{unused_port}: connection refused"


async def test_an_unknown_name_was_certainly_not_sent(transport: AiohttpTransport) -> None:
    failed = await failure_of(transport, get("http://no-such-host.invalid/"))
    assert failed.failure is Failure.NOT_SENT
    assert "cannot be resolved" in failed.message


async def test_a_failed_tls_handshake_was_certainly_not_sent(transport: AiohttpTransport, script: "Script") -> None:
    failed = await failure_of(transport, post(f"https://127.0.0.1:{script.port}/"))
    assert failed.failure is Failure.NOT_SENT
    assert script.seen == []


async def test_a_proxy_that_cannot_be_reached_or_refuses_was_certainly_not_sent(script: "Script") -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = AiohttpTransport(proxy=f"http://user:hunter22@127.0.0.1:{unused.getsockname()[1]}")
        failed = await failure_of(dead, get("https://roma.example/"))
        await dead.aclose()
    assert failed.failure is Failure.NOT_SENT
    assert failed.message == "cannot connect to the proxy: connection refused"
    assert "hunter22" not in repr(failed)

    script.raw(b"", 407)
    refusing = AiohttpTransport(proxy=script.endpoint)
    failed = await failure_of(refusing, get("https://roma.example/"))
    await refusing.aclose()
    assert failed.failure is Failure.NOT_SENT


async def test_a_proxy_of_the_plan_is_used(script: "Script") -> None:
    script.raw(b"by proxy")
    transport = AiohttpTransport(proxy=script.endpoint)
    async with transport.send(get("http://roma.example/x")) as answer:
        assert await answer.read(100) == b"by proxy"
    await transport.aclose()
    assert script.seen[0].target == "http://roma.example/x"


async def test_https_proxy_of_the_environment_is_used_unless_no_proxy_names_the_host(
    monkeypatch: pytest.MonkeyPatch, transport: AiohttpTransport
) -> None:
    asked: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    proxy = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
        monkeypatch.setenv("NO_PROXY", "localhost.invalid")
        through = await failure_of(transport, get("https://roma.example/"))
        runtime = await failure_of(transport, get("https://localhost.invalid/"))
        plain = await failure_of(transport, get("http://localhost.invalid/"))
    assert through.message == "the proxy refused the connection with HTTP status 403"
    assert "cannot be resolved" in runtime.message
    assert "cannot be resolved" in plain.message
    assert [request.split()[0] for request in asked] == [b"CONNECT"]


async def test_netrc_adds_no_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, transport: AiohttpTransport, script: "Script"
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password hunter22\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    script.raw(b"")
    async with transport.send(get(script.endpoint + "/")):
        pass
    assert "authorization" not in script.seen[0].headers


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("single_use", [True, False])
async def test_a_dropped_request_is_dropped_and_sent_once(
    transport: AiohttpTransport, script: "Script", method: str, single_use: bool
) -> None:
    for _ in range(3):
        script.drop()
    request = WireRequest(method, script.endpoint + "/", {}, b"x" if method == "POST" else None, 5, single_use)
    assert (await failure_of(transport, request)).failure is Failure.DROPPED
    assert len(script.seen) == 1


async def test_a_get_on_a_shared_connection_that_dies_is_not_repeated_either(
    transport: AiohttpTransport, script: "Script"
) -> None:
    script.raw(b"ok")
    script.drop()
    script.raw(b"never")
    async with transport.send(get(script.endpoint + "/")) as answer:
        await answer.read(10)
    assert (await failure_of(transport, get(script.endpoint + "/"))).failure is Failure.DROPPED
    assert script.seen[0].port == script.seen[1].port
    assert len(script.seen) == 2


async def test_posts_and_downloads_have_connections_of_their_own(transport: AiohttpTransport, script: "Script") -> None:
    requests = [
        get(script.endpoint + "/"),
        get(script.endpoint + "/"),
        post(script.endpoint + "/"),
        post(script.endpoint + "/"),
        get(script.endpoint + "/", single_use=True),
    ]
    for request in requests:
        script.raw(b"ok")
        async with transport.send(request) as answer:
            await answer.read(10)
    ports = [seen.port for seen in script.seen]
    assert ports[0] == ports[1]
    assert len(set(ports)) == 4


async def test_silence_before_the_head_is_hung(transport: AiohttpTransport, script: "Script") -> None:
    script.hang()
    assert (await failure_of(transport, post(script.endpoint + "/", timeout=0.1))).failure is Failure.HUNG


async def test_silence_inside_the_body_is_hung(transport: AiohttpTransport, script: "Script") -> None:
    script.stream(b"begun", announced=100, then="hang")
    assert (await failure_of(transport, get(script.endpoint + "/"))).failure is Failure.HUNG


@pytest.mark.parametrize("announced", [100, None])
async def test_a_truncated_body_is_dropped(
    transport: AiohttpTransport, script: "Script", announced: int | None
) -> None:
    script.stream(b"begun", announced=announced, then="cut")
    assert (await failure_of(transport, get(script.endpoint + "/"))).failure is Failure.DROPPED


async def test_an_answer_that_is_not_http_is_dropped(transport: AiohttpTransport) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-something\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert (await failure_of(transport, get(f"http://127.0.0.1:{port}/"))).failure is Failure.DROPPED


async def test_a_redirection_is_not_followed(transport: AiohttpTransport, script: "Script") -> None:
    script.raw(b"", 302, Location="/elsewhere")
    async with transport.send(get(script.endpoint + "/")) as answer:
        assert answer.status == 302
    assert len(script.seen) == 1


async def test_compressed_bytes_are_left_as_they_are(transport: AiohttpTransport, script: "Script") -> None:
    script.raw(b"\x1f\x8bnot really", Content_Encoding="gzip")
    async with transport.send(get(script.endpoint + "/")) as answer:
        assert await answer.read(100) == b"\x1f\x8bnot really"


async def test_a_token_of_a_hundred_thousand_characters_passes_both_ways(
    transport: AiohttpTransport, script: "Script"
) -> None:
    token = "t" * 100000
    script.raw(b"", 201, X_Subject_Token=token)
    request = WireRequest("GET", script.endpoint + "/", {"X-Auth-Token": token}, None, 5)
    async with transport.send(request) as answer:
        assert answer.headers["x-subject-token"] == token
    assert script.seen[0].headers["x-auth-token"] == token


async def test_a_file_is_streamed_with_its_length(
    transport: AiohttpTransport, script: "Script", tmp_path: Path
) -> None:
    path = tmp_path / "p.zip"
    path.write_bytes(b"z" * 1_000_000)
    script.raw(b"ok")
    async with transport.send(post(script.endpoint + "/", FileBody(b"<", str(path), 1_000_000, b">"))) as answer:
        assert answer.status == 200
    assert script.seen[0].headers["content-length"] == "1000002"
    assert "transfer-encoding" not in script.seen[0].headers
    assert script.seen[0].body == b"<" + b"z" * 1_000_000 + b">"


async def test_a_file_that_has_grown_is_sent_as_announced(
    transport: AiohttpTransport, script: "Script", tmp_path: Path
) -> None:
    path = tmp_path / "p.zip"
    path.write_bytes(b"z" * 200)
    script.raw(b"ok")
    async with transport.send(post(script.endpoint + "/", FileBody(b"<", str(path), 100, b">"))):
        pass
    assert script.seen[0].body == b"<" + b"z" * 100 + b">"


async def test_a_file_shorter_than_announced_ends_as_dropped(
    transport: AiohttpTransport, script: "Script", tmp_path: Path
) -> None:
    path = tmp_path / "p.zip"
    path.write_bytes(b"z" * 10)
    failed = await failure_of(transport, post(script.endpoint + "/", FileBody(b"<", str(path), 100, b">")))
    assert failed.failure is Failure.DROPPED


async def test_a_missing_file_is_damage_of_our_memory_and_nothing_is_sent(
    transport: AiohttpTransport, script: "Script", tmp_path: Path
) -> None:
    with pytest.raises(PackageDamaged):
        async with transport.send(post(script.endpoint + "/", FileBody(b"<", str(tmp_path / "no"), 1, b">"))):
            pass
    assert script.seen == []


async def test_an_answer_that_comes_before_the_upload_ends_is_heard(
    transport: AiohttpTransport, tmp_path: Path
) -> None:
    path = tmp_path / "p.zip"
    path.write_bytes(b"z" * 3_000_000)

    async def too_large(request: web.Request) -> web.StreamResponse:
        return web.Response(status=413, text="too large")

    app = web.Application()
    app.router.add_post("/", too_large)
    runner = web.AppRunner(app, access_log=None, lingering_time=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    async with transport.send(post(url, FileBody(b"<", str(path), 3_000_000, b">"))) as answer:
        assert answer.status == 413
    await runner.cleanup()


async def test_a_private_authority_is_trusted_only_where_it_is_named() -> None:
    ca_file = Path(__file__).with_name("certificates") / "loopback.pem"
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(ca_file)

    async def hello(request: web.Request) -> web.StreamResponse:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_side).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}/"

    stranger = AiohttpTransport()
    failed = await failure_of(stranger, get(url))
    await stranger.aclose()
    assert failed.failure is Failure.NOT_SENT
    assert "ca_file" in failed.message

    friend = AiohttpTransport(str(ca_file))
    async with friend.send(get(url)) as answer:
        assert await answer.read(10) == b"hello"
    await friend.aclose()
    await runner.cleanup()


@pytest.mark.parametrize(("text", "words"), [(None, "No such file"), ("nonsense", "no certificates")])
async def test_a_wrong_ca_file_is_the_operators(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    transport = AiohttpTransport(str(path))
    with pytest.raises(OperatorError, match=words):
        async with transport.send(get("https://127.0.0.1:1/")):
            pass


async def test_closing_twice_and_closing_unused_is_harmless() -> None:
    transport = AiohttpTransport()
    await transport.aclose()
    await transport.aclose()


async def test_memory_stays_flat_while_a_large_package_goes_and_comes(
    transport: AiohttpTransport, tmp_path: Path
) -> None:
    size = 48 * 2**20
    path = tmp_path / "p.zip"
    with path.open("wb") as file:
        file.truncate(size)

    async def swallow_and_return(request: web.Request) -> web.StreamResponse:
        taken = 0
        async for piece in request.content.iter_any():
            taken += len(piece)
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(taken // 2**16):
            await response.write(bytes(2**16))
        return response

    app = web.Application()
    app.router.add_post("/", swallow_and_return)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    tracemalloc.start()
    try:
        async with transport.send(post(url, FileBody(b"", str(path), size, b""), timeout=60)) as answer:
            received = 0
            async for piece in answer.chunks():
                received += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        await runner.cleanup()
    assert received == size
    assert peak < 8 * 2**20
