"""`runs`: every run of a home, and none hidden by another."""

import json
from collections.abc import Callable
from typing import Any

from typer.testing import Result

Invoke = Callable[..., Result]


def test_runs_lists_every_run_with_code_and_counts(invoke: Invoke, half_there: str, done: str) -> None:
    rows = json.loads(invoke("runs", "--json").stdout)["runs"]
    assert [(row["run"], row["code"], row["by"]) for row in rows] == [(half_there, 5, "olga"), (done, 0, "olga")]
    assert not [key for row in rows for key in row if key.startswith("_")]
    table = invoke("runs").stdout
    assert "3 verified" in table
    assert "3 undecided" in table
    assert "/plans/t.yaml" in table


def test_a_damaged_journal_is_7_and_does_not_hide_the_others(
    invoke: Invoke, past: Any, half_there: str, done: str
) -> None:
    past.home.journal(half_there).write_bytes(b"no database" * 100)
    told = invoke("runs")
    assert told.exit_code == 7
    assert "damaged" in told.stdout
    assert done in told.stdout
    assert invoke("status", half_there).exit_code == 7
