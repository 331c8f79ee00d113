"""What the agenda starts no more: behind a breaker, towards a silent service, after a signal."""

import pytest

from orchestrator.core.decisions import steps
from orchestrator.core.decisions.context import Finished, Note, Silence, WaitUntil
from orchestrator.core.decisions.target_evidence import READ_LAG
from orchestrator.core.state import events as e
from orchestrator.core.state.ends import End
from orchestrator.core.state.events import ErrorDetail
from orchestrator.core.state.lifecycle import DeliveryState
from tests.builders.decisions import answer_well, answered, begun, decided, stored, woken
from tests.builders.plans import instance, plan
from tests.builders.runs import REASON, SAID, Run, app

FROM, INTO = "dev.example acme/s", "prod.example acme/t"


# --- the breaker (promise 7) ---


def test_two_halves_with_the_same_error_and_no_named_asset_stop_the_target() -> None:
    run = Run()
    whole = run.carries(*(app(each) for each in "abcd"))
    behind = run.carries(app("behind"))
    elsewhere = run.carries(app("c"), target="dr")
    stored(run, whole, behind, elsewhere)
    run.fails(whole)
    run.later(READ_LAG).believe(e.Looked(whole))
    begun(woken(run), run)
    halves = [each.id for each in run.progress.deliveries.values() if each.parent == whole]
    assert len(halves) == 2
    for half in halves:
        run.stores(half)
        run.fails(half)
    begun(woken(run), run)
    assert run.progress.breaker.is_stopped("prod", "import")
    found = [each for each in begun(woken(run), run) if each[0] != "DropPackage"]
    assert all(subject in {elsewhere, run.life(elsewhere).batch} for _, subject in found), "only other targets go on"
    assert run.life(behind).state is DeliveryState.WAITING


@pytest.mark.parametrize(("failed", "stops"), [(2, False), (3, True)])
def test_three_batches_of_one_target_with_the_same_error_stop_it(failed: int, stops: bool) -> None:
    run = Run()
    for number in range(failed):
        name = run.carries(app(f"a{number}"))
        stored(run, name)
        run.fails(name, REASON)
    begun(woken(run), run)
    assert run.progress.breaker.is_stopped("prod", "import") is stops


def test_three_batches_with_three_errors_stop_nothing() -> None:
    run = Run()
    for number in range(3):
        name = run.carries(app(f"a{number}"))
        stored(run, name)
        run.fails(name, words=ErrorDetail("job", f"ROMA.{number}"))
    begun(woken(run), run)
    assert not run.progress.breaker.is_stopped("prod", "import")


def test_failed_exports_stop_a_source_and_its_batches_stay_waiting() -> None:
    run = Run()
    names = [run.carries(app(f"a{number}")) for number in range(4)]
    for name in names[:3]:
        batch = run.life(name).batch
        run.exports(batch)
        run.believe(e.ExportFailed(batch, (), SAID))
    todo = woken(run)
    assert isinstance(todo.ready(run.at), Note)
    assert begun(todo, run) == [], "what had queued in the slot leaves it"
    assert run.progress.breaker.is_stopped("dev", "export")
    assert {run.life(name).state for name in names} == {DeliveryState.WAITING}
    assert todo.ready(run.at) == Finished()


def test_a_reopened_target_tries_one_batch_first() -> None:
    run = Run()
    first, second = run.carries(app("a")), run.carries(app("b"), owner="u")
    stored(run, first, second)
    run.believe(e.TargetStopped("prod", SAID), e.TargetReopened("prod"), e.Looked(first), e.Looked(second))
    two = plan(instances=(instance("dev", "s"), instance("prod", "t", "u")))
    todo = woken(run, made=two)
    assert begun(todo, run) == [("RequestImport", first)]


def test_a_reopened_target_stops_again_at_the_first_failure() -> None:
    run = Run()
    first, second = run.carries(app("a")), run.carries(app("b"))
    stored(run, first, second)
    run.believe(e.TargetStopped("prod", SAID), e.TargetReopened("prod"))
    run.fails(first)
    begun(woken(run), run)
    assert run.progress.breaker.is_stopped("prod", "import")
    assert run.life(second).state is DeliveryState.WAITING


def test_the_others_follow_when_the_batch_that_was_tried_first_has_landed() -> None:
    run = Run()
    first, second = run.carries(app("a")), run.carries(app("b"), owner="u")
    stored(run, first, second)
    run.believe(e.TargetStopped("prod", SAID), e.TargetReopened("prod"), e.Looked(first), e.Looked(second))
    todo = woken(run, made=plan(instances=(instance("dev", "s"), instance("prod", "t", "u"))))
    for step in decided(todo, run):
        answer_well(todo, run, step)
    (waited,) = decided(todo, run)
    answer_well(todo, run, waited)
    assert begun(todo, run) == [("Verify", first), ("RequestImport", second)]


def test_a_stopped_target_starts_nothing_of_its_queue() -> None:
    run = Run()
    first, second = run.carries(app("a")), run.carries(app("b"))
    stored(run, first, second)
    run.believe(e.Looked(second))
    run.imports(first)
    todo = woken(run)
    assert begun(todo, run) == [("AwaitImport", first)]
    answered(todo, run, first, e.ImportFailed(first, (), SAID), e.TargetStopped("prod", SAID))
    assert begun(todo, run) == []
    assert todo.ready(run.at) == Finished()


def size_of(run: Run, name: str) -> int:
    return len(run.progress.assets_of(run.life(name).batch))


def test_a_package_that_is_too_large_stops_no_target() -> None:
    run = Run()
    whole = run.carries(*(app(f"a{number}") for number in range(8)))
    todo, large = woken(run), ErrorDetail("too-large", "APIGW.0201", "too large")
    for _ in range(80):
        for step in decided(todo, run):
            if isinstance(step, steps.RequestImport) and size_of(run, step.delivery) > 2:
                answered(todo, run, step.delivery, e.ImportFailed(step.delivery, (), large))
            else:
                answer_well(todo, run, step)
    assert not run.progress.breaker.is_stopped("prod", "import")
    assert run.life(whole).state is DeliveryState.SPLIT
    assert run.progress.open == set()


def test_the_same_batch_that_fails_again_is_not_another_batch() -> None:
    run = Run()
    first, second = run.carries(app("a")), run.carries(app("b"))
    for name in (first, second):
        run.stores(name)
        run.fails(name, REASON)
        run.believe(e.Quarantined(name, SAID))
    run.believe(e.Retried(first))
    run.fails(first, REASON)
    begun(woken(run), run)
    assert not run.progress.breaker.is_stopped("prod", "import")


# --- outages (promise 9) ---


def test_a_silent_service_is_asked_by_one_step_at_a_time_and_others_go_on() -> None:
    run = Run()
    for each in "ab":
        stored(run, run.carries(app(each)))
    elsewhere = run.carries(app("c"), target="dr")
    stored(run, elsewhere)
    todo = woken(run)
    todo.context.silent["prod.example"] = Silence(run.at, run.at + 10.0)
    assert begun(todo, run) == [("ListTarget", elsewhere)]
    assert [kind for kind, _ in begun(todo, run.later(10.0))] == ["ListTarget"], "one asks whether it is back"


def test_a_service_that_was_given_up_is_not_asked_again_and_the_rest_goes_on() -> None:
    run = Run()
    stored(run, run.carries(app("a")))
    elsewhere = run.carries(app("c"), target="dr")
    stored(run, elsewhere)
    todo = woken(run)
    todo.context.ends["prod.example"] = End(9, "silent")
    assert begun(todo, run) == [("ListTarget", elsewhere)]


def test_nothing_is_exported_for_a_target_that_refuses_us() -> None:
    run = Run()
    run.carries(app("a"))
    todo = woken(run)
    todo.context.ends["t@prod"] = End(3, "denied")
    assert begun(todo, run) == []
    assert todo.ready(run.at) == Finished()


# --- stopping ---


def test_stopping_starts_no_job_no_look_and_no_poll() -> None:
    run = Run()
    run.carries(app("a"))
    looking, running = run.carries(app("b")), run.carries(app("c"), target="dr")
    stored(run, looking, running)
    run.imports(running)
    todo = woken(run)
    todo.context.stopping = True
    assert begun(todo, run) == []
    assert todo.ready(run.at) == Finished()


def test_stopping_keeps_an_archive_that_can_be_had_only_once() -> None:
    run = Run()
    batch = run.life(run.carries(app("a"))).batch
    run.exports(batch)
    run.believe(e.Exported(batch, "arch"))
    todo = woken(run)
    todo.context.stopping = True
    assert begun(todo, run) == [("Download", batch)]


def test_stopping_does_not_wait_for_a_quiet_time() -> None:
    run = Run()
    name = run.carries(app("a"))
    stored(run, name)
    run.asks_import(name)
    run.believe(e.ImportAnswerLost(name, ErrorDetail("cut"), run.at + 90.0))
    todo = woken(run)
    todo.context.stopping = True
    assert todo.ready(run.at) == Finished()


def test_stopping_waits_for_what_is_under_way() -> None:
    run = Run()
    run.carries(app("a"))
    todo = woken(run)
    assert len(begun(todo, run)) == 1
    todo.context.stopping = True
    assert todo.ready(run.at) == WaitUntil(float("inf"))


def test_what_a_failed_job_left_behind_is_looked_for_when_it_is_surely_shown() -> None:
    run = Run()
    name = run.carries(app("a"), app("b"))
    stored(run, name)
    run.fails(name)
    todo = woken(run)
    assert begun(todo, run) == []
    assert todo.ready(run.at) == WaitUntil(run.at + READ_LAG)
    assert begun(todo, run.later(READ_LAG)) == [("ListTarget", name)]
