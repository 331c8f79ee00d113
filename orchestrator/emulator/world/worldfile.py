"""Reads a world from YAML, for `roma-migrate emulator --world FILE.yaml`.

Law: everything has a default; everything else is refused by a sentence with file, line, value and what is allowed.
The form; `roma-migrate schema --world` prints it as JSON Schema:

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

import difflib
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from enum import StrEnum
from itertools import islice
from typing import Any, TypeVar, get_type_hints

import yaml

from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.generate import DEV_USER, PROD_USER, Filling, empty_instance, fill
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Duration, Durations, Switches
from orchestrator.emulator.world.world import Instance, Quotas, User, World
from orchestrator.errors import OperatorError

_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)

TOP = (
    "switches", "durations", "token_lifetime", "password_attempts", "token_length", "users", "instances", "faults",
)  # fmt: skip
#: what a file may say of an instance; what it holds comes from `generate`
INSTANCE = (
    "name", "id", "project_id", "region", "version", "spec", "status", "features", "configs", "dictionaries", "link",
    "quotas", "generate",
)  # fmt: skip
#: values of a file, with what aliases repeat
MOST_PLACES = 100_000
#: the smallest and the largest number, where it is not 0 and no bound
BOUNDS: Mapping[str, tuple[float, float]] = {
    "nth": (1, math.inf), "probability": (0, 1), "seconds": (-1, math.inf), "count": (-1, math.inf),
    "password_attempts": (1, math.inf), "token_length": (1, 100_000),
}  # fmt: skip
#: kinds of fault that strike assets by name
_BY_NAME = frozenset(
    {
        Kind.POISON_EXPORT,
        Kind.POISON_EXPORT_UNNAMED,
        Kind.POISON_IMPORT,
        Kind.POISON_IMPORT_UNNAMED,
        Kind.TASK_FAILS,
        Kind.API_FAILS,
    }
)


class WorldInvalid(OperatorError):
    """A world file that cannot be served; the message names the place and what is allowed there."""

    def __init__(self, where: str, told: str) -> None:
        super().__init__(f"{where}: {told}", next_step="roma-migrate schema --world shows the form of a world")
        self.where, self.told = where, told


@dataclass(frozen=True, slots=True)
class _Text:
    """What a YAML text holds: values, and for each place its line and, of scalars, how they were written."""

    value: object
    lines: Mapping[str, int] = field(default_factory=dict)
    written: Mapping[str, str] = field(default_factory=dict)


def load_world(text: str, file: str = "world") -> World:
    """The world that a YAML text describes; WorldInvalid where it cannot be."""
    try:
        read = _read(text)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark is not None else ""
        raise WorldInvalid(f"{file}{line}", f"it is not YAML: {error.problem or error.context}") from None
    except RecursionError:
        raise WorldInvalid(file, "an alias leads back to itself, or lists lie too deep in each other") from None
    except (yaml.YAMLError, ValueError) as error:
        raise WorldInvalid(file, f"it is not YAML: {error}") from None
    try:
        return _world(read)
    except WorldInvalid as error:
        raise WorldInvalid(f"{file}:{_line(read, error.where)}: {error.where}", error.told) from None


def rule(value: object, where: str = "fault") -> Rule:
    """One fault rule from plain values; WorldInvalid where it is none."""
    return _rule(_Text(value), value, where)


# --- reading -------------------------------------------------------------------------------------------------------


def _read(text: str) -> _Text:
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        value = loader.construct_document(node) if node is not None else {}
    finally:
        loader.dispose()
    places = list(islice(_places(node, ""), MOST_PLACES + 1)) if node is not None else []
    if len(places) > MOST_PLACES:
        raise ValueError(f"it holds more than {MOST_PLACES:,} values, aliases spread out")
    return _Text(
        value if value is not None else {},
        {where: line for where, line, _ in places},
        {where: word for where, _, word in places if word is not None},
    )


def _places(node: yaml.Node, where: str) -> Iterator[tuple[str, int, str | None]]:
    """(place, line, as written); what aliases repeat is told each time."""
    line = node.start_mark.line + 1
    yield where, line, node.value if isinstance(node, yaml.ScalarNode) else None
    if isinstance(node, yaml.MappingNode):
        for key, held in node.value:
            name = str(key.value)
            at = f"{where}.{name}" if where else name
            yield from ((place, key.start_mark.line + 1 if place == at else n, word) for place, n, word in
                        _places(held, at))  # fmt: skip
    elif isinstance(node, yaml.SequenceNode):
        for number, held in enumerate(node.value):
            yield from _places(held, f"{where}.{number}" if where else str(number))


def _line(read: _Text, where: str) -> int:
    """The line of a place, or of the nearest one around it."""
    while where and where not in read.lines:
        where = where.rpartition(".")[0]
    return read.lines.get(where, 1)


# --- the world -----------------------------------------------------------------------------------------------------


def _world(read: _Text) -> World:
    top = _mapping(read.value, "world")
    _known(top, TOP, "")
    switches = _build(read, Switches, top.get("switches"), "switches")
    users = tuple(_build(read, User, one, at) for at, one in _items(top, "users", ""))
    _distinct("users", "name", [each.name for each in users])
    names = [each.name for each in users or (DEV_USER, PROD_USER)]
    instances = tuple(_instance(read, one, switches, names, at) for at, one in _items(top, "instances", ""))
    for key in ("name", "id"):
        _distinct("instances", key, [getattr(each, key) for each in instances])
    whole = World(
        instances or (fill(empty_instance("dev"), Filling(), switches), empty_instance("prod")),
        users or (DEV_USER, PROD_USER),
        switches,
        _durations(read, top.get("durations")),
    )
    faults = tuple(_rule(read, one, at) for at, one in _items(top, "faults", ""))
    for number, each in enumerate(faults):
        _must_strike(whole, each, f"faults.{number}")
    return replace(
        whole,
        faults=faults,
        token_lifetime=_convert(read, float, top.get("token_lifetime", whole.token_lifetime), "token_lifetime"),
        password_attempts=_convert(
            read, int, top.get("password_attempts", whole.password_attempts), "password_attempts"
        ),
        token_length=_convert(read, int, top.get("token_length", whole.token_length), "token_length"),
    )  # fmt: skip


def _instance(read: _Text, value: object, switches: Switches, users: Collection[str], where: str) -> Instance:
    given = dict(_mapping(value, where))
    _known(given, INSTANCE, where)
    if not given.get("name"):
        raise WorldInvalid(where, "name is missing; faults and plans name the instance by it")
    filling = given.pop("generate", None)
    base = empty_instance(_convert(read, str, given["name"], f"{where}.name"))
    if "quotas" in given:
        given["quotas"] = _build(read, Quotas, given["quotas"], f"{where}.quotas")
    for key, kind in (("features", bool), ("configs", str), ("dictionaries", str)):
        if key in given:
            at = f"{where}.{key}"
            held = {str(k): _convert(read, kind, v, f"{at}.{k}") for k, v in _mapping(given[key], at).items()}
            given[key] = {**getattr(base, key), **held}
    made = _build(read, Instance, {"id": base.id, "project_id": base.project_id} | given, where)
    if filling is None:
        return made
    wanted = _filling(read, filling, f"{where}.generate")
    if wanted.owner not in users:
        told = f"{wanted.owner!r} is no user of this world; allowed are {', '.join(users)}"
        raise WorldInvalid(f"{where}.generate.owner", told)
    return fill(made, wanted, switches)


def _filling(read: _Text, value: object, where: str) -> Filling:
    given = dict(_mapping(value, where))
    if "calls" in given:
        at = f"{where}.calls"
        calls = _mapping(given["calls"], at)
        given["calls"] = {name: _texts(calls, name, at) for name in calls}
    return _build(read, Filling, given, where)


def _durations(read: _Text, value: object) -> Durations:
    given = dict(_mapping(value or {}, "durations"))
    _known(given, ("export", "import", "delete"), "durations")
    made = {}
    for key, one in given.items():
        name = "import_" if key == "import" else key
        defaults = getattr(Durations(), name)
        base = {each.name: getattr(defaults, each.name) for each in fields(Duration)}
        made[name] = _build(read, Duration, base | dict(_mapping(one, f"durations.{key}")), f"durations.{key}")
    return Durations(**made)


def _rule(read: _Text, value: object, where: str) -> Rule:
    given = dict(_mapping(value, where))
    if "operations" in given:
        held = _items(given, "operations", where)
        given["operations"] = frozenset(_enum(Operation, one, at) for at, one in held)
    if "names" in given:
        given["names"] = frozenset(_texts(given, "names", where))
    return _build(read, Rule, given, where)


def _must_strike(world: World, made: Rule, where: str) -> None:
    """A fault of a place or an asset that is not there would do nothing, and nobody would know why."""
    instances = [one.name for one in world.instances]
    if made.instance and made.instance not in instances:
        told = f"{made.instance!r} is no instance of this world; allowed are {', '.join(instances)}"
        raise WorldInvalid(f"{where}.instance", told)
    if made.kind not in _BY_NAME:
        return
    if not made.names:
        raise WorldInvalid(where, f"names is missing: {made.kind} strikes applications, tasks and APIs by name or id")
    held = {word for one in world.instances for app in one.apps for word in (app.name, app.id)}
    held |= {word for one in world.instances for task in one.tasks for word in (task.name, task.id)}
    held |= {word for one in world.instances for api in one.apis for word in (api.name, api.id)}
    for name in sorted(made.names - held):
        raise WorldInvalid(
            f"{where}.names", f"{name!r} is no application, task or API of this world{_meant(name, held)}"
        )


# --- values --------------------------------------------------------------------------------------------------------


def _build(read: _Text, kind: type[_T], value: object, where: str) -> _T:
    """A frozen value from a mapping whose keys are its fields."""
    given = _mapping(value or {}, where)
    hints = get_type_hints(kind)
    _known(given, tuple(hints), where)
    needed = [each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING]  # type: ignore[arg-type] # each is a dataclass
    if missing := [name for name in needed if name not in given]:
        told = f"{_and(missing)} {'is' if len(missing) == 1 else 'are'} missing; needed are {', '.join(needed)}"
        raise WorldInvalid(where, told)
    return kind(**{key: _convert(read, hints[key], one, f"{where}.{key}") for key, one in given.items()})


def _convert(read: _Text, hint: Any, value: Any, where: str) -> Any:
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _enum(hint, value, where)
    if hint is str:
        if isinstance(value, list | dict) or value is None:
            raise WorldInvalid(where, "text is expected")
        return read.written.get(where, str(value))
    if hint is bool:
        if not isinstance(value, bool):
            raise WorldInvalid(where, f"{value!r} is not true or false")
        return value
    return _number(hint, value, where) if hint in {int, float} else value


def _number(hint: type[int] | type[float], value: object, where: str) -> float:
    least, most = BOUNDS.get(where.rpartition(".")[2], (0, math.inf))
    whole = "a whole number" if hint is int else "a number"
    allowed = f"{whole} from {least:g}" + (f" to {most:g}" if most < math.inf else " upwards")
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise WorldInvalid(where, f"{value!r} is not a number; allowed is {allowed}")
    if (hint is int and value != value // 1) or (hint is int and math.isinf(value)) or not least <= value <= most:
        raise WorldInvalid(where, f"{value!r} is not allowed; allowed is {allowed}")
    return hint(value)


def _enum(kind: type[_E], value: object, where: str) -> _E:
    try:
        return kind(str(value))
    except ValueError:
        name = "kind of fault" if kind is Kind else "value"
        told = f"{value!r} is no {name}{_meant(str(value), list(kind))}; allowed are {', '.join(kind)}"
        raise WorldInvalid(where, told) from None


def _known(given: Mapping[str, Any], allowed: tuple[str, ...], where: str) -> None:
    for key in given:
        if key not in allowed:
            told = f"unknown key {str(key)!r}{_meant(str(key), allowed)}; allowed are {', '.join(allowed)}"
            raise WorldInvalid(f"{where}.{key}" if where else str(key), told)


def _meant(word: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(word, [str(each) for each in known], 1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise WorldInvalid(where, "keys and values are expected")
    return value


def _items(given: Mapping[str, Any], key: str, where: str) -> list[tuple[str, Any]]:
    """(place, value) of each entry of a list."""
    at = f"{where}.{key}" if where else key
    value = given.get(key) or []
    if not isinstance(value, list):
        raise WorldInvalid(at, "a list is expected, such as [one, another]")
    return [(f"{at}.{number}", one) for number, one in enumerate(value)]


def _texts(given: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    found = _items(given, key, where)
    for at, one in found:
        if isinstance(one, list | dict) or one is None:
            raise WorldInvalid(at, "a name is expected")
    return tuple(str(one) for _, one in found)


def _distinct(where: str, key: str, values: list[str]) -> None:
    for number, value in enumerate(values):
        if value in values[:number]:
            raise WorldInvalid(f"{where}.{number}.{key}", f"{value!r} is there already: each needs its own {key}")


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
