"""What several folders of tests share: one server of a kind a session, started when the first test asks for it."""

import os
from collections.abc import Iterator

import hypothesis
import pytest

from tests.builders.postgres_server import OwnServer, PostgresServer, server_given
from tests.builders.temporal_server import TemporalServer

# How long one example takes says how busy the machine is.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    server = server_given() or OwnServer.made()
    try:
        if isinstance(server, OwnServer):
            server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def temporal() -> Iterator[str]:
    """The address of a Temporal server, as `--engine` takes it; ROMA_TEST_TEMPORAL names another one."""
    if named := os.environ.get("ROMA_TEST_TEMPORAL"):
        yield named
        return
    server = TemporalServer.made()
    try:
        server.start()
        yield server.address
    finally:
        server.remove()


@pytest.fixture
def own_temporal() -> Iterator[TemporalServer]:
    """A Temporal server that a test may stop, freeze and wipe."""
    server = TemporalServer.made()
    try:
        server.start()
        yield server
    finally:
        server.remove()
