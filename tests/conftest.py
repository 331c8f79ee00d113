"""What several folders of tests share: one PostgreSQL a session, started when the first test asks for it."""

from collections.abc import Iterator

import pytest

from tests.builders.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer.made()
    try:
        server.start()
        yield server
    finally:
        server.remove()
