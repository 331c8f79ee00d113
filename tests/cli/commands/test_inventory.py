"""`inventory`: for people, spreadsheets and programs."""

import json
from collections.abc import Callable
from typing import Any

from typer.testing import Result

Invoke = Callable[..., Result]


def test_inventory_lists_as_table_csv_and_json(invoke: Invoke, local: Any) -> None:
    table = invoke("inventory", "plan.yaml", "dev")
    assert table.exit_code == 0, table.output
    assert len(table.stdout.splitlines()) == 19
    rows = invoke("inventory", "plan.yaml", "dev", "--csv").stdout.splitlines()
    assert rows[0] == "kind,name,id,owner,links,updated,running"
    assets = json.loads(invoke("inventory", "plan.yaml", "dev", "--json").stdout)["assets"]
    assert [asset["kind"] for asset in assets].count("task") == 12
    assert any(asset.get("links") for asset in assets)
    assert invoke("inventory", "plan.yaml", "nowhere").exit_code == 2
