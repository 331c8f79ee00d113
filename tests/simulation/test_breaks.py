"""Each promise is broken on purpose, in a copy of the program, and its proof must notice.

A break that nothing notices means that the promise is not proved. The breaks lie in `breaks.yaml`: the simulated nights
must notice one, or the tests that it names, where a night cannot see it.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.simulation.anchors import anchored, plant

ROOT = Path(__file__).resolve().parents[2]
BREAKS: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "breaks.yaml").read_text(encoding="utf-8"))
#: nights that a break may stay unnoticed
SEEDS = 30
#: every test that is named, and without what costs a third of the time: explained assertions, Hypothesis's summary
_PLAIN = ("-m", "proof or not proof", "--assert=plain", "-p", "no:hypothesispytest", "-p", "no:cacheprovider")
#: what a break must not be noticed by: then it broke the program, and no promise
_SLIPS = re.compile(r"\b(NameError|SyntaxError|ImportError|AttributeError|UnboundLocalError|ModuleNotFoundError)\b")


def _case(planted: dict[str, Any]) -> Any:
    """One that is `slow` to be noticed, because servers or processes are started for it, is for `make proof`."""
    return pytest.param(planted, id=str(planted["name"]), marks=[pytest.mark.proof] if planted.get("slow") else [])


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program and its tests, to be broken, one for all breaks: copied and compiled once.

    What is compiled is found by a file's content, not its time: a break is written and taken back within a second.
    """
    copy = tmp_path_factory.mktemp("copy")
    for folder in ("orchestrator", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    by_content = ["--invalidation-mode", "checked-hash"]
    subprocess.run([sys.executable, "-m", "compileall", "-q", *by_content, str(copy)], check=True)
    return copy


@pytest.mark.parametrize("planted", [_case(each) for each in BREAKS])
@pytest.mark.timeout(600)
def test_a_broken_promise_is_noticed(planted: dict[str, Any], copy: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    with _broken(copy / "orchestrator", planted["edits"]):
        found = subprocess.run(_proof(planted), cwd=copy, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 1, f"not noticed: {found.stdout[-500:]} {found.stderr[-500:]}"
    assert "failed" in found.stdout, found.stderr[-2000:]
    assert not _SLIPS.search(found.stdout), f"the break broke the program: {found.stdout[-2000:]}"


def test_every_promise_is_broken() -> None:
    told = {int(number) for each in BREAKS for number in re.findall(r"promise (\d+)", each["name"])}
    assert told == set(range(1, 22))


@contextmanager
def _broken(program: Path, edits: Sequence[Mapping[str, str]]) -> Iterator[None]:
    """The program with these edits; without them afterwards."""
    whole: dict[Path, str] = {}
    try:
        for edit in edits:
            file = anchored(program, edit)[0].file
            whole.setdefault(file, file.read_text(encoding="utf-8"))
            plant(program, edit)
        yield
    finally:
        for file, text in whole.items():
            file.write_text(text, encoding="utf-8")


def _proof(planted: dict[str, Any]) -> list[str]:
    if tests := planted.get("noticed_by"):
        return [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", *_PLAIN, str(tests)]
    seeds = ["--seeds", str(SEEDS), "--first", str(planted.get("first", 0))]
    return [sys.executable, "-m", "tests.simulation.soak", "--first-failure", *seeds]
