"""`report --html`: one page, 0600, whole or not at all, and never over what somebody may need."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import Result

from orchestrator.core.model.change import Change
from orchestrator.core.state import change_events as c
from orchestrator.core.state import events as e
from tests.cli.conftest import DONE

Invoke = Callable[..., Result]


def test_the_page_is_written_for_its_owner_alone(invoke: Invoke, done: str, tmp_path: Path) -> None:
    told = invoke("report", "--html", "report.html")
    page = tmp_path / "report.html"
    assert (told.exit_code, told.stdout) == (0, "")
    assert f"report of run {done}: report.html" in told.stderr
    assert page.stat().st_mode & 0o777 == 0o600
    assert page.read_text().startswith(f"<!doctype html>\n<!-- roma-migrate report of run {done} -->\n")
    assert [path.name for path in tmp_path.iterdir() if "report" in path.name] == ["report.html"]


def test_a_page_of_the_same_run_is_renewed_and_nothing_else_is_overwritten(
    invoke: Invoke, half_there: str, done: str, tmp_path: Path
) -> None:
    assert invoke("report", done, "--html", "report.html").exit_code == 0
    before = (tmp_path / "report.html").read_text()
    assert invoke("report", done, "--html", "report.html").exit_code == 0
    told = invoke("report", half_there, "--html", "report.html")
    assert (told.exit_code, "exists already" in told.stderr) == (2, True)
    assert (tmp_path / "report.html").read_text() == before
    (tmp_path / "notes.html").write_text("mine")
    (tmp_path / "link.html").symlink_to("report.html")
    for name in ("notes.html", "link.html"):
        assert invoke("report", done, "--html", name).exit_code == 2
    assert (tmp_path / "notes.html").read_text() == "mine"


def test_a_folder_that_is_not_there_is_told_before_anything_is_made(invoke: Invoke, done: str) -> None:
    told = invoke("report", "--html", "nowhere/report.html")
    assert (told.exit_code, "there is no folder" in told.stderr) == (2, True)


def test_with_json_both_are_told(invoke: Invoke, done: str, tmp_path: Path) -> None:
    told = invoke("report", "--json", "--html", "report.html")
    assert json.loads(told.stdout)["run"] == done
    assert (tmp_path / "report.html").is_file()


def test_page_and_markdown_hold_the_same_sections(invoke: Invoke, half_there: str, tmp_path: Path) -> None:
    invoke("report", half_there, "--html", "report.html")
    page, text = (tmp_path / "report.html").read_text(), invoke("report", half_there, "--all").stdout
    for words in (
        "a lost import turned out half there", "Lost answers, and how they were settled", "began the run: CHG-1",
        "slot-1", "job-1", "req-1", "its other application stays", "somebody else&#39;s job", "the operator",
    ):  # fmt: skip
        assert words in page
        assert words.replace("&#39;", "'") in text


def test_a_run_without_a_job_has_no_timeline(invoke: Invoke, past: Any, tmp_path: Path) -> None:
    past.write("20270105-000000-dddd", [e.SelectionMade("all", "dev", "prod", 0), e.RunEnded(0)])
    assert invoke("report", "--html", "report.html").exit_code == 0
    page = (tmp_path / "report.html").read_text()
    assert 'id="timeline"' not in page
    assert "there was nothing to bring" in page


def test_long_lists_are_grouped_and_all_shows_each(invoke: Invoke, past: Any) -> None:
    apps = tuple(e.Asset(f"a{n}", "app", f"shop-{n}") for n in range(40))
    left = tuple((f"t{n}", f"load-{n}", "its other application travels later") for n in range(106))
    tasks = tuple(e.Asset(asset, "task", name) for asset, name, _ in left)
    busy = e.ErrorDetail("job", "ROMA.500", "no")
    past.write(
        "20270106-000000-eeee",
        [
            e.SelectionMade("common", "dev", "prod", 40, (), left), e.SelectionMade("the-rest", "dev", "prod", 106),
            e.BatchScheduled("b1", "dev", apps, ("c",), 0.0),
            e.DeliveryScheduled("b1@prod", "b1", "common", "prod", "AddNew", "", False, "c"),
            e.BatchScheduled("b2", "dev", tasks, ("c",), 1.0),
            e.DeliveryScheduled("b2@prod", "b2", "the-rest", "prod", "AddNew", "", False, "c"),
            e.ExportRequested("b1", "c", "s"), e.ExportAccepted("b1", "j"), e.ExportFailed("b1", (), busy),
            e.Quarantined("b1@prod", busy),
        ],
    )  # fmt: skip
    told = invoke("report").stdout
    assert "- common@prod: 106 tasks travel with the-rest" in told
    assert "shop-0, app shop-1, app shop-10" in told
    assert "and 37 more (--all)" in told
    assert (told.count("load-"), told.count("## Left out")) == (3, 0)
    every = invoke("report", "--all").stdout
    assert (every.count("app shop-"), every.count("travel with the-rest")) == (40, 106)


def test_a_run_that_was_taken_back_says_so_beside_the_verdict(invoke: Invoke, past: Any, tmp_path: Path) -> None:
    changes = tuple(
        Change(f"remove-app:prod:n{n}", "remove-app", "prod", f"n{n}", name, "c")
        for n, name in enumerate(("orders", "billing", "kept"))
    )
    ids = tuple(each.id for each in changes)
    past.write(
        "20270107-000000-ffff",
        [
            *DONE, c.UndoBegan("igor", "host-2", 9, "0.1.0", "rolled back"),
            c.ChangesPlanned(changes, (("task", "n9", "flow", "prod", "it was there before"),)),
            c.ChangesRequested(ids, "c", "s"), c.ChangesAccepted(ids, "job-9"), c.ChangesEnded(ids, "finished"),
            c.ChangesSettled(ids[:2], different=((ids[2], "somebody changed it meanwhile"),)), c.UndoEnded(1),
        ],
    )  # fmt: skip
    told = invoke("report", "--all").stdout
    assert "taken back: the undo of" in told.partition("## Counts")[0]
    assert "2 removed, 1 different, 1 left alone" in told
    assert "different@prod: app kept: somebody changed it meanwhile" in told
    assert "left alone@prod: task flow: it was there before" in told
    document = json.loads(invoke("report", "--json", "--html", "report.html").stdout)
    assert (document["undo"]["code"], document["undo"]["counts"]) == (1, {"done": 2, "different": 1, "left": 1})
    page = (tmp_path / "report.html").read_text()
    assert "<strong>taken back</strong> by igor" in page.partition("<main")[0]
    assert invoke("report", "--evidence", "proof.zip").exit_code == 0
    assert invoke("check-evidence", "proof.zip").exit_code == 0
