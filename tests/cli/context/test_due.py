"""`run --resume --if-due`: what a scheduler may go on with by itself, and when."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from orchestrator.cli.context.due import not_due
from orchestrator.errors import ExitCode
from orchestrator.storage.home import LastEnd
from orchestrator.storage.locks import Holder, held_plan
from orchestrator.storage.store import HomeStore
from tests.cli.conftest import DONE, SCHEDULED, STORED, Past

Invoke = Callable[..., Result]
RUN = "20270101-000000-aaaa"


@pytest.fixture
def unfinished(past: Past) -> Past:
    past.write(RUN, (*SCHEDULED, *STORED))
    return past


def why(past: Past, at: float = 100.0) -> str:
    found = not_due(HomeStore(past.home), "t", lambda: at)
    return "" if found is None else found.why


def test_without_an_unfinished_run_nothing_is_due(past: Past) -> None:
    past.home.make()
    assert why(past) == "plan t has no unfinished run"
    past.write(RUN, DONE)
    assert why(past) == "plan t has no unfinished run"


def test_a_killed_run_is_due_at_once(unfinished: Past) -> None:
    assert why(unfinished) == ""


def test_ends_that_need_a_person_wait_for_one(unfinished: Past) -> None:
    due = set()
    for code in ExitCode:
        unfinished.home.keep_end("t", LastEnd(int(code)))
        if not why(unfinished):
            due.add(int(code))
    assert due == {8, 9, 70, 75, 129, 130, 143}


def test_code_8_waits_for_its_not_before(unfinished: Past) -> None:
    unfinished.home.keep_end("t", LastEnd(8, 200.0))
    assert "not to go on yet" in why(unfinished, 199.9)
    assert why(unfinished, 200.0) == ""


def test_a_run_that_is_under_way_is_left_alone(unfinished: Past) -> None:
    with held_plan(unfinished.home.lock_of("t"), "t", Holder("host-1", 7, "2027-01-01T00:00:00+00:00")):
        assert "under way" in why(unfinished)


def test_what_tells_an_end_and_is_damaged_holds_nothing_back(unfinished: Past) -> None:
    unfinished.home.keep_end("t", LastEnd(5))
    (unfinished.home.path / "plans" / "t.end").write_text("{", encoding="utf-8")
    assert why(unfinished) == ""


def test_a_scheduler_is_told_nothing_where_nothing_is_due(invoke: Invoke, local: Any) -> None:
    told = invoke("run", "plan.yaml", "--resume", "--if-due")
    assert (told.exit_code, told.output) == (0, "")
    document = json.loads(invoke("run", "plan.yaml", "--resume", "--if-due", "--json").stdout)
    assert (document["code"], document["due"], document["not_before"]) == (0, False, None)
    assert local.posts == 0
    assert invoke("run", "plan.yaml", "--if-due").exit_code == 2


def test_each_end_of_a_run_is_kept_for_its_scheduler(invoke: Invoke, quick: Any, past: Past) -> None:
    assert invoke("run", "plan.yaml").exit_code == 0
    assert past.home.last_end("t") == LastEnd(0)
    assert invoke("run", "plan.yaml", "--only", "app:nothing-*").exit_code == 4
    assert past.home.last_end("t") == LastEnd(4)
