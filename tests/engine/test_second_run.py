"""A plan that ended well and is run again: the second day takes what the first took, and has nothing left to bring."""

from dataclasses import replace

import pytest

from orchestrator.core.model.checks import Verdict
from orchestrator.core.plan.plan import Glob, Migration, OfApps, Plan, Target
from orchestrator.core.state import events as e
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.world import World
from orchestrator.engine.runs import Ended, Wish
from orchestrator.errors import ExitCode, PreflightBlocked
from tests.engine.rig import USERS, EngineRig, plan_for, staged, world

COMMON = (Glob("billing-*"), Glob("stock-*"))


def linked() -> World:
    """Tasks of which many touch an application of each migration."""
    return generate(
        8, 30, filled=("dev",), empty=("prod",), users=USERS,
        filling=Filling(owner="s", calls={}, unreleased_every=0, running_every=0),
    )  # fmt: skip


def in_two(held: World) -> Plan:
    """`common` first, then the rest."""
    plan = plan_for(held)
    targets = (Target("prod"),)
    common = Migration("common", "dev", targets, COMMON, OfApps())
    rest = Migration("rest", "dev", targets, (Glob("*"),), OfApps(), exclude_apps=COMMON, after=("common",))
    return replace(plan, migrations=(common, rest))


def selections(rig: EngineRig) -> list[list[e.SelectionMade]]:
    """What each run selected, in their order."""
    found: list[list[e.SelectionMade]] = []
    for entry in rig.entries:
        if isinstance(entry.event, e.RunBegan):
            found.append([])
        if isinstance(entry.event, e.SelectionMade):
            found[-1].append(entry.event)
    return found


def asked(rig: EngineRig) -> int:
    return sum(rig.kinds().count(kind) for kind in ("ExportRequested", "ImportRequested"))


def test_a_plan_in_two_parts_run_again_selects_the_same_and_brings_nothing() -> None:
    async def act(rig: EngineRig) -> tuple[Ended, int, Ended, int]:
        first = await rig.run()
        before = asked(rig)
        return first, before, await rig.run(), asked(rig)

    held = linked()
    rig, (first, before, second, after) = staged(held, act, in_two(held))
    assert (first.outcome.code, second.outcome.code) == (ExitCode.DONE, ExitCode.DONE)
    assert before == after
    once, again = selections(rig)
    assert once == again
    assert second.outcome.counts == {"skipped": 38}
    assert len(rig.landed()) == 38


def test_in_a_new_home_it_is_blocked_because_the_target_holds_the_names_and_says_so() -> None:
    async def act(rig: EngineRig) -> str:
        await rig.run()
        rig.records.clear()
        draft = await rig.runs().preview(Wish(), [])
        assert {check.id for check in draft.blockers} <= {"name-collision", "datasource-id-collision"}
        assert [check.verdict for check in draft.checks if check.id == "dependency-cycle"] == [Verdict.OK]
        told = [check for check in draft.blockers if check.id == "name-collision"]
        assert len(told) == 2
        assert all("the home that ran it" in check.remedy for check in told)
        with pytest.raises(PreflightBlocked) as refused:
            await rig.run()
        return refused.value.message

    held = linked()
    _, message = staged(held, act, in_two(held))
    assert "prod holds" in message
    assert "twice" not in message


def test_what_another_migration_carries_is_not_left_out() -> None:
    held = linked()
    rig, _ = staged(held, lambda rig: rig.run(), in_two(held))
    common, rest = selections(rig)[0]
    assert (common.left_out, rest.left_out) == ((), ())
    assert common.selected + rest.selected == 38


def test_a_task_that_nobody_carries_is_left_out_still() -> None:
    held = world(8, 30)
    plan = in_two(held)
    rig, _ = staged(held, lambda rig: rig.run(), replace(plan, migrations=plan.migrations[:1]))
    (only,) = selections(rig)[0]
    assert only.left_out
