"""A database of its own for each test, stores over it, and a cable before it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from orchestrator.storage.postgres.database import Database
from orchestrator.storage.postgres.store import PostgresStore
from tests.builders.cable import Cable, cable_to
from tests.builders.postgres_server import PostgresServer
from tests.builders.postgres_store import database_of, over, store_in

OpenedIn = Callable[[Database], PostgresStore]


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    database = database_of(postgres, ttl=20.0)
    yield database
    database.close()


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[Callable[[], PostgresStore]]:
    """One more process's store."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(store_in(database, tmp_path)))


@pytest.fixture
def opened_in(tmp_path: Path) -> Iterator[OpenedIn]:
    """The same over a database that a test has made."""
    with ExitStack() as stack:

        def opened(database: Database) -> PostgresStore:
            stack.callback(database.drop)
            return stack.enter_context(closing(store_in(database, tmp_path)))

        yield opened


@pytest.fixture
def cable(postgres: PostgresServer) -> Iterator[Cable]:
    with cable_to(postgres.port) as cable:
        yield cable


@pytest.fixture
def beyond(cable: Cable, database: Database, tmp_path: Path) -> Iterator[PostgresStore]:
    """A store whose way to the database is a cable."""
    store = store_in(over(cable, database), tmp_path / "beyond")
    yield store
    cable.speak()
    store.close()
