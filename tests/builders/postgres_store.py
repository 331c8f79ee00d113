"""Stores over a real PostgreSQL, each database with the tables of this version."""

import time
from pathlib import Path

import psycopg

from orchestrator.storage.home import Home
from orchestrator.storage.postgres.address import parse_address
from orchestrator.storage.postgres.database import Database
from orchestrator.storage.postgres.schema import upgrade
from orchestrator.storage.postgres.store import PostgresStore
from tests.builders.cable import Cable
from tests.builders.postgres_server import PASSWORD, PostgresServer

#: seconds: short enough for a test, long enough for a busy machine
TTL = 2.0


def database_of(server: PostgresServer, ttl: float = TTL) -> Database:
    """A new database with our tables."""
    database = way_to(server.uri(server.database()))
    database.ask(lambda db: upgrade(db, database.address))
    database.ask(lambda db: db.execute("UPDATE meta SET value = %s WHERE name = 'ttl'", (str(ttl),)))
    return database


def way_to(uri: str) -> Database:
    return Database(parse_address(uri), PASSWORD)


def store_in(database: Database, folder: Path) -> PostgresStore:
    """One more process's view of what is kept there."""
    home = Home(folder / "home")
    home.make()
    return PostgresStore(database.beside(), home)


def over(cable: Cable, database: Database) -> Database:
    """The way to the same database over a cable."""
    before, _, name = database.address.uri.rpartition("/")
    return way_to(f"{before.rpartition(':')[0]}:{cable.port}/{name}")


def sql(database: Database, statement: str, *given: object) -> list[tuple[object, ...]]:
    def work(db: psycopg.Connection[tuple[object, ...]]) -> list[tuple[object, ...]]:
        cursor = db.execute(statement.encode(), given)
        return cursor.fetchall() if cursor.description else []

    return database.ask(work)


def ways_become(database: Database, number: int) -> bool:
    """Whether so many connections are open there, the one that asks included; the server takes notice a bit later."""
    counted = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = %s"
    until = time.monotonic() + 10.0
    while sql(database, counted, "client backend") != [(number,)]:
        if time.monotonic() > until:
            return False
    return True
