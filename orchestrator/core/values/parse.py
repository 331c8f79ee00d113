"""From a mapping (every scalar text) to Values, or every problem at once. Law: nothing raises, no secret is told.

The fields of a connection depend on its type (`core.model.connections`). What no table knows stands under
`other_fields`, so that a field which the service gains is no reason to wait for a new version of this program.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.core.model.connections import (
    ADDRESS_FIELDS,
    FIELDS,
    LOGIN_FIELDS,
    LOGIN_METHODS,
    PAIRS,
    TYPES,
    WHERE,
    ConnectionType,
    FieldKind,
)
from orchestrator.core.plan.containers import Key, ListOf, MapOf, Section, kind_of
from orchestrator.core.plan.problems import BAD, At, Bad, Problem, listed, quoted
from orchestrator.core.plan.scalars import Flag, Schema, Shape, Text, read_word
from orchestrator.core.plan.special_values import Version
from orchestrator.core.values.fields import Anything, OneOf, OrReference, Secret
from orchestrator.core.values.values import Connection, Values

#: data sources in one file; an instance holds 500 by default (API 2.2)
MOST = 5000

_NAME = Text(
    r"[^&<>\"'()\x00-\x1f\x7f]{1,255}", "the name of a data source: 1 to 255 characters, none of & < > \" ' ( )"
)
_APP = Text(r"[^\x00-\x1f\x7f]{1,256}", "the name of an application at the target")
_WORDS = {"auth_method": LOGIN_METHODS}


def _shape(name: str, kind: FieldKind, words: tuple[str, ...]) -> Shape[Any]:
    match kind:
        case FieldKind.SECRET:
            return Secret()
        case FieldKind.WHOLE | FieldKind.FLAG | FieldKind.TEXT:
            return OneOf(words) if words else OrReference(kind)
        case FieldKind.ADDRESSES:
            keys = {each: Key(OrReference(FieldKind.TEXT), "", required=True) for each in ADDRESS_FIELDS}
            example = f"[{{{ADDRESS_FIELDS[0]}: 10.0.0.5, {ADDRESS_FIELDS[1]}: 1521}}]"
            return ListOf(Section(keys), "addresses", example, may_be_empty=False)
        case FieldKind.LOGIN:
            return Section(
                {each: Key(_shape(each, held, _WORDS.get(each, ())), "") for each, held in LOGIN_FIELDS.items()}
            )
        case FieldKind.FREE:
            return Anything()


def _content(known: ConnectionType) -> Section:
    return Section({name: Key(_shape(name, FIELDS[name], words), "") for name, words in known.fields.items()})


_CONTENTS = {name: _content(known) for name, known in TYPES.items()}
_TYPE = Key(Text("|".join(TYPES), "the type of the data source"), "the type of the data source", required=True)


@dataclass(frozen=True, slots=True)
class ConnectionShape:
    """One data source: its type says which fields its content has."""

    def read(self, data: object, at: At) -> dict[str, Any] | Bad:
        if not isinstance(data, Mapping):
            return at.wrong(f"{kind_of(data)}, allowed is a mapping with the keys {listed(_keys(None))}")
        kind = read_word(data["type"], at.child("type"), TYPES) if "type" in data else BAD
        if kind is BAD and "type" not in data:
            at.wrong('"type" is missing: the type of the data source, such as MYSQL')
        # Whatever the type, no secret in the open is passed over.
        rest = {name: value for name, value in data.items() if name != "type"}
        read = Section(_keys(None if kind is BAD else kind)).read(rest, at)
        if read is BAD or kind is BAD:
            return BAD
        content, others = read.get("content", {}), read.get("other_fields", {})
        if BAD in (content, others):
            return BAD
        _check_together(kind, content, others, at)
        return {"type": kind, **read}

    def schema(self) -> Schema:
        kinds: list[Schema] = [
            {"if": {"properties": {"type": {"const": name}}}, "then": {"properties": {"content": content.schema()}}}
            for name, content in _CONTENTS.items()
        ]
        base = Section({"type": _TYPE, **_keys(None)}).schema()
        base["properties"]["type"] = {"description": _TYPE.doc, "enum": list(TYPES)}
        return {**base, "allOf": kinds}


def _keys(kind: str | None) -> dict[str, Key]:
    return {
        "name": Key(_NAME, "the name of the data source; default: the key under which it stands"),
        "app": Key(_APP, "the name of its application at the target; only where two data sources have one name"),
        "content": Key(
            Anything() if kind is None else _CONTENTS[kind],
            "how it is reached; each value may be a reference, a secret must be one", required=True,
        ),
        "other_fields": Key(Anything(), "fields of the content that this program does not know, sent as they are"),
        "optional": Key(Flag(), "whether it need not be at the target, because another plan brings it", default=False),
    }  # fmt: skip


VALUES = Section(
    {
        "version": Key(Version(), "the version of this form: 1", required=True),
        "datasources": Key(
            MapOf(_NAME, ConnectionShape(), "connections by the names of their data sources"),
            "how the data sources of one target are reached", required=True,
        ),
    },
    extensible=True,
)  # fmt: skip


def values_from(data: object) -> Values | tuple[Problem, ...]:
    """The values that `data` (text, lists and mappings) describes, or all that is wrong with it."""
    at = At((), {})
    found = data.get("datasources") if isinstance(data, Mapping) else None
    if isinstance(found, Mapping) and len(found) > MOST:
        at.child("datasources").wrong(f"{len(found)} data sources stand here, allowed are at most {MOST}")
        return tuple(at.problems)
    read = VALUES.read(data, at)
    if read is not BAD and not at.problems:
        _check_names(read["datasources"], at.child("datasources"))
    if at.problems or read is BAD:
        return tuple(at.problems)
    return Values({key: Connection(key, **{"name": key, **value}) for key, value in read["datasources"].items()})


def values_schema() -> Schema:
    """JSON Schema (draft 2020-12) of a values file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Values of roma-migrate",
        "description": "How the data sources of one target are reached, without secrets (version 1).",
        **VALUES.schema(),
    }


def _check_names(read: Mapping[str, Any], at: At) -> None:
    """Two entries never mean one data source."""
    first: dict[tuple[str, str], str] = {}
    for key, value in read.items():
        meant = value.get("name", key), value.get("app", "")
        if meant in first:
            at.child(key).wrong(
                f"this is the data source that stands under {quoted(first[meant])} too: keep one of them"
            )
        first.setdefault(meant, key)


def _check_together(kind: str, content: Mapping[str, Any], others: Mapping[str, Any], at: At) -> None:
    """What only several fields together tell; they are spoken of, their values never."""
    for name in sorted(content.keys() & others.keys()):
        at.child("other_fields").child(name).wrong('this field stands in "content" too: keep one of them')
    given = content.keys() | others.keys()
    for name, message in (*_of_mode(kind, content, given), *_incomplete(kind, given)):
        at.child("content").child(name).wrong(message) if name else at.child("content").wrong(message)
    for name in ("api_auth_detail", "ApiAuthDetail"):
        if isinstance(login := content.get(name), Mapping):
            for missing in _unpaired(login.keys()):
                at.child("content").child(name).wrong(missing)


def _of_mode(kind: str, content: Mapping[str, Any], given: Any) -> Iterator[tuple[str, str]]:
    modes = TYPES[kind].modes
    mode = content.get("mode", "default")
    if mode not in modes:
        return
    for other, names in modes.items():
        for name in names:
            if name in content and name not in modes[mode]:
                yield name, f"this field goes with mode: {other}, and the mode is {mode}"
    if modes and not any(name in given for name in modes[mode]):
        yield "", f"mode {mode} needs {' and '.join(modes[mode][:2])}"


def _incomplete(kind: str, given: Any) -> Iterator[tuple[str, str]]:
    known = TYPES[kind]
    if not known.modes and any(name in known.fields for name in WHERE) and not any(name in given for name in WHERE):
        wanted = [name for name in WHERE if name in known.fields]
        yield "", f"nothing says where it is: write {' or '.join(wanted)}"
    for message in _unpaired(name for name in given if name in known.fields):
        yield "", message


def _unpaired(given: Any) -> Iterator[str]:
    held = set(given)
    for account, secret in PAIRS:
        if account in held and secret not in held:
            yield f'"{secret}" is missing: "{account}" is given, and what is left out is emptied at the target'
