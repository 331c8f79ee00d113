"""A plan handed to a fleet: its components conducted one by one, as workers would, in a real PostgreSQL."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import anyio
import pytest

from orchestrator.core.plan.plan import KeepPackages, Plan, Scope
from orchestrator.core.preview.approval import Saved, SavedAsset
from orchestrator.core.preview.approval_file import from_json, to_json
from orchestrator.core.selection.only import Only, parse_only
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.submissions import MOST_TRIES, ComponentState, SubmittedComponent
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.world import App, World, make_id
from orchestrator.engine.admission import Approval
from orchestrator.engine.component_approvals import approval_for
from orchestrator.engine.components import Handed, conduct, runs_for, submit
from orchestrator.engine.conductor import Conductor
from orchestrator.engine.past_runs import read_run, runs_of
from orchestrator.engine.runs import Runs, Wish
from orchestrator.errors import ExitCode, HeldElsewhere, LeaseLost, OperatorError, PreflightBlocked
from orchestrator.storage.locks import Holder
from orchestrator.storage.postgres.database import Database
from orchestrator.storage.postgres.store import PostgresStore
from tests.builders.plans import migration
from tests.builders.postgres_server import PostgresServer
from tests.builders.postgres_store import database_of, sql, store_in
from tests.engine.rig import USERS, EngineRig, plan_for, slots_of, staged

T = TypeVar("T")
ME = Holder("worker", 1, "2027-01-15T08:00:00+00:00")


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    database = database_of(postgres, ttl=600.0)
    yield database
    database.close()


@dataclass
class Fleet:
    """One process of a fleet after the other, over one database and one far side."""

    rig: EngineRig
    store: PostgresStore

    @property
    def users(self) -> dict[str, str]:
        return {name: f"acme/{name}" for name in self.rig.plan.credentials}

    def submit(self, approval: Approval | None = None, *, abandon: bool = False) -> list[SubmittedComponent]:
        handed = Handed(self.rig.plan, "text", "", approval, abandon)
        return list(submit(self.store, handed, self.users, self.rig.runtime()).components)

    async def approved(self, *words: str) -> Saved:
        """What a board has approved: the document, written and read."""
        rig, only = self.rig, parse_only(words, self.rig.plan) if words else Only()
        admission = Runs(rig.plan, self.store, rig.roma(), self.users, rig.runtime()).admission
        draft = await admission.preview(only, runs_of(self.store, rig.plan.name))
        return from_json(to_json(admission.saved(draft, only, "CHG-1")))

    def runs(self, component: SubmittedComponent) -> Runs:
        rig = self.rig
        return runs_for(self.store, component, rig.plan, rig.roma(), self.users, rig.runtime())

    async def conduct(self, component: SubmittedComponent) -> SubmittedComponent:
        return await conduct(self.runs(component), self.store, component, ME)


def pairs(*faults: Rule) -> tuple[World, Plan]:
    """`dev` goes to `prod` and `test` to `dr`; a slot is an instance, so these are two components."""
    filling = Filling(owner="s", calls={}, unreleased_every=0, running_every=0)
    held = generate(3, 0, filled=("dev", "test"), empty=("prod", "dr"), filling=filling, users=USERS, faults=faults)
    told = plan_for(held, slots_of(Scope.INSTANCE))
    instances = {**told.instances, "test": replace(told.instances["test"], credentials=("s",))}
    moves = (migration("m", "dev", "prod"), migration("n", "test", "dr"))
    return held, replace(told, instances=instances, migrations=moves)


def once_conducted(runs: Runs, act: Callable[[Conductor], object]) -> Runs:
    """The same, with something that happens as soon as the run is conducted."""

    def hear(progress: Progress, entry: Entry) -> None:
        if runs.conductor is not None:
            act(runs.conductor)

    runs.listen = hear
    return runs


def drain(conductor: Conductor) -> None:
    conductor.stop("SIGTERM")


Act = Callable[[Fleet], Awaitable[T]]


def lived(database: Database, folder: Path, act: Act[T], *faults: Rule) -> tuple[EngineRig, T]:
    """Two components of a submitted plan, and what somebody does with them."""
    held, plan = pairs(*faults)

    async def all_of_it(rig: EngineRig) -> T:
        with closing(store_in(database, folder)) as store:
            return await act(Fleet(rig, store))

    return staged(held, all_of_it, plan)


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


# --- bound by a saved preview ---


def one_more(fleet: Fleet, instance: str) -> None:
    """Somebody makes an application there."""
    fleet.rig.service.holding(instance).apps.put(App(make_id("other", instance), "one-more", "key", "s", "s"))


def began(fleet: Fleet, component: SubmittedComponent) -> e.RunBegan:
    first = next(fleet.store.read(component.run)).event
    assert isinstance(first, e.RunBegan)
    return first


def test_each_component_carries_out_its_part_of_the_approved_preview(database: Database, tmp_path: Path) -> None:
    async def act(fleet: Fleet) -> None:
        saved = await fleet.approved()
        first, second = [await fleet.conduct(each) for each in fleet.submit(Approval(saved))]
        assert (first.code, second.code) == (0, 0)
        assert {began(fleet, each).approved for each in (first, second)} == {saved.id}
        told = fleet.store.submissions.submission(first.submission).approved
        assert told is not None
        assert (told.id, told.digest, told.by) == (saved.id, saved.digest, saved.by)
        with pytest.raises(PreflightBlocked, match="was carried out as run"):
            fleet.submit(Approval(saved))

    rig, _ = lived(database, tmp_path, act)
    assert len(rig.landed("prod")) == len(rig.landed("dr")) == 3


def test_a_component_that_is_not_what_was_approved_is_parked_and_the_other_goes_on(
    database: Database, tmp_path: Path
) -> None:
    async def act(fleet: Fleet) -> None:
        saved = await fleet.approved()
        first, second = fleet.submit(Approval(saved))
        one_more(fleet, "test")
        good, drifted = await fleet.conduct(first), await fleet.conduct(second)
        assert (good.state, good.code) == (ComponentState.DONE, 0)
        assert (drifted.state, drifted.code, drifted.run) == (ComponentState.PARKED, int(ExitCode.BLOCKED), "")
        assert f"preview {saved.digest} does not hold any more; nothing was started; n: is not what was" in drifted.why
        assert "n@dr: app one-more is selected now and was not" in drifted.why
        with pytest.raises(HeldElsewhere, match=r"1 of 2 components is not done$"):
            fleet.submit(Approval(saved))
        anew = await fleet.approved()
        with pytest.raises(HeldElsewhere, match=f"carries out the saved preview {saved.digest} .* and another one"):
            fleet.submit(Approval(anew))
        again = fleet.submit(Approval(anew), abandon=True)
        ends = [await fleet.conduct(each) for each in again]
        assert [each.code for each in ends] == [0, 0], [each.why for each in ends]
        given_up = fleet.store.submissions.component(second.id)
        assert (given_up.state, given_up.code) == (ComponentState.DONE, int(ExitCode.INCOMPLETE))
        assert given_up.why.startswith("given up by op on host; before: preview ")

    rig, _ = lived(database, tmp_path, act)
    assert (len(rig.landed("prod")), len(rig.landed("dr"))) == (3, 4)


def test_an_unfinished_run_of_an_approved_component_goes_on_whatever_has_changed_since(
    database: Database, tmp_path: Path
) -> None:
    async def act(fleet: Fleet) -> None:
        (component,) = fleet.submit(Approval(await fleet.approved("m")))
        left = await conduct(once_conducted(fleet.runs(component), drain), fleet.store, component, ME)
        assert left.state is ComponentState.WAITING
        one_more(fleet, "dev")
        assert (await fleet.conduct(left)).code == 0

    rig, _ = lived(database, tmp_path, act)
    assert "one-more" not in rig.landed("prod")
    assert rig.landed("dr") == [], "--only of the preview left it out"


def test_a_run_whose_end_nobody_noted_is_told_and_not_begun_again(database: Database, tmp_path: Path) -> None:
    """Its worker died between the last entry of the journal and the component's row, an hour ago."""

    async def act(fleet: Fleet) -> None:
        first, _ = fleet.submit(Approval(await fleet.approved()))
        with fleet.store.of_component(first).hold("orders", ME):
            approval = approval_for(fleet.store.submissions, first)
            run = (await fleet.runs(first).run(Wish(approval=approval))).run
        await anyio.sleep(3600.0)
        told = await fleet.conduct(first)
        assert (told.state, told.code, told.run) == (ComponentState.DONE, 0, run)

    lived(database, tmp_path, act)


def test_what_was_accepted_of_the_drift_goes_with_the_submission(database: Database, tmp_path: Path) -> None:
    async def act(fleet: Fleet) -> None:
        saved = await fleet.approved()
        lanes = tuple(replace(lane, assets=tuple(_older(each) for each in lane.assets)) for lane in saved.lanes)
        older = replace(saved, lanes=lanes)
        first, second = fleet.submit(Approval(older, accept_changed=True, signed_by="olga"))
        assert [(await fleet.conduct(each)).code for each in (first, second)] == [0, 0]
        told = began(fleet, fleet.store.submissions.component(first.id))
        assert (len(told.accepted), told.signed_by) == (3, "olga")

    lived(database, tmp_path, act)


def _older(asset: SavedAsset) -> SavedAsset:
    return replace(asset, update_time="2020-01-01T00:00:00Z")


def test_a_preview_that_does_not_fit_is_refused_before_anything_is_submitted(
    database: Database, tmp_path: Path
) -> None:
    async def act(fleet: Fleet) -> None:
        saved, plan = await fleet.approved(), fleet.rig.plan
        without = replace(saved, digests={})
        for approval, told in (
            (Approval(saved, max_age=-1.0), "allowed are"),
            (Approval(replace(saved, plan="billing")), "was saved for plan billing"),
            (Approval(without), "noted no digest of each migration"),
            (Approval(replace(saved, lanes=())), "m@prod: is new"),
        ):
            with pytest.raises(PreflightBlocked, match=told) as caught:
                fleet.submit(approval)
            assert caught.value.next_step
        fleet.rig.plan = replace(plan, migrations=(replace(plan.migrations[0], tasks=()), *plan.migrations[1:]))
        with pytest.raises(PreflightBlocked, match=r"m\.tasks: was 'of-apps', is"):
            fleet.submit(Approval(saved))
        assert len(fleet.submit(Approval(saved, hold_drifted=True))) == 2
        assert len(fleet.store.submissions.ids()) == 1

    lived(database, tmp_path, act)


def test_what_lies_damaged_in_the_database_is_not_carried_out(database: Database, tmp_path: Path) -> None:
    async def act(fleet: Fleet) -> list[SubmittedComponent]:
        components = fleet.submit(Approval(await fleet.approved()))
        sql(database, _CHANGED, components[0].id)
        sql(database, "UPDATE component SET approved = '' WHERE id = %s", components[1].id)
        return [await fleet.conduct(each) for each in components]

    rig, ended = lived(database, tmp_path, act)
    assert [(each.state, each.code) for each in ended] == [(ComponentState.PARKED, 2)] * 2
    assert "is damaged in the database: not a saved preview: it was changed since it was saved" in ended[0].why
    assert rig.service.ledger.calls == []


def test_what_has_begun_or_waits_for_a_worker_is_not_given_up(database: Database, tmp_path: Path) -> None:
    async def act(fleet: Fleet) -> None:
        first, second = fleet.submit()
        with pytest.raises(HeldElsewhere, match=f"{first.id} waits for a worker: only what"):
            fleet.submit(abandon=True)
        fleet.store.submissions.park(second.id, 10, "stopped")
        await conduct(once_conducted(fleet.runs(first), drain), fleet.store, first, ME)
        assert fleet.store.submissions.park(first.id, 10, "stopped")
        with pytest.raises(HeldElsewhere, match=f"{first.id} has begun with run "):
            fleet.submit(abandon=True)
        assert fleet.store.submissions.component(second.id).state is ComponentState.PARKED

    lived(database, tmp_path, act)


_CHANGED = "UPDATE component SET approved = replace(approved, 'CHG-1', 'CHG-2') WHERE id = %s"
_TAKEN = "UPDATE lease SET epoch = epoch + 1, holder = 'other' WHERE key LIKE 'instance %%'"
