"""The log in JSON and on a screen: times are UTC for programs, and as people read them in sentences."""

import json

import pytest

from orchestrator.cli.output.logs import Log
from orchestrator.cli.output.terminal import Common, Terminal


def test_until_is_a_utc_moment_in_json(capfd: pytest.CaptureFixture[str]) -> None:
    log = Log(Terminal(Common(json=True)), lambda: 1_800_000_000.0)
    log.say("no-answer", host="roma.example", until=1_800_000_060.0, text="...")
    line = json.loads(capfd.readouterr().err)
    assert (line["time"], line["until"]) == ("2027-01-15T08:00:00.000Z", "2027-01-15T08:01:00.000Z")
