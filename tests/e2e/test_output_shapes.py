"""Nothing that people's scripts read of an exit code, a document or an event has vanished or changed its kind."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.output_shapes import RECORDED, SCENES, both, missing, play, shape

#: what was changed on purpose, and how it is told now
ON_PURPOSE = {
    # The report has a published schema, in which an asset's class is its outcome.
    "a report with poison: document.assets[].class is gone",
    # They were fields of the program's own, for its table of runs.
    "runs: document.runs[]._began is gone",
    "runs: document.runs[]._ended is gone",
}


def _codes(told: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    return {name: answer["code"] for name, answer in told.items()}


@pytest.mark.timeout(500)  # up to eleven commands, one after the other
@pytest.mark.parametrize("scene", SCENES)
def test_what_the_program_answered_before_it_answers_still(scene: str, tmp_path: Path) -> None:
    recorded, present = json.loads(RECORDED.read_text(encoding="utf-8"))[scene], play(scene, tmp_path / "desk")
    assert _codes(present) == _codes(recorded)
    gone = [
        line
        for name, told in recorded.items()
        for part in ("document", "events")
        for line in missing(told[part], present[name][part], f"{name}: {part}")
    ]
    assert [line for line in gone if line not in ON_PURPOSE] == []


def test_a_shape_keeps_keys_and_kinds_and_forgets_values() -> None:
    found = shape({"a": [{"b": 1}, {"b": None, "c": "x"}], "d": True, "e": []})
    assert found == {"a": [{"b": "null|number", "c": "text"}], "d": "bool", "e": []}


def test_what_vanished_or_changed_its_kind_is_found_and_additions_are_not() -> None:
    before = shape({"kept": 1, "gone": 1, "other": "x", "deep": [{"gone": 1}], "maybe": None})
    now = shape({"kept": 2.5, "new": 1, "other": 1, "deep": [{"new": 1}], "maybe": "x"})
    assert sorted(missing(before, now)) == [".deep[].gone is gone", ".gone is gone", ".other was text, is number"]
    assert missing(before, both(before, now)) == [".other was text, is number|text"]
