"""Hands numbers to Prometheus: over HTTP, or as a file for the node exporter. Law: no run waits or fails for it."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

#: seconds between two writes of the file
EVERY = 5.0


def registry_of(figures: Collector) -> CollectorRegistry:
    """A registry that holds these numbers alone, not the client's own of the process."""
    registry = CollectorRegistry()
    registry.register(figures)
    return registry


def serve(registry: CollectorRegistry, host: str, port: int) -> str:
    """Serve on a thread of its own until the process ends; the address. Raises OSError where it cannot listen."""
    server, _ = start_http_server(port, host, registry)
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{server.server_address[1]}/metrics"


class Textfile:
    """A file that is written again and again, whole each time: whoever reads it never sees a half."""

    def __init__(self, registry: CollectorRegistry, path: Path, trouble: Callable[[str], None]) -> None:
        self._registry, self._path, self._trouble = registry, path, trouble
        self._told = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write it for the last time."""
        self._closing.set()
        self._thread.join(EVERY)

    def _work(self) -> None:
        while True:
            last = self._closing.is_set()
            self._write()
            if last:
                return
            self._closing.wait(EVERY)

    def _write(self) -> None:
        # Hidden until it is whole, under a name that the node exporter does not read.
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            temporary.write_bytes(generate_latest(self._registry))
            temporary.chmod(0o644)  # the exporter reads it as another user; there is no secret in it
            temporary.replace(self._path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            if not self._told:
                self._told = True
                self._trouble(f"{self._path} cannot be written: {(error.strerror or 'failed').lower()}")
