"""A database with our tables, of its own for each test."""

from collections.abc import Iterator

import pytest

from orchestrator.storage.postgres.database import Database
from tests.builders.postgres_server import PostgresServer
from tests.builders.postgres_store import database_of


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    database = database_of(postgres, ttl=600.0)
    yield database
    database.close()
