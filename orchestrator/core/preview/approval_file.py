"""The document of a saved preview, written and read. Law: what is read is what was written, or a sentence says why not.

A seal covers the whole document: an edited one is refused, so that a board's approval is of what it read.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from typing import TypeVar

from orchestrator.core.preview.approval import Saved, SavedAsset, SavedCheck, SavedEntry, SavedLane
from orchestrator.errors import OperatorError

T = TypeVar("T")

#: version of the document's form
FORM = 1
#: characters; about 60,000 assets
MOST = 32 * 1024 * 1024
_ANEW = "save it anew: roma-migrate preview PLAN --save FILE"


class Unreadable(OperatorError):
    """The file is no saved preview of this version, or was changed since it was written."""

    def __init__(self, why: str) -> None:
        super().__init__(f"not a saved preview: {why}", next_step=_ANEW)


def to_json(saved: Saved) -> str:
    """The document, for people and machines; keys sorted, one line end at its end."""
    body = asdict(saved)
    body["saved"] = datetime.fromtimestamp(saved.saved_at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    document = {"roma_migrate_preview": FORM, **body}
    document["seal"] = _seal(document)
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def from_json(text: str) -> Saved:
    """Read it back; raises Unreadable (code 2) with what is wrong."""
    if len(text) > MOST:
        raise Unreadable(f"it is longer than {MOST} characters")
    try:
        document = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Unreadable("it is not JSON") from None
    if not isinstance(document, dict) or "roma_migrate_preview" not in document:
        raise Unreadable("it has no `roma_migrate_preview`")
    if document["roma_migrate_preview"] != FORM:
        raise Unreadable(f"its form is {document['roma_migrate_preview']!r}, this program reads {FORM}")
    seal = document.pop("seal", None)
    if seal != _seal(document):
        raise Unreadable("it was changed since it was saved")
    return _saved(_Node(document, ""))


def _no_number(word: str) -> float:
    """NaN and Infinity would slip through every comparison."""
    raise ValueError(f"{word} is no number")


def _seal(document: Mapping[str, object]) -> str:
    text = json.dumps(document, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


class _Node:
    """One mapping of the document and where it stands."""

    def __init__(self, value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise Unreadable(f"{path or 'the document'} is not a mapping")
        self._value: dict[str, object] = value
        self._path = path

    def text(self, key: str) -> str:
        return self._of(key, str, "a text")

    def flag(self, key: str) -> bool:
        return self._of(key, bool, "true or false")

    def number(self, key: str) -> float:
        value = self._value.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Unreadable(f"{self._at(key)} is not a number")
        try:
            return float(value)
        except OverflowError:
            raise Unreadable(f"{self._at(key)} is too large a number") from None

    def mapping(self, key: str) -> dict[str, object]:
        return self._of(key, dict, "a mapping")

    def texts_by_name(self, key: str) -> dict[str, str]:
        """Empty where there is no such key, which earlier versions did not write."""
        held = self._of(key, dict, "a mapping") if key in self._value else {}
        if not all(isinstance(each, str) for each in held.values()):
            raise Unreadable(f"{self._at(key)} holds something that is no text")
        return held

    def texts(self, key: str) -> tuple[str, ...]:
        held = self._of(key, list, "a list")
        if not all(isinstance(each, str) for each in held):
            raise Unreadable(f"{self._at(key)} holds something that is no text")
        return tuple(held)

    def each(self, key: str, read: "Callable[[_Node], T]") -> tuple[T, ...]:
        held = self._of(key, list, "a list")
        return tuple(read(_Node(value, f"{self._at(key)}[{place}]")) for place, value in enumerate(held))

    def _of(self, key: str, kind: type[T], told: str) -> T:
        value = self._value.get(key)
        if not isinstance(value, kind):
            raise Unreadable(f"{self._at(key)} is not {told}")
        return value

    def _at(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key


def _saved(node: _Node) -> Saved:
    return Saved(
        node.text("plan"),
        node.number("saved_at"),
        node.text("by"),
        node.text("note"),
        node.text("version"),
        node.text("digest"),
        node.texts("only"),
        node.mapping("moves"),
        node.each("lanes", _route),
        node.each("checks", _check),
        node.text("id"),
        node.each("entries", _entry),
        node.texts_by_name("digests"),
    )


def _route(node: _Node) -> SavedLane:
    where = (node.text("migration"), node.text("source"), node.text("target"), node.text("prefix"))
    return SavedLane(*where, node.each("assets", _asset), node.texts("deliveries"))


def _asset(node: _Node) -> SavedAsset:
    who = (node.text("id"), node.text("kind"), node.text("name"), node.text("fate"))
    what = (node.texts("present"), node.texts("links"), node.text("update_time"), node.flag("running"))
    return SavedAsset(*who, *what)


def _entry(node: _Node) -> SavedEntry:
    return SavedEntry(node.text("target"), node.text("code"), node.texts("fields"), node.texts("migrations"))


def _check(node: _Node) -> SavedCheck:
    return SavedCheck(node.text("id"), node.text("verdict"), node.text("where"), node.texts("assets"))
