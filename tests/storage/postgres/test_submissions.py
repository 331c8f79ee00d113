"""Submissions and components: one of a plan at a time, each component in one hand, and every word where it fits."""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest

from orchestrator.core.state import events as e
from orchestrator.core.state.submissions import ComponentState, Stands, Submission, SubmittedComponent, Worker
from orchestrator.errors import ExitCode, HeldElsewhere, LeaseLost, OperatorError
from orchestrator.storage.leases import Denied, Taken
from orchestrator.storage.locks import Holder
from orchestrator.storage.postgres.database import Database
from orchestrator.storage.postgres.store import PostgresStore
from tests.builders.postgres_store import sql

BEGAN = e.RunBegan("orders", "/plans/orders.yaml", "{}", "ann", "host", 1, "0")
ME = Holder("this-host", 4711, "2027-01-15T08:00:00+00:00")
Opened = Callable[[], PostgresStore]


def submission(id_: str = "s1", plan: str = "orders") -> Submission:
    return Submission(id_, plan, "/plans/orders.yaml", "name: orders\n", "ann", "host", "CHG-1", 5.0)


def parts(id_: str = "s1", plan: str = "orders", *, group: str = "") -> list[SubmittedComponent]:
    return [
        SubmittedComponent(f"{id_}.{n}", id_, plan, (f"m{n}",), group, (f"instance {n}", f"slot u{n}")) for n in (1, 2)
    ]


@pytest.fixture
def store(opened: Opened) -> PostgresStore:
    store = opened()
    store.submissions.submit(submission(), parts())
    return store


_REWRITTEN = {
    "state": "UPDATE component SET state = %s WHERE id = %s",
    "not_before": "UPDATE component SET not_before = %s WHERE id = %s",
}


def rewritten(database: Database, column: str, value: object, id_: str = "s1.1") -> None:
    sql(database, _REWRITTEN[column], value, id_)


def test_what_was_submitted_is_read_as_it_was_written(store: PostgresStore) -> None:
    kept = store.submissions
    assert (kept.ids(), kept.of_plan("orders"), kept.of_plan("billing")) == (["s1"], ["s1"], [])
    assert kept.submission("s1") == submission()
    assert kept.components("s1") == parts()
    assert kept.component("s1.2") == parts()[1]
    with pytest.raises(OperatorError, match=r"no component s1\.3"):
        kept.component("s1.3")


def test_a_plan_that_is_submitted_by_three_at_once_is_submitted_once(opened: Opened) -> None:
    ends: list[str] = []

    def submit(store: PostgresStore, id_: str) -> None:
        try:
            store.submissions.submit(submission(id_), parts(id_))
            ends.append("ok")
        except HeldElsewhere as error:
            ends.append(str(int(error.exit_code)))

    threads = [threading.Thread(target=submit, args=(opened(), f"s{n}")) for n in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert sorted(ends) == ["6", "6", "ok"]
    assert len(opened().submissions.ids()) == 1


def test_a_submission_whose_answer_was_lost_is_ours(store: PostgresStore) -> None:
    store.submissions.submit(submission(), parts())
    assert len(store.submissions.components("s1")) == 2


def test_an_unfinished_submission_keeps_its_plan_until_all_of_it_is_done(
    store: PostgresStore, database: Database
) -> None:
    rewritten(database, "state", "done")
    with pytest.raises(HeldElsewhere, match="as s1, of which 1 of 2 components is not done"):
        store.submissions.submit(submission("s2"), parts("s2"))
    with pytest.raises(HeldElsewhere, match="submitted by ann on host"), store.hold("orders", ME):
        pytest.fail("a plan was held while its submission is not done")
    rewritten(database, "state", "done", "s1.2")
    with store.hold("orders", ME):
        pass
    store.submissions.submit(submission("s2"), parts("s2"))


def test_a_plan_that_a_process_runs_is_not_submitted(opened: Opened) -> None:
    with opened().hold("orders", ME), pytest.raises(HeldElsewhere, match="is run by process 4711 on this-host"):
        opened().submissions.submit(submission(), parts())


# --- held, and conducted ---


def test_a_component_is_held_with_its_instances_and_slots_or_not_at_all(opened: Opened, database: Database) -> None:
    one, two = opened(), opened()
    one.submissions.submit(submission(), parts())
    other = replace(parts("s2", "billing")[0], keys=("instance 1", "slot u9"))
    two.submissions.submit(submission("s2", "billing"), [other])
    with one.of_component(parts()[0]).hold("orders", ME):
        assert one.submissions.holders("s1") == {"s1.1": ME}
        with pytest.raises(HeldElsewhere, match="instance 1 is held by process 4711"):
            two.of_component(other).hold("billing", ME).__enter__()
        held = sql(database, "SELECT key FROM lease WHERE expires > clock_timestamp() ORDER BY key")
        assert held == [("component s1.1",), ("instance 1",), ("slot u1",)]
    with two.of_component(other).hold("billing", ME):
        assert two.submissions.holders("s1") == {}


def test_two_components_of_one_process_share_nothing_either(store: PostgresStore) -> None:
    other = replace(parts("s2", "billing")[0], keys=("instance 1",))
    store.submissions.submit(submission("s2", "billing"), [other])
    with store.of_component(parts()[0]).hold("orders", ME):
        with pytest.raises(HeldElsewhere, match="instance 1 is held"), store.of_component(other).hold("billing", ME):
            pytest.fail("both hold the instance")
        assert sorted(store.holdings.epochs) == ["component s1.1", "instance 1", "slot u1"]


def test_the_slots_of_its_component_are_a_runs_own_and_stay_when_it_leaves(
    store: PostgresStore, opened: Opened
) -> None:
    scope = store.of_component(parts()[0])
    with scope.hold("orders", ME):
        with closing(scope.leases("run")) as leases:
            assert isinstance(leases.take(["u1"]), Taken)
            assert isinstance(leases.take(["elsewhere"]), Taken)
            leases.release(["u1", "elsewhere"])
        assert "slot u1" in store.holdings.epochs
        assert "slot elsewhere" not in store.holdings.epochs
        with closing(opened().leases("another")) as another:
            assert isinstance(another.take(["u1"]), Denied)
    with closing(opened().leases("another")) as another:
        assert isinstance(another.take(["u1"]), Taken)


def test_a_run_of_a_component_is_not_one_of_the_whole_plan(store: PostgresStore) -> None:
    scope, beside = (store.of_component(each) for each in parts())
    with scope.hold("orders", ME):
        scope.create("20270101-1", "orders", (BEGAN,), 1.0)
    assert store.component_of("20270101-1") == "s1.1"
    assert (store.runs_of("orders"), store.own_runs("orders")) == (["20270101-1"], [])
    assert scope.own_runs("orders") == ["20270101-1"]
    # Another component of the same submission shares nothing with it.
    assert (beside.runs_of("orders"), beside.run_ids(), beside.own_runs("orders")) == ([], [], [])
    assert store.submissions.component("s1.1").run == "20270101-1"
    assert store.scope_of("20270101-1").own_runs("orders") == ["20270101-1"]


def test_a_component_clears_earlier_ones_whose_leases_it_holds(store: PostgresStore, database: Database) -> None:
    scope = store.of_component(parts()[0])
    with scope.hold("orders", ME):
        scope.create("20270101-1", "orders", (BEGAN,), 1.0)
    same = replace(parts("s2")[0], keys=(*parts()[0].keys, "instance 9"))
    less = replace(parts("s2")[1], keys=("instance 1",))
    later = store.of_component(same)
    assert later.cleared_runs("orders") == [], "it is not done"
    rewritten(database, "state", "done")
    assert later.cleared_runs("orders") == ["20270101-1"]
    assert store.of_component(less).cleared_runs("orders") == [], "an undo of it would hold what this one does not"
    assert (store.cleared_runs("orders"), scope.cleared_runs("orders")) == ([], ["20270101-1"])


def test_a_submission_is_forgotten_when_it_is_done_and_no_run_of_it_is_kept(
    store: PostgresStore, database: Database
) -> None:
    scope = store.of_component(parts()[0])
    with scope.hold("orders", ME):
        scope.create("20270101-1", "orders", (BEGAN,), 1.0)
    for id_ in ("s1.1", "s1.2"):
        rewritten(database, "state", "done", id_)
    assert not store.submissions.forget("s1"), "a run of it is kept"
    with scope.hold("orders", ME):
        scope.forget("20270101-1")
    rewritten(database, "state", "parked", "s1.2")
    assert not store.submissions.forget("s1"), "a component is not done"
    rewritten(database, "state", "done", "s1.2")
    assert store.submissions.forget("s1")
    assert (store.submissions.ids(), sql(database, "SELECT id FROM component")) == ([], [])
    assert not store.submissions.forget("s1")


def test_how_it_ended_is_written_by_whoever_holds_it(store: PostgresStore, database: Database) -> None:
    kept = store.submissions
    with store.of_component(parts()[0]).hold("orders", ME):
        assert kept.tried("s1.1").tries == 1
        parked = kept.ended("s1.1", 5, "undecided", 0.0)
        assert (parked.state, parked.code, parked.why, parked.tries) == (ComponentState.PARKED, 5, "undecided", 0)
        sql(database, "UPDATE lease SET epoch = epoch + 1, holder = 'other' WHERE key = 'slot u1'")
        with pytest.raises(LeaseLost):
            kept.ended("s1.1", 0, "", 0.0)
    assert kept.component("s1.1").code == 5


def test_a_lease_that_another_component_gives_back_meanwhile_is_not_lost(store: PostgresStore) -> None:
    """One process conducts several: what one of them gives back fences nothing of the other's."""
    one, two = (store.of_component(each) for each in parts())
    with one.hold("orders", ME):
        one.create("20270101-1", "orders", (BEGAN,), 1.0)
        done = threading.Event()

        def come_and_go() -> None:
            while not done.is_set():
                with two.hold("orders", ME):
                    pass

        beside = threading.Thread(target=come_and_go)
        beside.start()
        try:
            with closing(one.journal("20270101-1", "me")) as journal:
                for at in range(200):
                    journal.append((BEGAN,), float(at))
        finally:
            done.set()
            beside.join(30)
    assert len(list(store.read("20270101-1"))) == 201


# --- due, and a person's word ---


def test_what_waits_for_a_worker_of_the_group_is_due_unless_it_is_held_or_its_time_has_not_come(
    store: PostgresStore, database: Database
) -> None:
    kept = store.submissions
    store.submissions.submit(submission("s2", "billing"), parts("s2", "billing", group="east"))
    assert [each.id for each in kept.due("", 9)] == ["s1.1", "s1.2"]
    assert [each.id for each in kept.due("east", 3)] == ["s1.1", "s1.2", "s2.1"]
    with store.of_component(parts()[0]).hold("orders", ME):
        assert [each.id for each in kept.due("west", 9)] == ["s1.2"]
    rewritten(database, "not_before", 1e12, "s1.2")
    rewritten(database, "state", "parked")
    assert kept.due("", 9) == []


def test_a_persons_word_wakes_what_is_parked_and_parks_what_waits(store: PostgresStore, database: Database) -> None:
    kept = store.submissions
    assert not kept.wake("s1.1")
    assert kept.park("s1.1", int(ExitCode.STOPPED), "stopped by ann")
    assert not kept.park("s1.1", int(ExitCode.STOPPED), "stopped by ann")
    assert (kept.component("s1.1").state, kept.component("s1.1").why) == (ComponentState.PARKED, "stopped by ann")
    assert kept.wake("s1.1")
    rewritten(database, "not_before", 1e12)
    assert kept.wake("s1.1")
    assert kept.component("s1.1").not_before == 0.0
    with store.of_component(parts()[0]).hold("orders", ME):
        assert not kept.park("s1.1", int(ExitCode.STOPPED), "too late: it is conducted")
    rewritten(database, "state", "done")
    assert not kept.wake("s1.1")


def test_the_latest_submission_of_each_plan_is_counted_by_where_its_components_stand(
    store: PostgresStore, opened: Opened, database: Database
) -> None:
    kept, now = store.submissions, time.time()
    kept.submit(submission("s2", "billing"), parts("s2", "billing"))
    kept.submit(replace(submission("s3", "returns"), at=now), parts("s3", "returns"))
    with store.of_component(parts()[0]).hold("orders", ME):
        (first, *_) = [each for each in kept.counts() if each.plan == "orders"]
        assert (kept.held_here(), opened().submissions.held_here()) == (1, 0)
    assert (first.stands[Stands.CONDUCTED], first.stands[Stands.WAITING], first.code) == (1, 1, None)
    assert kept.held_here() == 0
    rewritten(database, "not_before", 1e12)
    rewritten(database, "state", "parked", "s1.2")
    for id_ in ("s2.1", "s2.2", "s3.1", "s3.2"):
        sql(database, "UPDATE component SET state = 'done', code = 0 WHERE id = %s", id_)
    told = {each.plan: each for each in kept.counts()}
    assert (told["orders"].stands[Stands.LATER], told["orders"].stands[Stands.PARKED]) == (1, 1)
    assert (told["returns"].stands[Stands.DONE], told["returns"].code) == (2, ExitCode.DONE)
    assert "billing" not in told, "it was submitted long ago, and is done"
    kept.submit(replace(submission("s4", "returns"), at=now), parts("s4", "returns"))
    assert {each.submission for each in kept.counts()} == {"s1", "s4"}


def test_workers_are_told_with_the_time_since_they_were_seen(store: PostgresStore, database: Database) -> None:
    kept = store.submissions
    kept.seen(Worker("w1", "host", 1, "east", "1.0"))
    kept.seen(Worker("w2", "host", 2, "", "1.0"))
    sql(database, "UPDATE worker SET seen = seen - interval '40 seconds' WHERE id = 'w1'")
    assert [(each.id, each.unseen >= 40) for each in kept.workers()] == [("w2", False), ("w1", True)]
    kept.seen(Worker("w1", "host", 1, "east", "1.0", draining=True))
    assert [(each.id, each.draining, each.unseen < 30) for each in kept.workers()][1] == ("w1", True, True)
    kept.left("w2")
    sql(database, "UPDATE worker SET seen = seen - interval '2 days'")
    kept.seen(Worker("w3", "host", 3, "", "1.0"))
    assert [each.id for each in kept.workers()] == ["w3"]
