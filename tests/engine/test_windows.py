"""Windows and gates with the real engine, client and emulator, in virtual time (promises 18 and 19)."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import anyio
import pytest

from orchestrator.core.plan.plan import Gate, Plan
from orchestrator.core.plan.windows import Window
from orchestrator.core.state import events as e
from orchestrator.core.state.change_events import ChangesRequested
from orchestrator.emulator.world.options import Duration, Durations
from orchestrator.emulator.world.world import World
from orchestrator.engine.change_run import Carried
from orchestrator.engine.runs import Ended, Runs, Wish
from orchestrator.engine.undo_run import UndoWish, undo_run
from orchestrator.errors import ExitCode, PreflightBlocked
from tests.builders.runs import DAWN
from tests.engine.rig import QUICK, EngineRig, plan_for, staged, world
from tests.simulation.memory import Life, MemoryStore

BERLIN = ZoneInfo("Europe/Berlin")
#: exports of a minute, imports of so many seconds
MINUTES = 60.0


def slow(imports: float) -> World:
    return world(6, durations=Durations(Duration(60.0), Duration(imports), Duration(60.0)))


def window(opens: float, closes: float) -> Window:
    """From and to so many seconds after the run's begin."""
    begins, ends = (datetime.fromtimestamp(DAWN + at, UTC).replace(tzinfo=None).isoformat() for at in (opens, closes))
    return Window(begins, ends, "UTC")


def in_threes(held: World, **more: object) -> Plan:
    """Two batches of three applications."""
    made = plan_for(held, replace(QUICK, batch_size=3))
    return replace(made, **more)  # type: ignore[arg-type] # named as in Plan


def imports_of(rig: EngineRig) -> list[float]:
    """When imports were asked for, seconds after the begin."""
    return [entry.at - DAWN for entry in rig.entries if isinstance(entry.event, e.ImportRequested)]


async def till(moment: float) -> None:
    await anyio.sleep(moment - DAWN - anyio.current_time())


def test_a_window_that_closes_between_two_batches_ends_the_run_and_the_next_one_finishes_it() -> None:
    held = slow(30 * MINUTES)

    async def act(rig: EngineRig) -> tuple[Ended, Ended]:
        first = await rig.run()
        await till(first.outcome.not_before)
        return first, await rig.run()

    plan = in_threes(held, windows=(window(-60, 3000), window(10_000, 50_000)))
    rig, (first, second) = staged(held, act, plan)
    assert (first.outcome.code, first.outcome.not_before) == (ExitCode.NOT_FINISHED, DAWN + 10_000)
    assert first.progress.orders.hours.plan == plan.windows
    assert "the window is closed, 1 delivery open" in [why.sentence for why in first.outcome.whys]
    assert second.outcome.code is ExitCode.DONE
    early, late = imports_of(rig)
    assert early < 3000
    assert late == pytest.approx(10_000, abs=60)
    assert len(rig.landed()) == 6
    assert not [entry for entry in rig.entries if isinstance(entry.event, e.RunInterrupted)], "nothing was cut"


def test_a_running_import_is_waited_for_beyond_the_end_of_its_window() -> None:
    held = slow(30 * MINUTES)
    # Nobody has learned how long imports take here: by the guess it would end in time.
    rig, ended = staged(held, lambda rig: rig.run(), in_threes(held, windows=(window(-60, 700), window(1e6, 2e6))))
    assert ended.outcome.code is ExitCode.NOT_FINISHED
    assert [type(event) for event in rig.events].count(e.Verified) == 1


def sunday(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


@pytest.mark.parametrize(
    ("eve", "imports", "opens"),
    [
        # Clocks go forward on 2027-03-28: the window is an hour shorter, and holds one import.
        ("2027-03-27T20:00", 1, "2027-03-28T01:00"),
        ("2027-04-03T20:00", 2, "2027-04-04T01:00"),
        # Clocks go back on 2027-10-31, between both ends of the window.
        ("2027-10-30T20:00", 2, "2027-10-31T01:00"),
    ],
)
def test_a_window_is_as_long_as_its_night(eve: str, imports: int, opens: str) -> None:
    held = slow(55 * MINUTES)

    async def act(rig: EngineRig) -> tuple[Ended, Ended]:
        closed = await rig.run()
        await anyio.sleep(sunday(opens) - rig.now())
        return closed, await rig.run()

    plan = in_threes(held, windows=(Window("Sun 01:00", "Sun 03:10", "Europe/Berlin"),))
    rig, (closed, ended) = staged(held, act, plan, dawn=sunday(eve))
    assert closed.outcome.not_before == sunday(opens)
    assert len(imports_of(rig)) == imports
    assert ended.outcome.code is (ExitCode.DONE if imports == 2 else ExitCode.NOT_FINISHED)
    if imports == 1:  # the next Sunday begins an hour earlier by the sun
        assert ended.outcome.not_before == sunday("2027-04-04T01:00")


def test_a_batch_that_no_window_can_hold_starts_nothing() -> None:
    held = slow(60.0)
    with pytest.raises(PreflightBlocked, match="window-too-short: m@prod: the import of 3 assets at prod takes 1"):
        staged(held, lambda rig: rig.run(), in_threes(held, windows=(window(-60, 30), window(100, 140))))


def test_a_clock_that_is_set_on_over_the_end_of_the_window_begins_nothing_more() -> None:
    held = slow(10 * MINUTES)

    def steps(runs: Runs, entry: e.Entry) -> None:
        if isinstance(entry.event, e.ImportAccepted):
            rig_of[0].stepped = 40_000.0

    rig_of: list[EngineRig] = []

    async def act(rig: EngineRig) -> Ended:
        rig_of.append(rig)
        return await rig.run()

    plan = in_threes(held, windows=(window(-60, 20_000), window(100_000, 200_000)))
    rig, ended = staged(held, act, plan, hears=steps)
    assert len(imports_of(rig)) == 1
    assert ended.outcome.not_before == DAWN + 100_000
    assert ended.outcome.code is ExitCode.NOT_FINISHED


def test_until_is_a_window_for_one_run() -> None:
    held = slow(10 * MINUTES)

    async def act(rig: EngineRig) -> tuple[Ended, Ended]:
        first = await rig.run(Wish(until=DAWN + 15 * MINUTES))
        return first, await rig.run()

    _, (first, second) = staged(held, act, in_threes(held))
    assert first.outcome.code is ExitCode.NOT_FINISHED
    assert first.outcome.not_before == DAWN + 15 * MINUTES
    assert second.outcome.code is ExitCode.DONE
    assert second.progress.orders.hours.until == 0.0


def test_exports_ahead_leave_only_imports_for_the_window() -> None:
    held = slow(60.0)

    async def act(rig: EngineRig) -> tuple[Ended, Ended]:
        first = await rig.run()
        await till(first.outcome.not_before)
        return first, await rig.run()

    made = in_threes(held, windows=(window(20_000, 30_000),))
    plan = replace(made, migrations=(replace(made.migrations[0], export_ahead=True),))
    rig, (first, second) = staged(held, act, plan)
    exports = [entry.at - DAWN for entry in rig.entries if isinstance(entry.event, e.ExportRequested)]
    assert len(exports) == 2
    assert max(exports) < 1000
    assert (first.outcome.code, second.outcome.code) == (ExitCode.NOT_FINISHED, ExitCode.DONE)
    assert min(imports_of(rig)) >= 20_000


def test_a_gate_is_waited_at_for_as_long_as_the_plan_says() -> None:
    held = slow(60.0)

    async def act(rig: EngineRig) -> tuple[Ended, float]:
        ended = await rig.run()
        return ended, rig.now() - DAWN

    made = plan_for(held, replace(QUICK, batch_size=3, gate_timeout=7200.0))
    plan = replace(made, migrations=(replace(made.migrations[0], gate=Gate.IMPORTS),))
    rig, (ended, took) = staged(held, act, plan)
    assert ended.outcome.code is ExitCode.STOPPED
    assert ended.outcome.word == ("--gate", "imports")
    assert 7200 < took < 7800
    assert imports_of(rig) == []


def test_what_has_changed_while_a_gate_was_closed_is_exported_anew_when_it_opens() -> None:
    held = slow(60.0)
    name = held.instance("dev").apps[0].name

    async def act(rig: EngineRig) -> Ended:
        found: list[Ended] = []
        async with anyio.create_task_group() as group:
            group.start_soon(_opens_late, rig, name)
            found.append(await rig.run())
        return found[0]

    made = plan_for(held, replace(QUICK, batch_size=3))
    plan = replace(made, migrations=(replace(made.migrations[0], gate=Gate.IMPORTS),))
    rig, ended = staged(held, act, plan)
    assert ended.outcome.code is ExitCode.DONE
    kinds = rig.kinds()
    stale = kinds.index("PackageStale")
    assert kinds.index("RunContinued") < stale < kinds.index("ImportRequested")
    assert kinds[:stale].count("ExportRequested") == 2
    assert kinds[stale:].count("ExportRequested") == 1


async def _opens_late(rig: EngineRig, changed: str) -> None:
    """Hours after everything was exported, and after one application has changed at the source."""
    await anyio.sleep(20_000)
    shelf = rig.service.holding("dev").apps
    app = shelf.named(changed)
    assert app is not None
    shelf.put(replace(app, update_time=rig.now()))
    store = MemoryStore(rig.root, rig.records, Life(), rig.entries.append)
    store.ask(next(iter(rig.records)), e.RunContinued("olga", "host", "1", gate="imports"), rig.now())


def test_an_undo_keeps_to_the_windows_of_its_instance() -> None:
    held = slow(60.0)

    async def act(rig: EngineRig) -> tuple[Carried, Carried]:
        assert (await rig.run()).outcome.code is ExitCode.DONE
        rig.plan = in_threes(held, windows=(window(50_000, 60_000),))
        run = next(iter(rig.records))
        first = await undo_run(rig.runs(), run, UndoWish())
        deleted = [entry for entry in rig.entries if isinstance(entry.event, ChangesRequested)]
        assert deleted == []
        await till(DAWN + 50_000)
        return first, await undo_run(rig.runs(), run, UndoWish())

    rig, (first, second) = staged(held, act, in_threes(held))
    assert first.code is ExitCode.NOT_FINISHED
    assert [end.not_before for end in first.ends.values()] == [DAWN + 50_000]
    assert second.code is ExitCode.DONE
    assert rig.service.holding("prod").apps.all() == ()
