"""`only_changed`: under Merge only what has changed at the source since it was last imported there moves again."""

from dataclasses import replace

import pytest

from orchestrator.core.plan.plan import Mode, Plan, Target
from orchestrator.core.state import events as e
from orchestrator.emulator.world.world import World
from orchestrator.engine.runs import Ended
from orchestrator.engine.undo_run import UndoWish, undo_run
from orchestrator.errors import ExitCode
from tests.engine.rig import EngineRig, plan_for, staged, world


def merging(held: World, *, only_changed: bool = True) -> Plan:
    made = plan_for(held)
    target = Target("prod", mode=Mode.MERGE, only_changed=only_changed)
    return replace(made, migrations=(replace(made.migrations[0], targets=(target,)),))


def imported(ended: Ended) -> list[str]:
    """Names of what this run asked to be imported."""
    lives = ended.progress.deliveries.values()
    return sorted(asset.name for life in lives for asset in ended.progress.assets_of(life.batch))


def change(rig: EngineRig, name: str) -> None:
    """It changes at the source."""
    shelf = rig.service.holding("dev").apps
    app = shelf.named(name)
    assert app is not None
    shelf.put(replace(app, update_time=rig.now() + 1.0))


def runs_in_a_row(only_changed: bool) -> tuple[Ended, Ended, Ended, str]:
    held = world(4)
    name = held.instance("dev").apps[1].name

    async def act(rig: EngineRig) -> tuple[Ended, Ended, Ended]:
        first, second = await rig.run(), await rig.run()
        change(rig, name)
        return first, second, await rig.run()

    _, (first, second, third) = staged(held, act, merging(held, only_changed=only_changed))
    assert first.outcome.code is ExitCode.DONE
    return first, second, third, name


def test_what_has_not_changed_is_skipped_and_what_has_is_imported_again() -> None:
    first, second, third, name = runs_in_a_row(only_changed=True)
    assert len(imported(first)) == 4
    assert imported(second) == []
    assert second.outcome.code is ExitCode.DONE
    assert imported(third) == [name]
    (skipped,) = third.progress.skipped
    assert len(skipped.assets) == 3
    assert "has not changed at the source since" in skipped.reason


def test_without_it_merge_brings_all_of_it_each_time() -> None:
    _, second, third, _ = runs_in_a_row(only_changed=False)
    assert [len(imported(each)) for each in (second, third)] == [4, 4]


@pytest.mark.parametrize("how", ["removed at the target", "taken back"])
def test_what_is_no_longer_as_it_was_brought_is_brought_again(how: str) -> None:
    held = world(2)

    async def act(rig: EngineRig) -> Ended:
        assert (await rig.run()).outcome.code is ExitCode.DONE
        if how == "taken back":
            await undo_run(rig.runs(), next(iter(rig.records)), UndoWish())
        else:
            shelf = rig.service.holding("prod").apps
            shelf.remove(shelf.all()[0].id)
        return await rig.run()

    rig, ended = staged(held, act, merging(held))
    assert len(imported(ended)) == (2 if how == "taken back" else 1)
    assert [type(event) for event in rig.events].count(e.RunEnded) == 2
