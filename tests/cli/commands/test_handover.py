"""`handover`: offline from the journal, by owner, and ticked by what a read proves."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import Result

from orchestrator.cli.context.wiring import os_user

Invoke = Callable[..., Result]


@pytest.fixture
def moved(invoke: Invoke, quick: Any) -> str:
    """A run that brought everything; one task runs at the source."""
    shelf = quick.api.service.holding("dev").tasks
    for task in shelf.all():
        shelf.put(replace(task, running=False))
    shelf.put(replace(shelf.all()[0], running=True))
    assert invoke("run", "plan.yaml", "--json").exit_code == 0
    return str(shelf.all()[0].name if shelf.all()[0].running else shelf.all()[-1].name)


def test_it_is_told_offline_with_what_must_stop_first(
    invoke: Invoke, quick: Any, moved: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("T_AK", "T_SK", "T_PW"):
        monkeypatch.delenv(name)
    asked = sum(quick.api.requests.values())
    told = invoke("handover")
    assert told.exit_code == 0, told.output
    assert told.stdout.index("## First, before anything starts at a target: 1") < told.stdout.index("## dev-migrator")
    assert f"stop task {moved} at dev" in told.stdout.replace("\\", "")
    assert "- [x]" not in told.stdout
    assert sum(quick.api.requests.values()) == asked


def test_csv_is_by_owner_and_json_holds_the_same(invoke: Invoke, quick: Any, moved: str) -> None:
    rows = list(csv.DictReader(io.StringIO(invoke("handover", "--csv").stdout)))
    document = json.loads(invoke("handover", "t", "--json").stdout)
    assert [row["id"] for row in rows] == [item["id"] for item in document["items"]]
    assert {item["done"] for item in document["items"]} == {None}
    assert (document["plan"], document["checked"], document["finished"]) == ("t", False, True)
    assert invoke("handover", "--csv", "--json").exit_code == 2
    excel = invoke("handover", "--excel").stdout
    assert list(csv.DictReader(io.StringIO(excel.removeprefix("\ufeff")))) == rows
    assert excel.startswith("\ufeff")


def test_a_check_ticks_what_is_done_and_asks_for_no_job(invoke: Invoke, quick: Any, moved: str) -> None:
    jobs = quick.posts
    open_ = invoke("handover", "--check")
    assert open_.exit_code == 0, open_.output
    assert "it runs at dev" in open_.stdout
    shelf = quick.api.service.holding("dev").tasks
    shelf.put(replace(shelf.named(moved), running=False))
    items = json.loads(invoke("handover", "--check", "--json").stdout)["items"]
    done = {item["action"]: item["done"] for item in items if item["asset"] == moved}
    assert done == {"stop-task": True, "start-task": False}
    there = quick.api.service.holding("prod").tasks
    there.put(replace(there.named(moved), running=True))
    told = invoke("handover", "--check")
    assert "proved to be done" in told.stderr
    assert told.stdout.count("- [x]") >= 2
    assert quick.posts == jobs


def test_the_report_and_the_preview_tell_it_too(invoke: Invoke, quick: Any, moved: str) -> None:
    report = invoke("report").stdout
    assert "## Left to people" in report
    assert "roma-migrate handover t" in report
    assert json.loads(invoke("report", "--json").stdout)["handover"]


def test_a_run_before_the_list_was_kept_has_nothing_to_tell(invoke: Invoke, done: str) -> None:
    told = invoke("handover", done)
    assert told.exit_code == 0
    assert "Nothing is left to people." in told.stdout


def items(invoke: Invoke, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(invoke("handover", *words, "--json").stdout)["items"]
    return found


def test_a_second_run_that_found_nothing_to_do_hides_nothing(invoke: Invoke, quick: Any, moved: str) -> None:
    before = items(invoke)
    (first,) = {item["run"] for item in before}
    again = invoke("run", "plan.yaml", "--json")
    assert again.exit_code == 0, again.output
    latest = json.loads(again.stdout)["run"]
    assert items(invoke) == items(invoke, latest) == items(invoke, "t") == before
    told = invoke("handover").stdout
    assert latest not in told
    assert "- 1 other run left nothing more to people" in told
    assert f": {len(before)} items" in next(line for line in told.splitlines() if first in line)
    assert f"{len(before)} of {len(before)} items open." in told
    report = json.loads(invoke("report", latest, "--json").stdout)
    assert (report["handover"], report["handover_open"]) == ([], len(before))
    assert "may process data twice" in invoke("report", latest).stdout


def test_an_item_is_ticked_by_hand_with_who_when_and_why(invoke: Invoke, quick: Any, moved: str) -> None:
    one, two, *others = items(invoke)
    told = invoke("handover", "--done", f"{one['id']},{two['id'][:8]}", "--note", "done by Jane", "--json")
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["open"] == len(others)
    held = {item["id"]: item for item in items(invoke)}
    for each in (one, two):
        assert held[each["id"]]["done"] is True
        assert held[each["id"]]["note"] == "done by Jane"
        assert held[each["id"]]["by"].startswith(f"{os_user()} on ")
    assert {held[each["id"]]["done"] for each in others} == {None}
    text = invoke("handover").stdout
    assert text.count("- [x]") == 2
    assert "done by Jane" in text
    assert f"{len(others)} of {len(others) + 2} items open." in text


def test_a_tick_stands_after_a_later_run_and_a_read_that_shows_the_opposite_outweighs_it(
    invoke: Invoke, quick: Any, moved: str
) -> None:
    stop = next(item["id"] for item in items(invoke) if item["action"] == "stop-task")
    assert invoke("handover", "--done", stop, "--note", "stopped, I think").exit_code == 0
    assert invoke("run", "plan.yaml").exit_code == 0
    assert next(item for item in items(invoke) if item["id"] == stop)["done"] is True
    checked = next(item for item in items(invoke, "--check") if item["id"] == stop)
    assert (checked["done"], checked["seen"], checked["note"]) == (False, "it runs at dev", "stopped, I think")
    assert "1 ticked by hand, and a read shows the opposite" in invoke("handover", "--check").stderr


def test_a_tick_needs_a_note_and_an_item_that_is_on_the_list(invoke: Invoke, quick: Any, moved: str) -> None:
    one = items(invoke)[0]["id"]
    assert "--note" in invoke("handover", "--done", one).stderr
    assert "is no item of this plan's list" in invoke("handover", "--done", "zzz", "--note", "x").stderr
    assert invoke("handover", "--done", one, "--check", "--note", "x").exit_code == 2
    assert {item["done"] for item in items(invoke)} == {None}


def test_what_was_taken_back_leaves_nothing_to_people(invoke: Invoke, quick: Any, moved: str) -> None:
    before = items(invoke)
    taken = invoke("undo", "--yes", "--only", f"task:{moved}")
    assert taken.exit_code == 0, taken.output
    after = items(invoke)
    assert {item["id"] for item in before} - {item["id"] for item in after} == {
        item["id"] for item in before if item["asset"] == moved
    }
    assert invoke("undo", "--yes").exit_code == 0
    assert items(invoke) == []
    assert json.loads(invoke("report", "--json").stdout)["handover"] == []
