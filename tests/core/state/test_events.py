"""Events are frozen values in the past tense, each written as one line, none of which can hold a secret."""

import dataclasses
from typing import get_args

import pytest

from orchestrator.core.state import events as e
from orchestrator.core.state.change_events import ChangeEvent
from orchestrator.core.state.events import INTENTS, ErrorDetail, Event

KINDS = get_args(Event)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_event_is_frozen_slotted_and_told(kind: type) -> None:
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined] # every dataclass has it
    assert "__slots__" in kind.__dict__
    secrets = {"sk", "secret", "password", "token", "ak"}
    assert not secrets & {field.name for field in dataclasses.fields(kind)}


def test_every_event_class_of_the_module_is_an_event() -> None:
    values = {e.Asset, e.ErrorDetail, e.Child, e.Entry, e.JobPredicted, e.DurationPredicted, e.WriteRate}
    made = {each for each in vars(e).values() if dataclasses.is_dataclass(each) and each.__module__ == e.__name__}
    assert made - values == set(KINDS) - set(get_args(ChangeEvent))


def test_intents_are_what_is_written_before_a_question_is_asked() -> None:
    assert {kind.__name__ for kind in INTENTS} == {
        kind.__name__ for kind in KINDS if kind.__name__.endswith("Requested")
    }


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (ErrorDetail("job", "ROMA.7", "bad"), "ROMA.7 bad"),
        (ErrorDetail("hung"), "hung"),
        (ErrorDetail("job", message="no reason"), "job: no reason"),
    ],
)
def test_words_are_told_by_code_else_by_kind(words: ErrorDetail, text: str) -> None:
    assert str(words) == text


def test_a_place_is_a_target_under_a_prefix() -> None:
    made = e.DeliveryScheduled("d", "b", "m", "prod", "AddNew", "x_", False, "t")
    assert made.place == "prod~x_"


def test_a_look_is_read_as_a_mapping() -> None:
    assert e.Looked("d", (("a", ("1", "2")),)).seen == {"a": ("1", "2")}
