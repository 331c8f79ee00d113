"""A fleet in real processes: PostgreSQL, Temporal, workers, and a service that counts what arrives."""

from collections.abc import Iterator

import pytest

from orchestrator.core.state import events as e
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.world import App, make_id
from orchestrator.storage.planfile import read_plan
from tests.builders.postgres_server import PostgresServer
from tests.builders.stopping import is_stopped, stopping_at
from tests.builders.temporal_server import TemporalServer
from tests.e2e.conftest import Serve
from tests.e2e.desk import Desk
from tests.e2e.fleet import Fleet, FleetPlan, WorkerProcess, arrived_once, fleet_at, world_of_pairs
from tests.e2e.judging import every_promise_held, journals_of, judge
from tests.e2e.local_roma import LocalRoma
from tests.e2e.scraping import samples
from tests.simulation.book import Broken

#: seconds: what a dead worker holds, it holds so long
TTL = 4.0


@pytest.fixture
def fleet(postgres: PostgresServer, temporal: str, desk: Desk) -> Iterator[Fleet]:
    with fleet_at(desk, postgres, temporal, TTL) as fleet:
        yield fleet


def hold_imports(roma: LocalRoma, number: int) -> None:
    """The next so many imports run until they are released."""
    roma.hold(Operation.IMPORT, times=number)


def conducts(fleet: Fleet, worker: WorkerProcess, number: int) -> list[str]:
    """What it conducts, once that are so many components."""
    fleet.until(lambda: len(fleet.conducted_by(worker.pid)) >= number)
    return fleet.conducted_by(worker.pid)


def told_of_a_fleet(seen: dict[str, float]) -> None:
    """What the worker of the north tells once all is done: what it conducted itself, and all of the submission."""
    assert seen['components{plan="fleet",state="done"}'] == 3
    assert seen['jobs_total{kind="import",lane="m1-1@dst1",outcome="done",plan="fleet"}'] == 1
    assert not [name for name in seen if "m2-2@dst2" in name], "another group's"
    assert seen['worker_components{group="north"}'] == 0
    assert seen['worker_last_beat_timestamp_seconds{group="north"}'] > 1.7e9
    assert seen['last_success_timestamp_seconds{plan="fleet"}'] > 1.7e9


def test_two_workers_of_two_groups_bring_all_and_leave_in_good_order(fleet: Fleet, serve: Serve) -> None:
    roma, plan = serve(world_of_pairs(3)), FleetPlan.of_pairs(3, groups={1: "north", 2: "south"})
    fleet.plan(roma, plan)
    north = fleet.worker("north", more=("--metrics-port", "0", "--metrics-textfile", "north.prom"))
    south = fleet.worker("south")
    submission = fleet.submit()
    fleet.until_over()
    arrived_once(roma, plan)
    assert fleet.components() == {f"{submission}.{n}": ("done", 0) for n in (1, 2, 3)}
    fleet.until(lambda: north.numbers().get('exit_code{plan="fleet"}') == 0)
    told_of_a_fleet(north.numbers())
    assert (north.drain(), south.drain()) == (0, 0)
    left = samples((fleet.desk.folder / "north.prom").read_text())
    assert left['jobs_total{kind="import",lane="m1-1@dst1",outcome="done",plan="fleet"}'] == 1
    assert not [name for name in left if name.startswith("worker_")], "whoever has drained is not missed"
    assert fleet.sql("SELECT * FROM worker") == []
    assert fleet.sql("SELECT key FROM lease WHERE expires > clock_timestamp()") == []


@pytest.mark.parametrize("how", ["killed", pytest.param("frozen", marks=pytest.mark.proof)])
def test_what_a_worker_had_goes_on_elsewhere(fleet: Fleet, serve: Serve, how: str) -> None:
    roma, plan = serve(world_of_pairs(2)), FleetPlan.of_pairs(2)
    fleet.plan(roma, plan)
    hold_imports(roma, 2)
    victim = fleet.worker("north")
    fleet.submit()
    conducts(fleet, victim, 2)
    roma.held_up(2)
    posts = roma.posts()
    if how == "killed":
        victim.kill()
    else:
        victim.freeze()
        assert victim.process.wait(60) == -9, "the kernel ended it with its lease"
    assert roma.posts() == posts
    until = fleet.leased_until(victim.pid)
    other = fleet.worker("south")
    conducts(fleet, other, 2)
    roma.release()
    fleet.until_over()
    arrived_once(roma, plan)
    every_promise_held(fleet, "plan.yaml", roma)
    assert 0.0 < roma.asked_by(victim.agent).last <= until, "0 requests of it after its lease's end"
    assert roma.asked_by(other.agent).last > until


@pytest.mark.parametrize(
    ("line", "timer", "code"),
    [
        pytest.param("yield body.tail", True, -9, id="behind the last guard"),
        pytest.param("await _confirmed(guard)", True, -9, id="before the last guard", marks=pytest.mark.proof),
        pytest.param(
            "await _confirmed(guard)",
            False,
            75,
            id="before the last guard, where the kernel has no timer",
            marks=pytest.mark.proof,
        ),
    ],
)
def test_a_worker_that_stops_at_the_end_of_an_upload_sends_nothing_when_it_goes_on(
    fleet: Fleet, serve: Serve, line: str, timer: bool, code: int
) -> None:
    """Another has done all of it meanwhile. Behind the last guard only the kernel's timer is left to prevent it."""
    roma, plan = serve(world_of_pairs(1)), FleetPlan.of_pairs(1)
    fleet.plan(roma, plan)
    victim = fleet.worker("north", before=stopping_at("_upload", line, timer=timer))
    fleet.submit()
    fleet.until(lambda: is_stopped(victim.pid))
    until = fleet.leased_until(victim.pid)
    fleet.worker("south")
    fleet.until_over()
    victim.thaw()
    ended = victim.process.wait(60)
    roma.release()
    arrived_once(roma, plan)
    assert 0.0 < roma.asked_by(victim.agent).last <= until
    assert ended == code


def test_journals_that_hold_less_than_was_done_are_found_out(fleet: Fleet, serve: Serve) -> None:
    """The judge of a fleet's nights is no rubber stamp."""
    roma, plan = serve(world_of_pairs(2)), FleetPlan.of_pairs(2)
    path = fleet.plan(roma, plan)
    fleet.worker("north")
    fleet.submit()
    fleet.until_over()
    every_promise_held(fleet, "plan.yaml", roma)
    users = {user.name: f"{user.domain}/{user.name}" for user in roma.world.users}
    for kind in (e.DownloadRequested, e.Looked, e.RunEnded):
        less = {
            run: [entry for entry in entries if not isinstance(entry.event, kind)]
            for run, entries in journals_of(fleet).items()
        }
        with pytest.raises(Broken):
            judge(read_plan(path), users, less, [roma.ledger])


def test_a_worker_that_drains_hands_over_what_it_has(fleet: Fleet, serve: Serve) -> None:
    roma, plan = serve(world_of_pairs(2)), FleetPlan.of_pairs(2)
    fleet.plan(roma, plan)
    fleet.sql("UPDATE meta SET value = '600' WHERE name = 'ttl'")
    hold_imports(roma, 2)
    first = fleet.worker("north")
    fleet.submit()
    roma.held_up(2)
    assert first.drain() == 0
    second = fleet.worker("north")
    conducts(fleet, second, 2)
    roma.release()
    fleet.until_over()
    arrived_once(roma, plan)


def test_a_submitter_that_dies_after_its_commit_has_submitted(
    postgres: PostgresServer, own_temporal: TemporalServer, desk: Desk, serve: Serve
) -> None:
    """The engine says nothing, so that the submitter is still there when it is killed; the workers start it later."""
    roma, plan = serve(world_of_pairs(2)), FleetPlan.of_pairs(2)
    with fleet_at(desk, postgres, own_temporal.address, TTL) as fleet:
        fleet.plan(roma, plan)
        own_temporal.freeze()
        with desk.start("submit", "plan.yaml", *fleet.journal, "--engine", fleet.engine) as submitter:
            fleet.until(lambda: len(fleet.components()) == 2)
            submitter.kill()
        own_temporal.thaw()
        fleet.worker("north")
        fleet.until_over()
        arrived_once(roma, plan)


@pytest.mark.parametrize("how", ["wiped", pytest.param("restarted", marks=pytest.mark.proof)])
def test_an_engine_that_forgets_costs_nothing(
    postgres: PostgresServer, own_temporal: TemporalServer, desk: Desk, serve: Serve, how: str
) -> None:
    roma, plan = serve(world_of_pairs(3)), FleetPlan.of_pairs(3)
    with fleet_at(desk, postgres, own_temporal.address, TTL) as fleet:
        fleet.plan(roma, plan)
        hold_imports(roma, 3)
        worker = fleet.worker("north", at_once=2)
        fleet.submit()
        conducts(fleet, worker, 2)
        roma.held_up(2)
        own_temporal.stop()
        if how == "wiped":
            own_temporal.wipe()
        own_temporal.start()
        roma.release()
        fleet.until(lambda: sum(state == "done" for state, _ in fleet.components().values()) == 2)
        roma.held_up(3)
        roma.release()
        fleet.until_over()
        arrived_once(roma, plan)
        assert worker.drain() == 0


def test_two_plans_that_share_an_instance_never_run_it_at_once(fleet: Fleet, serve: Serve) -> None:
    roma = serve(world_of_pairs(2))
    one, other = FleetPlan("one", ((1, 1),)), FleetPlan("other", ((1, 2),))
    fleet.plan(roma, one, "one.yaml")
    fleet.plan(roma, other, "other.yaml")
    fleet.worker("north"), fleet.worker("south")
    fleet.submit("one.yaml")
    fleet.submit("other.yaml")
    fleet.until_over()
    arrived_once(roma, one)
    arrived_once(roma, other)
    spans = fleet.sql("SELECT min(at), max(at) FROM event GROUP BY run ORDER BY 1")
    assert len(spans) == 2
    assert spans[0][1] <= spans[1][0]


def test_the_same_plan_and_approval_submitted_three_times_are_one(fleet: Fleet, serve: Serve) -> None:
    roma, plan = serve(world_of_pairs(1)), FleetPlan.of_pairs(1)
    fleet.plan(roma, plan)
    assert fleet.desk.run("preview", "plan.yaml", "--save", "ok.json").code == 0
    words = ("submit", "plan.yaml", "--approved", "ok.json", *fleet.journal, "--engine", fleet.engine)
    three = [fleet.desk.start(*words) for _ in range(3)]
    codes = []
    for each in three:
        with each:
            each.communicate(timeout=60)
            codes.append(each.returncode)
    assert sorted(codes) == [0, 6, 6]
    fleet.worker("north")
    fleet.until_over()
    arrived_once(roma, plan)


@pytest.mark.proof
def test_workers_carry_out_what_was_approved_and_nothing_else(fleet: Fleet, serve: Serve) -> None:
    roma, plan = serve(world_of_pairs(2)), FleetPlan.of_pairs(2)
    fleet.plan(roma, plan)
    saved = fleet.desk.run("preview", "plan.yaml", "--save", "ok.json")
    assert saved.code == 0, saved.both
    roma.ask(lambda api: api.service.holding("src2").apps.put(App(make_id("other", "x"), "one-more", "k", "s", "s")))
    worker = fleet.worker("north", more=("--metrics-port", "0"))
    submission = fleet.submit(more=("--approved", "ok.json"))
    fleet.until(lambda: fleet.components() == {f"{submission}.1": ("done", 0), f"{submission}.2": ("parked", 4)})
    fleet.until(lambda: worker.numbers().get('exit_code{plan="fleet"}') == 4)
    assert worker.numbers()['components{plan="fleet",state="parked"}'] == 1
    arrived_once(roma, FleetPlan.of_pairs(1))
    assert roma.held("dst2") == {}
    status = fleet.desk.run("status", submission, *fleet.journal)
    assert f"{submission}.2: preview" in status.out
    assert "app one-more is selected now and was not" in " ".join(status.out.split())
    assert "--abandon --approved" in status.out
    assert fleet.desk.run("preview", "plan.yaml", *fleet.journal, "--save", "anew.json").code == 0
    fleet.submit(more=("--approved", "anew.json", "--abandon"))
    fleet.until_over()
    assert roma.held("dst2")["app one-more"] == 1
    assert roma.twice("dst1") == roma.twice("dst2") == {}


def test_workers_are_listed_and_a_silent_one_is_told(fleet: Fleet, serve: Serve) -> None:
    fleet.plan(serve(world_of_pairs(1)), FleetPlan.of_pairs(1))
    fleet.sql("UPDATE meta SET value = '20' WHERE name = 'ttl'")
    worker = fleet.worker("north")
    fleet.until(lambda: fleet.sql("SELECT id FROM worker"))
    said = fleet.desk.run("workers", *fleet.journal, "--json")
    assert [(each["group"], each["pid"], each["state"]) for each in said.document["workers"]] == [
        ("north", worker.pid, "working")
    ]
    worker.kill()
    fleet.sql("UPDATE worker SET seen = seen - interval '1 minute'")
    assert "silent" in fleet.desk.run("workers", *fleet.journal).out


def test_a_worker_without_an_engine_or_a_database_is_refused(fleet: Fleet) -> None:
    assert "--engine HOST" in fleet.desk.run("worker", "--group", "g", *fleet.journal).err
    without = fleet.desk.run("worker", "--group", "g", "--engine", fleet.engine)
    assert (without.code, "needs the database" in without.err) == (2, True), without.both


@pytest.mark.parametrize("told", [True, False])
def test_what_waits_at_a_gate_goes_on_by_a_persons_word(fleet: Fleet, serve: Serve, told: bool) -> None:
    """The engine is told where it is named; else the workers find the word in the rows."""
    roma = serve(world_of_pairs(2))
    plan = FleetPlan.of_pairs(2, further="gate: imports", settings={"gate_timeout": "1s"})
    fleet.plan(roma, plan)
    fleet.worker("north")
    submission = fleet.submit()
    fleet.until(lambda: fleet.parked_with(10))
    assert roma.jobs("import") == 0
    engine = ("--engine", fleet.engine) if told else ()
    said = fleet.desk.run("continue", submission, "--gate", "imports", *fleet.journal, *engine)
    assert said.code == 0, said.both
    fleet.until_over()
    arrived_once(roma, plan)


def test_what_is_paused_before_it_began_is_not_begun(fleet: Fleet, serve: Serve) -> None:
    roma, plan = serve(world_of_pairs(2)), FleetPlan.of_pairs(2)
    fleet.plan(roma, plan)
    submission = fleet.submit()
    said = fleet.desk.run("pause", submission, *fleet.journal, "--engine", fleet.engine)
    assert said.code == 0, said.both
    worker = fleet.worker("north")
    fleet.until(lambda: worker.text().count('"event": "worker"'))
    assert fleet.parked_with(10)
    assert fleet.desk.run("continue", submission, *fleet.journal, "--engine", fleet.engine).code == 0
    fleet.until_over()
    arrived_once(roma, plan)
