"""JSON Schema of world files, for editors. Law: made from the classes that `worldfile` reads into: both agree."""

import math
from dataclasses import MISSING, Field, fields
from enum import StrEnum
from typing import Any, get_type_hints

from orchestrator.emulator.world.faults import Rule
from orchestrator.emulator.world.generate import Filling
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Duration, Switches
from orchestrator.emulator.world.world import Instance, Quotas, User, World
from orchestrator.emulator.world.worldfile import BOUNDS, INSTANCE

Schema = dict[str, Any]


def world_schema() -> Schema:
    """JSON Schema (draft 2020-12) of a world file."""
    duration = _object(Duration, needed=())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "World of the roma-migrate emulator",
        **_closed(
            {
                "switches": _object(Switches),
                "durations": _closed(dict.fromkeys(("export", "import", "delete"), duration)),
                **{name: _of(World, name) for name in ("token_lifetime", "password_attempts", "token_length")},
                "users": _list(_object(User)),
                "instances": _list(_instance()),
                "faults": _list(_object(Rule, operations=_list(_enum(Operation)), names=_list({"type": "string"}))),
            }
        ),
    }


def _instance() -> Schema:
    texts = {"type": "object", "additionalProperties": {"type": "string"}}
    own: Schema = {
        "features": {"type": "object", "additionalProperties": {"type": "boolean"}}, "configs": texts,
        "dictionaries": texts, "quotas": _object(Quotas),
        "generate": _object(Filling, calls={"type": "object", "additionalProperties": _list({"type": "string"})}),
    }  # fmt: skip
    return _closed({name: own.get(name) or _of(Instance, name) for name in INSTANCE}, ("name",))


def _object(kind: type[Any], needed: tuple[str, ...] | None = None, **own: Schema) -> Schema:
    """A mapping whose keys are the fields of a class; `own` gives the form of those that are no plain value."""
    held = fields(kind)
    must = tuple(each.name for each in held if _is_needed(each)) if needed is None else needed
    return _closed({each.name: own.get(each.name) or _of(kind, each.name) for each in held}, must)


def _is_needed(each: "Field[Any]") -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _of(kind: type[Any], name: str) -> Schema:
    hint = get_type_hints(kind)[name]
    default = next(each.default for each in fields(kind) if each.name == name)
    told = {} if default is MISSING or default in ("", math.inf) else {"default": default}
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _enum(hint) | told
    if hint is bool:
        return {"type": "boolean"} | told
    if hint in {int, float}:
        least, most = BOUNDS.get(name, (0, math.inf))
        bounds = {"minimum": least} | ({"maximum": most} if most < math.inf else {})
        return {"type": "integer" if hint is int else "number"} | bounds | told
    return {"type": ["string", "number", "boolean"]} | told


def _enum(kind: type[StrEnum]) -> Schema:
    return {"enum": [each.value for each in kind]}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _closed(properties: Schema, needed: tuple[str, ...] = ()) -> Schema:
    told: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return told | ({"required": list(needed)} if needed else {})
