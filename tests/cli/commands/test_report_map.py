"""`report --map`: which id at the source is which at the target, for every asset, those of earlier runs too."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from typer.testing import Result

Invoke = Callable[..., Result]


def mapped(invoke: Invoke, file: Path, *words: str) -> list[dict[str, str]]:
    told = invoke("report", *words, "--map", str(file))
    assert told.exit_code == 0, told.output
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def held(quick: Any, instance: str) -> set[tuple[str, str, str]]:
    """(kind, name, id) of everything there."""
    holding = quick.api.service.holding(instance)
    return {("app", x.name, x.id) for x in holding.apps.all()} | {("task", x.name, x.id) for x in holding.tasks.all()}


def test_every_asset_of_a_run_has_its_id_at_the_target(invoke: Invoke, quick: Any, tmp_path: Path) -> None:
    assert invoke("run", "plan.yaml").exit_code == 0
    rows = mapped(invoke, tmp_path / "map.csv")
    assert {(r["kind"], r["source_name"], r["source_id"]) for r in rows} == held(quick, "dev")
    assert {(r["kind"], r["target_name"], r["target_id"]) for r in rows} == held(quick, "prod")
    assert {(r["migration"], r["source"], r["target"], r["outcome"]) for r in rows} == {
        ("all", "dev", "prod", "verified")
    }
    document = json.loads(invoke("report", "--json").stdout)
    assert {(a["id"], a["target_id"]) for a in document["assets"]} == {(r["source_id"], r["target_id"]) for r in rows}


def test_what_an_earlier_run_brought_is_in_the_map_of_the_next(invoke: Invoke, quick: Any, tmp_path: Path) -> None:
    assert invoke("run", "plan.yaml").exit_code == 0
    shelf = quick.api.service.holding("dev").apps
    shelf.put(replace(shelf.all()[0], id="a-new-id", name="one-more", key="one-more-key"))
    assert invoke("run", "plan.yaml").exit_code == 0
    rows = mapped(invoke, tmp_path / "map.csv")
    assert {(r["kind"], r["target_name"], r["target_id"]) for r in rows} == held(quick, "prod")
    assert [r["outcome"] for r in rows].count("skipped") == len(rows) - 1


def test_a_map_is_replaced_by_that_of_the_same_run_alone(invoke: Invoke, past: Any, done: str, tmp_path: Path) -> None:
    file = tmp_path / "map.csv"
    assert mapped(invoke, file, done) == mapped(invoke, file, done)
    assert {row["target_id"] for row in mapped(invoke, file, done)} == {""}
    other = past.write("20270103-000000-cccc", [])
    told = invoke("report", other, "--map", str(file))
    assert told.exit_code == 2
    assert "never overwritten" in told.stderr
