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


def test_excel_gets_a_byte_order_mark_and_other_readers_none(invoke: Invoke, local: Any) -> None:
    plain = invoke("inventory", "plan.yaml", "dev", "--csv").stdout_bytes
    excel = invoke("inventory", "plan.yaml", "dev", "--excel").stdout_bytes
    assert excel.startswith(b"\xef\xbb\xbfkind,name,id")
    assert excel.decode("utf-8-sig").splitlines() == plain.decode().splitlines()
    assert excel.count(b"\r\n") == excel.count(b"\n")
    assert invoke("inventory", "plan.yaml", "dev", "--excel", "--json").exit_code == 2
