"""A plan handed to a fleet: its components conducted one by one, as workers would, in a real PostgreSQL."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from orchestrator.core.plan.plan import KeepPackages
from orchestrator.core.state.submissions import MOST_TRIES, ComponentState, SubmittedComponent
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.operations import Operation
from orchestrator.engine.components import conduct
from orchestrator.engine.past_runs import read_run
from orchestrator.engine.runs import Runs, Wish
from orchestrator.errors import ExitCode, HeldElsewhere, LeaseLost, OperatorError
from orchestrator.storage.postgres.database import Database
from tests.builders.postgres_store import sql, store_in
from tests.engine.fleet_rig import ME, Fleet, drain, lived, once_conducted


def test_each_component_brings_its_own_part_in_a_run_of_its_own(database: Database, tmp_path: Path) -> None:
    async def act(fleet: Fleet) -> list[SubmittedComponent]:
        first, second = fleet.submit()
        assert (first.migrations, second.migrations) == (("m",), ("n",))
        ended = await fleet.conduct(first)
        assert fleet.rig.landed("dr") == []
        told = fleet.store.ended(ended.run)
        assert told is not None
        assert (told.code, told.selected) == (0, 3)
        return [ended, await fleet.conduct(second)]

    rig, ended = lived(database, tmp_path, act)
    assert [(each.state, each.code, each.tries) for each in ended] == [(ComponentState.DONE, 0, 0)] * 2
    assert len({each.run for each in ended}) == 2
    assert rig.landed("prod") == rig.landed("dr")
    assert len(rig.landed("prod")) == 3


def test_a_component_goes_on_with_its_own_run_and_with_no_other(database: Database, tmp_path: Path) -> None:
    """The worker is gone in the middle of its first one; another one goes on with it, and brings nothing twice."""

    async def act(fleet: Fleet) -> SubmittedComponent:
        first, second = fleet.submit()
        drained = await conduct(once_conducted(fleet.runs(first), drain), fleet.store, first, ME)
        assert (drained.state, drained.code, drained.not_before) == (ComponentState.WAITING, 143, 0.0)
        assert (await fleet.conduct(second)).code == 0
        again = await fleet.conduct(first)
        assert again.run == drained.run
        return again

    rig, again = lived(database, tmp_path, act)
    assert again.code == 0
    assert len(rig.landed("prod")) == len(set(rig.landed("prod"))) == 3


def test_a_plan_that_is_submitted_again_skips_what_it_brought_and_drops_its_packages(
    database: Database, tmp_path: Path
) -> None:
    """Each component those of the same one, and of no other."""

    async def act(fleet: Fleet) -> list[SubmittedComponent]:
        keeps = replace(fleet.rig.plan.settings, keep_packages=KeepPackages(3600.0))
        fleet.rig.plan = replace(fleet.rig.plan, settings=keeps)
        old = [(await fleet.conduct(each)).run for each in fleet.submit()]
        assert [len(list(read_run(fleet.store, run).stored())) for run in old] == [1, 1]
        await anyio.sleep(3600.0)
        again = fleet.submit()
        ended = [await fleet.conduct(again[0])]
        assert [len(list(read_run(fleet.store, run).stored())) for run in old] == [0, 1]
        return [*ended, await fleet.conduct(again[1])]

    rig, ended = lived(database, tmp_path, act)
    assert [each.code for each in ended] == [0, 0]
    assert len(rig.landed("prod")) == 3


def test_what_a_person_must_do_parks_it_and_what_time_does_gives_it_a_time(database: Database, tmp_path: Path) -> None:
    refuses = Rule(Kind.UNAUTHORISED_ONCE, frozenset({Operation.APPS}), instance="test", times=0)

    async def act(fleet: Fleet) -> SubmittedComponent:
        return await fleet.conduct(fleet.submit()[1])

    _, ended = lived(database, tmp_path, act, refuses)
    assert (ended.state, ended.code) == (ComponentState.PARKED, int(ExitCode.REFUSED))
    assert ended.why


def test_what_ends_its_worker_again_and_again_is_parked(database: Database, tmp_path: Path) -> None:
    async def act(fleet: Fleet) -> SubmittedComponent:
        first, _ = fleet.submit()
        for _ in range(MOST_TRIES):
            with fleet.store.of_component(first).hold("orders", ME):
                fleet.store.submissions.tried(first.id)
        return await fleet.conduct(first)

    rig, ended = lived(database, tmp_path, act)
    assert (ended.state, ended.code) == (ComponentState.PARKED, int(ExitCode.DEFECT))
    assert "3 times a process that conducted it was gone" in ended.why
    assert rig.service.ledger.calls == []


def test_a_defect_is_noted_and_raised_and_a_lost_lease_is_not_noted(database: Database, tmp_path: Path) -> None:
    async def act(fleet: Fleet) -> list[SubmittedComponent]:
        first, second = fleet.submit()
        with pytest.raises(ZeroDivisionError):
            await conduct(once_conducted(fleet.runs(first), lambda conductor: 1 // 0), fleet.store, first, ME)
        lost = once_conducted(fleet.runs(second), lambda conductor: sql(database, _TAKEN))
        with pytest.raises(LeaseLost):
            await conduct(lost, fleet.store, second, ME)
        return fleet.store.submissions.components(first.submission)

    _, (broken, taken) = lived(database, tmp_path, act)
    assert (broken.state, broken.code, broken.why) == (
        ComponentState.PARKED, 70, "ZeroDivisionError('integer division or modulo by zero')",
    )  # fmt: skip
    assert (taken.state, taken.code, taken.tries) == (ComponentState.WAITING, None, 1)


def test_a_component_that_another_worker_holds_is_not_begun(database: Database, tmp_path: Path) -> None:
    async def act(fleet: Fleet) -> None:
        first, _ = fleet.submit()
        with (
            closing(store_in(database, tmp_path / "other")) as other,
            other.of_component(first).hold("orders", ME),
            pytest.raises(HeldElsewhere, match="process 1 on worker"),
        ):
            await fleet.conduct(first)

    rig, _ = lived(database, tmp_path, act)
    assert rig.service.ledger.calls == []


def test_a_plan_whose_own_run_is_unfinished_is_not_submitted(database: Database, tmp_path: Path) -> None:
    async def act(fleet: Fleet) -> None:
        rig = fleet.rig
        runs = Runs(rig.plan, fleet.store, rig.roma(), fleet.users, rig.runtime())
        once_conducted(runs, drain)
        with fleet.store.hold("orders", ME):
            await runs.run(Wish())
        with pytest.raises(OperatorError, match="is unfinished, and no component goes on with it"):
            fleet.submit()
        runs.listen = None
        with fleet.store.hold("orders", ME):
            await runs.run(Wish())
        assert len(fleet.submit()) == 2

    lived(database, tmp_path, act)


def test_instances_of_two_groups_in_one_component_are_refused(database: Database, tmp_path: Path) -> None:
    async def act(fleet: Fleet) -> None:
        held = fleet.rig.plan.instances
        far = {"dev": replace(held["dev"], group="east"), "prod": replace(held["prod"], group="west")}
        fleet.rig.plan = replace(fleet.rig.plan, instances={**held, **far})
        with pytest.raises(OperatorError, match=r"m: these migrations .* name the groups east, west"):
            fleet.submit()
        assert fleet.store.submissions.ids() == []

    lived(database, tmp_path, act)


_TAKEN = "UPDATE lease SET epoch = epoch + 1, holder = 'other' WHERE key LIKE 'instance %%'"
