"""What a home has learned of services: one file, 0600, bounded, and a damaged one is told and not fatal."""

import json
import stat
from pathlib import Path

import pytest

from orchestrator.core.comparison.carried import Learned
from orchestrator.core.comparison.dialect import Dialect
from orchestrator.core.model.undocumented import Thing
from orchestrator.storage.dialectfile import MOST_BYTES, MOST_TEXT, keep_dialect, read_dialect
from orchestrator.storage.home import Home

WHERE = {"prod": "https://prod"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.make()
    return made


def learn(home: Home, why: str = "", at: float = 5.0) -> str:
    every = [Learned(Thing.TOPIC, "prod", 1, 2, 0), Learned(Thing.KEY, "prod", 0, 0, 1, why)]
    return keep_dialect(home, lambda known: known.with_learned(every, WHERE, at, "r1"))


def test_what_was_kept_is_read_again(home: Home) -> None:
    assert learn(home, "no right") == ""
    known, damaged = read_dialect(home)
    assert damaged == ""
    topic, key = known.of("https://prod")[Thing.TOPIC], known.of("https://prod")[Thing.KEY]
    assert (topic.travelled, topic.stayed, topic.at, topic.run) == (1, 2, 5.0, "r1")
    assert (key.unread, key.why) == (1, "no right")
    assert stat.S_IMODE(home.dialect.stat().st_mode) == 0o600


def test_an_absent_file_is_an_empty_one_and_nothing_is_said(home: Home) -> None:
    assert read_dialect(home) == (Dialect(), "")


def test_words_of_the_service_are_cut_so_that_they_can_be_read_again(home: Home) -> None:
    learn(home, "x" * 5000)
    known, damaged = read_dialect(home)
    assert damaged == ""
    assert len(known.of("https://prod")[Thing.KEY].why) == MOST_TEXT


LESSON = {"travelled": 1, "did_not_travel": 0, "not_readable": 0, "why": "", "at": 1.0, "run": "r"}


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"\xff\xfe", b"[" * 50_000, b"[]", b"{}",
        b'{"form": 2, "endpoints": {}}', b'{"form": 1, "endpoints": []}',
        b" " * (MOST_BYTES + 1),
        json.dumps({"form": 1, "endpoints": {"e": {"key": {**LESSON, "at": float("nan")}}}}).encode(),
        json.dumps({"form": 1, "endpoints": {"e": {"key": {**LESSON, "travelled": -1}}}}).encode(),
        json.dumps({"form": 1, "endpoints": {"e": {"key": {**LESSON, "run": 7}}}}).encode(),
        json.dumps({"form": 1, "endpoints": {"e": {"key": {**LESSON, "why": "x" * (MOST_TEXT + 1)}}}}).encode(),
        json.dumps({"form": 1, "endpoints": {str(n): {} for n in range(201)}}).encode(),
    ],
)  # fmt: skip
def test_a_damaged_file_is_told_counts_as_empty_and_is_written_anew(home: Home, content: bytes) -> None:
    home.dialect.write_bytes(content)
    known, damaged = read_dialect(home)
    assert known == Dialect()
    assert str(home.dialect) in damaged
    assert learn(home) == damaged
    assert read_dialect(home)[1] == ""


def test_a_thing_that_only_a_later_version_knows_is_left_out(home: Home) -> None:
    held = {"form": 1, "endpoints": {"e": {"key": LESSON, "moon-phase": {"x": 1}}}}
    home.dialect.write_text(json.dumps(held))
    known, damaged = read_dialect(home)
    assert damaged == ""
    assert list(known.of("e")) == [Thing.KEY]


def test_a_folder_in_its_place_is_told_and_is_not_fatal(home: Home) -> None:
    home.dialect.mkdir()
    assert "cannot be read" in read_dialect(home)[1]
    assert "could not be kept" in learn(home)
