"""Events as text and back: what is read is exactly what was written, or an error."""

import dataclasses
import json
import types
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.state import events as e
from orchestrator.core.state.events import Event
from orchestrator.storage.codec import NotKnownYet, from_text, to_text

KINDS = get_args(Event)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
PLAIN: dict[object, st.SearchStrategy[Any]] = {
    str: st.text(max_size=8), int: st.integers(-(2**53), 2**53), float: FLOATS, bool: st.booleans(),
    type(None): st.none(),
}  # fmt: skip


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a field's type."""
    if hint in PLAIN:
        return PLAIN[hint]
    if isinstance(hint, types.UnionType):
        return st.one_of(*(values(each) for each in get_args(hint)))
    if get_origin(hint) is tuple:
        first, *rest = get_args(hint)
        if rest == [...]:
            return st.lists(values(first), max_size=3).map(tuple)
        return st.tuples(*(values(each) for each in get_args(hint)))
    if get_origin(hint) is Mapping:
        key, value = get_args(hint)
        return st.dictionaries(values(key), values(value), max_size=3)
    if issubclass(hint, StrEnum):
        return st.sampled_from(hint)
    hints = get_type_hints(hint)
    return st.builds(hint, **{field.name: values(hints[field.name]) for field in dataclasses.fields(hint)})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(deadline=None)
@given(data=st.data())
def test_every_event_comes_back_as_it_was(kind: type[Event], data: st.DataObject) -> None:
    event = data.draw(values(kind))
    name, body = to_text(event)
    assert name == kind.__name__
    assert "\n" not in body
    again = from_text(name, body)
    assert again == event
    assert type(again) is kind
    assert to_text(again) == (name, body), "the chain is over the text"


@given(st.text(max_size=60))
def test_any_other_text_is_refused_in_words_or_read_for_what_it_says(text: str) -> None:
    for kind in ("ExportLost", "NoSuchEvent", text):
        assert _read(kind, text) == _expected(kind, text)


def _read(kind: str, text: str) -> Event | None:
    try:
        return from_text(kind, text)
    except ValueError:
        return None


def _expected(kind: str, text: str) -> Event | None:
    try:
        batch = json.loads(text)["batch"]
    except (ValueError, TypeError, KeyError, IndexError):
        return None
    return e.ExportLost(batch) if kind == "ExportLost" and isinstance(batch, str) else None


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("ExportLost", "{}"),
        ("ExportLost", '{"batch": 3}'),
        ("ExportLost", '{"batch": null}'),
        ("ExportLost", '["b"]'),
        ("Looked", '{"delivery": "d", "present": [["a"]]}'),
        ("RunEnded", '{"code": "none"}'),
        ("Event", '{"batch": "b"}'),
        ("Words", '{"kind": "job"}'),
    ],
)
def test_what_is_not_of_its_form_is_refused(kind: str, body: str) -> None:
    with pytest.raises(ValueError, match=kind):
        from_text(kind, body)


def test_an_event_of_an_older_version_is_read_with_what_it_did_not_have() -> None:
    assert from_text("ExportAccepted", '{"batch":"b","job":"j"}') == e.ExportAccepted("b", "j")


def test_a_refusal_does_not_repeat_the_body() -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are looked at below
        from_text("ExportLost", '{"batch": ["a-long-value-of-somebody"]}')
    assert "somebody" not in str(caught.value)


def test_a_field_that_only_a_newer_version_knows_is_refused() -> None:
    kind, body = to_text(e.ImportAccepted("b@prod", "job"))
    newer = json.dumps({**json.loads(body), "blessed_by": "olga"})
    with pytest.raises(NotKnownYet, match=r"ImportAccepted with what this version does not know \(blessed_by\)"):
        from_text(kind, newer)


def test_a_field_that_an_older_version_did_not_write_gets_its_default() -> None:
    assert from_text("ExportRefused", '{"batch":"b","words":{"kind":"busy"}}') == e.ExportRefused(
        "b", e.ErrorDetail("busy"), 0.0
    )
