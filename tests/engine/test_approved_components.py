"""A submission bound by a saved preview: each component carries out its part, whatever its worker finds."""

from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from orchestrator.core.preview.approval import SavedAsset
from orchestrator.core.state import events as e
from orchestrator.core.state.submissions import ComponentState, SubmittedComponent
from orchestrator.emulator.world.world import App, make_id
from orchestrator.engine.admission import Approval
from orchestrator.engine.component_approvals import approval_for
from orchestrator.engine.components import conduct
from orchestrator.engine.runs import Wish
from orchestrator.errors import ExitCode, HeldElsewhere, PreflightBlocked
from orchestrator.storage.postgres.database import Database
from tests.builders.postgres_store import sql
from tests.engine.fleet_rig import ME, Fleet, drain, lived, once_conducted


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


def test_what_is_as_it_was_approved_again_goes_on_after_continue(database: Database, tmp_path: Path) -> None:
    async def act(fleet: Fleet) -> None:
        (component,) = fleet.submit(Approval(await fleet.approved("m")))
        one_more(fleet, "dev")
        assert (await fleet.conduct(component)).code == int(ExitCode.BLOCKED)
        fleet.rig.service.holding("dev").apps.remove(make_id("other", "dev"))
        assert fleet.store.submissions.wake(component.id)
        assert (await fleet.conduct(component)).code == 0

    lived(database, tmp_path, act)


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
