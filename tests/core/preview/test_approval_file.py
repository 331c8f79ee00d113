"""The document: what is read is what was written, and a bad one is refused with a sentence."""

import json
from dataclasses import replace
from hashlib import sha256

import pytest

from orchestrator.core.plan.plan import Target
from orchestrator.core.preview.approval import Occasion, Saved, SavedEntry, save
from orchestrator.core.preview.approval_file import Unreadable, from_json, to_json
from tests.builders.inventories import PreviewCase, held_app, held_task
from tests.builders.plans import migration
from tests.builders.runs import DAWN


def saved() -> Saved:
    held = {"dev": (held_app("订单"), held_app("core"), held_task("load", "core", running=True))}
    case = PreviewCase((migration(target=Target("prod", prefix="x_")), migration("n", target="dr")), held)
    made = save(case.plan, case.preview(), Occasion(DAWN, "ann", "1.0", "CHG-1", ("m@prod",)))
    return replace(made, entries=(SavedEntry("prod", "KG", ("name: 千克", "parent_code: UNIT"), ("m",)),))


def test_it_comes_back_as_it_was() -> None:
    assert from_json(to_json(saved())) == saved()


def test_it_is_readable_and_tells_when_it_was_saved() -> None:
    document = json.loads(to_json(saved()))
    assert document["saved"] == "2027-01-15T08:00:00Z"
    assert "订单" in to_json(saved())
    assert to_json(saved()).endswith("}\n")


def test_a_changed_document_is_refused() -> None:
    document = json.loads(to_json(saved()))
    document["lanes"][0]["assets"].pop()
    with pytest.raises(Unreadable, match="was changed since"):
        from_json(json.dumps(document))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "no `roma_migrate_preview`"),
        ('{"roma_migrate_preview": 2}', "its form is 2"),
        ('{"roma_migrate_preview": 1, "saved_at": NaN}', "not JSON"),
        (" " * (32 * 1024 * 1024 + 1), "longer than"),
    ],
    ids=["empty", "deep", "list", "form", "nan", "long"],
)
def test_what_is_no_such_document_is_refused_with_a_sentence(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why) as refused:
        from_json(text)
    assert "--save" in refused.value.next_step


def sealed_as(document: object) -> str:
    """The seal that the program itself would put on it."""
    text = json.dumps(document, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("key", ["plan", "saved_at", "only", "moves", "lanes", "checks", "id", "entries"])
def test_a_document_that_lacks_a_part_names_it(key: str) -> None:
    document = json.loads(to_json(saved()))
    document.pop("seal")
    document.pop(key)
    sealed = {**document, "seal": sealed_as(document)}
    with pytest.raises(Unreadable, match=f"^not a saved preview: {key} is not"):
        from_json(json.dumps(sealed))


def test_a_time_beyond_all_numbers_is_refused() -> None:
    document = json.loads(to_json(saved()))
    document.pop("seal")
    document["saved_at"] = 10**400
    sealed = {**document, "seal": sealed_as(document)}
    with pytest.raises(Unreadable, match="too large"):
        from_json(json.dumps(sealed))
