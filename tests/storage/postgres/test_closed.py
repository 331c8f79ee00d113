"""What was closed opens nothing any more, whichever thread still asks."""

import threading
from collections.abc import Callable

import pytest

from orchestrator.errors import JournalUnreachable
from orchestrator.storage.postgres.database import Connection, Database
from orchestrator.storage.postgres.store import PostgresStore
from tests.builders.postgres_store import ways_become


def test_a_closed_store_has_no_connection_and_makes_none(
    database: Database, opened: Callable[[], PostgresStore]
) -> None:
    store = opened()
    leases = store.leases("me")
    assert store.run_ids() == []
    leases.take(["slot"])
    assert ways_become(database, 3)
    store.close()
    assert ways_become(database, 1)
    for late in (store.run_ids, lambda: store.holdings.take(["slot"], "me")):
        with pytest.raises(JournalUnreachable, match="closed by this process"):
            late()
    # What an event loop handed over to the thread of its slots before it ended.
    leases.give_back(["slot"])
    leases.close()
    assert ways_become(database, 1)


def test_who_asks_while_it_is_closed_is_answered_first(database: Database) -> None:
    way = database.beside()
    asked, go_on, answers = threading.Event(), threading.Event(), []

    def work(db: Connection) -> None:
        asked.set()
        go_on.wait(30)
        answers.append(db.execute("SELECT 1").fetchone())

    asking = threading.Thread(target=lambda: way.ask(work))
    closing = threading.Thread(target=way.close)
    asking.start()
    assert asked.wait(30)
    closing.start()
    go_on.set()
    asking.join(30)
    closing.join(30)
    assert answers == [(1,)]
    assert ways_become(database, 1)
