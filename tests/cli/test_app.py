"""The names that scripts rely on, and what the command line refuses."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from orchestrator.cli.app import LATER, called_by
from tests.cli.commands.test_validate import GOOD

Invoke = Callable[..., Result]
NAMES = (
    "init", "inventory", "validate", "preview", "run", "status", "runs", "resolve", "report", "handover", "emulator",
    "schema", "demo",
)  # fmt: skip


def test_the_help_names_every_command(invoke: Invoke) -> None:
    told = invoke("--help")
    assert told.exit_code == 0
    assert all(name in told.stdout for name in NAMES)


def test_the_help_holds_examples_exit_codes_and_the_environment(invoke: Invoke) -> None:
    told = invoke("--help").stdout
    assert all(re.search(rf"^ +{code} ", told, re.MULTILINE) for code in (0, 2, 4, 6, 8, 10))
    assert all(word in told for word in ("Examples:", "ROMA_MIGRATE_HOME", "NO_COLOR", "143"))
    assert "roma-migrate run plan.yaml --retry" in invoke("run", "--help").stdout
    assert all(len(line) <= 80 for line in told.splitlines())


def test_the_help_hides_what_does_not_stand(invoke: Invoke) -> None:
    assert "Not yet" not in invoke("run", "--help").stdout


def completed(tmp_path: Path, words: str) -> list[str]:
    """What a shell would offer for the last of these words."""
    environment = {**os.environ, "_ROMA_MIGRATE_COMPLETE": "complete_bash", "COMP_WORDS": f"roma-migrate {words}",
                   "COMP_CWORD": str(words.count(" ") + 1), "PYTHONPATH": str(Path(__file__).parents[2])}  # fmt: skip
    environment.pop("ROMA_MIGRATE_HOME", None)
    told = subprocess.run(
        [sys.executable, "-m", "orchestrator"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.split()


def test_a_shell_completes_runs_outcomes_instances_and_migrations(done: str, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(GOOD)
    assert completed(tmp_path, "status 2027") == [done]
    assert completed(tmp_path, "resolve --as im") == ["imported"]
    assert completed(tmp_path, "inventory p.yaml ") == ["a", "b"]
    assert completed(tmp_path, "preview p.yaml --only m") == ["m", "m@b"]
    assert completed(tmp_path, "inventory none.yaml ") == []


@pytest.mark.parametrize("name", NAMES)
def test_every_command_takes_the_common_options(invoke: Invoke, name: str) -> None:
    told = invoke(name, "--help").stdout
    options = ("--home", "--json", "--log-level", "--log-format", "--no-progress", "--note")
    assert all(option in told for option in options)


@pytest.mark.parametrize("name", LATER)
def test_what_does_not_stand_answers_not_yet(invoke: Invoke, name: str) -> None:
    told = invoke(name, "RUN", "--yes", "--until", "monday")
    assert told.exit_code == 2
    assert "not yet" in told.stderr
    assert told.stdout == ""


def test_not_yet_is_a_json_document_too(invoke: Invoke) -> None:
    told = json.loads(invoke("rehearse", "PLAN", "--json").stdout)
    assert told["code"] == 2
    assert "not yet" in told["error"]


@pytest.mark.parametrize("words", [("run", "p.yaml", "--strict")])
def test_options_that_do_not_stand_answer_not_yet(invoke: Invoke, words: tuple[str, ...]) -> None:
    told = invoke(*words)
    assert told.exit_code == 2
    assert "not yet" in told.stderr


def test_the_version_is_told(invoke: Invoke) -> None:
    assert invoke("--version").stdout.startswith("roma-migrate 0.")


@pytest.mark.parametrize("words", [("bogus",), ("run",), ("run", "p.yaml", "--bogus"), ("validate", "a", "b")])
def test_a_wrong_command_line_is_2(invoke: Invoke, words: tuple[str, ...]) -> None:
    told = invoke(*words)
    assert told.exit_code == 2
    assert "Traceback" not in told.output


@pytest.mark.parametrize("words", [("bogus",), ("run",), ("run", "p.yaml", "--bogus"), ("validate", "a", "b")])
def test_a_wrong_command_line_is_a_json_document_too(invoke: Invoke, words: tuple[str, ...]) -> None:
    told = invoke(*words, "--json")
    document = json.loads(told.stdout)
    assert (told.exit_code, document["code"]) == (2, 2)
    assert document["error"]
    assert document["next"].endswith("--help")


def test_ways_to_go_on_exclude_each_other(invoke: Invoke) -> None:
    told = invoke("run", "p.yaml", "--resume", "--retry")
    assert told.exit_code == 2
    assert "exclude each other" in told.stderr


def test_run_has_no_preview_and_tells_both_right_spellings(invoke: Invoke) -> None:
    told = invoke("run", "p.yaml", "--preview")
    assert told.exit_code == 2
    assert "roma-migrate preview PLAN" in told.stderr
    assert "roma-migrate run --approved FILE PLAN" in told.stderr
    assert "--preview" not in invoke("run", "--help").stdout


def test_only_the_called_command_is_built_whole() -> None:
    assert called_by(["run", "x"], {}) == "run"
    assert called_by(["--help"], {}) == ""
    assert called_by(["run"], {"_ROMA_MIGRATE_COMPLETE": "complete_bash"}) is None


def test_a_plan_that_is_not_there_is_a_sentence(invoke: Invoke, tmp_path: Path) -> None:
    for command in ("validate", "preview", "run"):
        told = invoke(command, "none.yaml")
        assert told.exit_code == 2
        assert "none.yaml cannot be read: no such file or directory" in told.stderr
    assert list(tmp_path.iterdir()) == []
