"""The verdict on a run that is followed: on course, late, stuck, waiting, ended."""

from datetime import UTC, datetime
from typing import Any

import pytest

from orchestrator.core.model.change import Change, ChangeKind
from orchestrator.core.model.place import Place
from orchestrator.core.plan.hours import Hours
from orchestrator.core.plan.windows import Window
from orchestrator.core.scheduling.outlook import (
    STUCK,
    Course,
    Look,
    Outlook,
    StatedEnd,
    outlook,
    play,
)
from orchestrator.core.scheduling.run_times import RunTimes
from orchestrator.core.state import events as e
from orchestrator.core.state.change_events import ChangesAccepted, ChangesEnded, ChangesPlanned, UndoBegan
from orchestrator.core.state.events import Entry, ErrorDetail, Event
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import JobKind
from tests.core.scheduling.test_timetable import batch, into

BEGAN = 1_000.0
BUSY = ErrorDetail("busy", "ROMA.10012", "a task is running", "req-1")
#: one batch of each of two names, exports of 60 s, imports of 100 s, in slots of their own
PREDICTED = e.SchedulePredicted(
    260.0, 300.0, (),
    (
        e.DurationPredicted("dev", "export", 60.0, 60.0, 0.05, 0.02, 20),
        e.DurationPredicted("prod", "import", 100.0, 100.0, 0.05, 0.02, 20),
        e.DurationPredicted("prod", "delete", 30.0, 30.0, 0.05, 0.02, 20),
    ),
    (("export", "dev", "c", "out"), ("import", "prod", "c", "in")),
)  # fmt: skip
PLACES = (Place("dev", "https://dev.example", "", "p", "i"), Place("prod", "https://prod.example", "", "p", "i"))
BEGUN: tuple[Event, ...] = (
    e.RunBegan("p", "p.yaml", "{}", "me", "h", 1, "0", busy_timeout=7200.0, places=PLACES),
    batch("b1"), batch("b2"), into("b1"), into("b2"), PREDICTED,
)  # fmt: skip
ASKED, EXPORTING = e.ExportRequested("b1", "c", "out"), e.ExportAccepted("b1", "j")
STORED: tuple[Event, ...] = (
    ASKED, EXPORTING, e.Exported("b1", "a"), e.DownloadRequested("b1"), e.PackageStored("b1", "ff", 1, "crc"),
)  # fmt: skip
IMPORTING: tuple[Event, ...] = (
    *STORED, e.Looked("b1@prod"), e.ImportRequested("b1@prod", "c", "in"), e.ImportAccepted("b1@prod", "j"),
)  # fmt: skip


def lived(*events: Event) -> tuple[Progress, RunTimes]:
    """The run begins at once; what follows happens a second apart."""
    progress, times = Progress(), RunTimes()
    for seq, event in enumerate((*BEGUN, *events), 1):
        entry = Entry(seq, BEGAN + max(0, seq - len(BEGUN)), event)
        progress.apply(entry)
        times.hear(entry)
    return progress, times


def seen(*events: Event, after: float, live: bool = True, end: StatedEnd | None = None) -> Outlook:
    look = Look(*lived(*events), live, BEGAN + after, end)
    return outlook(look, play(look))


def test_a_run_that_goes_as_predicted_is_on_course_and_says_when_it_is_over() -> None:
    told = seen(ASKED, EXPORTING, after=10)
    assert (told.course, told.why) == (Course.ON_COURSE, "")
    assert told.finish is not None
    assert told.predicted is not None
    assert told.finish.p50 == pytest.approx(BEGAN + 52 + 200, rel=0.05)
    assert told.finish.p50 < told.finish.p90
    assert (told.predicted.p50, told.predicted.p90) == (BEGAN + 260, BEGAN + 300)


def test_a_run_is_late_where_even_the_likely_end_is_behind_what_nine_in_ten_runs_keep() -> None:
    assert seen(ASKED, EXPORTING, after=200).course is Course.LATE


def test_a_run_is_late_where_it_may_miss_the_stated_end() -> None:
    end = StatedEnd(BEGAN + 255, "--until")
    told = seen(ASKED, EXPORTING, after=10, end=end)
    assert told.course is Course.LATE
    assert told.why.endswith("over after --until")
    assert told.spare is not None
    assert told.spare.p90 < 0


def test_a_stated_end_says_what_is_spare_and_by_when_an_undo_must_begin() -> None:
    told = seen(ASKED, EXPORTING, after=10, end=StatedEnd(BEGAN + 3600, "--until"))
    assert told.course is Course.ON_COURSE
    assert told.spare is not None
    assert told.undo is not None
    assert (told.undo.things, told.undo.jobs, told.undo.guessed) == (2, 1, False)
    assert told.undo_by == pytest.approx(BEGAN + 3600 - 32, abs=3)
    assert told.slot_by(BEGAN + 10) == pytest.approx(BEGAN + 10 + told.spare.p90)


def test_what_is_set_aside_need_not_be_undone() -> None:
    told = seen(*IMPORTING, e.Imported("b1@prod"), e.Verified("b1@prod", ("b1",)),
                e.Quarantined("b2@prod", ErrorDetail("job")), after=30)  # fmt: skip
    assert told.undo is not None
    assert told.undo.things == 1


def test_a_run_that_nobody_conducts_is_stuck() -> None:
    told = seen(ASKED, EXPORTING, after=10, live=False)
    assert (told.course, told.why) == (Course.STUCK, "no process conducts it")


def test_a_run_behind_somebody_elses_job_is_stuck_only_when_nothing_has_moved_for_long() -> None:
    behind = (ASKED, e.ExportRefused("b1", BUSY, 5.0))
    assert seen(*behind, after=STUCK - 10).course is not Course.STUCK
    told = seen(*behind, after=STUCK + 10)
    assert told.course is Course.STUCK
    assert told.why == "nothing has moved for 6 min: somebody else's job holds the slot"


def test_a_run_whose_next_requests_all_go_to_a_service_that_is_away_is_not_on_course() -> None:
    def away(host: str) -> Event:
        return e.OutageBegan(host, ErrorDetail("unreachable"))

    dev, prod = "dev.example", "prod.example"
    told = seen(away(dev), after=20)
    assert (told.course, told.why) == (Course.AWAY, "dev.example does not answer")
    assert seen(away(prod), after=20).course is Course.ON_COURSE, "exports go on"
    assert seen(away(dev), e.OutageEnded(dev, 1.0), after=20).course is Course.ON_COURSE
    assert seen(*STORED, away(prod), after=20).course is not Course.AWAY, "batch 2 is still exported"
    assert seen(away(dev), after=STUCK + 60).course is Course.STUCK


def test_nobody_else_is_blamed_while_a_lost_import_of_ours_may_hold_the_slot() -> None:
    lost = (*IMPORTING[:-1], e.ImportAnswerLost("b1@prod", ErrorDetail("dropped"), 1.0), e.Looked("b1@prod"))
    second = e.ImportRequested("b2@prod", "c", "in")
    refused = (e.Looked("b2@prod"), second, e.ImportRefused("b2@prod", BUSY, 5.0))
    told = seen(*lost, *refused, e.ImportMissing("b1@prod"), after=STUCK + 60)
    assert told.why == "nothing has moved for 6 min: our own lost request may still hold the slot"
    told = seen(*refused, after=STUCK + 60)
    assert told.why.endswith("somebody else's job holds the slot")


def test_a_job_that_runs_far_longer_than_such_jobs_do_is_stuck() -> None:
    assert seen(ASKED, EXPORTING, after=STUCK - 10).course is Course.LATE
    told = seen(ASKED, EXPORTING, after=STUCK + 60)
    assert told.course is Course.STUCK
    assert "the export of batch 1 at dev has run for 6 min" in told.why


def test_an_undecided_delivery_waits_for_a_person_once_nothing_else_moves() -> None:
    lost = (*IMPORTING[:-1], e.ImportAnswerLost("b1@prod", ErrorDetail("dropped"), 1.0),
            e.Looked("b1@prod"), e.ImportInDoubt("b1@prod", ("b1",)))  # fmt: skip
    assert seen(*lost, after=20).course is not Course.PERSON
    assert seen(*lost, after=20, live=False).course is Course.PERSON
    assert seen(*lost, e.Quarantined("b2@prod", ErrorDetail("job")), after=20).course is Course.PERSON


def test_a_run_that_has_ended_has_ended() -> None:
    told = seen(*IMPORTING, e.Imported("b1@prod"), e.Verified("b1@prod", ("b1",)), e.RunEnded(0), after=900)
    assert (told.course, told.finish) == (Course.ENDED, None)


def test_a_run_of_an_earlier_version_is_judged_by_its_own_jobs() -> None:
    progress, times = Progress(), RunTimes()
    for seq, event in enumerate((*BEGUN[:-1], *STORED), 1):
        entry = Entry(seq, BEGAN + seq, event)
        progress.apply(entry)
        times.hear(entry)
    look = Look(progress, times, True, BEGAN + 20)
    told = outlook(look, play(look))
    assert (told.course, told.predicted) == (Course.ON_COURSE, None)
    assert told.finish is not None
    assert told.finish.guessed


# --- what is heard -------------------------------------------------------------------------------------------------


def test_the_wait_for_somebody_else_counts_from_the_first_refusal_until_our_job_runs() -> None:
    _, times = lived(ASKED, e.ExportRefused("b1", BUSY, 5.0), ASKED, e.ExportRefused("b1", BUSY, 5.0))
    wait = times.foreign["out"]
    assert (wait.since, wait.times, wait.words.request_id) == (BEGAN + 2, 2, "req-1")
    _, times = lived(ASKED, e.ExportRefused("b1", BUSY, 5.0), ASKED, EXPORTING)
    assert times.foreign == {}


def test_a_refusal_of_another_kind_is_no_job_of_somebody_else() -> None:
    _, times = lived(ASKED, e.ExportRefused("b1", ErrorDetail("throttled"), 5.0))
    assert times.foreign == {}


def test_an_undo_teaches_how_long_deletions_take() -> None:
    change = Change("c1", ChangeKind.REMOVE_APP.value, "prod", "n1", "web", "c")
    progress, times = Progress(), RunTimes()
    before = times.predict("prod", JobKind.DELETE, 1).p50
    events: tuple[Event, ...] = (
        UndoBegan("me", "h", 1, "0"), ChangesPlanned((change,)), ChangesAccepted(("c1",), "j"),
        ChangesEnded(("c1",), "success"),
    )  # fmt: skip
    for seq, event in enumerate(events, 1):
        times.hear(Entry(seq, BEGAN + seq * seq, event))
    learned = times.predict("prod", JobKind.DELETE, 1)
    assert (learned.jobs, learned.p50 < before, progress.began) == (1, True, None)


# --- windows and people ----------------------------------------------------------------------------------------------

BY = ("olga", "h", "1")


def bound(**hours: Any) -> e.RunResumed:
    """The run goes on under these hours."""
    return e.RunResumed("me", "h", 1, "0", hours=Hours(**hours))


#: seconds from the begin of these runs to one of the years that windows may lie in
YEARS = datetime(2027, 1, 1, tzinfo=UTC).timestamp() - BEGAN


def window(opens: float, closes: float) -> Window:
    """From and to so many seconds after that."""
    begins, ends = (datetime.fromtimestamp(BEGAN + YEARS + at, UTC).replace(tzinfo=None) for at in (opens, closes))
    return Window(begins.isoformat(), ends.isoformat(), "UTC")


def test_a_dead_run_whose_window_is_closed_waits_for_it_and_a_live_one_says_when_it_opens() -> None:
    hours = bound(plan=(window(500, 9000),))
    dead = seen(hours, after=YEARS, live=False)
    assert (dead.course, dead.opens) == (Course.CLOSED, BEGAN + YEARS + 500)
    assert dead.finish is not None
    assert dead.finish.p50 > BEGAN + YEARS + 500
    assert seen(hours, after=YEARS, live=True).opens == BEGAN + YEARS + 500
    assert seen(hours, after=YEARS + 600, live=False).course is Course.STUCK
    assert seen(hours, after=YEARS + 9001, live=False).opens == float("inf")


def test_an_order_makes_it_wait_for_a_person_until_it_is_ended() -> None:
    for order, word in ((e.RunPaused(*BY), "paused"), (e.RunStopped(*BY), "stopped")):
        told = seen(order, after=10)
        assert (told.course, told.why) == (Course.PERSON, f"olga on h has {word} it")
        assert seen(order, e.RunContinued(*BY), after=10).course is Course.ON_COURSE


def test_at_a_gate_a_person_is_waited_for_where_nothing_else_moves() -> None:
    gated, reached = bound(gated=("m",)), e.GateReached("imports")
    assert seen(gated, ASKED, EXPORTING, after=10).course is Course.ON_COURSE
    assert seen(gated, *STORED, reached, after=10).course is Course.PERSON
    assert seen(gated, reached, e.RunContinued(*BY, gate="imports"), after=10).course is Course.ON_COURSE
