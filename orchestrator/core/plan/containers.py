"""The shapes that hold other values: sections with known keys, lists, mappings by name, selections of assets.

Law: one wrong value never hides another; every part is read, and what is wrong stands as BAD beside what is right.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from orchestrator.core.plan.plan import ById, Glob, OfApps, Selector
from orchestrator.core.plan.problems import BAD, SECRET_KEYS, At, Bad, did_you_mean, listed, unknown_key
from orchestrator.core.plan.scalars import Schema, Shape, Text, as_text

T = TypeVar("T")

NAME = Text(
    "[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "a name: a letter or digit, then letters, digits, '.', '_' or '-', at most 64"
)
#: a UUID is written whole: one that was cut when it was copied names no instance
INSTANCE_ID = Text(
    "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|(?![0-9a-fA-F]{8}-)[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}",
    "an id of ROMA: a whole UUID of 36 characters, or letters, digits, '.', '_' and '-', at most 64",
)
ID = Text("[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}", "an id of ROMA: letters, digits, '.', '_' or '-', at most 64")
# A name may hold almost anything (API 1.8); only what cannot be in one name on one line is refused.
GLOB = Text(r"[^\x00-\x1f\x7f]{1,256}", "a name or a shell glob such as orders-*, at most 256 characters")


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section."""

    shape: Shape[Any]
    #: what it is for; becomes the description in editors
    doc: str
    required: bool = False
    #: what holds where the key is absent, as a plan would write it
    default: object = None


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping with known keys; reads into a dict with the keys given, BAD where a value was wrong."""

    keys: Mapping[str, Key]
    #: keys refused with a sentence of their own
    refused: Mapping[str, str] = field(default_factory=dict)
    #: whether `x-*` may stand here, for anchors
    extensible: bool = False

    def read(self, data: object, at: At) -> dict[str, Any] | Bad:
        if not isinstance(data, Mapping):
            return at.wrong(f"{kind_of(data)}, allowed is a mapping with the keys {listed(self.keys)}")
        values: dict[str, Any] = {}
        for name, value in data.items():
            if at.full:
                return BAD
            values[str(name)] = self._value(str(name), value, at.child(str(name)))
        for name, key in self.keys.items():
            if key.required and name not in data:
                at.wrong(f'"{name}" is missing: {key.doc}')
                values[name] = BAD
        return {name: value for name, value in values.items() if name in self.keys}

    def _value(self, name: str, data: object, at: At) -> Any:
        if name in self.keys:
            return self.keys[name].shape.read(data, at)
        if self.extensible and name.startswith("x-"):
            return _refuse_open_secrets(data, at)
        if name in self.refused:
            return at.wrong(self.refused[name])
        return at.wrong(unknown_key(name, list(self.keys), at.path[:-1]))

    def schema(self) -> Schema:
        schema: Schema = {
            "type": "object",
            "properties": {name: _described(key) for name, key in self.keys.items()},
            "additionalProperties": False,
        }
        if self.extensible:
            schema["patternProperties"] = {"^x-": {"description": "Anything: a place for YAML anchors."}}
        if required := [name for name, key in self.keys.items() if key.required]:
            schema["required"] = required
        return schema


def _described(key: Key) -> Schema:
    described = {"description": key.doc, **key.shape.schema()}
    return described if key.default is None else {**described, "default": key.default}


def _refuse_open_secrets(data: object, at: At) -> None:
    """A secret in the open is refused in `x-*` too, whether or not anything refers to it."""
    match data:
        case Mapping():
            for name, value in data.items():
                if name in SECRET_KEYS and isinstance(value, str) and not value.startswith("${"):
                    at.child(name).wrong("a secret stands here in the open (not shown): write a reference to it")
                _refuse_open_secrets(value, at.child(name))
        case list():
            for position, value in enumerate(data):
                _refuse_open_secrets(value, at.child(position))
        case _:
            pass


def kind_of(data: object) -> str:
    """What stands there, in words that repeat nothing of it."""
    match data:
        case "":
            return "nothing is written here"
        case str():
            return "a text stands here"
        case list():
            return "a list stands here"
        case _:
            return "a mapping stands here"


@dataclass(frozen=True, slots=True)
class ListOf(Generic[T]):
    """A list of values of one shape; wrong ones are left out after their problem was told."""

    item: Shape[T]
    #: what the items are, in words: "names of migrations"
    items: str
    #: how one line of it looks, for people
    example: str
    may_be_empty: bool = True
    #: whether one value alone, not in brackets, is allowed too
    or_one: bool = False

    def read(self, data: object, at: At) -> tuple[T, ...] | Bad:
        if self.or_one and isinstance(data, str) and data:
            one = self.item.read(data, at)
            return BAD if one is BAD else (one,)
        if not isinstance(data, list):
            return at.wrong(f"{kind_of(data)}, allowed is a list of {self.items}: write {self.example}")
        if not data and not self.may_be_empty:
            return at.wrong(f"the list is empty, at least one is needed: write {self.example}")
        read = [BAD if at.full else self.item.read(value, at.child(position)) for position, value in enumerate(data)]
        good = tuple(value for value in read if value is not BAD)
        return good if len(good) == len(read) else BAD

    def schema(self) -> Schema:
        many: Schema = {"type": "array", "items": self.item.schema()}
        if not self.may_be_empty:
            many["minItems"] = 1
        return {"oneOf": [self.item.schema(), many]} if self.or_one else many


@dataclass(frozen=True, slots=True)
class MapOf(Generic[T]):
    """A mapping from names to values of one shape."""

    name: Text
    value: Shape[T]
    #: what is named, in words: "instances by name"
    items: str
    may_be_empty: bool = False

    def read(self, data: object, at: At) -> dict[str, T | Bad] | Bad:
        if not isinstance(data, Mapping):
            return at.wrong(f"{kind_of(data)}, allowed is a mapping of {self.items}")
        if not data and not self.may_be_empty:
            return at.wrong(f"it is empty, allowed is a mapping of {self.items}, at least one")
        values: dict[str, T | Bad] = {}
        for name, value in data.items():
            if at.full:
                return BAD
            place = at.child(str(name))
            named = self.name.read(str(name), place)
            read = self.value.read(value, place)
            values[str(name)] = BAD if named is BAD else read
        return values

    def schema(self) -> Schema:
        schema: Schema = {
            "type": "object",
            "propertyNames": {"pattern": f"^({self.name.pattern})$"},
            "additionalProperties": self.value.schema(),
        }
        return schema if self.may_be_empty else {**schema, "minProperties": 1}


_BY_ID = Section({"id": Key(ID, "the id of exactly one asset", required=True)})


@dataclass(frozen=True, slots=True)
class OneSelector:
    """A shell glob on the name, or `{id: ...}`."""

    def read(self, data: object, at: At) -> Selector | Bad:
        if isinstance(data, Mapping):
            values = _BY_ID.read(data, at)
            return BAD if values is BAD or BAD in values.values() or len(values) < len(data) else ById(values["id"])
        pattern = GLOB.read(data, at)
        return BAD if pattern is BAD else Glob(pattern)

    def schema(self) -> Schema:
        return {"oneOf": [GLOB.schema(), _BY_ID.schema()]}


_SELECTORS: ListOf[Selector] = ListOf(
    OneSelector(), 'names, globs and ids, or "*" for all', '["orders-*", {id: b1e6b1e6-4f3f-4a80-bb45-f4b9039f95a3}]'
)


@dataclass(frozen=True, slots=True)
class Selection:
    """`"*"` or a list of selectors; where `of_apps`, also the word `of-apps`."""

    of_apps: bool = False

    def read(self, data: object, at: At) -> tuple[Selector, ...] | OfApps | Bad:
        if not isinstance(data, str):
            return _SELECTORS.read(data, at)
        words = ["*", "of-apps"] if self.of_apps else ["*"]
        wanted = f"{' or '.join(words)}, or a list of names, globs and ids"
        text = as_text(data, at, wanted)
        if text is BAD:
            return BAD
        if text == "*":
            return (Glob("*"),)
        if text == "of-apps" and self.of_apps:
            return OfApps()
        hint = did_you_mean(text, words) or f"; for one alone, write it as a list: [{at.shown(text)}]"
        return at.wrong(f"{at.shown(text)} is not allowed, allowed is {wanted}{hint}")

    def schema(self) -> Schema:
        words = ["*", "of-apps"] if self.of_apps else ["*"]
        return {"oneOf": [{"enum": words}, _SELECTORS.schema()]}


@dataclass(frozen=True, slots=True)
class Address:
    """A scheme, a host and perhaps a port, such as `https://iam.myhuaweicloud.com`; read without a trailing slash."""

    #: whether plain http may go anywhere (a proxy) or only to this very machine
    http_anywhere: bool = False

    def read(self, data: object, at: At) -> str | Bad:
        wanted = "an address such as https://roma.cn-north-4.myhuaweicloud.com"
        if self.http_anywhere:
            wanted = "an address such as http://proxy.example.com:3128"
        text = as_text(data, at, wanted)
        if text is BAD:
            return BAD
        if "${" in text:
            return at.wrong(f"a reference ${{...}} is for secrets only, allowed here is {wanted}")
        found = _ADDRESS.fullmatch(text)
        if found is None:
            return at.wrong(f"{at.shown(text)} is not allowed{_address_fault(text)}, allowed is {wanted}")
        scheme, host, port = found["scheme"].lower(), found["host"].lower(), found["port"]
        if port is not None and not 0 < int(port) < 65536:
            return at.wrong(f"{at.shown(text)} is not allowed: the port goes from 1 to 65535")
        if scheme == "http" and not self.http_anywhere and not is_loopback(host):
            return at.wrong(f"{at.shown(text)} is not allowed: http:// only to this machine, write https://")
        usual = {"http": "80", "https": "443"}[scheme]
        return f"{scheme}://{host}" + (f":{int(port)}" if port is not None and port != usual else "")

    def schema(self) -> Schema:
        return {"type": "string", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@\\s]+/?$"}


_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(
    rf"(?P<scheme>(?i:https?))://(?P<host>{_LABEL}(?:\.{_LABEL}){{0,20}}|\[[0-9A-Fa-f:.]{{2,45}}\])(?::(?P<port>[0-9]{{1,5}}))?/?"
)


def _address_fault(text: str) -> str:
    rest = text.partition("://")[2]
    if not rest:
        return ": the scheme is missing (https://)"
    if "@" in rest:
        return ": no user and no password may stand in it"
    if any(mark in rest.rstrip("/") for mark in "/?#"):
        return ": nothing may follow the host and port"
    return ""


def is_loopback(host: str) -> bool:
    """Whether this host name or address, an IPv6 one with or without brackets, can only be this very machine."""
    if host in ("localhost", "::1", "[::1]") or host.endswith(".localhost"):
        return True
    parts = host.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(p.isdecimal() and int(p) < 256 for p in parts)
