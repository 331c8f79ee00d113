"""A cable between a program and a server on loopback, which can be cut, fall silent, or change what passes.

Law: it copies bytes and understands none; whoever opens it closes it.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_PIECE = 65536


class Cable:
    """Listens on a port of its own and passes everything on, on a thread of its own for each connection."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._to = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: set[socket.socket] = set()
        self._passes = threading.Event()
        self._passes.set()
        self._cut_at = b""
        #: how often it was cut at the wanted bytes
        self.cuts = 0
        #: what becomes of the server's bytes
        self.change: Callable[[bytes], bytes] = lambda data: data
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Every connection ends; new ones are taken."""
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def cut_before_answer(self, holding: bytes) -> None:
        """The next answer of the server that holds these bytes ends its connection, unheard."""
        self._cut_at = holding

    def fall_silent(self) -> None:
        """Nothing passes any more, and nothing ends."""
        self._passes.clear()

    def speak(self) -> None:
        """What was held back passes."""
        self._passes.set()

    def close(self) -> None:
        self._closed = True
        with suppress(OSError):  # a thread that waits for a connection would take one more
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.speak()
        self.cut()

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._to)
            except OSError:
                near.close()
                continue
            self._open |= {near, far}
            for ends in ((near, far, False), (far, near, True)):
                threading.Thread(target=self._copy, args=ends, daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(_PIECE):
                self._passes.wait()
                if answers and self._cut_at and self._cut_at in data:
                    self._cut_at, self.cuts = b"", self.cuts + 1
                    break
                sink.sendall(self.change(data) if answers else data)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
            self._open.discard(each)


@contextmanager
def cable_to(port: int) -> Iterator[Cable]:
    cable = Cable(port)
    try:
        yield cable
    finally:
        cable.close()
