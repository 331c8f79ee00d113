"""The fenced append, cut at each of its moments, and against whoever takes over."""

import threading
from collections.abc import Callable
from contextlib import closing

import pytest

from orchestrator.core.state import events as e
from orchestrator.errors import JournalDamaged, LeaseLost
from orchestrator.storage.leases import Denied, Taken
from orchestrator.storage.locks import Holder
from orchestrator.storage.postgres.database import Database
from orchestrator.storage.postgres.store import PostgresStore
from tests.builders.cable import Cable
from tests.builders.postgres_store import sql

RUN = "20270115-080000-abcd"
BEGAN = e.RunBegan("orders", "/plans/orders.yaml", "{}", "ann", "host", 1, "0")
MORE = (e.ExportRequested("b", "at-dev", "slot"), e.ExportAccepted("b", "job"))
ME = Holder("this-host", 4711, "2027-01-15T08:00:00+00:00")
#: seconds for what another thread does in milliseconds
SOON = 30.0


def kinds(store: PostgresStore) -> list[str]:
    return [type(entry.event).__name__ for entry in store.read(RUN)]


# --- answers that are lost ---


@pytest.mark.parametrize("answer", [b"INSERT 0 2", b"INSERT 0 1"])
def test_entries_whose_answer_was_lost_are_recognised_and_not_written_twice(
    beyond: PostgresStore, cable: Cable, answer: bytes
) -> None:
    beyond.create(RUN, "orders", (BEGAN,), 1.0)
    with closing(beyond.journal(RUN, "me")) as journal:
        events = MORE[: int(answer[-1:])]
        cable.cut_before_answer(answer)
        assert [entry.seq for entry in journal.append(events, 2.0)] == [2, 3][: len(events)]
        assert cable.cuts == 1
        journal.append(MORE[:1], 3.0)
    assert kinds(beyond) == ["RunBegan", *(type(event).__name__ for event in events), "ExportRequested"]


def test_a_run_whose_first_answer_was_lost_began_once(beyond: PostgresStore, cable: Cable) -> None:
    assert beyond.run_ids() == []
    cable.cut_before_answer(b"INSERT 0 1")
    assert beyond.create(RUN, "orders", (BEGAN,), 1.0)
    assert cable.cuts == 1
    assert kinds(beyond) == ["RunBegan"]
    assert not beyond.create(RUN, "orders", (e.RunBegan("orders", "/else", "{}", "bob", "host", 2, "0"),), 1.0)


def test_leases_whose_answer_was_lost_are_ours(beyond: PostgresStore, cable: Cable) -> None:
    assert beyond.run_ids() == []
    with closing(beyond.leases("run-1")) as leases:
        leases.take(["other"])
        cable.cut_before_answer(b"COMMIT")
        assert isinstance(leases.take(["slot"]), Taken)
        assert cable.cuts == 1
    with beyond.hold("plan", ME):
        pass


def test_a_connection_that_ends_before_the_question_costs_nothing(beyond: PostgresStore, cable: Cable) -> None:
    beyond.create(RUN, "orders", (BEGAN,), 1.0)
    with closing(beyond.journal(RUN, "me")) as journal:
        cable.cut()
        journal.append(MORE, 2.0)
    assert kinds(beyond) == ["RunBegan", "ExportRequested", "ExportAccepted"]


# --- whoever takes over ---


def test_nothing_is_written_under_a_lease_that_has_ended(
    opened: Callable[[], PostgresStore], database: Database
) -> None:
    store = opened()
    store.create(RUN, "orders", (BEGAN,), 1.0)
    with store.hold("orders", ME), closing(store.journal(RUN, "me")) as journal:
        journal.append(MORE[:1], 2.0)
        sql(database, "UPDATE lease SET expires = clock_timestamp()")
        with pytest.raises(LeaseLost):
            journal.append(MORE[1:], 3.0)
        with pytest.raises(LeaseLost):
            store.journal(RUN, "me")
        with pytest.raises(LeaseLost):
            store.create("20270116-080000-abcd", "orders", (BEGAN,), 1.0)
    assert kinds(opened()) == ["RunBegan", "ExportRequested"]
    assert opened().run_ids() == [RUN]


def test_nothing_is_written_where_one_of_several_leases_is_gone(
    opened: Callable[[], PostgresStore], database: Database
) -> None:
    store = opened()
    store.create(RUN, "orders", (BEGAN,), 1.0)
    with store.hold("orders", ME), closing(store.journal(RUN, "me")) as journal, closing(store.leases(RUN)) as leases:
        leases.take(["a", "b"])
        sql(database, "UPDATE lease SET epoch = epoch + 1 WHERE key = 'slot b'")
        with pytest.raises(LeaseLost):
            journal.append(MORE, 2.0)
    assert kinds(opened()) == ["RunBegan"]


def test_an_append_that_waits_behind_a_takeover_writes_nothing(
    opened: Callable[[], PostgresStore], database: Database
) -> None:
    """READ COMMITTED looks at the head again when the lock is free: what came before the look must not stand."""
    store = opened()
    store.create(RUN, "orders", (BEGAN,), 1.0)
    journal = store.journal(RUN, "me")
    failed: list[BaseException] = []

    def late() -> None:
        try:
            journal.append(MORE, 2.0)
        except LeaseLost as error:
            failed.append(error)

    with database.beside()._opened() as taking, taking.transaction():
        taking.execute("UPDATE run SET epoch = epoch + 1 WHERE id = %s", (RUN,))
        thread = threading.Thread(target=late)
        thread.start()
        waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND state = 'active'"
        while not sql(database, waits):
            assert thread.is_alive()
    thread.join(SOON)
    assert len(failed) == 1
    assert kinds(opened()) == ["RunBegan"]


def test_a_lease_is_not_taken_while_entries_under_it_are_on_their_way(
    opened: Callable[[], PostgresStore], database: Database
) -> None:
    store, other = opened(), opened()
    store.create(RUN, "orders", (BEGAN,), 1.0)
    journal = store.journal(RUN, "me")
    with closing(store.leases(RUN)) as leases, closing(other.leases("other")) as theirs:
        leases.take(["slot"])
        with database.beside()._opened() as between, between.transaction():
            between.execute("SELECT 1 FROM run WHERE id = %s FOR UPDATE", (RUN,))
            thread = threading.Thread(target=journal.append, args=(MORE, 2.0))
            thread.start()
            locked = "SELECT 1 FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation WHERE c.relname = 'lease'"
            while not sql(database, f"{locked} AND l.mode = 'RowShareLock' AND l.granted"):
                assert thread.is_alive()
            taking = threading.Thread(target=theirs.take, args=(["slot"],))
            taking.start()
            taking.join(0.5)
            assert taking.is_alive(), "the take waits for the entries"
        thread.join(SOON)
        taking.join(SOON)
        assert isinstance(theirs.take(["slot"]), Denied)
    assert kinds(opened()) == ["RunBegan", "ExportRequested", "ExportAccepted"]


def test_a_lease_that_is_given_back_under_an_append_is_not_lost(
    opened: Callable[[], PostgresStore], database: Database
) -> None:
    """One process conducts several: what another run of it gives back fences nothing of this one's."""
    store = opened()
    store.create(RUN, "orders", (BEGAN,), 1.0)
    journal = store.journal(RUN, "me")
    failed: list[BaseException] = []

    def append() -> None:
        try:
            journal.append(MORE, 2.0)
        except LeaseLost as error:
            failed.append(error)

    with closing(store.leases("another")) as leases:
        leases.take(["slot"])
        with database.beside()._opened() as between, between.transaction():
            between.execute("SELECT FROM lease WHERE key = 'slot slot' FOR UPDATE")
            appending = threading.Thread(target=append)
            appending.start()
            waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
            while not sql(database, waits, "%FOR SHARE OF l%"):
                assert appending.is_alive()
            releasing = threading.Thread(target=leases.release, args=(["slot"],))
            releasing.start()
            while "slot slot" in store.holdings.epochs:
                assert releasing.is_alive()
            between.execute("UPDATE lease SET expires = '-infinity' WHERE key = 'slot slot'")
        appending.join(SOON)
        releasing.join(SOON)
    assert failed == []
    assert kinds(opened()) == ["RunBegan", "ExportRequested", "ExportAccepted"]


# --- what is not what was written ---


@pytest.mark.parametrize("damage", [
    "UPDATE event SET body = replace(body, 'slot', 'slit') WHERE seq = 2",
    "UPDATE event SET at = at + 1 WHERE seq = 2",
    "DELETE FROM event WHERE seq = 3",
    "DELETE FROM event WHERE seq = 2",
    "UPDATE run SET chain = repeat('0', 64)",
])  # fmt: skip
def test_what_is_not_what_was_written_is_found(
    opened: Callable[[], PostgresStore], database: Database, damage: str
) -> None:
    store = opened()
    store.create(RUN, "orders", (BEGAN,), 1.0)
    with closing(store.journal(RUN, "me")) as journal:
        journal.append(MORE, 2.0)
    sql(database, damage)
    with pytest.raises(JournalDamaged, match="not what was written"):
        list(opened().read(RUN))
    with pytest.raises(JournalDamaged):
        opened().journal(RUN, "me")
