"""Whom an event is about: what it declares, so that nobody has to look for a field by its name."""

from dataclasses import fields
from typing import get_args

import pytest

from orchestrator.core.state import events as e
from orchestrator.core.state.change_events import ChangesRequested
from orchestrator.core.state.events import Event
from orchestrator.core.state.lifecycle import DELIVERY_MOVES, PACKAGE_MOVES
from orchestrator.core.state.subjects import Subject, whose

#: events that name the slot of a request, and are about no probe
TOLD_OF_SLOTS = {e.WideningTried, ChangesRequested}


@pytest.mark.parametrize("kind", get_args(Event))
def test_an_event_that_names_one_life_tells_whose_it_is(kind: type) -> None:
    names = [each.name for each in fields(kind)]
    event: Event = object.__new__(kind)
    for name in names:
        object.__setattr__(event, name, "x")
    if "delivery" in names:
        assert whose(event) == Subject.delivery("x")
    elif "batch" in names:
        assert whose(event) == Subject.package("x")
    elif "slot" in names and kind not in TOLD_OF_SLOTS:
        assert whose(event) == Subject.probe("x")
    else:
        assert whose(event) is None


def test_the_events_of_each_life_are_those_that_its_table_knows() -> None:
    several = {e.Retried, e.Split, e.Regrouped}
    assert {kind for _, kind in PACKAGE_MOVES} - several == set(get_args(e.PackageEvent))
    assert {kind for _, kind in DELIVERY_MOVES} - several == set(get_args(e.DeliveryEvent))
