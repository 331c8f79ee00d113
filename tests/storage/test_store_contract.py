"""What every store promises, whatever keeps the runs: the home directory, the simulation's memory, and any other.

A new store is one more entry of STORES. `opened` gives a further process's view of what is kept.
"""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.core.report.brief import Brief
from orchestrator.core.report.ended_run import EndedRun
from orchestrator.core.report.handover import RunHandover
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Event
from orchestrator.errors import HeldElsewhere, LeaseLost, MemoryFailed
from orchestrator.storage.chain import Head
from orchestrator.storage.home import Home
from orchestrator.storage.leases import Asking, Denied, Taken
from orchestrator.storage.locks import Holder
from orchestrator.storage.postgres.store import PostgresStore
from orchestrator.storage.store import HomeStore, SlotLeases, Store
from tests.builders.postgres_store import database_of, store_in
from tests.simulation.memory import Life, MemoryStore

#: a store as one more process opens it
Opened = Callable[[], Store]
#: makes one, in a folder of its own
Maker = Callable[[Path, pytest.FixtureRequest], Opened]
RUN = "20270115-080000-abcd"
ME = Holder("this-host", 4711, "2027-01-15T08:00:00+00:00")
BEGAN = e.RunBegan("orders", "/plans/orders.yaml", "{}", "ann", "host", 1, "0")
SCHEDULED = e.BatchScheduled("b", "dev", (e.Asset("a", "app", "orders"),), ("at-dev",), 0.0)
FIRST: tuple[Event, ...] = (BEGAN, SCHEDULED)
MORE: tuple[Event, ...] = (e.ExportRequested("b", "at-dev", "slot"), e.ExportAccepted("b", "job"))
REQUEST = e.Resolved("d", "absent", "seen", "ann", "host")


def _home(folder: Path, request: pytest.FixtureRequest) -> Opened:
    home = Home(folder / "home")
    home.make()
    return lambda: HomeStore(home)


def _memory(folder: Path, request: pytest.FixtureRequest) -> Opened:
    store = MemoryStore(folder, {}, Life(), lambda entry: None)
    return lambda: store


def _postgres(folder: Path, request: pytest.FixtureRequest) -> Opened:
    database = database_of(request.getfixturevalue("postgres"))
    opened: list[PostgresStore] = []

    def store() -> Store:
        opened.append(store_in(database, folder))
        return opened[-1]

    def close() -> None:
        for each in opened:
            each.close()
        database.close()

    request.addfinalizer(close)
    return store


STORES: dict[str, Maker] = {"home": _home, "memory": _memory, "postgres": _postgres}


@pytest.fixture(params=STORES)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    return STORES[request.param](tmp_path, request)


@pytest.fixture
def store(opened: Opened) -> Store:
    return opened()


def events_of(store: Store, run: str = RUN) -> list[Event]:
    return [entry.event for entry in store.read(run)]


# --- a run begins ---


def test_a_run_is_there_with_its_first_entries_or_not_at_all(store: Store) -> None:
    assert store.run_ids() == []
    assert store.create(RUN, "orders", FIRST, 1.0)
    assert store.run_ids() == [RUN]
    assert [(entry.seq, entry.at, entry.event) for entry in store.read(RUN)] == [(1, 1.0, BEGAN), (2, 1.0, SCHEDULED)]


def test_an_id_that_another_process_has_taken_is_not_taken_again(store: Store) -> None:
    assert store.create(RUN, "orders", FIRST, 1.0)
    assert not store.create(RUN, "billing", FIRST, 2.0)
    assert (store.plan_of(RUN), len(events_of(store))) == ("orders", 2)


def test_runs_are_listed_oldest_first_each_with_its_plan(store: Store) -> None:
    for run, plan in (("20270102-1", "orders"), ("20270101-9", "billing")):
        store.create(run, plan, (e.RunBegan(plan, "/p.yaml", "{}", "ann", "host", 1, "0"),), 1.0)
    assert [(run, store.plan_of(run)) for run in store.run_ids()] == [
        ("20270101-9", "billing"), ("20270102-1", "orders"),
    ]  # fmt: skip


def test_a_plans_runs_are_found_and_none_is_a_components(store: Store) -> None:
    for run, plan in (("20270102-1", "orders"), ("20270101-9", "billing"), ("20270101-1", "orders")):
        store.create(run, plan, (e.RunBegan(plan, "/p.yaml", "{}", "ann", "host", 1, "0"),), 1.0)
    assert store.runs_of("orders") == store.own_runs("orders") == ["20270101-1", "20270102-1"]
    assert store.component_of("20270101-1") == ""


def test_a_brief_holds_as_long_as_the_journal_is_as_it_was(store: Store) -> None:
    store.create(RUN, "orders", FIRST, 1.0)
    line = EndedRun("orders", "/p.yaml", "ann", "host", "", "", 1.0, 2.0, 0, 1, {"verified": 1})
    brief = Brief(line, (("b", 1.5),), (), (), RunHandover(RUN, 1.0, ()), len(FIRST))
    store.keep_brief(RUN, brief)
    kept = not isinstance(store, MemoryStore)
    assert store.all_ended([RUN, "nobody"]) == ({RUN: line} if kept else {})
    assert (store.brief(RUN), store.ended(RUN)) == ((brief, line) if kept else (None, None))
    with closing(store.journal(RUN, "me")) as journal:
        journal.append(MORE, 2.0)
    assert (store.brief(RUN), store.ended(RUN)) == (None, None)


def test_a_run_that_does_not_exist_is_told(store: Store) -> None:
    for look in (
        lambda: list(store.read("nobody")),
        lambda: store.plan_of("nobody"),
        lambda: store.journal("no", "me"),
    ):
        with pytest.raises(MemoryFailed, match="no journal"):
            look()


# --- its journal ---


def test_a_journal_has_been_read_when_it_is_handed_out(store: Store) -> None:
    store.create(RUN, "orders", FIRST, 1.0)
    with closing(store.journal(RUN, "me")) as journal:
        assert [entry.seq for entry in journal.append(MORE, 2.0)] == [3, 4]
    with closing(store.journal(RUN, "next")) as journal:
        assert [entry.event for entry in journal.read()] == [*FIRST, *MORE]
        assert [entry.seq for entry in journal.read(after=3)] == [4]
    assert events_of(store) == [*FIRST, *MORE]


def test_each_entry_is_kept_in_a_row_of_the_chain(store: Store) -> None:
    store.create(RUN, "orders", FIRST, 1.0)
    with closing(store.journal(RUN, "me")) as journal:
        journal.append(MORE, 2.5)
    kept = store.kept(RUN)
    head = Head()
    for row, entry in kept:
        head = head.after(row.at, row.kind, row.body)
        assert (row.seq, row.chain, row.kind, entry.seq) == (head.seq, head.chain, type(entry.event).__name__, row.seq)
    assert [entry.event for _, entry in kept] == [*FIRST, *MORE]


def test_a_run_is_followed_piece_by_piece(opened: Opened) -> None:
    opened().create(RUN, "orders", FIRST, 1.0)
    with closing(opened().journal(RUN, "me")) as journal, opened().followed(RUN) as news:
        assert [entry.seq for entry in news()] == [1, 2]
        assert list(news()) == []
        journal.append(MORE, 2.0)
        assert [entry.event for entry in news()] == list(MORE)


def test_a_run_that_is_forgotten_is_gone(store: Store) -> None:
    for run in (RUN, "20270116-080000-abcd"):
        store.create(run, "orders", FIRST, 1.0)
    store.forget(RUN)
    assert store.run_ids() == ["20270116-080000-abcd"]
    with pytest.raises(MemoryFailed, match="no journal"):
        list(store.read(RUN))


def test_a_live_run_is_read_without_disturbing_it(opened: Opened) -> None:
    store = opened()
    store.create(RUN, "orders", FIRST, 1.0)
    with closing(store.journal(RUN, "me")) as journal:
        journal.append(MORE[:1], 2.0)
        assert events_of(opened()) == [*FIRST, *MORE[:1]]
        journal.append(MORE[1:], 3.0)
        assert events_of(opened()) == [*FIRST, *MORE]


def test_whoever_wrote_before_can_write_no_more(opened: Opened) -> None:
    opened().create(RUN, "orders", FIRST, 1.0)
    with closing(opened().journal(RUN, "first")) as first, closing(opened().journal(RUN, "second")) as second:
        with pytest.raises(LeaseLost):
            first.append(MORE, 2.0)
        second.append(MORE, 3.0)
        with pytest.raises(LeaseLost):
            first.append(MORE, 4.0)
    assert events_of(opened()) == [*FIRST, *MORE]


def test_all_events_of_one_append_are_there_or_none(store: Store) -> None:
    store.create(RUN, "orders", FIRST, 1.0)
    with closing(store.journal(RUN, "me")) as journal:
        with pytest.raises(KeyError):
            journal.append((*MORE, e.ErrorDetail("no event")), 2.0)  # type: ignore[arg-type] # the point of the test
        journal.append(MORE, 3.0)
    assert events_of(store) == [*FIRST, *MORE]


# --- requests and answers ---


def test_an_operators_request_waits_for_the_process_that_conducts_the_run(opened: Opened) -> None:
    opened().create(RUN, "orders", FIRST, 1.0)
    with closing(opened().journal(RUN, "me")) as journal:
        operator = opened()
        assert journal.take_requests() == []
        number = operator.ask(RUN, REQUEST, 5.0)
        assert operator.answered(RUN, number) is None
        assert journal.take_requests() == [(number, REQUEST)]
        journal.answer(number, "recorded")
        assert operator.answered(RUN, number) == "recorded"
        assert journal.take_requests() == []
        assert operator.answered(RUN, number + 1) is None
    assert events_of(opened()) == list(FIRST), "a request is no entry"


def test_requests_are_taken_in_order_each_by_its_own_run(store: Store) -> None:
    for run in (RUN, "20270116-080000-abcd"):
        store.create(run, "orders", FIRST, 1.0)
    numbers = [store.ask(RUN, e.Resolved("d", word, "", "ann", "h"), 1.0) for word in ("absent", "imported")]
    with closing(store.journal(RUN, "me")) as journal, closing(store.journal("20270116-080000-abcd", "me")) as other:
        assert [number for number, _ in journal.take_requests()] == numbers
        assert other.take_requests() == []


# --- a plan is held ---


def test_one_process_holds_a_plan_and_everybody_sees_who(opened: Opened) -> None:
    assert opened().holder("orders") is None
    with opened().hold("orders", ME), opened().hold("billing", ME):
        assert opened().holder("orders") == ME
        with pytest.raises(HeldElsewhere, match="process 4711 on this-host since"), opened().hold("orders", ME):
            pass
        assert opened().holder("orders") == ME, "the first is undisturbed"
    assert opened().holder("orders") is None
    with pytest.raises(ValueError, match="broken"), opened().hold("orders", ME):
        raise ValueError("broken")
    with opened().hold("orders", ME):
        pass


# --- slots and packages ---


def test_slots_are_leased_all_or_none_and_given_back(opened: Opened) -> None:
    with closing(opened().leases("one")) as one, closing(opened().leases("two")) as two:
        assert isinstance(one.take(["slot", "other"]), Taken)
        denied = two.take(["free", "slot"])
        assert isinstance(denied, Denied)
        assert (denied.key, denied.holder) == ("slot", "one")
        assert one.renew() == ()
        one.release(["slot"])
        assert isinstance(two.take(["slot"]), Taken)
        assert isinstance(two.take(["other"]), Denied)
    with closing(opened().leases("three")) as three:
        assert isinstance(three.take(["slot", "other", "free"]), Taken)


def test_an_event_loop_claims_slots_and_hears_the_answer_soon(opened: Opened) -> None:
    with closing(opened().leases("one")) as one, closing(opened().leases("two")) as two:
        assert isinstance(answer_to(one, "slot"), Taken)
        denied = answer_to(two, "slot")
        assert isinstance(denied, Denied)
        assert denied.holder == "one"
        one.give_back(["slot"])
        assert isinstance(answer_to(one, "slot"), Taken | Denied), "in the order they come, or behind who waits"
        one.give_back(["slot"])
        while not isinstance(answer_to(two, "slot"), Taken):
            pass


def answer_to(leases: SlotLeases, slot: str) -> Taken | Denied:
    while isinstance(answer := leases.claim([slot]), Asking):
        pass
    return answer


def test_what_the_same_name_held_is_inherited(opened: Opened) -> None:
    dead = opened().leases("run-1")
    assert isinstance(dead.take(["slot"]), Taken)
    with closing(opened().leases("run-1")) as heir:
        assert isinstance(heir.take(["slot"]), Taken)


def test_processes_that_work_as_one_user_know_how_many_they_are(opened: Opened) -> None:
    with closing(opened().leases("one")) as one, closing(opened().leases("two")) as two:
        assert one.sharers("acme/dev") == 1
        one.share({"acme/dev", "acme/prod"})
        two.share({"acme/dev"})
        assert (two.sharers("acme/dev"), two.sharers("acme/prod"), two.sharers("nobody")) == (2, 1, 1)
        while one.sharers("acme/dev") != 2:
            one.renew()
        two.close()
        while one.sharers("acme/dev") != 1:
            one.renew()


def test_each_run_has_packages_of_its_own(store: Store) -> None:
    vaults = {run: store.vault(run) for run in ("r1", "r2")}
    incoming = vaults["r1"].begin("b", 1, "archive", 3)
    incoming.write(b"PK!")
    incoming.abort("cut", keep=True)
    assert len(vaults["r1"].suspects("b")) == 1
    assert vaults["r2"].suspects("b") == ()
