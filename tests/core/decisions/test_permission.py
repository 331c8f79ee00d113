"""When jobs may be asked for: windows, gates, pauses and stops, in small runs (promises 18 and 19)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from orchestrator.core.decisions.context import MOST_AHEAD, Finished, WaitUntil
from orchestrator.core.decisions.permission import HAIR
from orchestrator.core.decisions.scheduler import Scheduler
from orchestrator.core.decisions.waiting import LOOK_AGAIN
from orchestrator.core.plan.hours import Hours
from orchestrator.core.plan.windows import Window
from orchestrator.core.state import events as e
from orchestrator.errors import ExitCode
from tests.builders.decisions import answered, begun, woken
from tests.builders.runs import DAWN, Run, app

DAY = 86400.0
#: a person's word is waited for so long in these runs
PATIENCE = 3600.0
BY = ("olga", "host", "1")


def window(opens: float, closes: float) -> Window:
    """From and to so many seconds after the run's begin."""
    begins, ends = (
        datetime.fromtimestamp(DAWN + after, UTC).replace(tzinfo=None).isoformat() for after in (opens, closes)
    )
    return Window(begins, ends, "UTC")


def under(hours: Hours) -> Run:
    run = Run()
    run.believe(e.RunBegan("orders", "plan.yaml", "{}", "op", "host", 1, "0", hours=hours))
    return run


def not_before(todo: Scheduler, run: Run) -> float:
    """Seconds after the run's begin before which another start is in vain."""
    end = todo.ready(run.at)
    assert isinstance(end, Finished), end
    assert end.ends["window"].code == ExitCode.NOT_FINISHED
    return round(end.ends["window"].not_before - DAWN, 3)


@pytest.mark.parametrize(
    "hours",
    [
        Hours(plan=(window(1000, 2000), window(5000, 9000))),
        Hours(instances={"prod": (window(1000, 2000), window(5000, 9000))}),
        Hours(migrations={"m": (window(1000, 2000), window(5000, 9000))}),
    ],
    ids=["plan", "instance", "migration"],
)
def test_no_import_is_asked_for_outside_its_window(hours: Hours) -> None:
    run = under(hours)
    name = run.carries(app("a"))
    run.stores(name)
    todo = woken(run)
    assert begun(todo, run) == []
    assert not_before(todo, run) == 1000
    run.at = DAWN + 1001
    assert begun(todo, run) == [("ListTarget", name)]


def test_an_instances_window_does_not_concern_another_instance() -> None:
    run = under(Hours(instances={"prod": (window(1000, 2000),)}))
    batch = run.life(run.carries(app("a"))).batch
    assert begun(woken(run), run) == [("RequestExport", batch)]


def test_a_job_that_would_not_end_in_time_waits_for_the_next_window() -> None:
    run = under(Hours(plan=(window(-1000, 59), window(5000, 9000))))
    run.stores(run.carries(app("a")))
    todo = woken(run)
    assert begun(todo, run) == []
    assert not_before(todo, run) == 5000
    todo.context.longest = lambda instance, kind, assets: 58.0
    todo.touch_all()
    assert [kind for kind, _ in begun(todo, run)] == ["ListTarget"]


def test_what_waits_behind_a_job_that_is_too_long_goes_all_the_same() -> None:
    run = under(Hours(plan=(window(-1000, 100), window(5000, 9000))))
    long, short = run.carries(app("a"), app("b")), run.carries(app("c"))
    for each in (long, short):
        run.stores(each)
    todo = woken(run)
    todo.context.longest = lambda instance, kind, assets: 80.0 * assets
    assert begun(todo, run) == [("ListTarget", short)]


def test_a_window_that_closes_while_a_job_waits_for_its_slot_holds_it_back() -> None:
    run = under(Hours(plan=(window(-1000, 100), window(5000, 9000))))
    first, second = run.carries(app("a")), run.carries(app("b"))
    for each in (first, second):
        run.stores(each)
    run.imports(first)
    todo = woken(run)
    assert ("AwaitImport", first) in begun(todo, run)
    answered(todo, run, second, e.Looked(second))
    assert begun(todo, run) == []
    run.later(200)
    answered(todo, run, first, e.Imported(first))
    assert begun(todo, run) == [("Verify", first)]
    answered(todo, run, first, e.Verified(first, ("a",)))
    assert begun(todo, run) == [("DropPackage", run.life(first).batch)]
    answered(todo, run, run.life(first).batch, e.PackageDropped(run.life(first).batch))
    assert not_before(todo, run) == 5000


def test_an_opening_that_is_near_is_waited_for() -> None:
    run = under(Hours(plan=(window(30, 2000),)))
    batch = run.life(run.carries(app("a"))).batch
    todo = woken(run)
    assert begun(todo, run) == []
    assert todo.ready(run.at) == WaitUntil(DAWN + 30 + HAIR)
    run.later(31)
    assert begun(todo, run) == [("RequestExport", batch)]


def test_a_clock_that_is_set_on_opens_the_window_and_one_that_is_set_back_closes_it() -> None:
    run = under(Hours(plan=(window(1000, 2000),)))
    batch = run.life(run.carries(app("a"))).batch
    todo = woken(run)
    assert begun(todo, run) == []
    todo.context.wall_ahead = 1000.0
    assert begun(todo, run) == [("RequestExport", batch)]
    todo.context.wall_ahead = 0.0
    answered(todo, run, batch, e.ExportRefused(batch, e.ErrorDetail("throttled")))
    assert begun(todo, run) == []


def test_exports_go_ahead_of_the_plans_window_and_not_of_their_instances() -> None:
    hours = Hours(plan=(window(1000, 2000),), export_ahead=("m",))
    run = under(hours)
    batch = run.life(run.carries(app("a"))).batch
    assert begun(woken(run), run) == [("RequestExport", batch)]
    run = under(replace(hours, instances={"dev": (window(1000, 2000),)}))
    run.carries(app("a"))
    assert begun(woken(run), run) == []


def test_a_package_for_two_migrations_is_exported_where_one_of_them_may() -> None:
    run = under(Hours(migrations={"m": (window(1000, 2000),)}))
    batch = run.life(run.carries(app("a"))).batch
    run.carries(app("a"), target="dr", migration="n")
    assert begun(woken(run), run) == [("RequestExport", batch)]


def test_until_ends_it_and_says_so() -> None:
    run = under(Hours(until=DAWN + 50))
    run.carries(app("a"))
    todo = woken(run)
    assert begun(todo, run) == []
    assert not_before(todo, run) == 50


def test_where_no_window_opens_any_more_only_a_person_can_go_on() -> None:
    run = under(Hours(plan=(window(-2000, -1000),)))
    run.carries(app("a"))
    todo = woken(run)
    assert begun(todo, run) == []
    end = todo.ready(run.at)
    assert isinstance(end, Finished)
    assert end.ends["window"].code == ExitCode.STOPPED


def test_a_lost_import_is_settled_by_time_where_no_probe_may_be_asked_for() -> None:
    run = under(Hours(plan=(window(-1000, 10),)))
    name = run.carries(app("a"))
    run.loses(name, 10.0)
    run.later(20)
    todo = woken(run)
    assert begun(todo, run) == [("ListTarget", name)]
    answered(todo, run, name, e.Looked(name, sample="app:x", asked_at=run.at))
    assert begun(todo, run) == []
    assert isinstance(todo.ready(run.at), WaitUntil)
    run.later(600)
    assert begun(todo, run) == [("ListTarget", name)]


# --- gates ---


def gated(**more: object) -> Run:
    return under(replace(Hours(gated=("m",), gate_timeout=PATIENCE), **more))  # type: ignore[arg-type] # as in Hours


def kinds(run: Run) -> list[type[e.Event]]:
    return [type(entry.event) for entry in run.entries]


def test_before_a_gate_everything_is_exported_and_a_person_is_waited_for() -> None:
    run = gated()
    name = run.carries(app("a"))
    todo = woken(run)
    assert begun(todo, run) == [("RequestExport", run.life(name).batch)]
    answered(todo, run, run.life(name).batch, e.ExportAccepted(run.life(name).batch, "j"))
    assert e.GateReached not in kinds(run)
    begun(todo, run)
    run.believe(e.Exported(run.life(name).batch, "x"), e.DownloadRequested(run.life(name).batch))
    answered(todo, run, run.life(name).batch, e.PackageStored(run.life(name).batch, "s", 1, "crc"))
    assert begun(todo, run) == []
    assert kinds(run)[-1] is e.GateReached
    assert todo.ready(run.at) == WaitUntil(run.at + PATIENCE)
    run.believe(e.RunContinued(*BY, gate="imports"))
    assert begun(todo, run) == [("ListTarget", name)]


def test_a_gate_that_nobody_opens_ends_the_run_in_time() -> None:
    run = gated()
    run.stores(run.carries(app("a")))
    todo = woken(run)
    assert begun(todo, run) == []
    run.later(PATIENCE)
    assert todo.ready(run.at) == Finished()
    assert kinds(run).count(e.GateReached) == 1


def test_exports_before_a_gate_run_as_far_ahead_as_there_are_batches() -> None:
    run = gated()
    for number in range(MOST_AHEAD + 3):
        run.stores(run.carries(app(f"a{number}")))
    last = run.carries(app("last"))
    assert begun(woken(run), run) == [("RequestExport", run.life(last).batch)]


def test_a_migration_without_a_gate_goes_on_beside_one_that_waits() -> None:
    run = gated()
    held, free = run.carries(app("a")), run.carries(app("b"), migration="n")
    for each in (held, free):
        run.stores(each)
    assert begun(woken(run), run) == [("ListTarget", free)]
    assert e.GateReached in kinds(run)


# --- pause, stop ---


@pytest.mark.parametrize("order", [e.RunPaused(*BY), e.RunStopped(*BY)], ids=["pause", "stop"])
def test_an_order_lets_what_runs_end_and_nothing_begin(order: e.Event) -> None:
    run = Run()
    first, second = run.carries(app("a")), run.carries(app("b"))
    for each in (first, second):
        run.stores(each)
    run.imports(first)
    todo = woken(run)
    assert ("AwaitImport", first) in begun(todo, run)
    answered(todo, run, second, e.Looked(second))
    run.believe(order)
    answered(todo, run, first, e.Imported(first))
    assert begun(todo, run) == [("Verify", first)]
    answered(todo, run, first, e.Verified(first, ("a",)))
    begun(todo, run)
    answered(todo, run, run.life(first).batch, e.PackageDropped(run.life(first).batch))
    assert begun(todo, run) == []
    run.believe(e.RunContinued(*BY))
    assert begun(todo, run) == [("RequestImport", second)]


def test_a_stopped_run_is_finished_and_a_paused_one_waits() -> None:
    run = under(Hours(gate_timeout=PATIENCE))
    run.stores(run.carries(app("a")))
    run.believe(e.RunPaused(*BY))
    todo = woken(run)
    assert begun(todo, run) == []
    assert todo.ready(run.at) == WaitUntil(run.at + PATIENCE)
    run.believe(e.RunStopped(*BY))
    assert begun(todo, run) == []
    assert todo.ready(run.at) == Finished()


def test_while_an_order_is_written_nothing_is_begun() -> None:
    run = Run()
    run.stores(run.carries(app("a")))
    todo = woken(run)
    todo.context.hearing = True
    assert begun(todo, run) == []


def test_an_opening_is_looked_for_again_soon_while_a_person_is_waited_for() -> None:
    run = gated(instances={"dr": (window(DAY, 2 * DAY),)}, gate_timeout=3 * DAY)
    run.stores(run.carries(app("a")))
    run.stores(run.carries(app("b"), target="dr", migration="n"))
    todo = woken(run)
    assert begun(todo, run) == []
    assert todo.ready(run.at) == WaitUntil(run.at + LOOK_AGAIN)
