"""`run`, and what it tells, against a local ROMA Connect on a socket."""

import json
import re
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from orchestrator.emulator.world.faults import Kind, Rule

Invoke = Callable[..., Result]


def test_a_run_brings_everything_and_says_who_must_act(invoke: Invoke, quick: Any, tmp_path: Path) -> None:
    told = invoke("run", "plan.yaml", "--note", "CHG-7")
    assert told.exit_code == 0, told.output
    assert told.stderr.splitlines()[0] == f"home: {tmp_path / '.roma-migrate'}"
    assert "done: everything is imported and verified (code 0)" in " ".join(told.stdout.split())
    assert "does not mean equal content" in " ".join(told.stdout.split())
    assert "all@prod" in told.stdout
    assert "who:  nobody" in told.stdout
    text = " ".join(told.stdout.partition("next: ")[2].split())
    assert re.match(r"\d+ things are left to people; 1 of them is a task that still runs at the source, so that", text)
    assert text.index("roma-migrate handover 2") < text.index("roma-migrate report 2")
    assert [line for line in told.stdout.splitlines() if len(line) > 80 and not line.startswith("log:")] == []
    assert len(quick.api.service.holding("prod").apps.all()) == 6


def test_a_second_run_finds_everything_there(invoke: Invoke, quick: Any) -> None:
    assert invoke("run", "plan.yaml").exit_code == 0
    again = invoke("run", "plan.yaml")
    assert again.exit_code == 0, again.output
    assert "nothing was left to bring" in " ".join(again.stdout.split())
    assert "skipped" in again.stdout


def test_a_run_in_json_is_one_document_and_events_are_json_lines(invoke: Invoke, quick: Any, tmp_path: Path) -> None:
    told = invoke("run", "plan.yaml", "--json")
    document = json.loads(told.stdout)
    assert (document["code"], document["who"]) == (0, "nobody")
    assert document["handover"]["open"] > document["handover"]["double_processing"] == 1
    assert document["lanes"][0]["counts"]["verified"] == document["lanes"][0]["selected"] == 18
    events = [json.loads(line)["event"] for line in told.stderr.splitlines()]
    assert events[0] == "home"
    assert {"run-began", "export-requested", "package-stored", "import-accepted", "verified"} <= set(events)
    assert Path(document["log"]).is_file()


def test_the_log_in_the_home_is_private_and_in_the_journals_words(invoke: Invoke, quick: Any) -> None:
    log = Path(json.loads(invoke("run", "plan.yaml", "--json", "--log-level", "error").stdout)["log"])
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines[0]["event"] == "run-began"
    assert lines[-1]["event"] == "run-ended"
    assert all(line["time"].endswith("Z") and line["level"] for line in lines)


def test_no_secret_reaches_the_home_or_the_output(invoke: Invoke, quick: Any, tmp_path: Path) -> None:
    told = invoke("run", "plan.yaml", "--log-level", "debug")
    dev, prod = quick.world.users
    held = told.output.encode() + b"".join(
        p.read_bytes() for p in (tmp_path / ".roma-migrate").rglob("*") if p.is_file()
    )
    assert dev.sk.encode() not in held
    assert dev.ak.encode() not in held
    assert prod.password.encode() not in held


def test_blockers_are_4_and_nothing_is_begun(invoke: Invoke, local: Any, tmp_path: Path) -> None:
    local.plan.write_text(local.plan.read_text().replace('apps: "*"', "apps: [{id: nobody}]"))
    assert invoke("preview", "plan.yaml").exit_code == 4
    told = invoke("run", "plan.yaml")
    assert told.exit_code == 4
    assert "missing-assets" in told.stderr
    assert "next: roma-migrate preview plan.yaml" in told.stderr
    assert local.posts == 0


def test_a_poison_asset_is_named_with_code_1(invoke: Invoke, quick: Any) -> None:
    quick.api.strikes.add(Rule(Kind.POISON_IMPORT, names=frozenset({"orders-web"})))
    told = invoke("run", "plan.yaml")
    assert told.exit_code == 1, told.output
    assert "quarantined" in told.stdout
    assert "run --retry " in told.stdout
    report = invoke("report").stdout
    assert "## Quarantined" in report
    assert "app orders-web (" in report
    assert "THE COUNTS DO NOT AGREE" not in report


def test_what_preflight_warned_of_is_told_at_the_end_in_the_log_and_in_the_report(invoke: Invoke, quick: Any) -> None:
    shelf = quick.api.service.holding("dev").apis
    shelf.put(replace(shelf.all()[0], publications=()))
    previewed = json.loads(invoke("preview", "plan.yaml", "--json").stdout)["checks"]
    warnings = {each["id"] for each in previewed if each["verdict"] in {"warning", "not checked"}}
    assert "unpublished-apis" in warnings
    told = invoke("run", "plan.yaml")
    assert told.exit_code == 0, told.output
    flat = " ".join(told.stdout.split())
    assert "warn: before it began, preflight warned of" in flat
    assert all(check in flat.partition("warn: ")[2] for check in warnings)
    assert "warning preflight warned of" in told.stderr
    report = json.loads(invoke("report", "--json").stdout)
    assert {each["check"] for each in report["findings"]} == warnings
    log = (Path(told.stdout.split("log:")[1].strip())).read_text()
    assert {json.loads(line)["check"] for line in log.splitlines() if '"event": "finding"' in line} == warnings
    text = invoke("report").stdout
    assert "- warning unpublished-apis: all" in text


def test_what_preflight_warned_of_stands_in_the_closing_document(invoke: Invoke, quick: Any) -> None:
    shelf = quick.api.service.holding("dev").apis
    shelf.put(replace(shelf.all()[0], publications=()))
    found = json.loads(invoke("run", "plan.yaml", "--json").stdout)["findings"]
    (told,) = [each for each in found if each["check"] == "unpublished-apis"]
    assert (told["verdict"], told["where"]) == ("warning", "all@prod")
    assert told["sentence"]
    assert told["remedy"]


def test_a_wrong_key_is_3(invoke: Invoke, local: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T_SK", "not-the-right-secret-key")
    told = invoke("run", "plan.yaml", "--json")
    assert told.exit_code == 3, told.output
    document = json.loads(told.stdout)
    assert document["who"] == "the owner of the credentials"
    assert "not-the-right-secret-key" not in told.output


def test_only_narrows_a_run_and_a_typo_is_refused(invoke: Invoke, quick: Any) -> None:
    assert invoke("run", "plan.yaml", "--only", "bogus").exit_code == 2
    told = invoke("run", "plan.yaml", "--only", "app:orders-*")
    assert told.exit_code == 0, told.output
    assert [app.name for app in quick.api.service.holding("prod").apps.all()] == ["orders-web"]


def test_resume_never_begins(invoke: Invoke, local: Any) -> None:
    told = invoke("run", "plan.yaml", "--resume")
    assert told.exit_code == 2
    assert "has no run to go on with" in told.stderr


def test_until_says_in_which_zone_it_is_read_and_refuses_what_is_over(invoke: Invoke, quick: Any) -> None:
    assert "is over" in invoke("run", "plan.yaml", "--until", "2020-01-01T00:00").stderr
    assert "write it as 05:00" in invoke("run", "plan.yaml", "--until", "monday").stderr
    host = invoke("run", "plan.yaml", "--until", "2150-01-01T00:00")
    assert host.exit_code == 0, host.output
    assert "(this host's time zone)" in host.stderr
    window = "{from: 2020-01-01T00:00, to: 2190-01-01T00:00, timezone: Asia/Shanghai}"
    quick.plan.write_text(quick.plan.read_text().replace("migrations:", f"windows: [{window}]\nmigrations:"))
    plans = invoke("run", "plan.yaml", "--until", "2150-01-01T00:00")
    assert plans.exit_code == 0, plans.output
    said = (
        "no job is asked for that would not end before 2150-01-01 00:00:00+08:00 (Asia/Shanghai, as the plan's windows)"
    )
    assert said in " ".join(plans.stderr.split())
