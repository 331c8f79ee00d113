"""A preview as JSON: the document fits its published schema, and tells everything that the terminal tells."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from typer.testing import Result

from orchestrator.cli.render.preview_json import Document, Shown, document, schema
from orchestrator.core.model.checks import Verdict
from orchestrator.core.plan.plan import Mode, Scope, Target
from orchestrator.core.preview.preview import Informed, Preview, preview
from orchestrator.core.scheduling.estimates import Estimates
from orchestrator.core.scheduling.timetable import timetable
from orchestrator.core.selection.only import Only
from orchestrator.core.state.slots import SlotRule
from tests.builders.inventories import PreviewCase, held_app, held_task, told
from tests.builders.plans import migration
from tests.builders.runs import DAWN

Invoke = Callable[..., Result]
HELD = {"dev": (held_app("web"), held_app("core"), held_task("load", "web", "core", running=True))}
CALLS = (("web", ("core",)),)


def drafted(case: PreviewCase) -> Preview:
    """With a timetable."""
    facts = {name: told(name) for name in case.names}
    rule = SlotRule(Scope.USER, {"c": "u"})
    informed = Informed(facts, DAWN, expect=lambda b, d: timetable(case.plan, rule, Estimates().predict, b, d))
    return preview(case.plan, case.inventories, case.history, Only(), informed)


def shown(case: PreviewCase) -> Shown:
    draft = drafted(case)
    return Shown("plan", "plan.yaml", draft, 4 if draft.blockers else 0)


def test_the_document_comes_back_through_its_schema() -> None:
    made = json.loads(json.dumps(asdict(document(shown(PreviewCase((migration(calls=CALLS),), HELD))))))
    assert TypeAdapter(Document).validate_python(made).plan == "plan"
    assert set(made) == set(schema()["properties"]) == set(schema()["required"])
    with pytest.raises(ValidationError):
        TypeAdapter(Document).validate_python({**made, "checks": "none"})


def test_the_schema_is_published(invoke: Invoke) -> None:
    published = json.loads(invoke("schema", "--preview").stdout)
    assert published == json.loads(json.dumps(schema()))
    assert published["$defs"]["FateDocument"]["description"]
    assert json.loads(invoke("schema").stdout)["title"] == "Plan of roma-migrate"


def test_what_preview_prints_fits_it(invoke: Invoke, local: Any) -> None:
    printed = json.loads(invoke("preview", "plan.yaml", "--json").stdout)
    assert TypeAdapter(Document).validate_python(printed).plan == "t"
    assert printed["timetable"]["p50"] > 0
    assert printed["deliveries"][0]["expected"]["end"] > printed["batches"][0]["expected"]["end"]
    assert {each["fate"] for each in printed["assets"]} == {"created"}
    assert {each["action"] for each in printed["handover"]} >= {"new-secret", "devices"}


def test_fates_and_verdicts_are_told_by_name() -> None:
    held = {**HELD, "prod": (held_app("web", "other"),)}
    blocked = document(shown(PreviewCase(held=held)))
    assert (blocked.code, {each.verdict for each in blocked.checks}) == (4, {"ok", "blocker", "warning"})
    assert {each.name: each.fate for each in blocked.assets}["web"] == "refused"
    merged = document(shown(PreviewCase((migration(target=Target("prod", Mode.MERGE)),), held)))
    assert {each.name: (each.fate, tuple(each.present)) for each in merged.assets}["web"] == ("overwritten", ("web",))
    assert all(Verdict(each.verdict) for each in merged.checks)
