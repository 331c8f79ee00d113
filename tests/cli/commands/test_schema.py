"""`schema`: documents for editors and programs."""

import dataclasses
import json
import re
from collections.abc import Callable

from typer.testing import Result

from orchestrator.core.model.connections import TYPES
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.worldfile import INSTANCE, TOP

Invoke = Callable[..., Result]


def test_the_schema_is_json(invoke: Invoke) -> None:
    assert json.loads(invoke("schema").stdout)["type"] == "object"


def test_the_schema_of_worlds_knows_each_key_that_a_world_may_have(invoke: Invoke) -> None:
    held = json.loads(invoke("schema", "--world").stdout)["properties"]
    assert set(held) == set(TOP)
    assert set(held["switches"]["properties"]) == {each.name for each in dataclasses.fields(Switches)}
    assert set(held["instances"]["items"]["properties"]) == set(INSTANCE)
    assert held["instances"]["items"]["required"] == ["name"]
    fault = held["faults"]["items"]
    assert set(fault["properties"]) == {each.name for each in dataclasses.fields(Rule)}
    assert fault["properties"]["kind"]["enum"] == [each.value for each in Kind]
    assert fault["properties"]["probability"] == {"type": "number", "minimum": 0, "maximum": 1, "default": 1.0}
    assert all(each["additionalProperties"] is False for each in (fault, held["switches"], held["users"]["items"]))


def test_one_schema_at_a_time(invoke: Invoke) -> None:
    assert invoke("schema", "--world", "--report").exit_code == 2


def test_the_schema_of_values_knows_each_type_and_takes_references_alone_for_secrets(invoke: Invoke) -> None:
    held = json.loads(invoke("schema", "--values").stdout)["properties"]["datasources"]["additionalProperties"]
    kinds = {each["if"]["properties"]["type"]["const"]: each["then"]["properties"]["content"] for each in held["allOf"]}
    assert set(kinds) == set(TYPES) == set(held["properties"]["type"]["enum"])
    assert kinds["MYSQL"]["additionalProperties"] is False
    assert re.fullmatch(kinds["MYSQL"]["properties"]["password"]["pattern"], "${env:PW}")
    assert not re.fullmatch(kinds["MYSQL"]["properties"]["password"]["pattern"], "hunter2")
