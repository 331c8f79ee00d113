"""A report as JSON: the document fits its published schema."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from typer.testing import Result

from orchestrator.cli.render.report_json import ReportDocument, schema
from orchestrator.core.state import events as e
from tests.cli.conftest import SCHEDULED, STORED

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


def test_the_timeline_holds_what_was_predicted_beside_what_ran(invoke: Invoke, past: Any) -> None:
    told = e.SchedulePredicted(9.0, 12.0, (e.JobPredicted("b1", "slot-1", 0.0, 3.5),))
    past.write("20270101-000000-aaaa", [*SCHEDULED, told, *STORED])
    document = json.loads(invoke("report", "--json").stdout)["timeline"]
    (predicted,) = next(each for each in document["slots"] if each["slot"] == "slot-1")["predicted"]
    assert (predicted["kind"], predicted["number"], predicted["seconds"]) == ("export", 1, 3.5)
    assert predicted["began"] == document["began"]
    assert document["unpredicted"] == ""
    assert document["predicted_end"]["p90"] > document["predicted_end"]["p50"]
    words = " ".join(invoke("report", "--all").stdout.split())
    assert "1 in 3.5 s" in words
    assert "When the run began it was predicted to be over at" in words


def test_a_run_of_an_earlier_version_says_why_no_prediction_stands_there(invoke: Invoke, done: str) -> None:
    document = json.loads(invoke("report", "--json").stdout)["timeline"]
    assert document["predicted_end"] is None
    assert "earlier version" in document["unpredicted"]
