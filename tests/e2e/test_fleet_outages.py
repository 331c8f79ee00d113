"""Outages of a fleet at the settings of a real one: long ones, of minutes together (`make proof`).

After each of them, with whoever supervises the workers, every component ends well: nothing twice, nothing lost, and
each journal keeps every promise (`Night.ends_well`).
"""

import threading
from collections.abc import Iterator
from itertools import count, cycle

import pytest

from orchestrator.emulator.world.operations import Operation
from tests.builders.cable import cable_to
from tests.builders.other_host import can_be_had, other_host
from tests.builders.postgres_server import OwnServer, PostgresServer
from tests.builders.temporal_server import TemporalServer
from tests.chaos.lab import lab
from tests.e2e.conftest import Serve
from tests.e2e.desk import Desk
from tests.e2e.fleet import FleetPlan, arrived_once, fleet_at, world_of_pairs
from tests.e2e.fleet_night import JOBS, LOST, Night, Nights, Wanted, night_at
from tests.e2e.local_roma import BLINK

pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]

of_its_own = pytest.mark.skipif(not can_be_had(), reason="a host of its own needs root and `ip`")


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


@pytest.fixture
def night(desk: Desk) -> Nights:
    return lambda server, engine, wanted: night_at(desk, server, engine, wanted)


def test_one_of_three_workers_is_killed_and_its_components_go_on_within_half_a_minute(desk: Desk) -> None:
    assert lab(desk.folder) <= 30.0


def test_a_worker_that_is_frozen_past_its_lease_asks_for_nothing_and_writes_nothing(
    postgres: PostgresServer, temporal: str, night: Nights
) -> None:
    with night(postgres, temporal, Wanted(pairs=4, durations=BLINK)) as it:
        it.roma.hold(Operation.IMPORT, times=4)
        victim = it.fleet.worker("north")
        it.fleet.submit()
        it.roma.held_up(4)
        victim.freeze()
        posts, entries = it.roma.posts(), it.fleet.sql("SELECT count(*) FROM event")
        let_pass(45.0)
        victim.thaw()
        assert victim.process.wait(10) in LOST
        assert (it.roma.posts(), it.fleet.sql("SELECT count(*) FROM event")) == (posts, entries)
        until = it.fleet.leased_until(victim.pid)
        other = it.fleet.worker("south")
        it.roma.release()
        it.ends_well()
        assert 0.0 < it.roma.asked_by(victim.agent).last <= until, "0 requests of it after its lease's end"
        assert it.roma.asked_by(other.agent).last > until


@pytest.mark.parametrize("seconds", [0.0, 3.0, 8.0])
def test_a_database_that_is_restarted_costs_nothing(
    own_postgres: OwnServer, temporal: str, night: Nights, seconds: float
) -> None:
    with night(own_postgres, temporal, Wanted()) as it, it.supervised("north", "south") as supervisor:
        it.begin(conducted=8)
        own_postgres.stop("immediate")
        let_pass(seconds)
        own_postgres.start()
        it.ends_well()
        assert supervisor.codes == []


def test_a_database_that_is_away_for_a_minute_is_waited_for(
    own_postgres: OwnServer, temporal: str, night: Nights
) -> None:
    with night(own_postgres, temporal, Wanted()) as it, it.supervised("north", "south") as supervisor:
        it.begin(conducted=8)
        own_postgres.stop("immediate")
        let_pass(60.0)
        own_postgres.start()
        it.ends_well()
        assert len(supervisor.codes) == 2, "once each: who begins while it is away waits for it"
        assert set(supervisor.codes) <= LOST
        waited = [each.text().count("it is tried until it answers") for each in it.fleet.workers[2:]]
        assert waited == [1, 1], "and says so once"


def test_a_database_behind_a_silent_proxy_is_left_for_one_that_speaks(
    postgres: PostgresServer, temporal: str, night: Nights
) -> None:
    with (
        night(postgres, temporal, Wanted(pairs=4, cable="database")) as it,
        it.supervised("north", at_once=4) as supervisor,
    ):
        it.begin(conducted=4)
        it.cable.fall_silent()
        it.fleet.until(lambda: supervisor.codes)
        it.cable.speak()
        it.ends_well()
        assert set(supervisor.codes) <= LOST


def until_over_with_lost_answers(it: Night) -> None:
    """Every component is done, while one answer after the other is cut that says that something was written."""
    looks, answers = count(), cycle([b"INSERT 0 ", b"COMMIT", b"UPDATE "])

    def over() -> bool:
        if next(looks) % 4 == 0:
            it.cable.cut_before_answer(next(answers))
        return all(state == "done" for state, _ in it.fleet.components().values())

    it.fleet.until(over)


def test_answers_of_the_database_that_are_lost_cost_no_worker_and_nothing_twice(
    postgres: PostgresServer, temporal: str, night: Nights
) -> None:
    with night(postgres, temporal, Wanted(cable="database")) as it, it.supervised("north", "south") as supervisor:
        it.fleet.submit()
        until_over_with_lost_answers(it)
        it.ends_well()
        assert it.cable.cuts >= 5
        assert supervisor.codes == []
        print(f"{it.cable.cuts} answers cut")


def test_services_behind_a_silent_proxy_are_waited_for(postgres: PostgresServer, temporal: str, night: Nights) -> None:
    """What the proxy held back reaches the service late: a request of that time is not repeated beside it."""
    with night(postgres, temporal, Wanted(cable="services")) as it, it.supervised("north", "south") as supervisor:
        conducted = it.begin(conducted=8)
        it.cable.fall_silent()
        let_pass(60.0)
        assert sorted(it.fleet.holders()) == conducted
        it.cable.speak()
        it.ends_well()
        assert supervisor.codes == []


def test_a_group_that_is_cut_from_its_services_keeps_what_it_has(
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


@of_its_own
def test_one_worker_of_a_group_that_is_cut_from_its_services_for_a_while_keeps_what_it_has(
    own_postgres: OwnServer, temporal: str, night: Nights
) -> None:
    """The other worker of its group reaches them and is idle: what is conducted waits for the end of the outage."""
    with night(own_postgres, temporal, Wanted(pairs=4)) as it, other_host(it.roma.port) as host:
        alone = it.fleet.worker("north", before=host.words)
        conducted = it.begin(conducted=4)
        host.cut_from_service()
        requests = it.requests(alone)
        other = it.fleet.worker("north")
        let_pass(45.0)
        assert it.fleet.conducted_by(alone.pid) == conducted
        assert it.requests(alone) == requests, "nothing of it reaches the services"
        host.heal()
        it.ends_well()
        assert (other.drain(), alone.drain()) == (0, 0)
        assert it.requests(other) == 0
        print(f"requests before the cut: {requests}, in all: {it.requests(alone)}; of the other worker: 0")


@of_its_own
def test_one_worker_of_a_group_that_stays_cut_from_its_services_leaves_what_it_has_to_another(
    own_postgres: OwnServer, temporal: str, night: Nights
) -> None:
    """Database and engine hear of it as before, so that nobody believes it dead: it gives up by itself."""
    wanted = Wanted(pairs=4, settings={"outage_timeout": "10s"})
    with night(own_postgres, temporal, wanted) as it, other_host(it.roma.port) as host:
        alone = it.fleet.worker("north", before=host.words)
        conducted = it.begin(conducted=4)
        host.cut_from_service()
        requests = it.requests(alone)
        other = it.fleet.worker("north")
        it.fleet.until(lambda: set(it.fleet.components().values()) == {("waiting", 9)})
        it.ends_well()
        assert (other.drain(), alone.drain()) == (0, 0)
        assert it.requests(alone) == requests, "nothing of it has reached the services since"
        begun = alone.text().count('"event": "run"')
        assert begun == len(conducted), "and it has tried none of them a second time"
        print(f"requests before the cut: {requests}, later: 0; of the other worker: {it.requests(other)}")


def test_an_engine_behind_a_silent_proxy_costs_nothing_that_runs(
    postgres: PostgresServer, own_temporal: TemporalServer, night: Nights
) -> None:
    with (
        night(postgres, own_temporal.address, Wanted(pairs=6, cable="engine")) as it,
        it.supervised("north", "south", at_once=2) as supervisor,
    ):
        conducted = it.begin(conducted=4)
        it.cable.fall_silent()
        it.until_done(conducted)
        let_pass(60.0)
        it.cable.speak()
        it.ends_well()
        assert supervisor.codes == []


@pytest.mark.parametrize("how", ["away", "frozen", "wiped"])
def test_an_engine_that_is_away_for_a_minute_costs_nothing_that_runs(
    postgres: PostgresServer, own_temporal: TemporalServer, night: Nights, how: str
) -> None:
    """What is conducted goes on meanwhile, and ends; second attempts are held off by the leases."""
    with (
        night(postgres, own_temporal.address, Wanted(pairs=6)) as it,
        it.supervised("north", "south", at_once=2) as supervisor,
    ):
        conducted = it.begin(conducted=4)
        if how == "frozen":
            own_temporal.freeze()
        else:
            own_temporal.stop()
        it.until_done(conducted)
        let_pass(60.0)
        if how == "frozen":
            own_temporal.thaw()
        else:
            if how == "wiped":
                own_temporal.wipe()
            own_temporal.start()
        it.ends_well()
        assert supervisor.codes == []


def test_a_worker_that_is_cut_from_its_engine_alone_goes_on(
    postgres: PostgresServer, own_temporal: TemporalServer, night: Nights
) -> None:
    """The engine hands what it has to the other worker, which the lease sends away."""
    with (
        night(postgres, own_temporal.address, Wanted(pairs=2, durations=BLINK)) as it,
        cable_to(own_temporal.port) as cable,
    ):
        it.roma.hold(Operation.IMPORT, times=2)
        alone = it.fleet.worker("north", engine=f"127.0.0.1:{cable.port}/default")
        it.fleet.submit()
        it.roma.held_up(2)
        had = it.fleet.conducted_by(alone.pid)
        cable.close()
        other = it.fleet.worker("north")
        let_pass(45.0)
        assert (it.fleet.conducted_by(alone.pid), it.fleet.conducted_by(other.pid)) == (had, [])
        it.roma.release()
        it.ends_well()


@of_its_own
@pytest.mark.parametrize("after", [0.0, 0.7])
def test_a_host_that_is_split_off_sends_nothing_once_its_worker_is_dead(
    own_postgres: OwnServer, temporal: str, night: Nights, after: float
) -> None:
    """The cable is cut while requests are on their way, and mended after the death of the one who sent them."""
    with night(own_postgres, temporal, Wanted(pairs=12)) as it, other_host() as host:
        split = it.fleet.worker("north", at_once=12, before=host.words)
        it.begin(conducted=12)
        let_pass(after)
        host.cut()
        assert split.process.wait(40) in LOST
        posts = it.roma.posts()
        host.heal()
        let_pass(60.0)
        assert it.roma.posts() == posts, "what was on its way died with its sender"
        it.fleet.worker("south", at_once=12)
        it.ends_well()


@pytest.mark.parametrize("pairs", [100])
def test_a_minute_in_which_a_worker_is_killed_or_frozen_every_five_seconds(
    postgres: PostgresServer, temporal: str, night: Nights, pairs: int
) -> None:
    with (
        night(postgres, temporal, Wanted(pairs=pairs, apps=1, tasks=2, ttl=8.0)) as it,
        it.supervised("north", "north", "south", at_once=5) as supervisor,
    ):
        it.fleet.submit()
        for number in range(12):
            let_pass(5.0)
            victim = supervisor.standing[number % 3]
            if number % 2:
                victim.freeze()
            else:
                victim.kill()
        it.ends_well(patience=400.0)
        print(f"{len(supervisor.codes)} workers ended: {sorted(supervisor.codes)}; {pairs} components done")
