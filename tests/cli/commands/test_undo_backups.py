"""A Merge over what is there, and its undo: backed up before, restored after, and never over a person's change."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulator.service.instance_store import Holding
from orchestrator.emulator.world.world import App
from tests.cli.conftest import Invoke, Local

#: what the target holds before under names that move: application -> its content mark
BEFORE = {"orders-web": 41, "billing-web": 42}


@pytest.fixture
def live(quick: Local) -> Local:
    """prod holds two applications of the names that move, and the plan merges."""
    for number, (name, revision) in enumerate(BEFORE.items()):
        owned = App(f"0000000{number}-2222-3333-4444-555555555555", name, f"key-{number}", "", "prod-migrator")
        prod(quick).apps.put(replace(owned, revision=revision))
    rewrite(quick.plan, 'tasks: "*"', 'tasks: "*", mode: Merge')
    return quick


@pytest.fixture
def merged(live: Local, invoke: Invoke) -> Local:
    done = invoke("run", str(live.plan))
    assert done.exit_code == 0, done.output
    assert revisions(live) == {"orders-web": 0, "billing-web": 0}
    return live


def rewrite(plan: Path, old: str, new: str) -> None:
    text = plan.read_text(encoding="utf-8")
    assert old in text
    plan.write_text(text.replace(old, new), encoding="utf-8")


def prod(local: Local) -> Holding:
    return local.api.service.holding("prod")


def revisions(local: Local) -> dict[str, int]:
    return {each.name: each.revision for each in prod(local).apps.all() if each.name in BEFORE}


def document(invoke: Invoke, *words: str, code: int = 0) -> Any:
    told = invoke(*words, "--json")
    assert told.exit_code == code, told.output
    return json.loads(told.stdout)


def test_the_preview_counts_the_backups_and_says_what_they_do_not_bring_back(live: Local, invoke: Invoke) -> None:
    told = document(invoke, "preview", str(live.plan))
    (backup,) = told["backups"]
    assert (backup["target"], {each["name"] for each in backup["assets"]}) == ("prod", set(BEFORE))
    assert backup["expected"]["slot"]
    assert backup["before"]
    assert any("connections of data sources" in each for each in told["not_restored"])
    shown = invoke("preview", str(live.plan)).output
    assert "after 1 backup" in shown
    assert "kept for 30 days (keep_backups)" in " ".join(shown.split())


def test_what_is_overwritten_is_exported_before_it_is(merged: Local) -> None:
    calls = merged.api.service.ledger.calls
    there = merged.world.instance("prod").name
    first_import = next(at for at, each in enumerate(calls) if each.operation == "import")
    backups = [at for at, each in enumerate(calls) if (each.operation, each.instance) == ("export", there)]
    assert len(backups) == 1
    assert backups[0] < first_import


def test_the_undo_restores_what_was_overwritten_and_a_second_one_does_nothing(merged: Local, invoke: Invoke) -> None:
    planned = document(invoke, "undo", "--dry-run")
    assert planned["possible_until"]
    assert planned["not_restored"]
    assert revisions(merged) == {"orders-web": 0, "billing-web": 0}
    told = document(invoke, "undo", "--yes")
    assert told["counts"] == {"done": 18}
    assert revisions(merged) == BEFORE
    assert {each.name for each in prod(merged).apps.all()} == set(BEFORE)
    assert not prod(merged).tasks.all()
    posts = merged.posts
    again = document(invoke, "undo", "--yes")
    assert (again["counts"], again["left"], merged.posts) == ({}, [], posts)


def test_the_report_says_until_when_and_then_what_was_restored(merged: Local, invoke: Invoke) -> None:
    assert "undo can restore them until" in invoke("report").output
    invoke("undo", "--yes")
    held = document(invoke, "report")
    assert {each["name"] for each in held["undo"]["changes"] if each["action"] == "restore"} == set(BEFORE)


def test_a_persons_change_keeps_the_whole_backup_from_being_imported(merged: Local, invoke: Invoke) -> None:
    changed = next(each for each in prod(merged).apps.all() if each.name == "orders-web")
    prod(merged).apps.put(replace(changed, revision=77, update_time=changed.update_time + 3600))
    told = document(invoke, "undo", "--yes", code=1)
    why = {each["name"]: each["why"] for each in told["left"]}
    assert why["orders-web"].startswith("it was changed since the run")
    assert "holds orders-web, which was changed since the run" in why["billing-web"]
    assert revisions(merged) == {"orders-web": 77, "billing-web": 0}
    document(invoke, "undo", "--yes", "--include", "app:orders-web")
    assert revisions(merged) == BEFORE


def test_a_change_between_preview_and_undo_is_refused(merged: Local, invoke: Invoke) -> None:
    saved = merged.plan.parent / "undo.json"
    invoke("undo", "--dry-run", "--save", str(saved))
    changed = next(each for each in prod(merged).apps.all() if each.name == "orders-web")
    prod(merged).apps.put(replace(changed, revision=77, update_time=changed.update_time + 3600))
    told = invoke("undo", "--approved", str(saved))
    assert (told.exit_code, "is not what was approved" in told.output) == (4, True), told.output
    assert revisions(merged) == {"orders-web": 77, "billing-web": 0}


def test_without_a_backup_the_preview_and_the_undo_say_so(live: Local, invoke: Invoke) -> None:
    rewrite(live.plan, "mode: Merge", "mode: Merge, backup: false")
    told = document(invoke, "preview", str(live.plan))
    assert told["backups"] == []
    (found,) = [each for each in told["checks"] if each["id"] == "not-undoable"]
    assert (found["verdict"], "nothing is backed up" in found["sentence"]) == ("warning", True)
    invoke("run", str(live.plan))
    left = document(invoke, "undo", "--yes", code=1)["left"]
    assert {each["name"] for each in left if "it was not backed up" in each["why"]} == set(BEFORE)


def test_overwriting_data_sources_needs_a_waiver(live: Local, invoke: Invoke) -> None:
    rewrite(live.plan, "mode: Merge", "mode: Merge, datasource_overwrite: true")
    posts = live.posts
    refused = invoke("run", str(live.plan))
    assert (refused.exit_code, live.posts) == (4, posts), refused.output
    assert "not-undoable" in refused.output
    waiver = 'mode: Merge, waive: [{check: not-undoable, reason: "agreed, CHG-7"}]'
    rewrite(live.plan, "mode: Merge", waiver)
    assert invoke("run", str(live.plan)).exit_code == 0


def test_a_backup_that_was_dropped_cannot_be_restored(merged: Local, invoke: Invoke) -> None:
    rewrite(merged.plan, "settle_quiet: 1s", "settle_quiet: 1s, keep_backups: 0s")
    first = json.loads(invoke("runs", "--json").stdout)["runs"][-1]["run"]
    invoke("run", str(merged.plan))
    left = document(invoke, "undo", first, "--yes", code=1)["left"]
    assert any("not in the vault any more" in each["why"] for each in left)
