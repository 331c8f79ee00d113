"""`finish`: what ROMA does not carry is previewed row by row, done once, proved by reading, and taken back by undo."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulator.service.instance_store import Holding
from orchestrator.emulator.service.ledger import Call
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.world import DictionaryEntry, Task, World
from tests.cli.conftest import QUICK, Invoke, Local

TEAM = 3
REVIEWED = 'tasks: {start: ["*"], first_run: reviewed}'


@pytest.fixture
def world() -> World:
    """Three tasks that run at dev, whose dictionary holds an entry and one below it; prod has neither."""
    made = generate(2, TEAM, filling=Filling(calls={}, unreleased_every=0, running_every=1), durations=QUICK)
    dev, prod = made.instances
    units = {"UNIT": "Unit", "UNIT/KG": "Kilogram"}
    return replace(made, instances=(replace(dev, dictionaries={**dev.dictionaries, **units}), prod))


def asks_for(local: Local, finish: str, **settings: str) -> None:
    """The plan asks for this under `finish:`."""
    text = local.plan.read_text(encoding="utf-8")
    text = text.replace('tasks: "*"}', f'tasks: "*", finish: {{{finish}}}}}')
    more = "".join(f", {key}: {value}" for key, value in settings.items())
    local.plan.write_text(text.replace("settle_quiet: 1s}", f"settle_quiet: 0s{more}}}"), encoding="utf-8")


@pytest.fixture
def moved(quick: Local, invoke: Invoke) -> Local:
    """All of it is at prod, and its plan starts tasks there whose first run was reviewed."""
    asks_for(quick, REVIEWED, settle_wait="2s")
    done = invoke("run", str(quick.plan))
    assert done.exit_code == 0, done.output
    return quick


def held(local: Local, instance: str) -> Holding:
    return local.api.service.holding(instance)


def running(local: Local, instance: str) -> set[str]:
    return {each.name for each in held(local, instance).tasks.all() if each.running}


def names(local: Local) -> list[str]:
    return sorted(each.name for each in held(local, "dev").tasks.all())


def a_task(local: Local, name: str, instance: str = "dev") -> Task:
    return next(each for each in held(local, instance).tasks.all() if each.name == name)


def acts(local: Local) -> list[Call]:
    """What was asked of tasks."""
    return [each for each in local.api.service.ledger.calls if each.operation == Operation.TASK_ACTION.value]


def document(invoke: Invoke, *words: str, code: int = 0) -> Any:
    told = invoke("finish", *words, "--json")
    assert told.exit_code == code, told.output
    return json.loads(told.stdout)


def test_tasks_are_stopped_at_the_source_and_then_started_at_the_target(moved: Local, invoke: Invoke) -> None:
    told = invoke("finish", "--step", "tasks")
    assert told.exit_code == 0, told.output
    assert "everything is done and proved (3 tasks stopped, 3 tasks started)" in " ".join(told.stdout.split())
    assert (running(moved, "dev"), running(moved, "prod")) == (set(), set(names(moved)))
    assert [(each.instance, each.outcome) for each in acts(moved)] == [("dev", "stopped"), *[("prod", "started")] * 3]


def test_a_second_finish_finds_nothing_to_do(moved: Local, invoke: Invoke) -> None:
    document(invoke, "--step", "tasks")
    asked = len(acts(moved))
    assert document(invoke, "--step", "tasks")["counts"] == {}
    assert len(acts(moved)) == asked


def test_a_dry_run_tells_each_row_and_reads_only(moved: Local, invoke: Invoke) -> None:
    told = invoke("finish", "--step", "tasks", "--dry-run")
    text = " ".join(told.stdout.split())
    assert told.exit_code == 0, told.output
    assert "6 changes" in text
    assert f"{names(moved)[0]}@dev: running -> stopped (by dev-migrator)" in text
    assert "first run: yes: it may copy all that its source ever had" in text
    assert "to carry it out: roma-migrate finish" in text
    assert not acts(moved)


def test_without_a_named_step_no_task_is_touched(moved: Local, invoke: Invoke) -> None:
    told = invoke("finish")
    assert told.exit_code == 0, told.output
    assert "next: roma-migrate finish" in " ".join(told.stdout.split())
    assert "--step tasks" in told.stdout
    assert not acts(moved)


def test_a_first_run_that_nobody_reviewed_is_named_and_not_started(quick: Local, invoke: Invoke) -> None:
    asks_for(quick, 'tasks: {start: ["*"]}')
    assert invoke("run", str(quick.plan)).exit_code == 0
    told = invoke("finish", "--step", "tasks")
    text = " ".join(told.stdout.split())
    assert told.exit_code == 1, told.output
    assert "it would run for the first time at prod, and that may copy all that its source ever had" in text
    assert all(name in text for name in names(quick))
    assert (running(quick, "dev"), acts(quick)) == (set(names(quick)), [])


def test_a_word_of_start_that_no_moved_task_bears_is_named_and_not_asked_for_again(
    quick: Local, invoke: Invoke
) -> None:
    asks_for(quick, 'tasks: {start: ["nightyl-*"], first_run: reviewed}')
    assert invoke("run", str(quick.plan)).exit_code == 0
    told = invoke("finish", "--step", "tasks")
    said = " ".join(told.stdout.split())
    assert told.exit_code == 1
    assert "left to people: task nightyl-*@prod: start names it, and no such task was moved" in said
    assert "--step tasks" not in said
    assert acts(quick) == []


def test_a_pair_whose_run_goes_on_at_the_source_is_not_started_and_named(moved: Local, invoke: Invoke) -> None:
    """The team of three, one of which still runs there after the stop."""
    slow = names(moved)[1]
    task = a_task(moved, slow)
    held(moved, "dev").tasks.put(replace(task, draining_until=4_000_000_000.0))
    told = invoke("finish", "--step", "tasks")
    text = " ".join(told.stdout.split())
    assert told.exit_code == 1, told.output
    assert f"task {slow}@dev" in text
    assert "it is ending its last run" in text
    assert running(moved, "prod") == set(names(moved)) - {slow}
    assert a_task(moved, slow, "prod").id not in {asked for each in acts(moved) for asked in each.asset_ids}


def test_a_task_that_cannot_be_stopped_is_not_started_at_the_target(moved: Local, invoke: Invoke) -> None:
    stubborn = names(moved)[0]
    moved.api.strikes.add(
        Rule(Kind.TASK_FAILS, frozenset({Operation.TASK_ACTION}), names=frozenset({stubborn}), times=0)
    )
    told = invoke("finish", "--step", "tasks")
    assert told.exit_code == 1, told.output
    assert "FDI.3027" in told.stdout
    assert running(moved, "dev") == {stubborn}
    assert running(moved, "prod") == set(names(moved)) - {stubborn}


def test_only_narrows_the_pairs(moved: Local, invoke: Invoke) -> None:
    one = names(moved)[0]
    document(invoke, "--step", "tasks", "--only", f"task:{one}")
    assert running(moved, "prod") == {one}


def test_what_was_saved_and_approved_is_carried_out_and_nothing_else(
    moved: Local, invoke: Invoke, tmp_path: Path
) -> None:
    saved = tmp_path / "finish.json"
    assert invoke("finish", "--step", "tasks", "--dry-run", "--save", str(saved)).exit_code == 0
    task = a_task(moved, names(moved)[0])
    held(moved, "dev").tasks.put(replace(task, running=False))
    told = invoke("finish", "--approved", str(saved))
    assert (told.exit_code, "not what was approved" in " ".join(told.output.split())) == (4, True), told.output
    held(moved, "dev").tasks.put(task)
    assert invoke("finish", "--approved", str(saved)).exit_code == 0
    assert running(moved, "prod") == set(names(moved))


def test_undo_takes_a_step_back_in_the_reverse_order(moved: Local, invoke: Invoke) -> None:
    document(invoke, "--step", "tasks")
    told = invoke("undo", "--step", "tasks", "--yes")
    assert told.exit_code == 0, told.output
    assert (running(moved, "dev"), running(moved, "prod")) == (set(names(moved)), set())
    assert [(each.instance, each.outcome) for each in acts(moved)][4:] == [
        ("prod", "stopped"),
        *[("dev", "started")] * 3,
    ]
    assert len(held(moved, "prod").tasks.all()) == TEAM


def test_undo_of_the_run_takes_its_finishing_back_first(moved: Local, invoke: Invoke) -> None:
    document(invoke, "--step", "tasks")
    told = invoke("undo", "--yes")
    assert told.exit_code == 0, told.output
    assert running(moved, "dev") == set(names(moved))
    assert not held(moved, "prod").tasks.all()


def left_to_people(invoke: Invoke) -> dict[str, list[str]]:
    """What the handover list still holds, by action."""
    told = json.loads(invoke("handover", "--json").stdout)
    found: dict[str, list[str]] = {}
    for item in told["items"]:
        if not item["done"]:
            found.setdefault(item["action"], []).append(item["asset"])
    return found


def test_the_handover_list_shrinks_by_what_was_proved_and_grows_again_with_undo(moved: Local, invoke: Invoke) -> None:
    before = left_to_people(invoke)
    assert sorted(before["stop-task"]) == sorted(before["start-task"]) == names(moved)
    document(invoke, "--step", "tasks")
    assert not {"stop-task", "start-task"} & left_to_people(invoke).keys()
    assert "done by finish, and proved by reading" in invoke("handover").stdout
    assert invoke("undo", "--step", "tasks", "--yes").exit_code == 0
    assert left_to_people(invoke) == before


# --- the data dictionary -------------------------------------------------------------------------------------------


@pytest.fixture
def wanting(quick: Local, invoke: Invoke) -> Local:
    """All of it is at prod, whose dictionary lacks what the plan has asked for only since."""
    assert invoke("run", str(quick.plan)).exit_code == 0
    asks_for(quick, "dictionaries: create")
    return quick


def entries(local: Local, instance: str = "prod") -> dict[str, DictionaryEntry]:
    return {each.code: each for each in held(local, instance).dictionary.all()}


def created(local: Local) -> int:
    """Creations that the service has carried out."""
    calls = local.api.service.ledger.calls
    return sum(each.operation == Operation.DICTIONARY_CREATE.value and each.outcome == "accepted" for each in calls)


def test_entries_that_the_target_lacks_are_created_parents_first_and_once(wanting: Local, invoke: Invoke) -> None:
    assert document(invoke)["counts"] == {"done": 2}
    assert (entries(wanting)["KG"].parent_code, entries(wanting)["KG"].name) == ("UNIT", "Kilogram")
    assert document(invoke)["counts"] == {}
    assert created(wanting) == 2
    assert "dictionary" not in left_to_people(invoke)


def test_what_is_there_and_differs_is_left_and_named(wanting: Local, invoke: Invoke) -> None:
    held(wanting, "prod").dictionary.put(DictionaryEntry("id-1", "UNIT", "Measure"))
    told = document(invoke, code=1)
    assert [each["name"] for each in told["left"]] == ["UNIT"]
    assert "it is another at prod, where it is called Measure" in told["left"][0]["why"]
    assert entries(wanting)["UNIT"].name == "Measure"
    assert entries(wanting)["KG"].parent_code == "UNIT"


def test_undo_removes_what_it_created_but_nothing_below_which_somebody_put_more(wanting: Local, invoke: Invoke) -> None:
    document(invoke)
    before = entries(wanting).keys() - {"UNIT", "KG"}
    held(wanting, "prod").dictionary.put(DictionaryEntry("id-2", "METRE", "Metre", "UNIT"))
    told = invoke("undo", "--step", "dictionaries", "--yes")
    assert told.exit_code == 1, told.output
    assert "the entry METRE lies below it, and would be deleted with it" in " ".join(told.stdout.split())
    assert entries(wanting).keys() == before | {"UNIT", "METRE"}
    held(wanting, "prod").dictionary.remove("id-2", 0.0)
    assert invoke("undo", "--step", "dictionaries", "--yes").exit_code == 0
    assert entries(wanting).keys() == before


# --- with the run --------------------------------------------------------------------------------------------------


def operations(local: Local, *wanted: Operation) -> list[str]:
    """What was carried out, in order."""
    words = {each.value for each in wanted}
    return [each.operation for each in local.api.service.ledger.calls if each.operation in words]


def test_a_run_previews_entries_and_creates_them_before_its_import(quick: Local, invoke: Invoke) -> None:
    asks_for(quick, "dictionaries: create")
    shown = " ".join(invoke("preview", str(quick.plan)).stdout.split())
    assert "before the import: creation of 2 dictionary entries:" in shown
    rows = json.loads(invoke("preview", str(quick.plan), "--json").stdout)["before_import"]
    assert [(each["instance"], each["name"]) for each in rows] == [("prod", "Unit"), ("prod", "Kilogram")]
    assert created(quick) == 0
    told = invoke("run", str(quick.plan))
    assert told.exit_code == 0, told.output
    done = operations(quick, Operation.DICTIONARY_CREATE, Operation.IMPORT)
    assert done[:3] == ["dictionary-create", "dictionary-create", "import"]
    assert "dictionary" not in left_to_people(invoke)


def test_a_saved_preview_of_a_run_binds_the_entries_that_it_creates(
    quick: Local, invoke: Invoke, tmp_path: Path
) -> None:
    asks_for(quick, "dictionaries: create")
    plan, file = str(quick.plan), str(tmp_path / "approved.json")
    assert invoke("preview", plan, "--save", file).exit_code == 0
    entry = next(each for each in held(quick, "dev").dictionary.all() if each.code == "KG")
    held(quick, "dev").dictionary.put(replace(entry, id="more", code="GRAM", name="Gram"))
    told = invoke("run", "--approved", file, plan)
    said = " ".join(told.output.split())
    assert (told.exit_code, created(quick)) == (4, 0), told.output
    assert "entry GRAM of the data dictionary of prod would be created now, and was not to be" in said
    assert invoke("preview", plan, "--against", file).exit_code == 4
    held(quick, "dev").dictionary.remove("more", 0.0)
    done = invoke("run", "--approved", file, plan)
    assert (done.exit_code, created(quick)) == (0, 2), done.output


def test_a_migration_that_is_held_creates_no_entries(quick: Local, invoke: Invoke, tmp_path: Path) -> None:
    asks_for(quick, "dictionaries: create")
    text = quick.plan.read_text(encoding="utf-8")
    second = '  - {name: later, source: dev, target: prod, apps: ["orders-web"], tasks: []}'
    first = text.replace('apps: "*", tasks: "*"', 'apps: ["billing-web"], tasks: []')
    quick.plan.write_text(f"{first.rstrip()}\n{second}\n", encoding="utf-8")
    plan, file = str(quick.plan), str(tmp_path / "approved.json")
    assert invoke("preview", plan, "--save", file).exit_code == 0
    entry = next(each for each in held(quick, "dev").dictionary.all() if each.code == "KG")
    held(quick, "dev").dictionary.put(replace(entry, id="more", code="GRAM", name="Gram"))
    told = invoke("run", "--approved", file, "--hold-drifted", plan)
    assert created(quick) == 0, told.output
    assert [each.name for each in held(quick, "prod").apps.all()] == ["orders-web"]


def test_an_entry_that_is_refused_stands_in_the_runs_end(quick: Local, invoke: Invoke) -> None:
    asks_for(quick, "dictionaries: create")
    held(quick, "prod").instance = replace(
        held(quick, "prod").instance, quotas=replace(held(quick, "prod").instance.quotas, dictionaries=3)
    )
    told = invoke("run", str(quick.plan))
    assert told.exit_code == 1, told.output
    assert "1 dictionary entry is not created: Kilogram at prod" in " ".join(told.stdout.split())


def test_run_with_finish_does_all_but_the_tasks_and_the_gate_is_the_word_for_these(
    quick: Local, invoke: Invoke
) -> None:
    asks_for(quick, f"dictionaries: create, {REVIEWED}")
    told = invoke("run", str(quick.plan), "--finish")
    assert told.exit_code == 0, told.output
    assert (created(quick), acts(quick)) == (2, [])
    assert document(invoke)["counts"] == {}
    opened = invoke("continue", "--gate", "tasks", "--note", "CHG-7")
    assert opened.exit_code == 0, opened.output
    assert "finish" in opened.output.rpartition("next:")[2]
    assert document(invoke)["counts"] == {"done": 6}
    assert running(quick, "prod") == set(names(quick))
    again = invoke("continue", "--gate", "tasks")
    assert (again.exit_code, "was opened already" in again.output) == (2, True)


def test_run_with_finish_starts_tasks_once_the_gate_is_open(quick: Local, invoke: Invoke) -> None:
    asks_for(quick, REVIEWED)
    assert invoke("run", str(quick.plan)).exit_code == 0
    assert invoke("continue", "--gate", "tasks").exit_code == 0
    told = invoke("finish")
    assert told.exit_code == 0, told.output
    assert running(quick, "prod") == set(names(quick))


def test_a_right_that_is_missing_is_found_before_anything_is_asked_for(moved: Local, invoke: Invoke) -> None:
    for app in held(moved, "dev").apps.all():
        held(moved, "dev").apps.put(replace(app, owner="somebody", members=(("dev-migrator", ("read",)),)))
    told = document(invoke, "--step", "tasks", "--dry-run")
    assert told["changes"] == []
    assert {each["name"] for each in told["left"]} == set(names(moved))
    assert all("the role modify on application" in each["why"] for each in told["left"])
    assert document(invoke, "--step", "tasks", code=1)["counts"] == {}
    assert not acts(moved)


def test_the_report_tells_each_change_before_and_after(moved: Local, invoke: Invoke, tmp_path: Path) -> None:
    assert json.loads(invoke("report", "--json").stdout)["finish"] is None
    stubborn = names(moved)[0]
    moved.api.strikes.add(
        Rule(Kind.TASK_FAILS, frozenset({Operation.TASK_ACTION}), names=frozenset({stubborn}), times=0)
    )
    assert invoke("finish", "--step", "tasks").exit_code == 1
    told = json.loads(invoke("report", "--json").stdout)["finish"]
    assert (told["code"], told["steps"], told["counts"]) == (1, ["tasks"], {"refused": 1, "done": 4, "different": 1})
    text = invoke("report").stdout
    assert "## Finished" in text
    assert "task stopped: 2" in text
    lines = [each.replace("\\", "") for each in text.splitlines() if "FDI.3027" in each]
    assert any(stubborn in each and "task refused (stop)" in each for each in lines)
    assert any("task left alone (start)" in each for each in lines)
    page = tmp_path / "report.html"
    assert invoke("report", "--html", str(page)).exit_code == 0
    assert 'id="finish"' in page.read_text(encoding="utf-8")
    assert "running -&gt; stopped" in page.read_text(encoding="utf-8")
