"""Events as text and back. Law: what is read is exactly what was written, or an error."""

from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from orchestrator.core.state.events import Entry, Event
from orchestrator.errors import JournalDamaged, MemoryFailed
from orchestrator.storage.chain import Head, Row

#: what to do with what a newer version wrote
NEWER = "nothing is damaged: run the command with the version that wrote it, which is the newest that was used here"

_KINDS: dict[str, type] = {kind.__name__: kind for kind in get_args(Event)}


@cache
def _fields(kind: str) -> frozenset[str]:
    return frozenset(field.name for field in fields(_KINDS[kind]))


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(_KINDS[kind])


def to_text(event: Event) -> tuple[str, str]:
    """(kind, JSON body) of an event."""
    kind = type(event).__name__
    return kind, _adapter(kind).dump_json(event).decode()


class NotKnownYet(ValueError):
    """An event of a kind, or with a field, that this version does not know: a newer one wrote it."""


def from_text(kind: str, body: str) -> Event:
    """The event; raises ValueError where the kind is unknown or the body is not of its form."""
    if kind not in _KINDS:
        raise NotKnownYet(f"of a kind that this version does not know ({kind})")
    try:
        event: Event = _adapter(kind).validate_json(body)
        if unknown := from_json(body).keys() - _fields(kind):
            raise NotKnownYet(f"a {kind} with what this version does not know ({', '.join(sorted(unknown))})")
    except ValidationError as error:
        raise ValueError(f"{kind}: {error.error_count()} fields are not of its form") from None
    return event


def entry_of(row: Row) -> Entry:
    """What a row says; raises ValueError as `from_text` does."""
    return Entry(row.seq, row.at, from_text(row.kind, row.body))


def entry_in(journal: str, row: Row, restore: str) -> Entry:
    """What a row of that journal says; raises as `event_in` does."""
    return Entry(row.seq, row.at, event_in(journal, f"entry {row.seq}", row.kind, row.body, restore))


def event_in(journal: str, what: str, kind: str, body: str, restore: str) -> Event:
    """What a journal holds there. Raises JournalDamaged with `restore` as the next step, and MemoryFailed for what a
    newer version wrote; both name the journal."""
    try:
        return from_text(kind, body)
    except NotKnownYet as error:
        # The chain has been checked: it is what was written, by a version that knows more.
        raise MemoryFailed(f"{journal}: {what} is {error}: a newer roma-migrate wrote it", next_step=NEWER) from None
    except ValueError as error:
        raise JournalDamaged(f"{journal}: {what} is not what was written: {error}", next_step=restore) from None


def rows_behind(head: Head, events: Sequence[Event], at: float) -> tuple[list[Row], Head]:
    """The rows that keep these events, and the head behind them."""
    rows: list[Row] = []
    for event in events:
        kind, body = to_text(event)
        head = head.after(at, kind, body)
        rows.append(Row(head.seq, at, kind, body, head.chain))
    return rows, head
