"""Reads a world from YAML, for `roma-migrate emulator --world FILE.yaml`.

Law: everything has a default, everything unknown is refused by a sentence that names the place. The form:

    switches: {lock_scope: instance-type, status_vocab: legacy, package_padding: 1048576}
    durations: {export: {base: 0.1, per_asset: 0.001, sigma: 0.3}, import: {base: 0.2}, delete: {base: 0.1}}
    token_lifetime: 2                      # seconds
    password_attempts: 5
    users:                                 # default: dev-migrator and prod-migrator of domain acme
      - {name: dev-migrator, domain: acme, ak: AK1, sk: SK1, password: PW1, admin: true}
    instances:                             # default: a filled dev, an empty prod
      - name: dev
        region: local-1                    # also: id, project_id, version, spec, status
        features: {app_route: true}
        configs: {APP_NUM_LIMIT: "100"}
        dictionaries: {COUNTRY: Country}
        quotas: {apps: 100, tasks: 1000, datasources: 500}
        generate: {apps: 60, tasks: 400, datasources_per_app: 2, apis_per_app: 2, owner: dev-migrator,
                   unreleased_every: 20, running_every: 10, calls: {orders-web: [billing-core]}}
      - name: prod
    faults:                                # the kinds and fields of orchestrator.emulator.world.faults
      - {kind: reset-after-send, operations: [import], instance: prod, nth: 2, times: 1}
      - {kind: outage, after: 10, until: 30}
      - {kind: poison-import, names: [orders-web]}

A switch takes the value of its enum, a number or true/false, as `orchestrator.emulator.world.options` documents it.
`package_padding: 1073741824` makes packages of a gigabyte, which neither a download nor an upload holds in memory;
signed uploads then need `signed_body_limit: 0` as well.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from enum import StrEnum
from typing import Any, TypeVar, get_type_hints

import yaml

from orchestrator.emulator.world.faults import Kind, Operation, Rule
from orchestrator.emulator.world.generate import DEV_USER, PROD_USER, Filling, empty_instance, fill
from orchestrator.emulator.world.options import Duration, Durations, Switches
from orchestrator.emulator.world.world import Instance, Quotas, User, World
from orchestrator.errors import OperatorError

_T = TypeVar("_T")


class WorldInvalid(OperatorError):
    """A world file that cannot be served; the message names the place and what is allowed there."""


def load_world(text: str) -> World:
    """The world that a YAML text describes; WorldInvalid where it cannot be."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise WorldInvalid(f"the world is not YAML: {error}") from error
    top = _mapping(value or {}, "world")
    allowed = ("switches", "durations", "token_lifetime", "password_attempts", "token_length", "users", "instances")
    _known(top, (*allowed, "faults"), "world")
    switches = _build(Switches, top.get("switches"), "switches")
    users = tuple(_build(User, one, f"users.{number}") for number, one in enumerate(_list(top, "users")))
    instances = [_instance(one, switches, number) for number, one in enumerate(_list(top, "instances"))]
    whole = World(
        tuple(instances) or (fill(empty_instance("dev"), Filling(), switches), empty_instance("prod")),
        users or (DEV_USER, PROD_USER),
        switches,
        _durations(top.get("durations")),
        faults=tuple(rule(one, f"faults.{number}") for number, one in enumerate(_list(top, "faults"))),
    )
    return replace(
        whole,
        token_lifetime=_number(top, "token_lifetime", whole.token_lifetime),
        password_attempts=round(_number(top, "password_attempts", whole.password_attempts)),
        token_length=round(_number(top, "token_length", whole.token_length)),
    )


def rule(value: object, where: str = "fault") -> Rule:
    """One fault rule from plain values; WorldInvalid where it is none."""
    given = dict(_mapping(value, where))
    if "operations" in given:
        given["operations"] = frozenset(_enum(Operation, one, f"{where}.operations") for one in _items(given, where))
    if "names" in given:
        given["names"] = frozenset(str(one) for one in _list(given, "names"))
    return _build(Rule, given, where)


def _items(given: Mapping[str, Any], where: str) -> list[Any]:
    items = given["operations"]
    if not isinstance(items, list):
        raise WorldInvalid(f"{where}.operations: a list is expected, such as [import, export]")
    return items


def _instance(value: object, switches: Switches, number: int) -> Instance:
    where = f"instances.{number}"
    given = dict(_mapping(value, where))
    if not given.get("name"):
        raise WorldInvalid(f"{where}: name is missing")
    filling = given.pop("generate", None)
    base = empty_instance(str(given["name"]))
    if "quotas" in given:
        given["quotas"] = _build(Quotas, given["quotas"], f"{where}.quotas")
    for key in ("features", "configs", "dictionaries"):
        if key in given:
            given[key] = {**getattr(base, key), **_mapping(given[key], f"{where}.{key}")}
    made = _build(Instance, {"id": base.id, "project_id": base.project_id} | given, where)
    return made if filling is None else fill(made, _filling(filling, f"{where}.generate"), switches)


def _filling(value: object, where: str) -> Filling:
    given = dict(_mapping(value, where))
    if "calls" in given:
        calls = _mapping(given["calls"], f"{where}.calls")
        given["calls"] = {name: tuple(_list(calls, name)) for name in calls}
    return _build(Filling, given, where)


def _durations(value: object) -> Durations:
    given = dict(_mapping(value or {}, "durations"))
    if "import" in given:
        given["import_"] = given.pop("import")
    made = {}
    for key, one in given.items():
        defaults = getattr(Durations(), key, Duration(0.0))
        base = {field.name: getattr(defaults, field.name) for field in fields(Duration)}
        made[key] = _build(Duration, base | dict(_mapping(one, f"durations.{key}")), f"durations.{key}")
    return _build(Durations, made, "durations")


def _build(kind: type[_T], value: object, where: str) -> _T:
    """A frozen value from a mapping whose keys are its fields."""
    given = _mapping(value or {}, where)
    hints = get_type_hints(kind)
    _known(given, tuple(hints), where)
    try:
        return kind(**{key: _convert(hints[key], one, f"{where}.{key}") for key, one in given.items()})
    except TypeError as error:
        missing = str(error).partition("missing")[2] or str(error)
        raise WorldInvalid(f"{where}: missing{missing}") from error


def _convert(hint: Any, value: Any, where: str) -> Any:
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _enum(hint, value, where)
    if hint is str:
        return str(value)
    if hint in {int, float, bool}:
        if not isinstance(value, int | float) or (hint is bool) != isinstance(value, bool):
            raise WorldInvalid(f"{where}: {value!r} is not {'true or false' if hint is bool else 'a number'}")
        return hint(value)
    return value


_E = TypeVar("_E", bound=StrEnum)


def _enum(kind: type[_E], value: object, where: str) -> _E:
    try:
        return kind(str(value))
    except ValueError as error:
        name = "kind of fault" if kind is Kind else "value"
        raise WorldInvalid(f"{where}: {value!r} is no {name}; allowed are {', '.join(kind)}") from error


def _known(given: Mapping[str, Any], allowed: tuple[str, ...], where: str) -> None:
    for key in given:
        if key not in allowed:
            raise WorldInvalid(f"{where}: unknown key {key!r}; allowed are {', '.join(allowed)}")


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise WorldInvalid(f"{where}: keys and values are expected")
    return value


def _list(given: Mapping[str, Any], key: str) -> list[Any]:
    value = given.get(key) or []
    if not isinstance(value, list):
        raise WorldInvalid(f"{key}: a list is expected")
    return value


def _number(given: Mapping[str, Any], key: str, default: float) -> float:
    value = given.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WorldInvalid(f"{key}: {value!r} is not a number")
    return value
