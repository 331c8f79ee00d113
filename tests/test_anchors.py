"""Every planted break still finds what it breaks, and the tests that must notice it exist: a move shows it at once.

That they do notice is proved by `tests/simulation/test_breaks.py`, which takes long.
"""

import ast
import re
from functools import cache
from pathlib import Path

import yaml

from tests.simulation.anchors import anchored

ROOT = Path(__file__).resolve().parents[1]
BREAKS = yaml.safe_load((ROOT / "tests/simulation/breaks.yaml").read_text(encoding="utf-8"))


def test_every_break_finds_what_it_breaks() -> None:
    edits = [(each["name"], edit) for each in BREAKS for edit in each["edits"]]
    lost = [f"{name}: {told}" for name, edit in edits if (told := _lost(edit))]
    assert not lost, "\n".join(lost)


def _lost(edit: dict[str, str]) -> str:
    try:
        anchored(ROOT / "orchestrator", edit)
    except LookupError as error:
        return str(error)
    return ""


def test_every_test_that_must_notice_a_break_exists() -> None:
    named = {str(each["noticed_by"]) for each in BREAKS if "noticed_by" in each}
    lost = []
    for name in sorted(named):
        file, _, function = name.partition("::")
        if re.sub(r"\[.*", "", function.replace("::", ".")) not in _tests_of(file):
            lost.append(name)
    assert not lost, "\n".join(lost)


@cache
def _tests_of(file: str) -> frozenset[str]:
    """The names of its functions, and "" for the file as a whole."""
    path = ROOT / file
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        {"", *(each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))}
    )
