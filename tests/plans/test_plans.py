"""The plans that come with the program are sound, complete and as their words say."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.core.plan.parse import json_schema
from orchestrator.core.plan.plan import Plan, Settings
from orchestrator.storage.planfile import read_plan

PLANS = Path(__file__).parents[2] / "plans"
FILES = ["minimal.yaml", "reference.yaml", "demo.yaml"]


def keys_of(schema: object) -> Iterator[str]:
    """Every key that the JSON Schema names."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from keys_of(part)
    if isinstance(schema, list):
        for part in schema:
            yield from keys_of(part)


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """As much of JSON Schema as ours uses."""
    kinds: dict[str, Any] = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
    }
    named = schema.get("type", [])
    names = [named] if isinstance(named, str) else named
    if names and not any(isinstance(value, kinds[n]) and (n == "boolean") == isinstance(value, bool) for n in names):
        return False
    return (
        value in schema.get("enum", [value])
        and (not isinstance(value, str) or re.search(schema.get("pattern", ""), value) is not None)
        and (
            not isinstance(value, int | float) or schema.get("minimum", value) <= value <= schema.get("maximum", value)
        )
        and ("oneOf" not in schema or sum(fits(value, s) for s in schema["oneOf"]) == 1)
        and ("anyOf" not in schema or any(fits(value, s) for s in schema["anyOf"]))
        and ("not" not in schema or not fits(value, schema["not"]))
        and (not isinstance(value, list) or _list_fits(value, schema))
        and (not isinstance(value, dict) or _mapping_fits(value, schema))
    )


def _list_fits(value: list[Any], schema: dict[str, Any]) -> bool:
    return len(value) >= schema.get("minItems", 0) and all(fits(item, schema.get("items", {})) for item in value)


def _mapping_fits(value: dict[str, Any], schema: dict[str, Any]) -> bool:
    if any(key not in value for key in schema.get("required", [])) or len(value) < schema.get("minProperties", 0):
        return False
    for key, part in value.items():
        known = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
        if any(re.search(pattern, key) for pattern in schema.get("patternProperties", {})):
            continue
        if known is False or not fits(part, known) or not fits(key, schema.get("propertyNames", {})):
            return False
    return True


def natural(name: str) -> dict[str, Any]:
    """A plan as an editor sees it: YAML's own types (by 1.2, where `on` is a text), merges done, days as texts."""

    def as_in_1_2(tag: str, form: re.Pattern[str]) -> tuple[str, re.Pattern[str]]:
        return (tag, re.compile("true|false") if tag.endswith(":bool") else form)

    loader = type("Loader", (yaml.SafeLoader,), {"yaml_implicit_resolvers": {
        first: [as_in_1_2(*pair) for pair in pairs if not pair[0].endswith(":timestamp")]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }})  # fmt: skip
    loaded = yaml.load((PLANS / name).read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 -- a SafeLoader
    assert isinstance(loaded, dict)
    return loaded


@pytest.mark.parametrize("name", FILES)
def test_each_plan_is_accepted(name: str) -> None:
    assert isinstance(read_plan(PLANS / name), Plan)


@pytest.mark.parametrize("name", FILES)
def test_each_plan_fits_the_json_schema_that_editors_use(name: str) -> None:
    assert fits(natural(name), json_schema())


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("settings", "batch_size"), 101),
        (("settings", "batch_size"), "100"),
        (("settings", "busy_timeout"), "2 hours"),
        (("settings", "busy_timeout"), ""),
        (("settings", "wibble"), 1),
        (("migrations", 1, "mode"), "merge"),
        (("migrations", 1, "targets"), ["prod"]),
        (("migrations", 1, "apps"), "orders-*"),
        (("migrations", 1, "prefix"), "_"),
        (("credentials", "dev-migrator", "sk"), "in the open"),
        (("credentials", "dev-migrator", "password"), "${env:X}"),
        (("instances", "dev", "project_id"), ""),
    ],
)
def test_what_the_program_refuses_the_json_schema_refuses_too(place: tuple[str | int, ...], value: object) -> None:
    plan = natural("reference.yaml")
    spot: Any = plan
    for step in place[:-1]:
        spot = spot[step]
    spot[place[-1]] = value
    assert not fits(plan, json_schema())


def test_every_key_of_the_schema_occurs_in_the_reference_plan() -> None:
    text = (PLANS / "reference.yaml").read_text(encoding="utf-8")
    missing = {key for key in keys_of(json_schema()) if not re.search(rf"(?m)(^|[\s{{,]){key}:", text)}
    assert missing == set()


def test_every_line_of_the_reference_settings_shows_the_default() -> None:
    assert read_plan(PLANS / "reference.yaml").settings == Settings()


def test_the_demo_moves_between_two_users_of_one_local_service() -> None:
    plan = read_plan(PLANS / "demo.yaml")
    assert {i.endpoint for i in plan.instances.values()} == {"http://127.0.0.1:8765"}
    assert len({i.credentials for i in plan.instances.values()}) == 2
    assert len(plan.migrations) == 2


def test_the_readme_names_every_plan() -> None:
    readme = (PLANS / "README.md").read_text(encoding="utf-8")
    there = sorted(path.name for path in PLANS.glob("*.yaml"))
    assert there == sorted([*FILES, "alerts.yaml", "values.example.yaml"])
    assert all(name in readme for name in there)
