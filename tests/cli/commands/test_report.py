"""`report`: a run in Markdown and JSON."""

import hashlib
import json
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

from typer.testing import Result

from orchestrator.core.model.checks import Check, Verdict
from orchestrator.core.model.place import Place
from orchestrator.core.state import events as e
from tests.cli.conftest import DONE

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
    past.write("20270103-000000-cccc", [e.SelectionMade("all", "dev", "prod", 5)])
    told = invoke("report")
    assert told.exit_code == 70
    assert "THE COUNTS DO NOT AGREE" in told.stdout


def test_every_form_says_what_the_plans_names_stood_for(invoke: Invoke, quick: Any, tmp_path: Path) -> None:
    assert invoke("run", "plan.yaml").exit_code == 0
    digest = hashlib.sha256(quick.plan.read_bytes()).hexdigest()[:16]
    document = json.loads(invoke("report", "--json", "--html", "report.html").stdout)
    page, text = unescape((tmp_path / "report.html").read_text()), invoke("report").stdout
    for place, one in zip(document["places"], quick.world.instances, strict=True):
        held = Place(**{**place, "users": tuple(place["users"])})
        assert (held.name, held.endpoint, held.project_id, held.instance_id) == (
            one.name, quick.url, one.project_id, one.id,
        )  # fmt: skip
        assert held.called
        assert f"<dt>{held.name}</dt><dd>{held.sentence}</dd>" in page
        assert f"- {held.name}: {held.sentence}" in text.replace("\\", "")
    assert "prod-migrator (acme/prod-migrator)" in document["places"][1]["users"]
    assert document["plan_digest"] == digest
    assert f"(sha256 {digest})" in page
    assert f"(sha256 {digest})" in text


def test_the_page_names_the_saved_preview_and_who_signed_it(invoke: Invoke, past: Any, tmp_path: Path) -> None:
    began = e.RunBegan(
        "t", "/plans/t.yaml", "{}", "olga", "host-1", 7, "0.1.0", approved="a1b2c3d4e5", signed_by="ines (SHA256:xyz)"
    )
    past.write("20270108-000000-abab", DONE, began=began)
    assert invoke("report", "--html", "report.html").exit_code == 0
    assert "saved preview a1b2c3d4, signed by ines (SHA256:xyz)" in (tmp_path / "report.html").read_text()


def test_findings_are_told_by_check_and_cause_with_three_examples(invoke: Invoke, past: Any, tmp_path: Path) -> None:
    held = tuple(
        Check("left-out", Verdict.WARNING, f"{n + 1} tasks touch what moves", (), "exclude them", f"m{n:02}@prod")
        for n in range(30)
    )
    one = Check("clock-skew", Verdict.NOT_CHECKED, "the clock could not be read", (), "ask again", "@dev")
    past.write("20270109-000000-acac", [e.FindingsNoted((*held, one)), *DONE])
    assert invoke("report", "--html", "report.html").exit_code == 0
    section = (tmp_path / "report.html").read_text().partition('id="checks-h"')[2].partition("</section>")[0]
    shown, _, more = section.partition("<details>")
    assert "<strong>warning left-out</strong>, 30 times:" in shown
    assert [f"m{n:02}@prod" in shown for n in range(4)] == [True, True, True, False]
    assert "<summary>and 27 more</summary>" in more
    assert "m29@prod" in more
    assert "<strong>not checked clock-skew</strong>:" in more
    assert "@dev: the clock could not be read; ask again" in more
    text = invoke("report").stdout
    assert "warning left-out, 30 times: m00@prod" in text
    assert ("m02@prod" in text, "m03@prod" in text, "left-out: and 27 more (--all)" in text) == (True, False, True)
    assert text.count("exclude them") == 1, "what to do is said once of alike findings"
    assert section.count("exclude them") == 1
    assert "m29@prod" in invoke("report", "--all").stdout


def test_a_run_that_ended_well_leads_on_to_people_and_to_nothing_else(invoke: Invoke, done: str) -> None:
    told = json.loads(invoke("report", "--json").stdout)
    assert (told["code"], told["who"], told["next"]) == (0, "nobody", "nothing: it is done")


def test_a_run_with_a_bad_asset_leads_on_to_what_tries_it_once_more(invoke: Invoke, past: Any) -> None:
    bad = e.Verified("b1@prod", ("a1", "a2"), (), (("t1", "its application is another one"),))
    past.write("20270110-000000-adad", [*DONE[:-2], bad, e.RunEnded(1)])
    told = json.loads(invoke("report", "--json").stdout)
    assert told["next"].startswith("mend what is named here\nthen try it once more:\nroma-migrate run --retry")
    assert "roma-migrate report" not in told["next"], "nobody is sent to what is being read"
