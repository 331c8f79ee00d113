"""What is known of a package or a delivery after an event, beside its state."""

from dataclasses import replace

import pytest

from orchestrator.core.state import events as e
from orchestrator.core.state.events import ErrorDetail, Event
from orchestrator.core.state.lifecycle import Delivery, DeliveryState, Package, PackageState
from orchestrator.core.state.moves import move_delivery, move_package, resumed_delivery

SCHEDULED = e.DeliveryScheduled("d", "b", "m", "prod", "AddNew", "", False, "t")
WORDS = ErrorDetail("busy")


def moved(life: Package, *events: Event, at: float = 10.0) -> Package:
    for event in events:
        life = move_package(life, event, at)
    return life


def delivered(*events: Event, at: float = 10.0) -> Delivery:
    life = Delivery(SCHEDULED)
    for event in events:
        life = move_delivery(life, event, at)
    return life


def test_a_state_keeps_the_time_at_which_it_began() -> None:
    life = move_package(Package("b"), e.ExportRequested("b", "s", "slot"), 10.0)
    life = move_package(life, e.ExportAnswerLost("b", WORDS, 99.0), 20.0)
    assert (life.since, life.quiet_until) == (10.0, 99.0)


def test_a_new_export_forgets_job_archive_cuts_and_quiet_of_the_one_before() -> None:
    life = moved(
        Package("b"), e.ExportRequested("b", "s", "slot"), e.ExportAccepted("b", "job"), e.Exported("b", "arch"),
        e.DownloadRequested("b"), e.DownloadCut("b"), e.PackageLost("b", WORDS), e.ExportRequested("b", "s2", "slot2"),
    )  # fmt: skip
    assert (life.job, life.archive, life.cuts, life.quiet_until) == ("", "", 0, 0.0)
    assert (life.attempt, life.losses, life.credentials, life.slot) == (2, 1, "s2", "slot2")


@pytest.mark.parametrize("kind", ["busy", "throttled", "refused-connection", "denied"])
def test_only_what_was_not_created_counts_in_the_row_of_refusals(kind: str) -> None:
    twice = 2 * (e.ExportRequested("b", "s", "x"), e.ExportRefused("b", ErrorDetail("not-created"), 1.0))
    life = moved(Package("b"), *twice)
    assert life.refusals == 2
    life = moved(life, e.ExportRequested("b", "s", "x"), e.ExportRefused("b", ErrorDetail(kind), 7.0))
    assert (life.refusals, life.not_before) == (0, 17.0)
    asked = 2 * (*ASKED, e.ImportRefused("d", ErrorDetail("not-created"), 1.0))
    assert delivered(*asked).refusals == 2
    assert delivered(*asked, *ASKED, e.ImportRefused("d", ErrorDetail(kind), 7.0)).refusals == 0


def test_an_answer_ends_the_row_of_refusals() -> None:
    refused = (e.ExportRequested("b", "s", "x"), e.ExportRefused("b", ErrorDetail("not-created"), 1.0))
    assert moved(Package("b"), *refused, e.ExportRequested("b", "s", "x"), e.ExportAccepted("b", "j")).refusals == 0


@pytest.mark.parametrize("loss", [e.PackageLost("b", WORDS), e.PackageStored("b", "sha", 3, "suspect")])
def test_a_lost_or_suspect_package_is_exported_once_more(loss: Event) -> None:
    life = moved(Package("b", PackageState.DOWNLOADING), loss)
    assert life.state is PackageState.PENDING


def test_a_package_that_is_suspect_twice_is_for_the_operator() -> None:
    again = (
        e.ExportRequested("b", "s", "x"),
        e.ExportAccepted("b", "j"),
        e.Exported("b", "a"),
        e.DownloadRequested("b"),
    )
    suspect = e.PackageStored("b", "sha", 3, "suspect")
    life = moved(Package("b"), *again, suspect, *again, suspect)
    assert (life.state, life.suspects) == (PackageState.UNDECIDED, 2)
    kept = moved(life, e.Resolved("b", "imported", "good enough", "ann", "host"))
    assert (kept.state, kept.sha256) == (PackageState.STORED, "sha")


@pytest.mark.parametrize(
    ("outcome", "state"),
    [("job-ended", PackageState.PENDING), ("absent", PackageState.PENDING), ("quarantine", PackageState.FAILED)],
)
def test_an_overdue_export_frees_its_slot_when_the_operator_has_decided(outcome: str, state: PackageState) -> None:
    life = moved(Package("b", PackageState.EXPORTING), e.ExportOverdue("b", "job"))
    assert life.overdue
    life = moved(life, e.Resolved("b", outcome, "seen", "ann", "host"))
    assert (life.state, life.overdue, life.losses) == (state, False, 0)


def test_the_first_look_before_an_import_is_the_baseline_of_the_import() -> None:
    first, second = e.Looked("d"), e.Looked("d", (("x", ("1",)),))
    life = delivered(first, e.ImportRequested("d", "t", "slot"), e.ImportAnswerLost("d", WORDS, 5.0), second)
    assert (life.baseline, life.look) == (first, second)


def test_a_request_forgets_the_proofs_of_the_one_before() -> None:
    life = delivered(
        e.Looked("d"), e.ImportRequested("d", "t", "x"), e.ImportAnswerLost("d", WORDS, 5.0), e.Looked("d")
    )
    assert life.first_looked_at == 10.0
    life = move_delivery(move_delivery(life, e.ImportMissing("d"), 20.0), e.ImportRequested("d", "t", "x"), 30.0)
    assert (life.first_look, life.first_looked_at, life.idle_at, life.quiet_until) == (None, 0.0, 0.0, 0.0)


ASKED = (e.Looked("d"), e.ImportRequested("d", "t", "x"))
LOST = (*ASKED, e.ImportAnswerLost("d", WORDS, 5.0), e.Looked("d"))


@pytest.mark.parametrize(
    "events",
    [
        ASKED,
        (*ASKED, e.ImportRefused("d", WORDS)),
        (*ASKED, e.ImportAnswerLost("d", WORDS, 5.0)),
        (*LOST, e.ImportMissing("d")),
        (*LOST, e.ImportAnswerLost("d", WORDS, 9.0)),
        (*LOST, e.ImportInDoubt("d", ()), e.Resolved("d", "absent", "seen", "ann", "host")),
        (*ASKED, e.ImportAccepted("d", "job"), e.ImportVanished("d", WORDS, 5.0)),
        (*ASKED, e.ImportAccepted("d", "job"), e.ImportFailed("d", (), WORDS)),
        (e.Looked("d"), e.Quarantined("d", WORDS), e.Retried("d")),
    ],
    ids=lambda events: type(events[-1]).__name__,
)
def test_what_was_seen_before_says_nothing_of_what_happened_since(events: tuple[Event, ...]) -> None:
    life = delivered(*events)
    assert (life.look, life.looked_at, life.first_look, life.first_looked_at, life.idle_at) == (
        None, 0.0, None, 0.0, 0.0,
    )  # fmt: skip


def test_until_something_was_asked_the_latest_look_is_the_baseline_and_none_after_that() -> None:
    there, more = e.Looked("d", (("x", ("1",)),)), e.Looked("d", (("x", ("1", "2")),))
    assert delivered(e.Looked("d"), there).baseline == there
    asked = delivered(e.Looked("d"), there, e.ImportRequested("d", "t", "x"), e.ImportRefused("d", WORDS), more)
    assert (asked.baseline, asked.look) == (there, more)


def test_the_proof_by_time_begins_anew_when_two_looks_differ() -> None:
    life = delivered(e.Looked("d"), e.ImportRequested("d", "t", "x"), e.ImportAnswerLost("d", WORDS, 5.0))
    life = move_delivery(life, e.Looked("d"), 100.0)
    life = move_delivery(life, e.Looked("d", (("x", ("1",)),)), 200.0)
    assert life.first_looked_at == 200.0
    assert move_delivery(life, e.Looked("d", (("x", ("1",)),)), 300.0).first_looked_at == 200.0


def test_when_the_operator_says_that_a_job_ended_the_import_is_quiet_first() -> None:
    life = delivered(e.ImportRequested("d", "t", "x"), e.ImportAccepted("d", "job"), e.ImportOverdue("d", "job"))
    assert life.overdue
    life = move_delivery(life, e.Resolved("d", "job-ended", "seen", "ann", "host", settle_quiet=30.0), 50.0)
    assert (life.state, life.quiet_until, life.overdue) == (DeliveryState.IMPORT_UNSURE, 80.0, False)


SHARED = replace(SCHEDULED, owners=("t", "u"))


@pytest.mark.parametrize(
    ("answer", "owners"),
    [
        (e.ImportRefused("d", WORDS), ("t", "u")),
        (e.ImportAccepted("d", "job"), ()),
        (e.ImportAnswerLost("d", WORDS, 99.0), ()),
    ],
)
def test_who_asked_for_an_import_keeps_it_unless_it_was_surely_not_begun(
    answer: Event, owners: tuple[str, ...]
) -> None:
    life = move_delivery(Delivery(SHARED), e.ImportRequested("d", "u", "slot"), 10.0)
    assert life.scheduled.owner == "u"
    assert move_delivery(life, answer, 11.0).scheduled.owners == owners


def test_after_a_crash_who_asked_for_an_import_keeps_it() -> None:
    asked = move_delivery(Delivery(SHARED), e.ImportRequested("d", "u", "slot"), 10.0)
    resumed = resumed_delivery(asked, 20.0, 90.0, 10.0)
    assert (resumed.scheduled.owner, resumed.scheduled.owners) == ("u", ())
