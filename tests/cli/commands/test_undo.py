"""`undo`: previews, asks, removes only what the run made, and a second one does nothing."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulator.service.instance_store import Holding
from orchestrator.emulator.world.world import App, Task
from orchestrator.storage.home import Home
from orchestrator.storage.locks import Holder
from orchestrator.storage.store import HomeStore
from tests.cli.conftest import Invoke, Local

STRANGER = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def moved(quick: Local, invoke: Invoke) -> Local:
    """Everything of dev is at prod, beside one application that was there before."""
    prod(quick).apps.put(App(STRANGER, "stranger", "strange", "", "prod-migrator"))
    done = invoke("run", str(quick.plan))
    assert done.exit_code == 0, done.output
    return quick


def prod(local: Local) -> Holding:
    return local.api.service.holding("prod")


def names(local: Local) -> set[str]:
    held = prod(local)
    return {each.name for each in held.apps.all()} | {each.name for each in held.tasks.all()}


def document(invoke: Invoke, *words: str, code: int = 0) -> Any:
    told = invoke("undo", *words, "--json")
    assert told.exit_code == code, told.output
    return json.loads(told.stdout)


def a_task(local: Local) -> Task:
    return min((each for each in prod(local).tasks.all() if each.source_app_id), key=lambda each: each.name)


def test_it_restores_the_target_and_a_second_one_does_nothing(moved: Local, invoke: Invoke) -> None:
    told = invoke("undo", "--yes")
    assert told.exit_code == 0, told.output
    assert "everything that the run made is gone" in told.output
    assert names(moved) == {"stranger"}
    posts = moved.posts
    again = document(invoke, "--yes")
    assert (again["counts"], moved.posts) == ({}, posts)


def test_every_command_says_afterwards_that_the_run_was_taken_back(
    moved: Local, invoke: Invoke, tmp_path: Path
) -> None:
    assert "taken back" not in invoke("status").stdout + invoke("runs").stdout
    told = invoke("undo", "--yes", "--note", "CHG-9 rolled back")
    assert "everything that the run made is gone (18 removed)" in told.stdout
    assert "note: CHG-9 rolled back" in told.stderr
    assert "undo: 18 assets to be taken back" in told.stderr
    assert "0 left alone" not in told.output
    assert "taken back: roma-migrate report tells" in invoke("status").stdout
    assert "18 verified; taken back" in invoke("runs").stdout
    assert json.loads(invoke("runs", "--json").stdout)["runs"][-1]["taken_back"] == "taken back"
    report = invoke("report", "--html", "report.html")
    assert report.exit_code == 0
    assert "18 removed;" in (tmp_path / "report.html").read_text()
    assert "(code 0): 18 removed" in invoke("report").stdout


def test_a_dry_run_tells_what_goes_who_asks_and_how_it_is_carried_out(moved: Local, invoke: Invoke) -> None:
    prod(moved).tasks.put(replace(a_task(moved), running=True))
    told = " ".join(invoke("undo", "--dry-run").stdout.split())
    assert "assets would be removed" in told
    assert "prod 11 tasks prod-migrator" in told
    assert re.search(r"left alone: task \S+@prod: it runs", told)
    assert "next: to carry it out: roma-migrate undo 2" in told


def test_a_second_undo_says_that_nothing_is_left(moved: Local, invoke: Invoke) -> None:
    assert invoke("undo", "--yes").exit_code == 0
    told = " ".join(invoke("undo", "--dry-run").stdout.split())
    assert "nothing is left to take back" in told
    assert "gone already: 18 assets" in told


def test_tasks_go_first_in_as_few_jobs_as_their_order_allows(moved: Local, invoke: Invoke) -> None:
    before = moved.posts
    assert document(invoke, "--yes")["counts"] == {"done": 18}
    removed = moved.api.service.ledger.removed
    kinds = [each.kind for each in removed if each.kind in {"app", "task"}]
    assert kinds == sorted(kinds, reverse=True)
    waves = 1 + len({each.job_id for each in removed if each.kind == "app"})
    assert moved.posts - before == waves


def test_a_dry_run_reads_only_and_the_saved_one_is_carried_out(moved: Local, invoke: Invoke) -> None:
    posts, held = moved.posts, names(moved)
    saved = moved.plan.parent / "undo.json"
    shown = invoke("undo", "--dry-run", "--save", str(saved))
    assert (shown.exit_code, moved.posts, names(moved)) == (0, posts, held), shown.output
    assert "18 assets would be removed" in shown.output
    assert saved.stat().st_mode & 0o777 == 0o600
    assert invoke("undo", "--approved", str(saved)).exit_code == 0
    assert names(moved) == {"stranger"}


def test_what_differs_from_the_approved_one_is_refused(moved: Local, invoke: Invoke) -> None:
    saved = moved.plan.parent / "undo.json"
    invoke("undo", "--dry-run", "--save", str(saved))
    task = a_task(moved)
    prod(moved).tasks.put(replace(task, update_time=task.update_time + 3600))
    told = invoke("undo", "--approved", str(saved))
    assert (told.exit_code, "is not what was approved" in told.output) == (4, True), told.output
    assert len(names(moved)) == 19


def test_an_edited_approval_is_refused(moved: Local, invoke: Invoke) -> None:
    saved = moved.plan.parent / "undo.json"
    invoke("undo", "--dry-run", "--save", str(saved))
    saved.write_text(saved.read_text(encoding="utf-8").replace("orders", "others"), encoding="utf-8")
    told = invoke("undo", "--approved", str(saved))
    assert (told.exit_code, "edited" in told.output) == (2, True), told.output


def test_without_a_terminal_it_needs_a_word(moved: Local, invoke: Invoke) -> None:
    told = invoke("undo")
    assert (told.exit_code, "--yes" in told.output) == (2, True)
    assert len(names(moved)) == 19


def test_what_was_changed_since_or_runs_is_left_and_listed_until_it_is_named(moved: Local, invoke: Invoke) -> None:
    task = a_task(moved)
    prod(moved).tasks.put(replace(task, update_time=task.update_time + 3600))
    told = document(invoke, "--yes", code=1)
    left = {each["name"]: each["why"] for each in told["left"]}
    assert "it was changed since the run" in left[task.name]
    apps = {each.name for each in prod(moved).apps.all() if each.id in {task.source_app_id, task.target_app_id}}
    assert names(moved) == {"stranger", task.name, *apps}
    assert all(f"task {task.name}, which stays, uses it" in left[name] for name in apps)
    assert document(invoke, "--yes", "--include", f"task:{task.name}")["counts"] == {"done": 1 + len(apps)}
    assert names(moved) == {"stranger"}


def test_a_running_task_is_left(moved: Local, invoke: Invoke) -> None:
    task = a_task(moved)
    prod(moved).tasks.put(replace(task, running=True))
    told = document(invoke, "--yes", code=1)
    assert {"it runs"} <= {each["why"] for each in told["left"] if each["name"] == task.name}
    assert task.name in names(moved)


def test_what_somebody_else_made_under_our_name_is_left(moved: Local, invoke: Invoke) -> None:
    app = min(prod(moved).apps.all(), key=lambda each: each.name)
    prod(moved).apps.put(replace(app, owner="somebody-else"))
    told = document(invoke, "--yes", code=1)
    left = {each["name"]: each["why"] for each in told["left"]}
    assert left[app.name] == "it was made by somebody-else, not by prod-migrator"
    assert app.name in names(moved)


def test_an_application_goes_with_its_tasks(moved: Local, invoke: Invoke) -> None:
    held = prod(moved)
    called = {each for app in held.apps.all() for each in app.calls}
    app = min((x for x in held.apps.all() if x.id not in called and x.id != STRANGER), key=lambda x: x.name)
    tasks = {each.name for each in held.tasks.all() if app.id in {each.source_app_id, each.target_app_id}}
    before = names(moved)
    told = document(invoke, "--yes", "--only", f"app:{app.name}")
    assert told["counts"] == {"done": 1 + len(tasks)}
    assert names(moved) == before - {app.name} - tasks


def test_a_later_run_brings_again_what_was_taken_back(moved: Local, invoke: Invoke) -> None:
    invoke("undo", "--yes")
    again = invoke("run", str(moved.plan))
    assert again.exit_code == 0, again.output
    assert len(names(moved)) == 19


def test_an_undo_while_a_run_is_active_is_refused(moved: Local, invoke: Invoke) -> None:
    store, posts = HomeStore(Home(moved.plan.parent / ".roma-migrate")), moved.posts
    with store.hold("t", Holder("host-1", 7, "2027-01-15T08:00:00Z")):
        told = invoke("undo", "--yes")
    assert (told.exit_code, moved.posts) == (6, posts), told.output
    assert len(names(moved)) == 19
