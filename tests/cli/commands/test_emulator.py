"""`emulator`: what keeps it from starting is a sentence."""

import socket
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

Invoke = Callable[..., Result]


def test_the_emulator_says_when_its_port_is_taken(invoke: Invoke) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = invoke("emulator", "--port", str(taken.getsockname()[1]))
    assert told.exit_code == 2
    assert "cannot listen" in told.stderr


def test_a_world_that_cannot_be_read_is_a_sentence(invoke: Invoke) -> None:
    told = invoke("emulator", "--world", "none.yaml")
    assert told.exit_code == 2
    assert "none.yaml cannot be read" in told.stderr


def test_a_plan_that_is_there_already_is_not_overwritten_and_nothing_is_served(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("mine")
    told = invoke("emulator", "--port", "0", "--write-plan", "plan.yaml")
    assert told.exit_code == 2
    assert "never overwritten" in told.stderr
    assert (tmp_path / "plan.yaml").read_text() == "mine"


def test_a_world_that_is_wrong_is_told_with_file_and_line(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("instances:\n  - name: dev\n    apps: [{x: 1}]\n")
    told = invoke("emulator", "--port", "0", "--world", "w.yaml")
    assert told.exit_code == 2
    assert "w.yaml:3: instances.0.apps: unknown key 'apps'" in " ".join(told.stderr.split())
    assert "roma-migrate schema --world" in told.stderr
