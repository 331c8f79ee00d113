"""What is no PostgreSQL, or lends each transaction another connection, is refused before anything is asked of it."""

import pytest

from orchestrator.errors import JournalUnreachable, OperatorError
from orchestrator.storage.postgres.database import Connection, Database
from tests.builders.cable import Cable
from tests.builders.pooler import pooler_before
from tests.builders.postgres_server import PASSWORD, PostgresServer
from tests.builders.postgres_store import over, way_to


def look(db: Connection) -> object:
    return db.execute("SELECT 1").fetchone()


@pytest.mark.parametrize(("says", "told"), [
    (b"openGauss  5", "is no PostgreSQL but 'openGauss  58"),
    (b"GaussDB     ", "is no PostgreSQL but 'GaussDB"),
    (b"CockroachDB ", "is no PostgreSQL but 'CockroachDB"),
])  # fmt: skip
def test_another_database_is_refused_by_its_own_words(database: Database, cable: Cable, says: bytes, told: str) -> None:
    cable.change = lambda data: data.replace(b"PostgreSQL 1", says)
    with pytest.raises(OperatorError, match=told):
        over(cable, database).ask(look)


def test_a_pooler_by_transactions_is_refused(database: Database) -> None:
    name = database.address.uri.rpartition("/")[2]
    refused = pytest.raises(OperatorError, match="lends each transaction another connection")
    with pooler_before(database.address.uri) as port, refused:
        way_to(f"postgresql://roma@127.0.0.1:{port}/{name}").ask(look)


def test_a_server_itself_is_taken(database: Database) -> None:
    assert database.ask(look) == (1,)


def test_a_database_that_does_not_answer_is_told_once_and_then_as_an_error(postgres: PostgresServer) -> None:
    heard: list[str] = []
    left = iter([1.0, 1.0, 1.0, 1.0, 0.0])
    way = way_to("postgresql://roma@127.0.0.1:1/nothing")
    way = Database(way.address, PASSWORD, heard.append)
    with pytest.raises(JournalUnreachable, match="cannot be reached"):
        way.ask(look, lambda: next(left, 0.0))
    assert len(heard) == 1
    assert "it is asked again" in heard[0]


@pytest.mark.parametrize(("user", "database", "told"), [
    ("nobody", "postgres", "password authentication failed"), ("roma", "nothing", "does not exist"),
])  # fmt: skip
def test_a_refusal_is_told_at_once(postgres: PostgresServer, user: str, database: str, told: str) -> None:
    heard: list[str] = []
    address = way_to(f"postgresql://{user}@127.0.0.1:{postgres.port}/{database}").address
    with pytest.raises(OperatorError, match=told):
        Database(address, PASSWORD, heard.append).ask(look)
    assert heard == []
