"""A report as JSON: the document fits its published schema."""

import json
from collections.abc import Callable

import pytest
from pydantic import TypeAdapter, ValidationError
from typer.testing import Result

from orchestrator.cli.render.report_json import ReportDocument, schema

Invoke = Callable[..., Result]


def test_what_report_prints_fits_its_schema(invoke: Invoke, done: str) -> None:
    printed = json.loads(invoke("report", "--json").stdout)
    read = TypeAdapter(ReportDocument).validate_python(printed)
    assert (read.run, read.form, [asset.outcome for asset in read.assets]) == (done, 1, ["verified"] * 3)
    assert set(printed) == set(schema()["properties"]) == set(schema()["required"])
    with pytest.raises(ValidationError):
        TypeAdapter(ReportDocument).validate_python({**printed, "batches": "none"})


def test_the_schema_is_published(invoke: Invoke) -> None:
    published = json.loads(invoke("schema", "--report").stdout)
    assert published == json.loads(json.dumps(schema()))
    assert published["$defs"]["BarDocument"]["description"]
    assert invoke("schema", "--report", "--preview").exit_code == 2


def test_the_timeline_names_the_wait_for_somebody_else(invoke: Invoke, done: str) -> None:
    slots = json.loads(invoke("report", "--json").stdout)["timeline"]["slots"]
    assert [(slot["slot"], [bar["kind"] for bar in slot["bars"]]) for slot in slots] == [
        ("slot-1", ["somebody else's job", "export", "download"]), ("slot-2", ["import", "verification"]),
    ]  # fmt: skip
