"""Why a process left its run: from the end of its log."""

import json
from pathlib import Path

from orchestrator.cli.context.last_words import SILENT, LastWords, last_words

BEGAN = {"time": "2027-01-01T00:00:00.000Z", "event": "run-began"}
CLOSED = {"time": "2027-01-01T01:00:00.000Z", "event": "closed", "code": 9, "why": "dev does not answer"}


def log(path: Path, *lines: object) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_the_latest_words_are_told(tmp_path: Path) -> None:
    words = last_words(log(tmp_path / "run.log", BEGAN, {"event": "exported"}, CLOSED))
    assert words == LastWords("2027-01-01T01:00:00.000Z", 9, "dev does not answer")


def test_who_was_killed_after_he_went_on_said_nothing(tmp_path: Path) -> None:
    assert (
        last_words(log(tmp_path / "run.log", BEGAN, CLOSED, {"event": "run-resumed"}, {"event": "exported"})) is SILENT
    )


def test_a_log_that_is_torn_or_absent_is_no_error(tmp_path: Path) -> None:
    torn = log(tmp_path / "run.log", BEGAN, CLOSED)
    torn.write_text(torn.read_text() + '{"event": "expo')
    assert last_words(torn) is not SILENT
    assert last_words(tmp_path / "none.log") is None
