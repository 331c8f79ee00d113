"""A pooler by transactions: many clients, one connection to the server, lent until a transaction ends.

As PgBouncer does with `pool_mode = transaction`: it answers the beginning of a connection itself, and what a client set
for its session it never hears of.
"""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from tests.builders.postgres_server import PASSWORD

#: requests for encryption, which come before the beginning
_ENCRYPTION = {80877103, 80877104}


@contextmanager
def pooler_before(uri: str) -> Iterator[int]:
    """The port on which it listens."""
    with psycopg.connect(uri, password=PASSWORD, autocommit=True) as behind:
        server = socket.socket(fileno=socket.dup(behind.fileno()))
        server.setblocking(True)
        listener = socket.create_server(("127.0.0.1", 0))
        turn = threading.Lock()

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=_serve, args=(client, server, turn), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            listener.close()
            server.close()


def _serve(client: socket.socket, server: socket.socket, turn: threading.Lock) -> None:
    with suppress(OSError, EOFError), client:
        while True:
            (length,) = struct.unpack("!I", _exactly(client, 4))
            (code,) = struct.unpack("!I", _exactly(client, length - 4)[:4])
            if code not in _ENCRYPTION:
                break
            client.sendall(b"N")
        client.sendall(_greeting())
        while True:
            asked = _until(client, b"SQX")
            if asked[0] == b"X":
                return
            with turn:
                state = _relayed(client, server, asked[1])
                while state != b"I":
                    state = _relayed(client, server, _until(client, b"SQ")[1])


def _greeting() -> bytes:
    told = {"server_version": "18.6", "client_encoding": "UTF8", "standard_conforming_strings": "on"}
    status = b"".join(_message(b"S", f"{name}\0{value}\0".encode()) for name, value in told.items())
    return (
        _message(b"R", struct.pack("!I", 0)) + status + _message(b"K", struct.pack("!II", 99, 7)) + _message(b"Z", b"I")
    )


def _relayed(client: socket.socket, server: socket.socket, asked: bytes) -> bytes:
    """The state of the transaction behind the answer."""
    server.sendall(asked)
    _, answer = _until(server, b"Z")
    client.sendall(answer)
    return answer[-1:]


def _until(source: socket.socket, kinds: bytes) -> tuple[bytes, bytes]:
    """Messages up to the first of these kinds: that kind, and all their bytes."""
    found = b""
    while True:
        kind = _exactly(source, 1)
        (length,) = struct.unpack("!I", size := _exactly(source, 4))
        found += kind + size + _exactly(source, length - 4)
        if kind in kinds:
            return kind, found


def _exactly(source: socket.socket, number: int) -> bytes:
    found = b""
    while len(found) < number:
        piece = source.recv(number - len(found))
        if not piece:
            raise EOFError
        found += piece
    return found


def _message(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("!I", len(content) + 4) + content
