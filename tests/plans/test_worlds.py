"""The page on emulator worlds tells what the code does: every kind, switch and field, and worlds that can be copied."""

import re
from dataclasses import fields

import pytest
import yaml

from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.generate import Filling
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.world import User
from orchestrator.emulator.world.worldfile import INSTANCE, TOP, load_world
from orchestrator.emulator.world.worldschema import world_schema
from tests.plans.test_plans import PLANS, fits

PAGE = (PLANS / "README.md").read_text(encoding="utf-8").partition("## Emulator worlds")[2]
WORLDS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", WORLDS)
def test_each_world_of_the_page_is_served_and_fits_the_schema(text: str) -> None:
    assert load_world(text).faults
    assert fits(yaml.safe_load(text), world_schema())


def test_a_world_that_is_refused_does_not_fit_the_schema() -> None:
    for text in ("apps: []", "instances: [{name: a, apps: []}]", "faults: [{kind: rain}]", "users: [{name: u1}]"):
        assert not fits(yaml.safe_load(text), world_schema())


@pytest.mark.parametrize(
    "words",
    [
        TOP,
        INSTANCE,
        list(Kind),
        list(Operation),
        *([each.name for each in fields(kind)] for kind in (Rule, Switches, Filling, User)),
    ],
)
def test_the_page_names_every_key_kind_and_operation(words: list[str]) -> None:
    assert [word for word in words if f"`{word}`" not in PAGE] == []


def test_the_page_names_no_kind_that_is_not_there() -> None:
    table = PAGE.partition("| kind | what happens |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)) == set(Kind)
