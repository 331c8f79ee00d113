"""`demo`: the world is fitted to the plan, and nothing is left behind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Invoke = Callable[..., Result]


def test_it_runs_a_plan_against_its_own_service_and_removes_its_home(
    invoke: Invoke, local: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = local.plan.read_text().replace('apps: "*"', "apps: [billing-web]").replace("acme", "elsewhere")
    local.plan.write_text(text.replace('tasks: "*"', "tasks: []"))
    for name in ("T_AK", "T_SK", "T_PW"):
        monkeypatch.setenv(name, "replaced by the demo")
    told = invoke("demo", "--plan", "plan.yaml")
    assert told.exit_code == 0, told.output
    assert "removed now" in told.stderr
    assert "next: roma-migrate demo --keep" in told.stdout
    assert "--home" not in told.stdout
    assert not Path(told.stderr.splitlines()[0].removeprefix("home: ")).exists()
    assert local.posts == 0
