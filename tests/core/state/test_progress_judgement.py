"""The events folded into judgement: what shows that a slot is idle, and what counts for the breaker."""

import pytest

from orchestrator.core.model.inventory import Reason
from orchestrator.core.state import events as e
from orchestrator.core.state.breaker import error_of
from orchestrator.core.state.events import ErrorDetail
from orchestrator.core.state.lifecycle import DeliveryState, PackageState
from orchestrator.core.state.subjects import Subject
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


def test_an_import_by_another_user_at_the_same_instance_proves_nothing() -> None:
    run = Run()
    name, other = run.carries(app("a")), run.carries(app("b"), owner="u")
    run.loses(name)
    run.stores(other)
    run.later(91.0).believe(e.Looked(other), e.ImportRequested(other, "u", INTO), e.ImportAccepted(other, "job"))
    assert run.life(name).idle_at == 0.0


def test_two_credentials_of_one_user_are_one_and_one_whose_user_has_changed_is_another() -> None:
    run = Run()
    name, other = run.carries(app("a")), run.carries(app("b"), owner="u")
    run.believe(e.RunResumed("op", "host", 1, "0", users=(("t", "acme/it"), ("u", "acme/it"))))
    run.loses(name)
    run.stores(other)
    run.later(91.0).imports(other)
    assert run.life(name).idle_at == run.at
    third = run.carries(app("c"))
    run.stores(third)
    run.asks_import(third)
    run.believe(e.ImportAnswerLost(third, SAID, run.at + 90.0))
    run.later(91.0).believe(e.RunResumed("op", "host", 2, "0", users=(("t", "acme/new"), ("u", "acme/it"))))
    fourth = run.carries(app("d"))
    run.stores(fourth)
    run.later(91.0).imports(fourth)
    assert run.life(third).idle_at == 0.0, "t is another user now"


def job_of_another_kind(run: Run, kind: str) -> None:
    """An export from the target, or a probe there, by the user that imports there: accepted."""
    if kind == "probe":
        run.believe(e.ProbeRequested(INTO, "prod", "t", app="x"), e.ProbeAccepted(INTO, "job"))
    else:
        batch = run.life(run.carries(app("z"), source="prod", target="dr")).batch
        run.believe(e.ExportRequested(batch, "t", INTO), e.ExportAccepted(batch, "job"))


@pytest.mark.parametrize("kind", ["export", "probe"])
def test_a_job_of_another_kind_proves_nothing_whatever_the_plan_says_of_slots(kind: str) -> None:
    run = Run()
    name = run.carries(app("a"))
    run.loses(name)
    job_of_another_kind(run.later(91.0), kind)
    assert (run.life(name).idle_at, run.life(name).free_at) == (0.0, run.at)


@pytest.mark.parametrize("kind", ["export", "probe"])
def test_a_job_of_another_kind_proves_it_where_kinds_were_shown_to_exclude_each_other(kind: str) -> None:
    run = Run()
    run.believe(e.RunBegan("p", "p.yaml", "{}", "op", "host", 1, "0", one_job_per="auto"))
    run.believe(e.WideningTried("kind", INTO, "d1", "b2"), e.WideningShown("kind", "one"))
    name = run.carries(app("a"))
    run.loses(name)
    job_of_another_kind(run.later(91.0), kind)
    assert run.life(name).idle_at == run.at


def presumed_over(run: Run) -> str:
    """A lost import that time alone has settled."""
    name = run.carries(app("a"))
    run.loses(name)
    run.later(91.0).believe(e.Looked(name), e.ImportMissing(name), e.Looked(name))
    return name


@pytest.mark.parametrize(("owner", "target"), [("t", "prod"), ("t", "dr"), ("u", "prod")])
def test_a_busy_word_to_anybody_it_may_stand_in_the_way_of_opens_the_question_again(owner: str, target: str) -> None:
    run = Run()
    name, other = presumed_over(run), run.carries(app("b"), owner=owner, target=target)
    run.stores(other)
    run.asks_import(other)
    run.later(1.0).believe(e.ImportRefused(other, ErrorDetail("busy", "ROMA.10012"), 1.0))
    life = run.life(name)
    assert (life.state, life.busy_at, life.look) == (DeliveryState.IMPORT_UNSURE, run.at, None)


def test_a_busy_word_of_another_user_at_another_instance_says_nothing_of_it() -> None:
    run = Run()
    name, other = presumed_over(run), run.carries(app("b"), owner="u", target="dr")
    run.stores(other)
    run.asks_import(other)
    run.believe(e.ImportRefused(other, ErrorDetail("busy", "ROMA.10012"), 1.0))
    assert run.life(name).state is DeliveryState.WAITING


def test_what_time_has_settled_is_judged_anew_once_an_import_proves_that_it_is_over() -> None:
    run = Run()
    name, other = presumed_over(run), run.carries(app("b"))
    run.stores(other)
    run.later(1.0).imports(other)
    life = run.life(name)
    assert (life.state, life.idle_at, life.look) == (DeliveryState.IMPORT_UNSURE, run.at, None)


def test_a_journal_of_an_earlier_version_may_ask_for_what_is_an_open_question_now() -> None:
    run = Run()
    name, other = presumed_over(run), run.carries(app("b"))
    run.stores(other)
    run.imports(other)
    run.believe(e.Imported(other), e.Looked(name), e.ImportRequested(name, "t", INTO), e.ImportAccepted(name, "job"))
    assert run.life(name).state is DeliveryState.IMPORTING


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
    failures = run.progress.breaker.failures["prod", "import"]
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
    assert not run.progress.breaker.failures["prod", "import"].by_parent


def test_a_reopened_target_forgets_its_failures_and_proves_itself_with_one_import() -> None:
    run = Run()
    name = run.carries(app("a"))
    run.stores(name)
    run.fails(name)
    run.believe(e.TargetStopped("prod", SAID), e.TargetReopened("prod"))
    assert not run.progress.breaker.is_stopped("prod", "import")
    assert not run.progress.breaker.failures["prod", "import"].by_error
    assert run.progress.breaker.retrying == {("prod", "import")}
    run.believe(e.Retried(name), e.ImportRequested(name, "t", INTO), e.ImportAccepted(name, "j"), e.Imported(name))
    assert not run.progress.breaker.retrying


def test_a_lost_import_that_is_found_proves_a_reopened_target_too_and_wakes_all_that_waits() -> None:
    run = Run()
    name, other = run.carries(app("a")), run.carries(app("b"))
    run.stores(name)
    run.believe(e.TargetStopped("prod", SAID), e.TargetReopened("prod"))
    run.asks_import(name)
    run.believe(e.ImportAnswerLost(name, SAID, run.at))
    touched = run.believe(e.ImportFound(name))
    assert not run.progress.breaker.retrying
    assert Subject.delivery(other) in touched.subjects


def test_whatever_waits_is_woken_when_a_target_is_stopped_and_so_leaves_its_queue() -> None:
    run = Run()
    name, elsewhere = run.carries(app("a")), run.carries(app("b"), target="dr")
    touched = run.believe(e.TargetStopped("prod", SAID))
    assert {Subject.delivery(name), Subject.delivery(elsewhere)} <= touched.subjects


def test_what_is_too_large_counts_for_no_breaker() -> None:
    run = Run()
    name = run.carries(app("a"))
    run.stores(name)
    run.fails(name, words=ErrorDetail("too-large", "APIGW.0201"))
    assert ("prod", "import") not in run.progress.breaker.failures


def test_a_batch_that_fails_twice_with_one_error_counts_once() -> None:
    run = Run()
    name = run.carries(app("a"))
    run.stores(name)
    for _ in "ab":
        run.fails(name)
        run.believe(e.Quarantined(name, SAID), e.Retried(name))
    assert run.progress.breaker.failures["prod", "import"].by_error == {"ROMA.9": [name]}


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
