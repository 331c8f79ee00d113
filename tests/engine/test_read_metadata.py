"""Informing reads: refused, silent or disagreeing ones become `Unread`, and nothing ends."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from orchestrator.core.model.instance_facts import Facts, Unread
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.generate import PROD_USER
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import Offset, Visibility
from orchestrator.emulator.world.world import App, DataSource, make_id
from tests.engine.preflight_worlds import PreflightWorld, clean, told, with_instance

PARTS = {
    "details": Operation.INSTANCE,
    "features": Operation.FEATURES,
    "configs": Operation.CONFIGS,
    "dictionaries": Operation.DICTIONARIES,
    "datasources": Operation.DATASOURCES,
    "apis": Operation.APIS,
    "groups": Operation.GROUPS,
}


def facts_of(case: PreflightWorld) -> Mapping[str, Facts]:
    return told(case).facts


def unread(facts: Facts) -> set[str]:
    return {part for part in (*PARTS, "clock_offset") if isinstance(getattr(facts, part), Unread)}


def test_everything_is_read_of_every_instance() -> None:
    found = facts_of(clean())
    assert list(found) == ["dev", "prod"]
    assert [unread(each) for each in found.values()] == [set(), set()]


@pytest.mark.parametrize("part", PARTS)
def test_a_refused_read_leaves_its_part_unread_and_no_other(part: str) -> None:
    rule = Rule(Kind.ERROR_BEFORE, operations=frozenset({PARTS[part]}), instance="prod", times=0)
    found = facts_of(replace(clean(), faults=(rule,)))
    assert unread(found["prod"]) == {part}
    assert unread(found["dev"]) == set()


def test_a_silent_read_is_given_up_in_time() -> None:
    rule = Rule(Kind.HANG_NOT_EXECUTED, operations=frozenset({Operation.APIS}), times=0)
    found = facts_of(replace(clean(), faults=(rule,)))
    assert unread(found["dev"]) == {"apis"}


def test_a_list_that_disagrees_with_its_total_is_unread() -> None:
    case = clean()
    sources = tuple(DataSource(make_id("ds", n), f"db-{n}", "MYSQL", "") for n in range(600))
    dev = replace(case.dev, datasources=sources)
    found = facts_of(replace(case, dev=dev, switches=Switches(offset=Offset.PAGE)))
    assert unread(found["dev"]) == {"datasources"}


def test_data_sources_are_the_union_over_credentials_that_see_different_things() -> None:
    case = clean()
    theirs = App(make_id("theirs"), "theirs", "key-theirs", "s", PROD_USER.name)
    shop = DataSource(make_id("shop"), "shop-db", "MYSQL", theirs.id)
    dev = replace(case.dev, apps=(*case.dev.apps, theirs), datasources=(*case.dev.datasources, shop))
    case = replace(case, dev=dev, switches=Switches(visibility=Visibility.OWNER))
    both = facts_of(with_instance(case, "dev", credentials=("d", "p")))["dev"].datasources
    one = facts_of(case)["dev"].datasources
    assert not isinstance(both, Unread)
    assert not isinstance(one, Unread)
    assert {each.name for each in both} - {each.name for each in one} == {"shop-db"}


def test_credentials_that_see_the_same_are_asked_once() -> None:
    plain = told(clean()).requests
    doubled = told(with_instance(clean(), "dev", credentials=("d", "p2"))).requests
    assert sum("/datasources" in each.url for each in doubled) == sum("/datasources" in each.url for each in plain)
