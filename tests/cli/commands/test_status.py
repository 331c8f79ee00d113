"""`status`: live or dead, done or not."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from orchestrator.core.state import events as e
from orchestrator.storage.locks import Holder
from orchestrator.storage.store import HomeStore
from tests.cli.conftest import DONE, SCHEDULED

Invoke = Callable[..., Result]


def test_status_tells_a_dead_unfinished_run_and_how_to_go_on(invoke: Invoke, past: Any) -> None:
    past.write("20270101-000000-cccc", [])
    told = invoke("status")
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("run 20270101-000000-cccc: stuck: no process conducts it")
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
    assert told.stdout.startswith(f"run {half_there}: waiting for a person: ")
    assert "b1@prod is undecided" in told.stdout
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


BEHIND: tuple[e.Event, ...] = (
    *SCHEDULED,
    e.SchedulePredicted(
        200.0, 260.0, (), (e.DurationPredicted("dev", "export", 60.0, 60.0, 0.1, 0.1, 9),),
        (("export", "dev", "dev-migrator", "slot-1"),),
    ),
    e.RunResumed("olga", "host-1", 7, "0.1.0", busy_timeout=7200.0),
    e.ExportRequested("b1", "dev-migrator", "slot-1"),
    e.ExportRefused("b1", e.ErrorDetail("busy", "ROMA.10012", "a task is running", "req-1"), 5.0),
)  # fmt: skip


def test_a_lane_behind_somebody_elses_job_tells_for_what_and_until_when(invoke: Invoke, past: Any) -> None:
    run = past.write("20270101-000000-cccc", BEHIND)
    with HomeStore(past.home).hold("t", Holder("host-9", 4711, "now")):
        told = invoke("status", run)
        document = json.loads(invoke("status", run, "--json").stdout)
    words = " ".join(told.stdout.split())
    assert "all@prod waits since" in words
    assert "for: ROMA.10012 a task is running (request_id req-1)" in words
    assert "it must get the slot by" in words or "the slot comes too late" in words
    (lane,) = document["lanes"]
    assert lane["foreign"]["slot_by_why"] == "busy_timeout"
    assert (lane["foreign"]["slot"], lane["foreign"]["request_id"]) == ("slot-1", "req-1")
    assert document["course"] == "on course"
    assert (document["undo"]["assets"], document["undo"]["jobs"]) == (3, 2)
    assert document["finish"]["p50"] < document["finish"]["p90"]
    assert document["predicted"]["p50"] is not None


def test_a_stated_end_is_compared_with_the_finish(invoke: Invoke, past: Any) -> None:
    run = past.write("20270101-000000-cccc", BEHIND)
    soon = json.loads(invoke("status", run, "--until", "2027-01-15T08:05", "--json").stdout)
    far = json.loads(invoke("status", run, "--until", "2099-01-15T08:05", "--json").stdout)
    assert (soon["end"]["why"], soon["spare_seconds"] is None) == ("--until", False)
    assert far["spare_seconds"]["p90"] > 0
    assert far["undo"]["in_time"] is True
    assert "begin by 2099-01-15" in " ".join(invoke("status", run, "--until", "2099-01-15T08:05").stdout.split())
    refused = invoke("status", run, "--until", "tomorrow")
    assert refused.exit_code == 2
    assert "--until 'tomorrow' is no time" in refused.stderr


@pytest.mark.parametrize("size", ["80x24"])
def test_what_status_tells_fits_a_small_terminal(invoke: Invoke, past: Any, size: str) -> None:
    run = past.write("20270101-000000-cccc", BEHIND)
    columns, rows = map(int, size.split("x"))
    lines = invoke("status", run, "--until", "2099-01-15T08:05").stdout.splitlines()
    assert len(lines) < rows
    assert all(len(line) <= columns for line in lines if "roma-migrate" not in line and "/plans/" not in line)


def test_status_needs_neither_the_network_nor_the_engine(past: Any, done: str) -> None:
    """A monitor asks each minute: what it does not need is not imported."""
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "orchestrator", "status", "--home", str(past.home.path)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    imported = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines() if line.startswith("import time:")}
    assert "orchestrator.cli.commands.status" in imported
    heavy = ("aiohttp", "asyncio", "anyio", "yaml", "orchestrator.engine", "orchestrator.roma", "orchestrator.emulator")
    assert [name for name in sorted(imported) if name.startswith(heavy)] == []


def test_watching_a_dead_run_ends_at_once(invoke: Invoke, half_there: str) -> None:
    assert invoke("status", "--watch").exit_code == 0
    assert invoke("status", "--watch", "--json").exit_code == 0


# --- fresh ---------------------------------------------------------------------------------------------------------


def test_the_last_good_end_counts_whatever_became_of_the_plan_since(invoke: Invoke, past: Any) -> None:
    past.at = time.time() - 86_400.0
    good = past.write("20270101-000000-aaaa", DONE)
    past.write("20270102-000000-bbbb", (*SCHEDULED, e.RunEnded(1, "one was quarantined")))
    past.write("20270103-000000-cccc", SCHEDULED)
    past.write("20270104-000000-dddd", DONE, plan="another")
    told = json.loads(invoke("status", "t", "--fresh", "2d", "--json").stdout)
    assert (told["code"], told["run"], told["fresh"]) == (0, good, True)
    old = invoke("status", "t", "--fresh", "23h")
    assert old.exit_code == 1
    assert f"plan t: run {good} ended with 0 at " in old.stdout
    assert "not within 23h" in old.stdout


def test_a_damaged_run_tells_nothing_of_a_good_end(invoke: Invoke, past: Any) -> None:
    past.at = time.time() - 60.0
    good = past.write("20270101-000000-aaaa", DONE)
    newer = past.write("20270102-000000-bbbb", DONE)
    past.home.journal(newer).write_bytes(b"no database")
    assert json.loads(invoke("status", "t", "--fresh", "8d", "--json").stdout)["run"] == good
    past.home.journal(good).write_bytes(b"no database")
    assert invoke("status", "t", "--fresh", "8d").exit_code == 1


def test_fresh_goes_alone(invoke: Invoke, done: str) -> None:
    assert invoke("status", "t", "--fresh", "8d", "--watch").exit_code == 2
