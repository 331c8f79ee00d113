"""The events folded into judgement: what shows that a slot is idle, and what counts for the breaker."""

import pytest

from orchestrator.core.model.inventory import Reason
from orchestrator.core.state import events as e
from orchestrator.core.state.events import ErrorDetail
from orchestrator.core.state.lifecycle import PackageState
from orchestrator.core.state.progress import error_of
from tests.builders.runs import REASON, SAID, Run, app

FROM, INTO = "dev.example acme/s", "prod.example acme/t"

# --- the idle proof ---


def test_a_job_accepted_after_the_quiet_time_shows_that_the_slot_is_idle() -> None:
    run = Run()
    name, other = run.carries(app("a")), run.carries(app("b"))
    run.loses(name)
    run.stores(other)
    run.later(91.0).imports(other)
    assert run.life(name).idle_at == run.at


@pytest.mark.parametrize("seconds", [0.0, 89.0])
def test_a_job_asked_for_in_the_quiet_time_proves_nothing(seconds: float) -> None:
    run = Run()
    name, other = run.carries(app("a")), run.carries(app("b"))
    run.loses(name)
    run.stores(other)
    run.later(seconds).asks_import(other)
    run.later(91.0 - seconds).believe(e.ImportAccepted(other, "job"))
    assert run.life(name).idle_at == 0.0


def test_a_job_at_another_instance_proves_nothing_even_in_the_same_slot() -> None:
    run = Run()
    name = run.carries(app("a"))
    other = run.carries(app("b"), target="dr")
    run.loses(name)
    run.stores(other)
    run.later(91.0).believe(e.Looked(other), e.ImportRequested(other, "t", INTO), e.ImportAccepted(other, "job"))
    assert run.life(name).idle_at == 0.0


def test_an_accepted_export_from_the_target_and_an_accepted_probe_prove_it_too() -> None:
    for proof in ("export", "probe"):
        run = Run()
        name = run.carries(app("a"))
        back = run.carries(app("z"), source="prod", target="dr")
        run.loses(name)
        run.later(91.0)
        if proof == "export":
            run.exports(run.life(back).batch, INTO)
        else:
            run.believe(e.ProbeRequested(INTO, "prod", "t", app="x"), e.ProbeAccepted(INTO, "job"))
        assert run.life(name).idle_at == run.at, proof


@pytest.mark.parametrize(("kind", "counted"), [("busy", 0), ("throttled", 0), ("invalid", 1), ("denied", 1)])
def test_a_refused_probe_proves_nothing_and_counts_as_lost_where_asking_again_is_vain(kind: str, counted: int) -> None:
    run = Run()
    name = run.carries(app("a"))
    run.loses(name)
    run.later(91.0).believe(e.ProbeRequested(INTO, "prod", "t", app="x"), e.ProbeRefused(INTO, ErrorDetail(kind), 5.0))
    assert run.progress.probes[INTO].not_before == run.at + 5.0
    assert (run.life(name).idle_at, run.progress.lost_probes[INTO]) == (0.0, counted)


def test_a_lost_probe_proves_nothing_and_is_counted() -> None:
    run = Run()
    name = run.carries(app("a"))
    run.loses(name)
    run.later(91.0).believe(e.ProbeRequested(INTO, "prod", "t", app="x"), e.ProbeAnswerLost(INTO, SAID, run.at + 90))
    assert (run.life(name).idle_at, run.progress.lost_probes[INTO]) == (0.0, 1)


# --- the breaker ---


def test_failures_are_counted_by_error_and_halves_by_their_parent() -> None:
    run = Run()
    whole = run.carries(app("a"), app("b"))
    run.stores(whole)
    run.fails(whole, REASON)
    run.splits(whole, ("a", "waiting"), ("b", "waiting"), why="halves")
    for part in ("batch-a@prod", "batch-b@prod"):
        run.stores(part)
        run.fails(part, REASON)
    failures = run.progress.failures["prod", "import"]
    assert dict(failures.by_error) == {"ROMA.9": [whole]}
    assert dict(failures.by_parent) == {(whole, "ROMA.9"): ["batch-a@prod", "batch-b@prod"]}


def test_a_half_whose_failure_names_an_asset_does_not_count() -> None:
    run = Run()
    whole = run.carries(app("a"), app("b"))
    run.stores(whole)
    run.fails(whole)
    run.splits(whole, ("a", "waiting"), ("b", "waiting"), why="halves")
    run.stores("batch-a@prod")
    run.fails("batch-a@prod", Reason("application", "a", "ROMA.9", "no"))
    assert not run.progress.failures["prod", "import"].by_parent


def test_a_reopened_target_forgets_its_failures_and_proves_itself_with_one_import() -> None:
    run = Run()
    name = run.carries(app("a"))
    run.stores(name)
    run.fails(name)
    run.believe(e.TargetStopped("prod", SAID), e.TargetReopened("prod"))
    assert not run.progress.is_stopped("prod", "import")
    assert not run.progress.failures["prod", "import"].by_error
    assert run.progress.retrying == {("prod", "import")}
    run.believe(e.Retried(name), e.ImportRequested(name, "t", INTO), e.ImportAccepted(name, "j"), e.Imported(name))
    assert not run.progress.retrying


def test_a_lost_import_that_is_found_proves_a_reopened_target_too_and_wakes_all_that_waits() -> None:
    run = Run()
    name, other = run.carries(app("a")), run.carries(app("b"))
    run.stores(name)
    run.believe(e.TargetStopped("prod", SAID), e.TargetReopened("prod"))
    run.asks_import(name)
    run.believe(e.ImportAnswerLost(name, SAID, run.at))
    run.progress.take_woken()
    run.believe(e.ImportFound(name))
    assert not run.progress.retrying
    assert other in run.progress.take_woken()


def test_whatever_waits_is_woken_when_a_target_is_stopped_and_so_leaves_its_queue() -> None:
    run = Run()
    name, elsewhere = run.carries(app("a")), run.carries(app("b"), target="dr")
    run.progress.take_woken()
    run.believe(e.TargetStopped("prod", SAID))
    assert {name, elsewhere} <= run.progress.take_woken()


def test_what_is_too_large_counts_for_no_breaker() -> None:
    run = Run()
    name = run.carries(app("a"))
    run.stores(name)
    run.fails(name, words=ErrorDetail("too-large", "APIGW.0201"))
    assert ("prod", "import") not in run.progress.failures


def test_a_batch_that_fails_twice_with_one_error_counts_once() -> None:
    run = Run()
    name = run.carries(app("a"))
    run.stores(name)
    for _ in "ab":
        run.fails(name)
        run.believe(e.Quarantined(name, SAID), e.Retried(name))
    assert run.progress.failures["prod", "import"].by_error == {"ROMA.9": [name]}


@pytest.mark.parametrize(
    ("reasons", "words", "error"),
    [
        ((Reason("app", "x", "", "first"), REASON), SAID, "first"),
        ((Reason("app", "x", "", ""), REASON), SAID, "ROMA.9"),
        ((), ErrorDetail("job", message="no reason"), "no reason"),
        ((), ErrorDetail("hung"), "hung"),
    ],
)
def test_two_failures_are_the_same_error_by_code_else_by_words(
    reasons: tuple[Reason, ...], words: ErrorDetail, error: str
) -> None:
    assert error_of(e.ImportFailed("d", reasons, words)) == error


def test_a_retry_wakes_the_failed_package_too() -> None:
    run = Run()
    name = run.carries(app("a"))
    batch = run.life(name).batch
    run.exports(batch)
    run.believe(e.ExportFailed(batch, (), SAID), e.Quarantined(name, SAID), e.Retried(name))
    assert run.progress.packages[batch].state is PackageState.PENDING
