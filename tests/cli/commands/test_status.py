"""`status`: live or dead, done or not."""

import json
from collections.abc import Callable
from typing import Any

from typer.testing import Result

from orchestrator.storage.locks import Holder
from orchestrator.storage.store import HomeStore

Invoke = Callable[..., Result]


def test_status_tells_a_dead_unfinished_run_and_how_to_go_on(invoke: Invoke, past: Any) -> None:
    past.write("20270101-000000-cccc", [])
    told = invoke("status")
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("run 20270101-000000-cccc: unfinished; dead: no process conducts it")
    assert "roma-migrate run /plans/t.yaml" in told.stdout


def test_status_tells_a_live_run_and_who_conducts_it(invoke: Invoke, past: Any) -> None:
    past.write("20270101-000000-cccc", [])
    with HomeStore(past.home).hold("t", Holder("host-9", 4711, "2027-01-01T00:00:00+00:00")):
        told = invoke("status")
        document = json.loads(invoke("status", "--json").stdout)
    assert "live: process 4711 on host-9 since 2027-01-01T00:00:00+00:00" in told.stdout
    assert (document["live"], document["holder"]["pid"]) == (True, 4711)


def test_an_old_run_is_not_live_because_a_newer_one_is(invoke: Invoke, past: Any) -> None:
    past.write("20270101-000000-cccc", [])
    past.write("20270102-000000-dddd", [])
    with HomeStore(past.home).hold("t", Holder("host-9", 4711, "now")):
        assert json.loads(invoke("status", "20270101", "--json").stdout)["live"] is False


def test_status_of_an_undecided_run_leads_to_resolve(invoke: Invoke, half_there: str) -> None:
    told = invoke("status")
    assert "undecided" in told.stdout.splitlines()[0]
    assert f"roma-migrate resolve {half_there}" in told.stdout
    assert json.loads(invoke("status", "--json").stdout)["code"] == 5


def test_runs_are_found_by_beginning_plan_name_and_default(invoke: Invoke, half_there: str, done: str) -> None:
    for words in ((), ("20270102",), ("t",), (done,)):
        assert json.loads(invoke("status", *words, "--json").stdout)["run"] == done
    assert json.loads(invoke("status", half_there, "--json").stdout)["run"] == half_there


def test_a_run_that_is_not_there_or_not_one_is_2(invoke: Invoke, half_there: str, done: str) -> None:
    assert invoke("status", "nobody").exit_code == 2
    ambiguous = invoke("status", "2027")
    assert ambiguous.exit_code == 2
    assert "begins 2 runs" in ambiguous.stderr


def test_an_empty_home_is_a_sentence(invoke: Invoke) -> None:
    told = invoke("status")
    assert told.exit_code == 2
    assert "holds no run" in told.stderr


def test_watching_a_dead_run_ends_at_once(invoke: Invoke, half_there: str) -> None:
    assert invoke("status", "--watch").exit_code == 0
    assert invoke("status", "--watch", "--json").exit_code == 0
