"""What the journal remembers beyond where everything stands."""

from orchestrator.core.report.history import History, gather
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry, ErrorDetail, Event


def gathered(*events: Event) -> History:
    return gather(Entry(seq, float(seq), event) for seq, event in enumerate(events, 1))


def test_an_outage_has_a_length_once_it_has_ended() -> None:
    told = gathered(
        e.OutageBegan("h1", ErrorDetail("not-sent")), e.OutageBegan("h2", ErrorDetail("hung")), e.OutageEnded("h1", 2.0)
    )
    assert [(o.host, o.seconds, o.ended) for o in told.outages] == [("h1", 2.0, 3.0), ("h2", 0.0, 0.0)]


def test_refusals_in_a_row_are_one_wait() -> None:
    busy = e.ExportRefused("b", ErrorDetail("busy", "ROMA.10012", request_id="r1"))
    told = gathered(busy, busy, busy, e.ExportAccepted("b", "j"), busy)
    assert [(w.times, w.began, w.latest) for w in told.waits] == [(3, 1.0, 3.0), (1, 5.0, 5.0)]
    assert told.asked("b") == (("j",), ("r1",))


def test_a_lost_import_is_settled_by_what_was_found() -> None:
    lost = e.ImportAnswerLost("d", ErrorDetail("dropped"), 9.0)
    told = gathered(lost, e.ImportFound("d"), lost, e.ImportMissing("d", "none of it"), lost)
    assert [(s.found, s.settled) for s in told.settlements] == [
        ("it was done: everything is there", 2.0), ("asked again: none of it", 4.0), ("", 0.0),
    ]  # fmt: skip


def test_what_is_in_doubt_is_settled_by_the_operator() -> None:
    told = gathered(
        e.ImportAnswerLost("d", ErrorDetail("dropped"), 9.0),
        e.ImportInDoubt("d", ("a",)),
        e.Resolved("d", "imported", "seen", "olga", "h"),
    )
    assert [(s.found, s.settled) for s in told.settlements] == [("the operator said imported: seen", 3.0)]
    assert told.acts[-1].sentence == "resolved d as imported: seen"


def test_a_probe_is_told_with_its_job_and_its_end() -> None:
    told = gathered(e.ProbeRequested("s", "i", "c", app="a"), e.ProbeAccepted("s", "j"), e.ProbeEnded("s", "SUCCEEDED"))
    assert [(p.asset, p.job, p.word) for p in told.probes] == [("app:a", "j", "SUCCEEDED")]


def test_a_retry_reopens_what_the_breaker_stopped() -> None:
    told = gathered(e.TargetStopped("prod", ErrorDetail("breaker")), e.TargetReopened("prod"))
    assert [(s.instance, s.reopened) for s in told.stops] == [("prod", 2.0)]


def test_a_split_that_settles_nothing_is_no_settlement() -> None:
    assert gathered(e.Split("d", (), "reasons")).settlements == ()
