"""Streams that never fail, and the second fence around secrets."""

import io

from orchestrator.cli.output.terminal import Common, LogFormat, steady
from orchestrator.core.model.redaction import HIDDEN, Redactor


class Broken(io.BytesIO):
    """A pipe whose reader has gone."""

    def write(self, data: object) -> int:
        raise BrokenPipeError(32, "Broken pipe")


class Stream:
    def __init__(self, below: io.BytesIO) -> None:
        self.buffer = below


def test_a_closed_pipe_loses_words_and_nothing_else() -> None:
    stream = steady(Stream(Broken()))
    stream.write("one\n")
    stream.write("two\n")
    stream.flush()


def test_a_stream_that_is_not_there_is_no_error() -> None:
    steady(None).write("lost\n")


def test_what_a_terminal_cannot_show_is_still_written() -> None:
    below = io.BytesIO()
    steady(Stream(below)).write("订单 \udcff\n")
    assert below.getvalue().startswith("订单".encode())


def test_known_secrets_are_hidden_wherever_they_stand() -> None:
    redactor = Redactor()
    redactor.learn(["secret-one", "secret-one-longer", "abc"])
    value = {"words": ["with secret-one-longer in it"], "n": 3, "deep": {"x": "secret-one"}, "short": "abc"}
    assert redactor.value(value) == {
        "words": [f"with {HIDDEN} in it"], "n": 3, "deep": {"x": HIDDEN}, "short": "abc",
    }  # fmt: skip


def test_events_are_json_lines_with_json_unless_asked_otherwise() -> None:
    assert Common(json=True).json_log
    assert not Common(json=True, log_format=LogFormat.CONSOLE).json_log
    assert not Common().json_log
