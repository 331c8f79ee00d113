"""The shapes of one field of a connection. Law: a secret is a reference, and nothing that stands here is repeated."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.model.connections import FieldKind, is_secret
from orchestrator.core.plan.containers import kind_of
from orchestrator.core.plan.plan import SecretRef
from orchestrator.core.plan.problems import BAD, At, Bad
from orchestrator.core.plan.scalars import Flag, Reference, Schema, Shape, Text, Whole, read_word
from orchestrator.core.values.values import Value

#: fields in one free mapping or list
_MOST = 200
_TEXT = Text(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]{1,65536}", "a text of at most 65536 characters")
_EMPTY = re.compile(r"\$\{(env|file|command):\s*\}")
#: an address or a connection string with a password in it
_OPEN = re.compile(r"(?i)//[^/\s?#@]*:[^/\s?#@]+@|(?:password|passwd|pwd|secret|token|accountkey)\s*=\s*[^\s;&$]")
_NUMBERS: Mapping[FieldKind, Shape[int] | Shape[bool]] = {
    FieldKind.WHOLE: Whole(0, 999_999_999),
    FieldKind.FLAG: Flag(),
}
_REFERENCE_SCHEMA = {"type": "string", "pattern": r"^\$\{(env|file|command):.+\}$"}


def open_password(text: str) -> bool:
    """Whether an address or a connection string holds a password."""
    return _OPEN.search(text) is not None


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret: only ever a reference."""

    def read(self, data: object, at: At) -> SecretRef | Bad:
        if isinstance(data, str) and (found := _EMPTY.fullmatch(data)):
            return at.wrong(f"this reference is still empty: write {_NAMES[found[1]]} between the colon and the brace")
        return Reference().read(data, at)

    def schema(self) -> Schema:
        return Reference().schema()


_NAMES = {"env": "the name of a variable", "file": "the path of a file", "command": "a program and its arguments"}


@dataclass(frozen=True, slots=True)
class OrReference:
    """A value in the open, or a reference where it must not be told."""

    kind: FieldKind

    def read(self, data: object, at: At) -> Value | Bad:
        if isinstance(data, str) and "${" in data:
            return Secret().read(data, at)
        if self.kind in _NUMBERS:
            return _NUMBERS[self.kind].read(data, at)
        text = _TEXT.read(data, at)
        if text is not BAD and open_password(text):
            return at.wrong(
                "a password stands here in the open (not shown): put the whole text into an environment variable or a "
                'file, and write "${env:NAME}" or "${file:PATH}"'
            )
        return text

    def schema(self) -> Schema:
        shape = _NUMBERS.get(self.kind, _TEXT)
        return {"anyOf": [shape.schema(), _REFERENCE_SCHEMA]}


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of the words that the service knows."""

    words: tuple[str, ...]

    def read(self, data: object, at: At) -> str | Bad:
        return read_word(data, at, self.words)

    def schema(self) -> Schema:
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Anything:
    """A mapping of fields that no table knows; what is named like a secret must be a reference."""

    def read(self, data: object, at: At) -> Mapping[str, Value] | Bad:
        if not isinstance(data, Mapping):
            return at.wrong(f"{kind_of(data)}, allowed is a mapping of fields")
        if len(data) > _MOST:
            return at.wrong(f"more than {_MOST} fields stand here")
        found = {str(name): _free(str(name), value, at.child(str(name))) for name, value in data.items()}
        good = {name: value for name, value in found.items() if value is not BAD}
        return good if len(good) == len(found) else BAD

    def schema(self) -> Schema:
        return {"type": "object", "maxProperties": _MOST}


def _free(name: str, data: object, at: At) -> Value | Bad:
    if at.full:
        return BAD
    match data:
        case Mapping():
            return Anything().read(data, at)
        case list():
            if len(data) > _MOST:
                return at.wrong(f"more than {_MOST} values stand here")
            read = [_free(name, each, at.child(position)) for position, each in enumerate(data)]
            good = tuple(each for each in read if each is not BAD)
            return good if len(good) == len(read) else BAD
        case _ if is_secret(name):
            return Secret().read(data, at)
        case "":
            return ""
        case _:
            return OrReference(FieldKind.TEXT).read(data, at)
