"""One world per check in which that check, and only that one, fires; and one clean world in which none does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.core.model.checks import CHECKS, Verdict
from orchestrator.core.plan.plan import Waiver
from orchestrator.core.selection.routes import EarlierImports, Kept
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.world import Group, hex_id, make_id
from tests.emulator.in_memory_client import BEGIN
from tests.engine.preflight_worlds import (
    COMPANIONS,
    WORLDS,
    at_dev,
    at_prod,
    clean,
    datasource_id_collision,
    lane,
    name_collision,
    to,
    told,
)


def test_every_check_has_a_world() -> None:
    assert set(WORLDS) == set(CHECKS)


def test_in_the_clean_world_nothing_fires_and_every_check_has_answered() -> None:
    found = told(clean())
    assert found.fired == {}
    assert [check.id for check in found.preview.checks] == list(CHECKS)
    assert len(found.preview.assets) == 10
    assert found.preview.unknown


@pytest.mark.parametrize("check", CHECKS)
def test_in_its_world_that_check_fires_and_only_that_one(check: str) -> None:
    build, verdict = WORLDS[check]
    found = told(build())
    assert found.fired.get(check) is verdict
    assert set(found.fired) - COMPANIONS.get(check, set()) == {check}
    finding = next(each for each in found.preview.checks if each.id == check and each.verdict is verdict)
    assert finding.remedy


@pytest.mark.parametrize("check", CHECKS)
def test_a_preview_sends_nothing_but_reads_and_keeps_its_budget(check: str) -> None:
    build, _ = WORLDS[check]
    found = told(build())
    asked = [request for request in found.requests if "/auth/tokens" not in request.url]
    assert {request.method for request in asked} == {"GET"}
    assets = sum(len(each.assets) for each in found.inventories.values())
    assert len(asked) <= 3 * (assets // 100 + 1) + 15 * len(found.inventories)


INFORMING = {
    Operation.INSTANCE: {"instance-version", "instance-status", "maintenance-window"},
    Operation.FEATURES: {"instance-features", "api-path-conflicts"},
    Operation.DICTIONARIES: {"dictionaries"},
    Operation.DATASOURCES: {"quota-headroom", "datasource-id-collision"},
    Operation.APIS: {"api-path-conflicts"},
    Operation.CONFIGS: set(),
    Operation.GROUPS: set(),
}


@pytest.mark.parametrize("operation", INFORMING, ids=str)
def test_a_read_that_only_informs_and_fails_makes_its_checks_not_checked(operation: Operation) -> None:
    rule = Rule(Kind.UNAVAILABLE, operations=frozenset({operation}), instance="prod", times=0)
    found = told(replace(clean(), faults=(rule,)))
    assert found.fired == dict.fromkeys(INFORMING[operation], Verdict.NOT_CHECKED)
    assert not found.preview.blockers


def test_a_waived_blocker_is_recorded_and_blocks_no_more() -> None:
    until = datetime.fromtimestamp(BEGIN, UTC).date() + timedelta(days=1)
    waiver = Waiver("name-collision", ("orders-*",), "agreed, CHG-1234", until)
    found = told(lane(name_collision(), waive=(waiver,)))
    assert not found.preview.blockers
    (waived,) = [check for check in found.preview.checks if check.verdict is Verdict.WAIVED]
    assert waived.assets == ("orders-web",)
    assert "CHG-1234" in waived.waived


def test_what_an_earlier_run_brought_and_left_behind_is_a_warning_and_not_a_blocker() -> None:
    case = datasource_id_collision()
    app = case.dev.datasources[0].app_id
    case = replace(case, history=EarlierImports({("prod", "", "dev", app): Kept(("gone",), "p", "r1")}))
    assert told(case).fired == {"datasource-id-collision": Verdict.WARNING}


def test_a_prefix_makes_a_taken_task_name_a_warning_and_a_taken_application_name_none() -> None:
    case = to(name_collision(), prefix="dr_")
    task = replace(case.dev.tasks[0], id=hex_id("old"), source_app_id="", target_app_id="")
    case = at_prod(case, tasks=(task,))
    found = told(case)
    assert found.fired == {"name-collision": Verdict.WARNING}
    (check,) = [each for each in found.preview.checks if each.verdict is Verdict.WARNING]
    assert set(check.assets) == {"orders-web", task.name}


def test_groups_of_the_target_count_against_their_limit() -> None:
    case = at_prod(clean(), configs={"APIGROUP_NUM_LIMIT": "4"}, groups=(Group(make_id("g"), "mine"),))
    assert told(at_dev(case, configs={})).fired == {"quota-headroom": Verdict.WARNING}


def test_a_child_entry_that_the_target_lacks_is_found() -> None:
    """The list gives the top level only: what lies below an entry is asked for by its code (Finishing 2.1)."""
    whole = {"COUNTRY": "Country", "CURRENCY": "Currency", "COUNTRY/DE": "Germany"}
    case = at_prod(at_dev(clean(), dictionaries=whole), dictionaries={"COUNTRY": "Country", "CURRENCY": "Currency"})
    found = told(case)
    assert found.fired == {"dictionaries": Verdict.WARNING}
    assert any("missing or different at prod: DE" in each.sentence for each in found.preview.checks)
