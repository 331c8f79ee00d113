"""Something between the program and the service that says back what it was sent, over a socket.

Law: patches nothing.
"""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    #: all headers as they were sent
    headers: str
    body: str


#: what is said in place of the service's answer: status, headers and body; None lets the request through
Echo = Callable[[Asked], tuple[int, dict[str, str], bytes] | None]


@contextmanager
def echoing(port: int, echo: Echo) -> Iterator[str]:
    """An address at which `echo` speaks, and behind it the service at `port`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is named above
            """Nothing."""

        def answer(self) -> None:
            body = self._body()
            said = echo(Asked(self.command, self.path, str(self.headers), body.decode("utf-8", "replace")))
            status, headers, content = said or self._passed_on(body)
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in {"content-length", "transfer-encoding", "connection", "date", "server"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))

        def _passed_on(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            onward = http.client.HTTPConnection("127.0.0.1", port)
            onward.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                onward.putheader(name, value)
            onward.endheaders(body)
            answer = onward.getresponse()
            try:
                return answer.status, dict(answer.getheaders()), answer.read()
            finally:
                onward.close()

        do_GET = do_POST = answer  # noqa: N815 - as the base class calls them

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
