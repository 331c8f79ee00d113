"""A real HTTP server for notices: remembers what came, and answers as it is told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Came:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Hooks:
    """What came, and what is answered by path: a status and a body, or None to cut the connection."""

    port: int = 0
    came: list[Came] = field(default_factory=list)
    answers: dict[str, tuple[int, bytes] | None] = field(default_factory=dict)
    #: set as long as answers are given; cleared, every request hangs
    answering: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def at(self, path: str) -> list[Came]:
        return [one for one in self.came if one.path == path]


@contextmanager
def hooks() -> Iterator[Hooks]:
    """A server that listens until the block is left."""
    told = Hooks()
    told.answering.set()

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            told.came.append(Came(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            told.answering.wait(60)
            answer = told.answers.get(self.path, (200, b"{}"))
            if answer is None:
                self.connection.close()
                return
            self.send_response(answer[0])
            self.send_header("Content-Length", str(len(answer[1])))
            self.end_headers()
            self.wfile.write(answer[1])

        do_GET = do_POST = _any  # noqa: N815 - the library's own names

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        told.answering.set()
        server.shutdown()
        server.server_close()
        thread.join()
