"""Nothing leaves this host that its guard does not let pass, over real sockets (promise 21)."""

import asyncio
import math
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.core.model.failures import Failure
from orchestrator.core.plan.plan import Instance, Mode
from orchestrator.errors import LeaseLost
from orchestrator.roma import Client, Roma, sockets
from orchestrator.roma.sockets import AiohttpTransport
from orchestrator.roma.transport import FileBody, TransportFailed, WireRequest

if TYPE_CHECKING:
    from tests.roma.conftest import Script

#: bytes of the file: some pieces, the last one not whole
SIZE = 600_000
HEAD, TAIL = b"head-of-the-form", b"tail-of-the-form"


@dataclass
class Service:
    """A socket that keeps what came, and answers a whole request."""

    port: int = 0
    came: bytearray = field(default_factory=bytearray)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while data := await reader.read(65536):
                self.came += data
                if self.whole:
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        except ConnectionResetError:
            pass
        finally:
            writer.close()

    @property
    def whole(self) -> bool:
        head, ended, body = bytes(self.came).partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        return bool(ended) and len(body) >= (int(length[1]) if length else 0)


@dataclass
class Lease:
    """A guard that passes so many questions; `asked` tells what was asked, and how much had come by then."""

    service: Service
    passes: int = 10**6
    asked: list[str] = field(default_factory=list)
    ttl: float = 20.0

    def must_hold(self) -> None:
        self._ask("hold")

    def confirm(self) -> None:
        self._ask("confirm")

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if len(self.asked) > self.passes:
            raise LeaseLost("taken over")


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    found = Service()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()
    await server.wait_closed()


@pytest.fixture
async def transport() -> AsyncIterator[AiohttpTransport]:
    found = AiohttpTransport()
    yield found
    await found.aclose()


@pytest.fixture
def form(tmp_path: Path) -> FileBody:
    path = tmp_path / "package.zip"
    path.write_bytes(b"z" * SIZE)
    return FileBody(HEAD, str(path), SIZE, TAIL)


def asking(service: Service, guard: Lease, body: "bytes | FileBody | None", method: str = "POST") -> WireRequest:
    return WireRequest(method, f"http://127.0.0.1:{service.port}/x", {}, body, 10, single_use=True, guard=guard)


async def send(transport: AiohttpTransport, request: WireRequest) -> int:
    async with transport.send(request) as answer:
        return answer.status


async def test_each_piece_is_asked_for_and_the_last_one_confirmed(
    transport: AiohttpTransport, service: Service, form: FileBody
) -> None:
    lease = Lease(service)
    assert await send(transport, asking(service, lease, form)) == 200
    pieces = -(-SIZE // sockets._PIECE)
    assert lease.asked == ["hold", "hold", "hold", *["hold"] * pieces, "confirm", "hold"]


@pytest.mark.parametrize(("body", "method"), [(b"{}", "POST"), (None, "GET"), (None, "DELETE")])
async def test_a_request_in_one_piece_is_confirmed_once_connected(
    transport: AiohttpTransport, service: Service, body: bytes | None, method: str
) -> None:
    lease = Lease(service)
    assert await send(transport, asking(service, lease, body, method)) == 200
    assert lease.asked == ["hold", "confirm", "hold"]


async def test_nothing_leaves_where_the_lease_is_lost_at_any_question(
    transport: AiohttpTransport, service: Service, form: FileBody
) -> None:
    """Whatever the moment, the service never gets the request's last piece."""
    counted = Lease(service)
    await send(transport, asking(service, counted, form))
    for passes in range(len(counted.asked)):
        service.came.clear()
        with pytest.raises(LeaseLost):
            await send(transport, asking(service, Lease(service, passes), form))
        assert TAIL not in service.came, f"after {passes} questions"
        assert not service.whole


@pytest.mark.parametrize("passes", [0, 1, 2])
@pytest.mark.parametrize(("body", "method"), [(b"{}", "POST"), (None, "GET")])
async def test_no_byte_of_a_request_in_one_piece_leaves(
    transport: AiohttpTransport, service: Service, passes: int, body: bytes | None, method: str
) -> None:
    with pytest.raises(LeaseLost):
        await send(transport, asking(service, Lease(service, passes), body, method))
    assert service.came == b""
    assert service.connections == (passes > 0)


async def test_what_ends_otherwise_is_told_as_before(transport: AiohttpTransport, service: Service) -> None:
    unused = Service(port=service.port)
    request = asking(unused, Lease(service), b"{}")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        unused.port = taken.getsockname()[1]
        with pytest.raises(TransportFailed) as failed:
            await send(transport, asking(unused, Lease(service), b"{}"))
    assert failed.value.failure is Failure.NOT_SENT
    assert await send(transport, request) == 200


# --- what the kernel still holds ---


async def all_of(taken: socket.socket) -> None:
    while await asyncio.get_running_loop().sock_recv(taken, 65536):
        pass


@asynccontextmanager
async def deaf_service() -> AsyncIterator[socket.socket]:
    """Takes connections and reads nothing."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        yield listener


async def test_bytes_that_the_kernel_holds_die_with_the_request(transport: AiohttpTransport, tmp_path: Path) -> None:
    """A connection that is given up is reset: what had not left is never delivered."""
    path = tmp_path / "large.zip"
    path.write_bytes(b"z" * 8_000_000)
    async with deaf_service() as listener:
        port = listener.getsockname()[1]
        body = FileBody(HEAD, str(path), 8_000_000, TAIL)
        request = WireRequest("POST", f"http://127.0.0.1:{port}/x", {}, body, 0.5)
        with pytest.raises(TransportFailed) as failed:
            await send(transport, request)
        assert failed.value.failure is Failure.HUNG
        taken, _ = await asyncio.get_running_loop().sock_accept(listener)
        with taken, pytest.raises(ConnectionResetError):
            await all_of(taken)


async def test_a_request_that_ends_before_its_connection_was_made_has_not_left(transport: AiohttpTransport) -> None:
    """A host behind a cut cable: whichever timer ends first, nothing was asked and nothing is to be settled."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with socket.create_connection(listener.getsockname()):  # nobody takes it: the kernel answers no other one
            request = WireRequest("POST", f"http://127.0.0.1:{listener.getsockname()[1]}/x", {}, b"{}", 0.3)
            with pytest.raises(TransportFailed) as failed:
                await send(transport, request)
        assert failed.value.failure is Failure.NOT_SENT


@pytest.mark.parametrize(("ttl", "milliseconds"), [(math.inf, 10_000), (20.0, 10_000), (8.0, 4_000)])
async def test_the_sockets_of_such_requests_give_up_by_themselves_long_before_the_leases_end(
    ttl: float, milliseconds: int
) -> None:
    sockets._GUARD.set(Lease(Service(), ttl=ttl))
    with sockets._mortal_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1))) as made:
        lingers = made.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
        assert struct.unpack("ii", lingers) == (1, 0)
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == milliseconds


# --- which requests ---


async def test_whatever_changes_something_is_guarded_and_a_read_is_not(
    roma: Roma, instance: Instance, script: "Script", tmp_path: Path
) -> None:
    """A lease that is lost from the start: reads pass, everything else never reaches the service."""
    roma.guard = Lease(Service(), passes=0)
    package = tmp_path / "package.zip"
    package.write_bytes(b"PK")
    client = roma.client(instance, "key")
    acts: list[Callable[[], Awaitable[object]]] = [
        lambda: client.export(["a"], []), lambda: client.delete(["a"], []),
        lambda: client.import_package(str(package), Mode.ADD_NEW, "", False),
        lambda: downloaded(client),
    ]  # fmt: skip
    for act in acts:
        with pytest.raises(LeaseLost):
            await act()
    assert script.seen == []
    script.json({"total": 0, "apps": []})
    assert await client.apps() == ()


async def downloaded(client: Client) -> None:
    async with client.download("archive"):
        pass
