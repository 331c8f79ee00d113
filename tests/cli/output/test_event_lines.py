"""Events in the words of the log."""

from typing import get_args

from orchestrator.cli.output.event_lines import fields_of, level_of, name_of
from orchestrator.cli.output.terminal import LogLevel
from orchestrator.core.state import events as e


def test_every_kind_of_event_has_its_own_name() -> None:
    names = {kind.__name__ for kind in get_args(e.Event)}
    assert len(names) == len(get_args(e.Event))
    assert name_of(e.ExportAccepted("b", "j")) == "export-accepted"


def test_long_lists_are_told_by_their_length_and_documents_not_at_all() -> None:
    event = e.Verified("b@p", tuple("abcdef"), (), (("a", "missing"),))
    assert fields_of(event) == {"delivery": "b@p", "verified": 6, "findings": 1}
    assert "moves" not in fields_of(e.RunBegan("p", "f", "{}", "me", "h", 1, "0"))


def test_the_services_words_and_its_request_id_are_told() -> None:
    event = e.ExportRefused("b", e.ErrorDetail("busy", "ROMA.10012", "another job", "req-1"))
    assert fields_of(event) == {"batch": "b", "words": "ROMA.10012 another job", "request_id": "req-1", "wait": 0.0}


def test_a_lost_answer_is_told_by_what_happened_and_how() -> None:
    event = e.ImportAnswerLost("b@p", e.ErrorDetail("dropped", message="the connection ended"), 0.0)
    assert fields_of(event)["words"] == "dropped: the connection ended"
    assert fields_of(e.ImportAnswerLost("b@p", e.ErrorDetail("hung"), 0.0))["words"] == "hung"


def test_somebody_elses_job_is_no_warning_a_lost_answer_is() -> None:
    assert level_of(e.ExportRefused("b", e.ErrorDetail("busy"))) is LogLevel.INFO
    assert level_of(e.ExportRefused("b", e.ErrorDetail("denied"))) is LogLevel.WARNING
    assert level_of(e.ImportAnswerLost("b@p", e.ErrorDetail("hung"), 0.0)) is LogLevel.WARNING
    assert level_of(e.Looked("b@p")) is LogLevel.DEBUG


def test_under_bars_an_outage_is_said_at_its_start_and_at_its_end() -> None:
    assert level_of(e.OutageBegan("host", e.ErrorDetail("hung"))) is LogLevel.WARNING
    assert level_of(e.OutageEnded("host", 90.0)) is LogLevel.WARNING
