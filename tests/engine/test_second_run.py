"""A plan that ended well and is run again: the second day takes what the first took, and has nothing left to bring."""

from dataclasses import replace

import anyio
import pytest

from orchestrator.core.model.checks import Verdict
from orchestrator.core.plan.plan import Glob, Migration, OfApps, Plan, Target
from orchestrator.core.preflight.expected_outcomes import Expected
from orchestrator.core.preview.preview import Preview
from orchestrator.core.selection.only import Only
from orchestrator.core.state import events as e
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.world import App, World
from orchestrator.engine.past_runs import runs_of
from orchestrator.engine.runs import TELL_AGAIN, Ended, Wish
from orchestrator.errors import ExitCode, OperatorError, PreflightBlocked
from tests.engine.rig import QUICK, USERS, EngineRig, plan_for, staged, world

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


# --- with an unfinished run, a preview shows what `run` would do ---


def lost() -> World:
    """The first import is executed, and its answer is lost."""
    return world(6, faults=(Rule(Kind.RESET_AFTER_SEND, frozenset({Operation.IMPORT})),))


async def stopped_when_lost(rig: EngineRig) -> Ended:
    """A run that a signal stops as soon as an import's answer is lost."""
    rig.hears = lambda runs, entry: (
        runs.conductor.stop("SIGINT") if runs.conductor and isinstance(entry.event, e.ImportAnswerLost) else None
    )
    ended = await rig.run()
    rig.hears = None
    return ended


def test_a_preview_of_an_unfinished_run_shows_what_is_left_of_it() -> None:
    async def act(rig: EngineRig) -> tuple[Preview, tuple[App, ...], Ended]:
        first = await stopped_when_lost(rig)
        await anyio.sleep(1000)
        rig.service.advance()
        past = runs_of(rig.runs().store, "orders")
        assert past[-1].unfinished
        draft = await rig.runs().admission.resumed(past[-1], Only())
        there = rig.service.holding("prod").apps.all()
        second = await rig.run()
        assert (second.run, second.outcome.code) == (first.run, ExitCode.DONE)
        return draft, there, second

    held = lost()
    rig, (draft, there, second) = staged(held, act, plan_for(held, replace(QUICK, batch_size=2)))
    assert there, "our own import has landed, and it is no collision"
    assert draft.blockers == ()
    assert second.progress.began is not None
    assert draft.digest == second.progress.began.digest
    assert {each.fate for each in draft.assets} <= {Expected.CREATED, Expected.SKIPPED}
    assert len(draft.assets) == 6
    (listed,) = [entry.event.items for entry in rig.entries if isinstance(entry.event, e.HandoverListed)]
    assert draft.handover == listed, "what is left to people is what the run itself has listed"
    assert any("lost import" in each for each in draft.unknown)
    assert len(rig.landed()) == 6


def test_a_preview_says_as_run_does_that_the_plan_has_changed_under_an_unfinished_run() -> None:
    async def act(rig: EngineRig) -> str:
        await stopped_when_lost(rig)
        past = runs_of(rig.runs().store, "orders")
        (moves,) = rig.plan.migrations
        rig.plan = replace(rig.plan, migrations=(replace(moves, apps=(Glob("orders-*"),)),))
        with pytest.raises(OperatorError, match="has changed in what moves") as caught:
            await rig.runs().admission.resumed(past[-1], Only())
        assert [line[:2] for line in caught.value.lines[1:]] == ["  "], "each difference is a line of its own"
        return caught.value.next_step

    assert "--abandon" in staged(lost(), act)[1]


# --- an end that nobody was told ---


@pytest.mark.parametrize(
    ("seconds", "wish", "told", "new"),
    [
        (TELL_AGAIN - 1, Wish(), False, False),
        (TELL_AGAIN + 1, Wish(), False, True),
        (1.0, Wish(), True, True),
        (1.0, Wish(only=Only(words=("app:orders-web",), apps=("orders-web",))), False, True),
    ],
    ids=["soon", "late", "told", "another command"],
)
def test_the_same_command_tells_an_end_that_nobody_was_told(seconds: float, wish: Wish, told: bool, new: bool) -> None:
    async def act(rig: EngineRig) -> tuple[Ended, Ended]:
        first = await rig.run()
        await anyio.sleep(seconds)
        runs = rig.runs()
        runs.end_is_told = lambda run: told
        return first, await runs.run(wish)

    rig, (first, second) = staged(world(3), act)
    assert (second.run != first.run) is new
    assert second.before is not new
    assert rig.kinds().count("RunBegan") == 1 + new
    assert second.outcome.code is ExitCode.DONE
