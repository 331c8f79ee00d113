"""`demo`: the world is fitted to the plan, and nothing is left behind."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Invoke = Callable[..., Result]


def test_it_runs_a_plan_against_its_own_service_and_removes_its_home(
    invoke: Invoke, local: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = local.plan.read_text().replace('apps: "*"', "apps: [orders-web]").replace("acme", "elsewhere")
    local.plan.write_text(text.replace('tasks: "*"', "tasks: []"))
    rooms = tmp_path / "rooms"
    rooms.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(rooms))
    for name in ("T_AK", "T_SK", "T_PW"):
        monkeypatch.setenv(name, "replaced by the demo")
    told = invoke("demo", "--plan", "plan.yaml")
    assert told.exit_code == 0, told.output
    assert "removed now" in told.stderr
    assert list(rooms.iterdir()) == []
    assert local.posts == 0
