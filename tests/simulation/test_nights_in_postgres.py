"""The nights again, their journals in a real PostgreSQL: the same promises, judged by the same watch."""

import gc
import warnings
from collections.abc import Iterator

import pytest

from orchestrator.storage.postgres.database import Database
from tests.builders.postgres_server import PostgresServer
from tests.builders.postgres_store import database_of, ways_become
from tests.simulation.in_postgres import live_in_postgres, nights_in, without_power_cuts
from tests.simulation.points import end_of, small_plan
from tests.simulation.scenarios import live, vault_root
from tests.simulation.worlds import scenario

# A killed incarnation leaves everything open, as kill -9 does.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
#: nights in every `make test`, and in `make proof`
SEEDS, PROVED, CHUNK = 5, 100, 20


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    database = database_of(postgres, ttl=600.0)
    yield database
    database.close()
    gc.collect()  # what a killed incarnation left open is complained of here, and in no later test


def test_every_promise_holds_in_nights_kept_in_postgresql(database: Database) -> None:
    assert nights_in(database, range(SEEDS)) == []


def test_nights_leave_no_connection_behind(database: Database) -> None:
    """Also threads of killed incarnations, which ask once more behind their store's end, open none."""
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always", ResourceWarning)
        nights_in(database, range(SEEDS))
        assert ways_become(database, 1)
        gc.collect()
    assert [told for each in complaints if "psycopg" in (told := str(each.message))] == []


@pytest.mark.proof
@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", range(0, PROVED, CHUNK))
def test_every_promise_holds_in_a_hundred_nights(database: Database, first: int) -> None:
    assert nights_in(database, range(first, first + CHUNK)) == []


#: more than the small plan has crash points
MOST = 120


def test_a_night_is_the_same_wherever_it_is_kept(database: Database) -> None:
    """The trace without power cuts and rot: what keeps the journal changes nothing of what is decided."""
    with vault_root() as root:
        there = live_in_postgres(scenario(1), database, root)
    told = without_power_cuts(scenario(1))
    with vault_root() as root:
        here = live(told, root)
    assert there.trace == here.trace


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_a_crash_at_each_journal_write_and_remote_call_changes_nothing_of_the_end(database: Database) -> None:
    with vault_root() as root:
        expected = end_of(live_in_postgres(small_plan(0, power=False), database, root))
    for point in range(1, MOST):
        with vault_root() as root:
            assert end_of(live_in_postgres(small_plan(point, power=False), database, root)) == expected, point
