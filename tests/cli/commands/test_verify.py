"""`verify`: what changed at either side after a run is found, and a clean run is reported as clean."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.emulator.service.instance_store import Holding
from orchestrator.emulator.world.world import App, DictionaryEntry, Task
from tests.cli.conftest import Invoke, Local


@pytest.fixture
def moved(quick: Local, invoke: Invoke) -> Local:
    """Everything of dev is at prod."""
    done = invoke("run", str(quick.plan))
    assert done.exit_code == 0, done.output
    return quick


def document(invoke: Invoke, local: Local, *more: str, code: int = 0) -> Any:
    told = invoke("verify", str(local.plan), "--json", *more)
    assert told.exit_code == code, told.output
    return json.loads(told.stdout)


def findings(told: Any) -> dict[str, tuple[str, str]]:
    """name -> (finding, why or drift) of what is to be told."""
    return {
        row["name"]: (row["finding"], row["why"] or row["drift"])
        for row in told["assets"]
        if row["finding"] != "present" or row["drift"]
    }


def app(holding: Holding, at: int = 0) -> App:
    return sorted(holding.apps.all(), key=lambda each: each.name)[at]


def task(holding: Holding) -> Task:
    return min((each for each in holding.tasks.all() if each.source_app_id), key=lambda each: each.name)


def test_a_clean_run_is_reported_as_clean(moved: Local, invoke: Invoke) -> None:
    posts = moved.posts
    told = invoke("verify", str(moved.plan), "--strict")
    assert told.exit_code == 0, told.output
    assert "both sides agree" in told.output
    assert "application keys at prod" in told.output
    assert moved.posts == posts, "it reads only"
    assert document(invoke, moved)["counts"][0]["present"] == 18


def test_a_run_is_left_as_it_was(moved: Local, invoke: Invoke) -> None:
    before = {path: path.read_bytes() for path in moved.plan.parent.rglob("*.db")}
    invoke("verify", str(moved.plan))
    assert {path: path.read_bytes() for path in moved.plan.parent.rglob("*.db")} == before


Change = Callable[[Holding, Holding], tuple[str, str, str]]


def deleted(dev: Holding, prod: Holding) -> tuple[str, str, str]:
    gone = app(prod)
    prod.apps.remove(gone.id)
    return gone.name, "missing", "is not at prod"


def renamed(dev: Holding, prod: Holding) -> tuple[str, str, str]:
    name = app(prod).name
    prod.apps.put(replace(app(prod), name="by-another-name"))
    return name, "different", "bears the name by-another-name now"


def repointed(dev: Holding, prod: Holding) -> tuple[str, str, str]:
    old = task(prod)
    other = next(each for each in prod.apps.all() if each.id not in {old.source_app_id, old.target_app_id})
    prod.tasks.put(replace(old, source_app_id=other.id, target_app_id=other.id))
    return old.name, "different", "does not touch"


def unpublished(dev: Holding, prod: Holding) -> tuple[str, str, str]:
    released = next(each for each in prod.apis.all() if each.released)
    prod.apis.put(replace(released, publications=()))
    owner = next(each for each in prod.apps.all() if each.id == released.app_id)
    return owner.name, "different", "does not publish"


@pytest.mark.parametrize("change", [deleted, renamed, repointed, unpublished])
def test_what_is_missing_or_different_at_the_target_is_found(change: Change, moved: Local, invoke: Invoke) -> None:
    service = moved.api.service
    name, finding, why = change(service.holding("dev"), service.holding("prod"))
    told = findings(document(invoke, moved, code=1))
    assert told[name][0] == finding
    assert why in told[name][1]
    assert {found for found, _ in told.values()} <= {finding, "different", "unexpected"}


def added(dev: Holding, prod: Holding) -> tuple[str, str, str]:
    dev.apps.put(replace(app(dev), id="11111111-2222-3333-4444-555555555555", name="late-comer", key="late"))
    return "late-comer", "added at the source", "the run does not carry it"


def changed(dev: Holding, prod: Holding) -> tuple[str, str, str]:
    old = app(dev)
    dev.apps.put(replace(old, update_time=old.update_time + 60, revision=old.revision + 1))
    return old.name, "present", "it was changed at the source"


def unexpected(dev: Holding, prod: Holding) -> tuple[str, str, str]:
    prod.apps.put(replace(app(prod), id="11111111-2222-3333-4444-555555555556", name="stranger", key="strange"))
    return "stranger", "unexpected", "the run did not bring it"


@pytest.mark.parametrize("change", [added, changed, unexpected])
def test_drift_is_told_and_fails_only_under_strict(change: Change, moved: Local, invoke: Invoke) -> None:
    service = moved.api.service
    name, finding, why = change(service.holding("dev"), service.holding("prod"))
    told = findings(document(invoke, moved))
    assert list(told) == [name]
    assert told[name][0] == finding
    assert why in told[name][1]
    assert document(invoke, moved, "--strict", code=1)["code"] == 1


def test_a_key_that_did_not_travel_is_said_and_is_no_failure(moved: Local, invoke: Invoke) -> None:
    prod = moved.api.service.holding("prod")
    prod.apps.put(replace(app(prod), key="another-key"))
    told = document(invoke, moved)
    assert told["informing"][0] == {
        "thing": "key", "target": "prod", "travelled": 5, "did_not_travel": 1, "not_readable": 0, "why": "",
        "without": [app(prod).name],
    }  # fmt: skip
    assert told["code"] == 0


def test_a_child_dictionary_entry_that_the_target_lacks_is_found(moved: Local, invoke: Invoke) -> None:
    """The list without `parent_code` gives only the top level (Finishing 2.1)."""
    dev = moved.api.service.holding("dev")
    dev.dictionary.put(DictionaryEntry("de", "DE", "Germany", "COUNTRY"))
    told = document(invoke, moved)
    assert [each["sentence"] for each in told["dictionaries"]] == ["COUNTRY/DE (Germany) of dev is missing at prod"]
    assert told["verdict"] == "both sides agree; 1 dictionary entry to be looked at"
    assert document(invoke, moved, "--strict", code=1)["code"] == 1
    assert "COUNTRY/DE (Germany)" in invoke("verify", str(moved.plan)).output


def test_only_narrows_what_is_compared(moved: Local, invoke: Invoke) -> None:
    prod = moved.api.service.holding("prod")
    gone, kept = app(prod), app(prod, 1)
    prod.apps.remove(gone.id)
    assert findings(document(invoke, moved, "--only", f"app:{gone.name}", code=1))[gone.name][0] == "missing"
    assert not findings(document(invoke, moved, "--only", f"app:{kept.name}"))


def test_an_instance_that_the_plan_no_longer_names_is_a_sentence(moved: Local, invoke: Invoke) -> None:
    text = moved.plan.read_text(encoding="utf-8")
    moved.plan.write_text(
        text.replace("  prod: ", "  other: ").replace("target: prod", "target: other"), encoding="utf-8"
    )
    told = invoke("verify", str(moved.plan))
    assert told.exit_code == 2
    assert "no longer names prod" in told.output
