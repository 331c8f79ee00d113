"""`report`: a run in Markdown and JSON."""

import json
from collections.abc import Callable
from typing import Any

from typer.testing import Result

Invoke = Callable[..., Result]


def test_the_report_says_what_verified_means_above_the_counts(invoke: Invoke, done: str) -> None:
    told = invoke("report").stdout
    assert told.index("does not mean equal content") < told.index("| all@prod | 3 |")
    assert "The sums agree" in told
    assert "aside: its other application stays" in told


def test_the_report_names_jobs_and_request_ids(invoke: Invoke, done: str) -> None:
    assert "| job-1 | req-1 |" in invoke("report", "--all").stdout
    told = invoke("report").stdout
    assert "export of batch 1 from dev" in told.partition("## Ids of what was refused or failed")[2]
    assert "job job-1; request_id req-1" in told
    assert "began the run: CHG-1" in told


def test_the_report_of_an_undecided_run_names_the_assets(invoke: Invoke, half_there: str) -> None:
    told = invoke("report", half_there).stdout
    assert "## Undecided" in told
    assert "- all@prod: app orders (a1): a lost import turned out half there" in told
    assert "## Lost answers, and how they were settled" in told


def test_the_json_report_holds_all_in_utc(invoke: Invoke, half_there: str) -> None:
    told = json.loads(invoke("report", "--json").stdout)
    assert (told["code"], told["agree"], told["finished"]) == (5, True, False)
    assert told["began"] == "2027-01-15T08:00:01.000Z"
    assert [asset["outcome"] for asset in told["assets"]] == ["undecided"] * 3
    assert told["settlements"][0]["found"].startswith("half there")


def test_only_narrows_the_named_assets_and_refuses_a_typo(invoke: Invoke, half_there: str) -> None:
    told = json.loads(invoke("report", "--json", "--only", "app:b*").stdout)
    assert [asset["name"] for asset in told["assets"]] == ["billing"]
    assert invoke("report", "--only", "bogus").exit_code == 2


def test_counts_that_do_not_agree_are_loud_and_70(invoke: Invoke, past: Any) -> None:
    from orchestrator.core.state import events as e

    past.write("20270103-000000-cccc", [e.SelectionMade("all", "dev", "prod", 5)])
    told = invoke("report")
    assert told.exit_code == 70
    assert "THE COUNTS DO NOT AGREE" in told.stdout
