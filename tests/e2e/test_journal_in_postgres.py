"""Runs whose journal lies in PostgreSQL, in real processes: killed, frozen, and cut from their database."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.readings import LockScope
from tests.builders.cable import Cable, cable_to
from tests.builders.postgres_server import PASSWORD, OwnServer, PostgresServer
from tests.e2e.conftest import Serve
from tests.e2e.desk import LINES, Desk, PlanText, read_until
from tests.e2e.local_roma import PATIENCE, LocalRoma, small_world
from tests.emulator.ledgers import overlaps

#: seconds: what a dead process holds, it holds so long
TTL = 3.0
TENS = PlanText(settings={"batch_size": 10})


@dataclass
class Kept:
    """A desk whose runs a database keeps."""

    desk: Desk
    server: PostgresServer
    database: str

    def address(self, port: int) -> str:
        return f"postgresql://roma:${{env:T_JOURNAL}}@127.0.0.1:{port}/{self.database}"

    @property
    def words(self) -> tuple[str, ...]:
        return ("run", "plan.yaml", "--journal", self.address(self.server.port), *LINES)

    def over(self, cable: Cable) -> tuple[str, ...]:
        return ("run", "plan.yaml", "--journal", self.address(cable.port), *LINES)

    def until_stored(self, number: int) -> None:
        """Return when so many packages are stored."""
        while self.sql("SELECT count(*) FROM event WHERE kind = 'PackageStored'") < [(number,)]:
            pass

    def intents(self) -> int:
        """How many jobs were about to be asked for."""
        (found,) = self.sql("SELECT count(*) FROM event WHERE kind IN ('ExportRequested', 'ImportRequested')")
        return int(str(found[0]))

    def live_for(self, ttl: float) -> None:
        """How long leases live from now on."""
        self.sql("UPDATE meta SET value = %s WHERE name = 'ttl'", str(ttl))

    def sql(self, statement: str, *given: object) -> list[tuple[object, ...]]:
        uri = self.server.uri(self.database)
        with psycopg.connect(uri, password=PASSWORD, options="-c search_path=roma_migrate") as connection:
            cursor = connection.execute(statement.encode(), given)
            return cursor.fetchall() if cursor.description else []


def kept_in(server: PostgresServer, desk: Desk, ttl: float = TTL) -> Kept:
    kept = Kept(desk, server, server.database())
    desk.environment |= {"T_JOURNAL": PASSWORD}
    made = desk.run("journal", "upgrade", "--journal", kept.address(server.port))
    assert made.code == 0, made.both
    kept.live_for(ttl)
    return kept


@pytest.fixture
def roma(serve: Serve) -> LocalRoma:
    return serve(small_world())


@pytest.fixture
def kept(postgres: PostgresServer, desk: Desk, roma: LocalRoma) -> Kept:
    desk.plan(roma, TENS)
    return kept_in(postgres, desk)


@pytest.fixture
def cable(postgres: PostgresServer) -> Iterator[Cable]:
    with cable_to(postgres.port) as cable:
        yield cable


def finishes(kept: Kept, roma: LocalRoma) -> None:
    """The same command brings everything, once."""
    again = kept.desk.run(*kept.words)
    assert again.code == 0, again.both
    assert_once(roma)


def assert_once(roma: LocalRoma) -> None:
    assert roma.held() == roma.everything()
    assert roma.twice() == {}
    assert overlaps(roma.ledger, LockScope.USER_ANY) == []


def test_a_run_that_is_killed_goes_on_once_its_lease_has_ended(kept: Kept, roma: LocalRoma) -> None:
    roma.hold(Operation.IMPORT)
    with kept.desk.start(*kept.words) as program:
        roma.held_up()
        program.kill()
    roma.release()
    finishes(kept, roma)


def test_two_at_once_are_one(kept: Kept, roma: LocalRoma) -> None:
    roma.hold(Operation.IMPORT)
    with kept.desk.start(*kept.words) as program:
        roma.held_up()
        second = kept.desk.run(*kept.words)
        assert second.code == 6, second.both
        assert f"process {program.pid}" in second.err
        roma.release()
        program.communicate(timeout=PATIENCE)
        assert program.returncode == 0
    assert_once(roma)


def test_a_run_that_is_stopped_in_good_order_holds_nothing(kept: Kept, roma: LocalRoma) -> None:
    kept.live_for(600.0)
    roma.hold(Operation.IMPORT)
    with kept.desk.start(*kept.words) as program:
        roma.held_up()
        program.terminate()
        program.communicate(timeout=PATIENCE)
        assert program.returncode == 143
    roma.release()
    finishes(kept, roma)


def test_a_run_that_is_frozen_past_its_lease_is_ended_and_asked_for_nothing_more(kept: Kept, roma: LocalRoma) -> None:
    roma.hold(Operation.IMPORT)
    with kept.desk.start(*kept.words) as program:
        roma.held_up()
        os.kill(program.pid, signal.SIGSTOP)
        posts = roma.posts()
        entries = kept.sql("SELECT count(*) FROM event")
        try:
            assert program.wait(PATIENCE) == -signal.SIGKILL, "nobody let it go on: the kernel ended it"
        finally:
            program.kill()  # where the kernel did not, nobody else would
        assert (roma.posts(), kept.sql("SELECT count(*) FROM event")) == (posts, entries)
    roma.release()
    finishes(kept, roma)


@pytest.mark.parametrize("how", ["cut", "silent"])
def test_a_run_that_loses_its_database_ends_itself(kept: Kept, roma: LocalRoma, cable: Cable, how: str) -> None:
    kept.live_for(10.0)
    roma.hold(Operation.IMPORT)
    with kept.desk.start(*kept.over(cable)) as program:
        roma.held_up()
        if how == "cut":
            cable.close()
        else:
            cable.fall_silent()
        said, told = program.communicate(timeout=PATIENCE)
        assert program.returncode in {75, -signal.SIGKILL}, (said, told)
        if how == "cut":
            assert program.returncode == 75, told
            assert "writes nothing more and asks for nothing more" in told
        # What an intent was written for just before may have been asked for since, and nothing else.
        assert roma.posts() <= kept.intents()
    roma.release()
    finishes(kept, roma)


def test_a_database_that_is_restarted_costs_nothing(desk: Desk, roma: LocalRoma) -> None:
    desk.plan(roma, TENS)
    server = OwnServer.made()
    try:
        server.start()
        kept = kept_in(server, desk, ttl=20.0)
        roma.hold(Operation.IMPORT)
        with desk.start(*kept.words) as program:
            roma.held_up()
            server.stop()
            server.start()
            roma.release()
            read_until(program.stderr, "import-requested")
            server.stop("immediate")
            server.start()
            _, told = program.communicate(timeout=PATIENCE)
            assert program.returncode == 0, told
        assert_once(roma)
    finally:
        server.remove()


def test_a_plan_taken_over_by_hand_ends_the_one_who_had_it(kept: Kept, roma: LocalRoma) -> None:
    """As if the database's clock had run ahead: another has the lease, and the process finds out at its next look."""
    kept.live_for(60.0)
    roma.hold(Operation.IMPORT)
    with kept.desk.start(*kept.words) as program:
        roma.held_up()
        kept.sql("UPDATE lease SET epoch = epoch + 1, expires = clock_timestamp()")
        posts = roma.posts()
        roma.release()
        _, told = program.communicate(timeout=PATIENCE)
        assert program.returncode == 75, told
        assert roma.posts() == posts
    finishes(kept, roma)


# --- packages that another host uses ---


@pytest.mark.parametrize("shared", [True, False])
def test_another_host_goes_on_with_what_the_first_has_stored(kept: Kept, roma: LocalRoma, shared: bool) -> None:
    """The first host is lost with its disk; without shared packages, what it had is exported again."""
    folder = kept.desk.folder / "all-hosts"
    folder.mkdir()
    packages = ("--packages", str(folder)) if shared else ()
    roma.hold(Operation.IMPORT)
    with kept.desk.start(*kept.words, *packages) as program:
        roma.held_up()
        kept.until_stored(3)
        program.kill()
    exports = roma.jobs("export")
    kept.desk.home.rename(kept.desk.folder / "lost")
    roma.release()
    again = kept.desk.run(*kept.words, *packages, "--home", str(kept.desk.folder / "second-host"))
    assert again.code == 0, again.both
    assert_once(roma)
    assert (roma.jobs("export") == exports) is shared
    assert list(folder.rglob("*.zip")) == [], "dropped there too, once verified"
