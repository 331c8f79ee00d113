"""What an operator may say of what, and what follows; everything else is answered with words and no event."""

import pytest

from orchestrator.core.state import events as e
from orchestrator.core.state.events import ErrorDetail
from orchestrator.core.state.lifecycle import DeliveryState, PackageState
from orchestrator.engine.resolutions import OUTCOMES, Operators
from tests.builders.runs import SAID, Run, app


def says(run: Run, subject: str, outcome: str) -> str:
    """Ask, believe what follows, answer what the operator is told."""
    events, told = Operators().answer(run.progress, e.Resolved(subject, outcome, "seen", "ann", "host"))
    run.believe(*events)
    return told


def half_there(*landed: str) -> tuple[Run, str]:
    run = Run()
    name = run.carries(app("a"), app("b"))
    run.stores(name)
    run.asks_import(name)
    run.believe(e.ImportAnswerLost(name, SAID, run.at), e.ImportInDoubt(name, landed))
    return run, name


def overdue() -> tuple[Run, str]:
    run = Run()
    name = run.carries(app("a"), app("b"))
    run.stores(name)
    run.imports(name)
    run.believe(e.ImportOverdue(name, "job"))
    return run, name


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("imported", DeliveryState.IMPORTED),
        ("absent", DeliveryState.WAITING),
        ("partial", DeliveryState.SPLIT),
        ("quarantine", DeliveryState.QUARANTINED),
        ("job-ended", DeliveryState.UNDECIDED),
    ],
)
def test_each_choice_for_a_half_landed_import_leads_where_it_says(outcome: str, state: DeliveryState) -> None:
    run, name = half_there("a")
    assert name in says(run, name, outcome)
    assert run.life(name).state is state


def test_partial_keeps_what_landed_and_brings_the_rest_as_a_batch_of_its_own() -> None:
    run, name = half_there("a")
    says(run, name, "partial")
    parts = {
        tuple(asset.id for asset in run.progress.assets_of(each.batch)): each.state
        for each in run.progress.deliveries.values()
        if each.parent
    }
    assert parts == {("a",): DeliveryState.IMPORTED, ("b",): DeliveryState.WAITING}


def test_partial_needs_a_look_that_saw_something() -> None:
    run, name = half_there()
    assert "the last look saw nothing" in says(run, name, "partial")
    assert run.life(name).state is DeliveryState.UNDECIDED


def test_a_job_that_ended_is_settled_like_a_lost_answer() -> None:
    run, name = overdue()
    says(run, name, "job-ended")
    assert run.life(name).state is DeliveryState.IMPORT_UNSURE
    assert run.life(name).quiet_until > run.at


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_what_is_not_undecided_cannot_be_decided(outcome: str) -> None:
    run = Run()
    name = run.carries(app("a"))
    for subject in (name, run.life(name).batch):
        events, told = Operators().answer(run.progress, e.Resolved(subject, outcome, "seen", "ann", "host"))
        assert (events, "nothing to decide" in told) == ((), True)


def test_what_nobody_knows_is_told() -> None:
    events, told = Operators().answer(Run().progress, e.Resolved("x", "absent", "seen", "ann", "host"))
    assert (events, told) == ((), "this run has no batch x")


def test_another_request_is_not_understood() -> None:
    assert Operators().answer(Run().progress, e.ExportLost("b"))[0] == ()


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("job-ended", PackageState.PENDING),
        ("absent", PackageState.PENDING),
        ("imported", PackageState.UNDECIDED),
        ("quarantine", PackageState.UNDECIDED),
    ],
)
def test_an_overdue_export_can_only_be_said_to_have_ended(outcome: str, state: PackageState) -> None:
    run = Run()
    batch = run.life(run.carries(app("a"))).batch
    run.exports(batch)
    run.believe(e.ExportOverdue(batch, "job"))
    says(run, batch, outcome)
    assert run.progress.packages[batch].state is state


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("imported", PackageState.STORED),
        ("absent", PackageState.PENDING),
        ("quarantine", PackageState.FAILED),
        ("job-ended", PackageState.UNDECIDED),
    ],
)
def test_a_suspect_package_is_used_exported_anew_or_set_aside(outcome: str, state: PackageState) -> None:
    run = Run()
    batch = run.life(run.carries(app("a"))).batch
    for _ in range(2):
        run.exports(batch)
        run.believe(e.Exported(batch, "arch"), e.DownloadRequested(batch), e.PackageStored(batch, "sha", 1, "suspect"))
    says(run, batch, outcome)
    assert run.progress.packages[batch].state is state


def test_words_of_the_operator_are_kept_as_the_reason() -> None:
    run, name = half_there("a")
    says(run, name, "quarantine")
    assert run.life(name).words == ErrorDetail("operator", message="seen")
