"""Every check is answered; without informing reads, those that need them are not checked."""

import re
from dataclasses import replace
from pathlib import Path

from orchestrator.core.model.checks import CATALOGUE, CHECKS, Verdict
from orchestrator.core.model.instance_facts import Facts
from orchestrator.core.plan.plan import Mode, Target
from orchestrator.core.preflight.preflight import QUESTIONS
from orchestrator.core.preview.preview import preview
from orchestrator.core.selection.only import Only
from tests.builders.inventories import PreviewCase, held_app, held_task, told
from tests.builders.plans import migration

SOME = {"dev": (held_app("web"), held_app("core"), held_task("load", "web", "core"))}


def test_there_is_a_question_for_every_documented_check() -> None:
    assert {*QUESTIONS, "same-instance"} == set(CHECKS)


def test_the_contract_tells_every_check_of_the_catalogue() -> None:
    page = (Path(__file__).parents[3] / "orchestrator" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z, -]+) \|", page[page.index("### Contract 4") : page.index("### Contract 5")], re.M)
    assert {name for row in rows for name in row.split(", ")} - {"id"} == set(CHECKS)
    assert all(each.question.endswith("?") for each in CATALOGUE)


def test_a_sound_plan_gets_one_ok_for_each_check_in_the_documented_order() -> None:
    checks = PreviewCase(held=SOME).preview().checks
    assert [check.id for check in checks] == list(CHECKS)
    assert {check.verdict for check in checks} == {Verdict.OK}


def test_without_facts_nothing_blocks_and_what_needs_them_is_not_checked() -> None:
    case = PreviewCase(held=SOME)
    made = preview(case.plan, case.inventories, case.history, Only())
    unchecked = {check.id for check in made.checks if check.verdict is Verdict.NOT_CHECKED}
    assert not made.blockers
    assert unchecked == {
        "quota-headroom", "instance-features", "instance-version", "instance-status", "maintenance-window",
        "dictionaries", "datasource-id-collision", "unpublished-apis", "functiongraph-backends", "api-path-conflicts",
        "undeclared-calls", "clock-skew",
    }  # fmt: skip


def test_a_way_back_into_its_own_source_is_told_once() -> None:
    facts = {"prod": replace(told("prod"), details=told("dev").details)}
    case = PreviewCase(held={**SOME, "prod": SOME["dev"]}, facts=facts)
    assert case.fired() == {"same-instance": Verdict.BLOCKER}


def test_with_a_prefix_the_same_instance_is_no_fault() -> None:
    facts = {"prod": replace(told("prod"), details=told("dev").details)}
    case = PreviewCase((migration(target=Target("prod", prefix="b_")),), SOME, facts)
    assert "same-instance" not in case.fired()


def test_a_preview_says_what_it_cannot_know() -> None:
    plain = PreviewCase(held=SOME).preview().unknown
    merged = PreviewCase((migration(target=Target("prod", Mode.MERGE, prefix="x_")),), SOME).preview().unknown
    assert plain
    assert set(plain) < set(merged)


def test_what_is_empty_asks_little_of_instances_that_told_nothing() -> None:
    case = PreviewCase(held={}, facts={name: Facts(name) for name in ("dev", "prod")})
    assert case.fired() == {"missing-assets": Verdict.BLOCKER}
