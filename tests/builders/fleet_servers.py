"""The two servers that a fleet rests on, each made for one use and removed after it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.builders.postgres_server import OwnServer
from tests.builders.temporal_server import TemporalServer


@contextmanager
def fleet_servers() -> Iterator[tuple[OwnServer, TemporalServer]]:
    """PostgreSQL and Temporal, both started."""
    with ExitStack() as stack:
        server, engine = OwnServer.made(), TemporalServer.made()
        stack.callback(server.remove)
        stack.callback(engine.remove)
        server.start()
        engine.start()
        yield server, engine
