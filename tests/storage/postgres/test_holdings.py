"""The leases of one process: by the database's clock, and never believed past their end."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

import pytest

from orchestrator.errors import HeldElsewhere, JournalUnreachable, LeaseLost
from orchestrator.storage.leases import Asking, Denied, Taken
from orchestrator.storage.locks import Holder
from orchestrator.storage.postgres.database import Database
from orchestrator.storage.postgres.holdings import Holdings
from orchestrator.storage.postgres.store import PostgresStore
from tests.builders.cable import Cable
from tests.builders.postgres_server import PostgresServer
from tests.builders.postgres_store import database_of, over, sql

ME = Holder("this-host", 4711, "2027-01-15T08:00:00+00:00")
OpenedIn = Callable[[Database], PostgresStore]
#: seconds for what another thread does in milliseconds
SOON = 30.0


@dataclass
class Host:
    """A clock that a test sets: what has passed since this host was started."""

    passed: float = 1000.0
    #: told each time the clock is read
    heard: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        self.heard.append(self.passed)
        return self.passed


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def holdings(database: Database, host: Host) -> Iterator[Holdings]:
    """With a `ttl` of 20 s: the thread does nothing while a test lasts."""
    with closing(Holdings(database.beside(), host)) as holdings:
        yield holdings


def ends_in(database: Database, key: str) -> float:
    """Seconds until this lease ends, as the database counts."""
    statement = "SELECT extract(epoch FROM expires - clock_timestamp())::float8 FROM lease WHERE key = %s"
    return float(str(sql(database, statement, key)[0][0]))


def test_a_lease_lives_by_the_databases_clock(database: Database, holdings: Holdings, host: Host) -> None:
    host.passed = -5e9
    holdings.take(["slot"], "me")
    assert 19.0 < ends_in(database, "slot") <= 20.0
    assert holdings.remaining() == 20.0


def test_what_is_ours_is_counted_from_before_the_question(database: Database, holdings: Holdings, host: Host) -> None:
    """While the question travels and waits, our time runs; the database's begins later."""
    holdings.take(["slot"], "me")
    host.passed += 3.0
    holdings.renew()
    assert holdings.remaining() == 20.0
    host.passed += 19.5
    holdings.must_hold()
    host.passed += 0.5
    with pytest.raises(LeaseLost, match="was not renewed in time"):
        holdings.must_hold()


def test_a_process_that_was_frozen_past_its_lease_stays_without_it(
    database: Database, holdings: Holdings, host: Host
) -> None:
    holdings.take(["slot"], "me")
    host.passed += 45.0
    for act in (holdings.renew, lambda: holdings.take(["other"], "me"), holdings.must_hold, holdings.patience):
        with pytest.raises(LeaseLost):
            act()
    host.passed -= 45.0
    with pytest.raises(LeaseLost):
        holdings.must_hold()
    assert sql(database, "SELECT count(*) FROM lease WHERE key = 'other'") == [(0,)]


def test_a_lease_that_ended_is_not_renewed_though_nobody_took_it(database: Database, holdings: Holdings) -> None:
    holdings.take(["slot"], "me")
    sql(database, "UPDATE lease SET expires = clock_timestamp()")
    with pytest.raises(LeaseLost, match="or had ended: slot"):
        holdings.renew()


def test_all_leases_are_renewed_by_one_thread_a_quarter_of_their_life_apart(postgres: PostgresServer) -> None:
    database = database_of(postgres, ttl=2.0)
    with closing(Holdings(database.beside())) as holdings:
        holdings.take(["a"], "me")
        holdings.take(["b"], "me")
        first = sql(database, "SELECT max(expires) FROM lease")
        while sql(database, "SELECT min(expires) FROM lease WHERE expires > %s", first[0][0]) == [(None,)]:
            holdings.must_hold()
        assert [thread.name for thread in threading.enumerate()].count("leases") == 1
    assert ends_in(database, "a") < 0
    database.drop()


def test_a_dropped_slot_is_lost_for_good_and_named(database: Database, holdings: Holdings) -> None:
    holdings.take(["a", "b"], "me")
    sql(database, "UPDATE lease SET epoch = epoch + 1, holder = 'other' WHERE key = 'b'")
    with pytest.raises(LeaseLost, match="taken over by another process, or had ended: b"):
        holdings.renew()
    with pytest.raises(LeaseLost):
        holdings.take(["a"], "me")


def test_a_release_while_others_are_renewed_is_no_loss(holdings: Holdings) -> None:
    holdings.take(["a", "b"], "me")
    holdings.release(["b", "c"])
    holdings.renew()
    assert set(holdings.epochs) == {"a"}


def test_a_lease_is_renewed_where_that_was_not_done_a_moment_ago(holdings: Holdings, host: Host) -> None:
    holdings.take(["a"], "me")
    host.passed += 0.9
    holdings.renew_if_older(1.0)
    assert holdings.remaining() == pytest.approx(19.1)
    host.passed += 0.2
    holdings.renew_if_older(1.0)
    assert holdings.remaining() == 20.0


# --- the database is away ---


def test_a_database_that_is_away_for_a_while_costs_nothing(
    postgres: PostgresServer, cable: Cable, host: Host, database: Database
) -> None:
    with closing(Holdings(over(cable, database), host)) as holdings:
        holdings.take(["slot"], "me")
        host.passed += 5.0
        cable.cut()
        holdings.renew()
        assert holdings.remaining() == 20.0


def test_a_database_that_stays_away_ends_the_lease_before_it_ends_there(
    database: Database, cable: Cable, host: Host
) -> None:
    with closing(Holdings(over(cable, database), host)) as holdings:
        holdings.take(["slot"], "me")
        host.passed += 16.5
        cable.close()
        with pytest.raises(LeaseLost, match="cannot be renewed"):
            holdings.renew()


def test_a_silent_way_to_the_database_is_no_way(database: Database, cable: Cable, host: Host) -> None:
    """A proxy that keeps the connection and passes nothing on: each answer is waited for a bounded time."""
    way = over(cable, database)
    assert way.ask(lambda db: db.execute("SELECT 1").fetchone()) == (1,)
    cable.fall_silent()
    with pytest.raises(JournalUnreachable, match="no answer within 8 s"):
        way.ask(lambda db: db.execute("SELECT 1").fetchone(), lambda: 0.0)
    cable.speak()
    assert way.ask(lambda db: db.execute("SELECT 1").fetchone()) == (1,)
    way.drop()


# --- several processes ---


def test_a_slot_goes_to_the_one_who_has_waited_longest(opened: Callable[[], PostgresStore]) -> None:
    with (
        closing(opened().leases("one")) as one,
        closing(opened().leases("two")) as two,
        closing(opened().leases("three")) as three,
    ):
        one.take(["slot"])
        assert isinstance(two.take(["slot"]), Denied)
        assert isinstance(three.take(["slot"]), Denied)
        one.release(["slot"])
        for early in (one, three):
            denied = early.take(["slot"])
            assert isinstance(denied, Denied)
            assert (denied.queued, denied.holder) == (True, "two")
        assert isinstance(two.take(["slot"]), Taken)


def test_two_that_want_the_same_slots_in_another_order_never_block_each_other(
    opened: Callable[[], PostgresStore],
) -> None:
    with (
        closing(opened().leases("holder")) as holder,
        closing(opened().leases("one")) as one,
        closing(opened().leases("two")) as two,
    ):
        holder.take(["a", "b"])
        assert isinstance(one.take(["a"]), Denied)
        assert isinstance(two.take(["b"]), Denied)
        assert isinstance(one.take(["b", "a"]), Denied)
        assert isinstance(two.take(["a", "b"]), Denied)
        holder.release(["a", "b"])
        assert isinstance(two.take(["a", "b"]), Denied)
        assert isinstance(one.take(["a", "b"]), Taken)


def test_many_that_take_at_once_never_hold_the_same(opened: Callable[[], PostgresStore], database: Database) -> None:
    stores = [opened() for _ in range(4)]
    holds: list[str] = []
    wrong: list[tuple[str, ...]] = []

    def takes(name: str, store: PostgresStore) -> None:
        done = 0
        leases = store.leases(name)
        while done < 5:
            if isinstance(leases.take(["a", "b"] if done % 2 else ["b", "c"]), Taken):
                holds.append(name)
                store.holdings.renew()  # a look at the database: nobody has taken what we hold
                if len(holds) > 1:
                    wrong.append(tuple(holds))
                holds.remove(name)
                leases.release(["a", "b", "c"])
                done += 1
        leases.close()

    threads = [threading.Thread(target=takes, args=(f"p{n}", store)) for n, store in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
        assert not thread.is_alive()
    assert wrong == []


def test_a_plan_whose_holder_died_is_held_when_its_lease_has_ended(
    postgres: PostgresServer, opened_in: OpenedIn
) -> None:
    database = database_of(postgres, ttl=1.0)
    dead, next_one = opened_in(database), opened_in(database)
    died = dead.hold("orders", ME)
    died.__enter__()
    dead.holdings._ended.set()  # its thread renews no more, as after kill -9
    heard: list[str] = []
    next_one._database.say = heard.append
    with next_one.hold("orders", ME):
        assert next_one.holder("orders") == ME
        assert len(heard) == 1
        assert "process 4711 on this-host holds plan orders and renews that no more" in heard[0]
        with pytest.raises(LeaseLost):
            dead.holdings.renew()


def test_a_plan_whose_holder_lives_is_refused(postgres: PostgresServer, opened_in: OpenedIn) -> None:
    database = database_of(postgres, ttl=1.0)
    with opened_in(database).hold("orders", ME):
        with pytest.raises(HeldElsewhere, match="process 4711 on this-host"), opened_in(database).hold("orders", ME):
            pass
        assert sql(database, "SELECT count(*) FROM waiter") == [(0,)], "who gave up stands in nobody's way"


# --- an event loop is never kept waiting ---


@pytest.fixture
def far(beyond: PostgresStore, cable: Cable) -> PostgresStore:
    """A store whose database is a tenth of a second away."""
    beyond.run_ids()

    def slowly(data: bytes) -> bytes:
        threading.Event().wait(0.1)
        return data

    cable.change = slowly
    return beyond


def test_a_claim_of_a_database_far_away_is_answered_at_once_and_had_later(far: PostgresStore) -> None:
    with closing(far.leases("run-1")) as leases:
        began = time.monotonic()
        assert isinstance(leases.claim(["slot"]), Asking)
        assert time.monotonic() - began < 0.09
        while isinstance(answer := leases.claim(["slot"]), Asking):
            pass
        assert isinstance(answer, Taken)
        began = time.monotonic()
        leases.give_back(["slot"])
        assert time.monotonic() - began < 0.09


def test_what_was_claimed_and_never_asked_for_again_is_given_back(
    far: PostgresStore, opened: Callable[[], PostgresStore]
) -> None:
    with closing(far.leases("run-1")) as leases, closing(opened().leases("run-2")) as other:
        assert isinstance(leases.claim(["slot"]), Asking)
        while "slot slot" not in far.holdings.epochs:
            pass
        assert isinstance(other.take(["slot"]), Denied)
        leases.renew()
        leases.renew()
        assert isinstance(other.take(["slot"]), Taken)


def test_a_claim_that_is_on_its_way_when_the_process_ends_holds_nothing(
    far: PostgresStore, opened: Callable[[], PostgresStore]
) -> None:
    leases = far.leases("run-1")
    assert isinstance(leases.claim(["slot"]), Asking)
    leases.close()
    with closing(opened().leases("run-2")) as other:
        assert isinstance(other.take(["slot"]), Taken)
