"""When each slot did what, as far as the journal tells it."""

from orchestrator.core.report.timeline import Bar, BarKind, Pause, Timeline, journeys, timeline
from orchestrator.core.state import events as e
from orchestrator.core.state.change_events import UndoBegan, UndoEnded
from orchestrator.core.state.events import Entry, ErrorDetail, Event

BUSY = ErrorDetail("busy", "ROMA.10012", "a task is running")


def drawn(*events: Event) -> Timeline:
    """The n-th event happens in second n."""
    return timeline(Entry(seq, float(seq), event) for seq, event in enumerate(events, 1))


def bars(held: Timeline, slot: str = "s") -> list[tuple[BarKind, float, float]]:
    return [(bar.kind, bar.began, bar.ended) for each in held.slots if each.slot == slot for bar in each.bars]


def only(held: Timeline) -> Bar:
    (bar,) = held.slots[0].bars
    return bar


def test_a_batch_is_exported_and_downloaded_in_its_slot() -> None:
    held = drawn(
        e.ExportRequested("b", "c", "s"), e.ExportAccepted("b", "j"), e.Exported("b", "a"), e.DownloadRequested("b"),
        e.PackageStored("b", "ab", 1, "crc"),
    )  # fmt: skip
    assert bars(held) == [(BarKind.EXPORT, 2.0, 3.0), (BarKind.DOWNLOAD, 4.0, 5.0)]
    assert (held.slots[0].busy, held.slots[0].bars[0].job) == (1.0, "j")


def test_an_import_is_followed_by_its_verification() -> None:
    held = drawn(e.ImportRequested("d", "c", "s"), e.ImportAccepted("d", "j"), e.Imported("d"), e.Verified("d", ("a",)))
    assert bars(held) == [(BarKind.IMPORT, 2.0, 3.0), (BarKind.VERIFICATION, 3.0, 4.0)]


def test_somebody_elses_job_is_one_bar_until_ours_runs() -> None:
    asked, busy = e.ExportRequested("b", "c", "s"), e.ExportRefused("b", BUSY)
    held = drawn(asked, busy, asked, busy, asked, e.ExportAccepted("b", "j"), e.Exported("b", "a"))
    assert bars(held) == [(BarKind.FOREIGN, 2.0, 6.0), (BarKind.EXPORT, 6.0, 7.0)]
    assert held.slots[0].bars[0].word == "ROMA.10012 a task is running"
    assert journeys(held)["b"].waited == 4.0


def test_while_a_lost_request_of_ours_may_run_nobody_else_is_blamed() -> None:
    held = drawn(
        e.ImportRequested("d", "c", "s"), e.ImportAnswerLost("d", ErrorDetail("dropped"), 2.0),
        e.ProbeRequested("s", "prod", "c"), e.ProbeRefused("s", BUSY),
        e.ProbeRequested("s", "prod", "c"), e.ProbeAccepted("s", "j"), e.ProbeEnded("s", "SUCCEEDED"),
        e.ImportRequested("f", "c", "s"), e.ImportRefused("f", BUSY),
    )  # fmt: skip
    assert [kind for kind, _, _ in bars(held)] == [BarKind.UNKNOWN, BarKind.OURS, BarKind.PROBE, BarKind.FOREIGN]


def test_a_trial_of_auto_is_not_somebody_elses_job() -> None:
    held = drawn(
        e.WideningTried("kind", "s", "b", "d"), e.ExportRequested("b", "c", "s"), e.ExportRefused("b", BUSY),
        e.ExportRequested("b", "c", "s"), e.ExportRefused("b", BUSY), e.ExportAccepted("b", "j"),
    )  # fmt: skip
    assert bars(held)[0] == (BarKind.FOREIGN, 5.0, 6.0)


def test_throttling_is_no_job_of_somebody_else() -> None:
    held = drawn(e.ExportRequested("b", "c", "s"), e.ExportRefused("b", ErrorDetail("throttled")))
    assert held.slots == ()


def test_a_lost_answer_is_unknown_from_its_request_until_it_is_settled() -> None:
    held = drawn(
        e.ImportRequested("d", "c", "s"), e.ImportAnswerLost("d", ErrorDetail("dropped"), 9.0), e.Looked("d"),
        e.ImportFound("d"),
    )  # fmt: skip
    assert bars(held) == [(BarKind.UNKNOWN, 1.0, 4.0), (BarKind.VERIFICATION, 4.0, 4.0)]


def test_what_a_crash_left_unanswered_is_unknown_and_nobody_conducted_meanwhile() -> None:
    held = drawn(
        e.ExportRequested("b", "c", "s"), e.RunResumed("o", "h", 1, "0"), e.ExportLost("b"),
        e.ExportRequested("b", "c", "s"), e.ExportAccepted("b", "j"),
    )  # fmt: skip
    assert bars(held) == [(BarKind.UNKNOWN, 1.0, 3.0), (BarKind.EXPORT, 5.0, 5.0)]
    assert held.pauses == (Pause(1.0, 2.0),)


def test_what_runs_at_the_last_entry_has_not_ended() -> None:
    held = drawn(e.ImportRequested("d", "c", "s"), e.ImportAccepted("d", "j"), e.OutageBegan("h", ErrorDetail("hung")))
    assert (only(held).ended, only(held).word) == (3.0, "")


def test_a_failed_import_and_its_repetition_are_two_bars() -> None:
    failed = e.ImportFailed("d", (), ErrorDetail("job", "ROMA.1"))
    asked, accepted = e.ImportRequested("d", "c", "s"), e.ImportAccepted("d", "j")
    held = drawn(asked, accepted, failed, asked, accepted, e.Imported("d"))
    assert bars(held)[:2] == [(BarKind.IMPORT, 2.0, 3.0), (BarKind.IMPORT, 5.0, 6.0)]
    assert held.slots[0].bars[0].word == "failed: ROMA.1"


def test_a_vanished_job_is_a_bar_and_then_unknown() -> None:
    gone = e.ImportVanished("d", ErrorDetail("gone"), 9.0)
    held = drawn(e.ImportRequested("d", "c", "s"), e.ImportAccepted("d", "j"), gone, e.ImportMissing("d"))
    assert bars(held) == [(BarKind.IMPORT, 2.0, 3.0), (BarKind.UNKNOWN, 3.0, 4.0)]


def test_what_people_do_days_later_does_not_stretch_it() -> None:
    held = drawn(
        e.ImportRequested("d", "c", "s"), e.ImportAccepted("d", "j"), e.Imported("d"), e.Verified("d", ("a",)),
        e.RunEnded(0), e.HandoverDone("item", "olga", "h", "0", "done"), UndoBegan("olga", "h", 1, "0"), UndoEnded(0),
    )  # fmt: skip
    assert (held.began, held.ended, held.pauses) == (1.0, 5.0, ())


def test_a_probe_takes_its_slot() -> None:
    held = drawn(e.ProbeRequested("s", "i", "c", app="a"), e.ProbeAccepted("s", "j"), e.ProbeEnded("s", "SUCCEEDED"))
    assert bars(held) == [(BarKind.PROBE, 2.0, 3.0)]


def test_slots_stand_apart() -> None:
    held = drawn(
        e.ExportRequested("b", "c", "s"), e.ExportAccepted("b", "j"), e.ImportRequested("d", "c", "t"),
        e.ImportAccepted("d", "k"),
    )  # fmt: skip
    assert [each.slot for each in held.slots] == ["s", "t"]
