"""Outages of a fleet at the settings of a real one: long ones, of minutes together (`make proof`).

After each of them, with whoever supervises the workers, every component ends well: nothing twice, nothing lost.
"""

import threading
from collections.abc import Iterator
from itertools import count, cycle

import pytest

from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Duration, Durations
from tests.builders.cable import Cable, cable_to
from tests.builders.other_host import can_be_had, other_host
from tests.builders.postgres_server import OwnServer, PostgresServer
from tests.builders.temporal_server import TemporalServer
from tests.chaos.lab import lab
from tests.e2e.conftest import Serve
from tests.e2e.desk import Desk
from tests.e2e.fleet import Fleet, FleetPlan, Supervisor, arrived_once, fleet_at, world_of_pairs
from tests.e2e.judging import every_promise_held
from tests.e2e.local_roma import LocalRoma

pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]

#: jobs of a second or two, so that an outage meets every kind of request
JOBS = Durations(Duration(1.0), Duration(1.0), Duration(1.0))
#: what the kernel's timer and the program itself end with
LOST = {75, -9}


def let_pass(seconds: float) -> None:
    """An outage lasts as long as it lasts."""
    threading.Event().wait(seconds)


@pytest.fixture
def own_postgres() -> Iterator[OwnServer]:
    server = OwnServer.made()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def busy(fleet: Fleet, roma: LocalRoma, number: int) -> None:
    """Return when so many components are conducted and the service was asked for something."""
    fleet.until(lambda: len(fleet.holders()) >= number and roma.posts() >= number)


def test_one_of_three_workers_is_killed_and_its_components_go_on_within_half_a_minute(desk: Desk) -> None:
    assert lab(desk.folder) <= 30.0


def test_a_worker_that_is_frozen_past_its_lease_asks_for_nothing_and_writes_nothing(
    postgres: PostgresServer, temporal: str, desk: Desk, serve: Serve
) -> None:
    roma, plan = serve(world_of_pairs(4)), FleetPlan.of_pairs(4)
    roma.hold(Operation.IMPORT, times=4)
    with fleet_at(desk, postgres, temporal) as fleet:
        fleet.plan(roma, plan)
        victim = fleet.worker("north")
        fleet.submit()
        roma.held_up(4)
        victim.freeze()
        posts, entries = roma.posts(), fleet.sql("SELECT count(*) FROM event")
        let_pass(45.0)
        victim.thaw()
        assert victim.process.wait(10) in LOST
        assert (roma.posts(), fleet.sql("SELECT count(*) FROM event")) == (posts, entries)
        until = fleet.leased_until(victim.pid)
        other = fleet.worker("south")
        roma.release()
        fleet.until_over()
        arrived_once(roma, plan)
        assert 0.0 < roma.asked_by(victim.agent).last <= until, "0 requests of it after its lease's end"
        assert roma.asked_by(other.agent).last > until


@pytest.mark.parametrize("seconds", [0.0, 3.0, 8.0])
def test_a_database_that_is_restarted_costs_nothing(
    own_postgres: OwnServer, temporal: str, desk: Desk, serve: Serve, seconds: float
) -> None:
    roma, plan = serve(world_of_pairs(8, durations=JOBS)), FleetPlan.of_pairs(8)
    with fleet_at(desk, own_postgres, temporal) as fleet:
        fleet.plan(roma, plan)
        with Supervisor(fleet, ["north", "south"]) as supervisor:
            fleet.submit()
            busy(fleet, roma, 8)
            own_postgres.stop("immediate")
            let_pass(seconds)
            own_postgres.start()
            fleet.until_over()
            arrived_once(roma, plan)
            assert supervisor.codes == []


def test_a_database_that_is_away_for_a_minute_is_waited_for(
    own_postgres: OwnServer, temporal: str, desk: Desk, serve: Serve
) -> None:
    roma, plan = serve(world_of_pairs(8, durations=JOBS)), FleetPlan.of_pairs(8)
    with fleet_at(desk, own_postgres, temporal) as fleet:
        fleet.plan(roma, plan)
        with Supervisor(fleet, ["north", "south"]) as supervisor:
            fleet.submit()
            busy(fleet, roma, 8)
            own_postgres.stop("immediate")
            let_pass(60.0)
            own_postgres.start()
            fleet.until_over()
            arrived_once(roma, plan)
            assert len(supervisor.codes) == 2, "once each: who begins while it is away waits for it"
            assert set(supervisor.codes) <= LOST
            waited = [each.text().count("it is tried until it answers") for each in fleet.workers[2:]]
            assert waited == [1, 1], "and says so once"


def test_a_database_behind_a_silent_proxy_is_left_for_one_that_speaks(
    postgres: PostgresServer, temporal: str, desk: Desk, serve: Serve
) -> None:
    roma, plan = serve(world_of_pairs(4, durations=JOBS)), FleetPlan.of_pairs(4)
    with fleet_at(desk, postgres, temporal) as fleet, cable_to(postgres.port) as cable:
        fleet.plan(roma, plan)
        fleet.port = cable.port
        with Supervisor(fleet, ["north"], at_once=4) as supervisor:
            fleet.submit()
            busy(fleet, roma, 4)
            cable.fall_silent()
            fleet.until(lambda: supervisor.codes)
            cable.speak()
            fleet.until_over()
            arrived_once(roma, plan)
            assert set(supervisor.codes) <= LOST


def until_over_with_lost_answers(fleet: Fleet, cable: Cable) -> None:
    """Every component is done, while one answer after the other is cut that says that something was written."""
    looks, answers = count(), cycle([b"INSERT 0 ", b"COMMIT", b"UPDATE "])

    def over() -> bool:
        if next(looks) % 4 == 0:
            cable.cut_before_answer(next(answers))
        return all(state == "done" for state, _ in fleet.components().values())

    fleet.until(over)


def test_answers_of_the_database_that_are_lost_cost_no_worker_and_nothing_twice(
    postgres: PostgresServer, temporal: str, desk: Desk, serve: Serve
) -> None:
    roma, plan = serve(world_of_pairs(8, durations=JOBS)), FleetPlan.of_pairs(8)
    with fleet_at(desk, postgres, temporal) as fleet, cable_to(postgres.port) as cable:
        fleet.plan(roma, plan)
        fleet.port = cable.port
        with Supervisor(fleet, ["north", "south"]) as supervisor:
            fleet.submit()
            until_over_with_lost_answers(fleet, cable)
            arrived_once(roma, plan)
            every_promise_held(fleet, "plan.yaml", roma)
            assert cable.cuts >= 5
            assert supervisor.codes == []
            assert {code for _, code in fleet.components().values()} == {0}
            print(f"{cable.cuts} answers cut")


def test_services_behind_a_silent_proxy_are_waited_for(
    postgres: PostgresServer, temporal: str, desk: Desk, serve: Serve
) -> None:
    """What the proxy held back reaches the service late: a request of that time is not repeated beside it."""
    roma, plan = serve(world_of_pairs(8, durations=JOBS)), FleetPlan.of_pairs(8)
    with fleet_at(desk, postgres, temporal) as fleet, cable_to(roma.port) as cable:
        roma.way = cable.port
        fleet.plan(roma, plan)
        with Supervisor(fleet, ["north", "south"]) as supervisor:
            fleet.submit()
            busy(fleet, roma, 8)
            conducted = sorted(fleet.holders())
            cable.fall_silent()
            let_pass(60.0)
            assert sorted(fleet.holders()) == conducted
            cable.speak()
            fleet.until_over()
            arrived_once(roma, plan)
            every_promise_held(fleet, "plan.yaml", roma)
            assert supervisor.codes == []


def test_a_worker_that_is_cut_from_its_services_alone_keeps_what_it_has(
    postgres: PostgresServer, temporal: str, desk: Desk, serve: Serve
) -> None:
    """The database and the engine hear of it as before: nobody takes over, and the outage is waited for."""
    north, south = serve(world_of_pairs(2, durations=JOBS)), serve(world_of_pairs(2, first=3, durations=JOBS))
    plan = FleetPlan.of_pairs(4, groups={1: "north", 2: "north", 3: "south", 4: "south"})
    with fleet_at(desk, postgres, temporal) as fleet, cable_to(north.port) as cable:
        north.way = cable.port
        fleet.plan(north, plan, also=[south])
        alone = fleet.worker("north")
        fleet.worker("south")
        submission = fleet.submit()
        fleet.until(lambda: len(fleet.conducted_by(alone.pid)) == 2 and north.posts() >= 2)
        cable.fall_silent()
        free = fleet.worker("north")
        fleet.until(lambda: [fleet.components()[f"{submission}.{n}"] for n in (3, 4)] == [("done", 0)] * 2)
        let_pass(45.0)
        assert fleet.conducted_by(alone.pid) == [f"{submission}.{n}" for n in (1, 2)]
        assert fleet.conducted_by(free.pid) == []
        cable.speak()
        fleet.until_over()
        for roma in (north, south):
            arrived_once(roma, plan)
        assert (free.drain(), alone.drain()) == (0, 0)
        assert north.asked_by(free.agent).requests == 0


def test_an_engine_behind_a_silent_proxy_costs_nothing_that_runs(
    postgres: PostgresServer, own_temporal: TemporalServer, desk: Desk, serve: Serve
) -> None:
    roma, plan = serve(world_of_pairs(6, durations=JOBS)), FleetPlan.of_pairs(6)
    with cable_to(own_temporal.port) as cable, fleet_at(desk, postgres, f"127.0.0.1:{cable.port}/default") as fleet:
        fleet.plan(roma, plan)
        with Supervisor(fleet, ["north", "south"], at_once=2) as supervisor:
            fleet.submit()
            busy(fleet, roma, 4)
            conducted = sorted(fleet.holders())
            cable.fall_silent()
            fleet.until(lambda: all(fleet.components()[each] == ("done", 0) for each in conducted))
            let_pass(60.0)
            cable.speak()
            fleet.until_over()
            arrived_once(roma, plan)
            assert supervisor.codes == []


@pytest.mark.parametrize("how", ["away", "frozen", "wiped"])
def test_an_engine_that_is_away_for_a_minute_costs_nothing_that_runs(
    postgres: PostgresServer, own_temporal: TemporalServer, desk: Desk, serve: Serve, how: str
) -> None:
    """What is conducted goes on meanwhile, and ends; second attempts are held off by the leases."""
    roma, plan = serve(world_of_pairs(6, durations=JOBS)), FleetPlan.of_pairs(6)
    with fleet_at(desk, postgres, own_temporal.address) as fleet:
        fleet.plan(roma, plan)
        with Supervisor(fleet, ["north", "south"], at_once=2) as supervisor:
            fleet.submit()
            busy(fleet, roma, 4)
            conducted = sorted(fleet.holders())
            if how == "frozen":
                own_temporal.freeze()
            else:
                own_temporal.stop()
            fleet.until(lambda: all(fleet.components()[each] == ("done", 0) for each in conducted))
            let_pass(60.0)
            if how == "frozen":
                own_temporal.thaw()
            else:
                if how == "wiped":
                    own_temporal.wipe()
                own_temporal.start()
            fleet.until_over()
            arrived_once(roma, plan)
            assert supervisor.codes == []


def test_a_worker_that_is_cut_from_its_engine_alone_goes_on(
    postgres: PostgresServer, own_temporal: TemporalServer, desk: Desk, serve: Serve
) -> None:
    """The engine hands what it has to the other worker, which the lease sends away."""
    roma, plan = serve(world_of_pairs(2)), FleetPlan.of_pairs(2)
    roma.hold(Operation.IMPORT, times=2)
    with fleet_at(desk, postgres, own_temporal.address) as fleet, cable_to(own_temporal.port) as cable:
        fleet.plan(roma, plan)
        alone = fleet.worker("north", engine=f"127.0.0.1:{cable.port}/default")
        fleet.submit()
        roma.held_up(2)
        had = fleet.conducted_by(alone.pid)
        cable.close()
        other = fleet.worker("north")
        let_pass(45.0)
        assert (fleet.conducted_by(alone.pid), fleet.conducted_by(other.pid)) == (had, [])
        roma.release()
        fleet.until_over()
        arrived_once(roma, plan)


@pytest.mark.skipif(not can_be_had(), reason="a host of its own needs root and `ip`")
@pytest.mark.parametrize("after", [0.0, 0.7])
def test_a_host_that_is_split_off_sends_nothing_once_its_worker_is_dead(
    own_postgres: OwnServer, temporal: str, desk: Desk, serve: Serve, after: float
) -> None:
    """The cable is cut while requests are on their way, and mended after the death of the one who sent them."""
    roma, plan = serve(world_of_pairs(12, durations=JOBS)), FleetPlan.of_pairs(12)
    with fleet_at(desk, own_postgres, temporal) as fleet, other_host() as host:
        fleet.plan(roma, plan)
        split = fleet.worker("north", at_once=12, before=host.words)
        fleet.submit()
        busy(fleet, roma, 12)
        let_pass(after)
        host.cut()
        assert split.process.wait(40) in LOST
        posts = roma.posts()
        host.heal()
        let_pass(60.0)
        assert roma.posts() == posts, "what was on its way died with its sender"
        fleet.worker("south", at_once=12)
        fleet.until_over()
        arrived_once(roma, plan)


@pytest.mark.parametrize("pairs", [100])
def test_a_minute_in_which_a_worker_is_killed_or_frozen_every_five_seconds(
    postgres: PostgresServer, temporal: str, desk: Desk, serve: Serve, pairs: int
) -> None:
    roma, plan = serve(world_of_pairs(pairs, apps=1, tasks=2, durations=JOBS)), FleetPlan.of_pairs(pairs)
    with fleet_at(desk, postgres, temporal, ttl=8.0) as fleet:
        fleet.plan(roma, plan)
        with Supervisor(fleet, ["north", "north", "south"], at_once=5) as supervisor:
            fleet.submit()
            for number in range(12):
                let_pass(5.0)
                victim = supervisor.standing[number % 3]
                if number % 2:
                    victim.freeze()
                else:
                    victim.kill()
            fleet.until_over(patience=400.0)
            arrived_once(roma, plan)
            every_promise_held(fleet, "plan.yaml", roma)
            print(f"{len(supervisor.codes)} workers ended: {sorted(supervisor.codes)}; {pairs} components done")
