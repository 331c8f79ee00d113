"""One door to what a home remembers."""

from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.core.state import events as e
from orchestrator.errors import LeaseLost, MemoryFailed
from orchestrator.storage.home import Home
from orchestrator.storage.leases import Denied, Taken
from orchestrator.storage.store import HomeStore

EVENT = e.ExportLost("b")


@pytest.fixture
def store(tmp_path: Path) -> HomeStore:
    home = Home(tmp_path / "home")
    home.make()
    return HomeStore(home)


def test_a_run_is_created_written_and_read_by_its_name(store: HomeStore) -> None:
    store.create("r1")
    assert store.run_ids() == []
    with closing(store.journal("r1", "me")) as journal:
        journal.append((EVENT,), 1.0)
        assert [entry.event for entry in store.read("r1")] == [EVENT], "a live run is not disturbed"
        journal.append((EVENT,), 2.0)
    assert store.run_ids() == ["r1"]


def test_whoever_wrote_before_can_write_no_more(store: HomeStore) -> None:
    store.create("r1")
    first, second = store.journal("r1", "first"), store.journal("r1", "second")
    with closing(first), closing(second), pytest.raises(LeaseLost):
        first.append((EVENT,), 1.0)


def test_a_run_that_does_not_exist_is_told(store: HomeStore) -> None:
    with pytest.raises(MemoryFailed, match="no journal"):
        list(store.read("nobody"))


def test_each_run_has_a_vault_of_its_own_beside_its_journal(store: HomeStore) -> None:
    store.create("r1")
    store.vault("r1").reserve("b", 1, 10)
    assert store.home.vault("r1").parent == store.home.run_path("r1")


def test_slots_are_leased_between_the_processes_of_one_home(store: HomeStore) -> None:
    with closing(store.leases("one", lambda: 1.0)) as one, closing(store.leases("two", lambda: 1.0)) as two:
        assert isinstance(one.take(["slot"]), Taken)
        assert isinstance(two.take(["slot"]), Denied)
        one.release(["slot"])
        assert isinstance(two.take(["slot"]), Taken)
