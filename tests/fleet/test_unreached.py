"""What a worker could not reach: whom it is left to, and for how long."""

from dataclasses import replace

import pytest

from orchestrator.core.state.submissions import ComponentState, SubmittedComponent, Worker
from orchestrator.fleet.unreached import LEFT_TO_OTHERS, Unreached, others_for

TTL = 20.0
ME = Worker("me", "host", 1, "north", "1.0")
OTHER = replace(ME, id="other", pid=2)
ONE = SubmittedComponent("s.1", "s", "plan", ("m",), "north", (), code=9, not_before=1060.0)


def test_what_could_not_be_reached_is_left_to_others_for_a_while_after_its_moment() -> None:
    unreached = Unreached()
    unreached.left(ONE, 1000.0)
    assert unreached.gave_up(ONE.id, 1060.0 + LEFT_TO_OTHERS - 1)
    assert not unreached.gave_up(ONE.id, 1060.0 + LEFT_TO_OTHERS)
    assert not unreached.gave_up("s.2", 1060.0)


@pytest.mark.parametrize("after", [
    replace(ONE, code=8), replace(ONE, code=0, state=ComponentState.DONE), replace(ONE, state=ComponentState.PARKED),
])  # fmt: skip
def test_another_end_of_it_is_no_reason(after: SubmittedComponent) -> None:
    unreached = Unreached()
    unreached.left(ONE, 1000.0)
    unreached.left(after, 1070.0)
    assert not unreached.gave_up(ONE.id, 1070.0)


def test_what_is_left_of_one_component_says_nothing_of_another() -> None:
    unreached = Unreached()
    unreached.left(ONE, 1000.0)
    unreached.left(replace(ONE, id="s.2", code=0, state=ComponentState.DONE), 1070.0)
    assert unreached.gave_up(ONE.id, 1070.0)


@pytest.mark.parametrize(("other", "takes_it"), [
    (OTHER, True), (ME, False), (replace(OTHER, group="south"), False), (replace(OTHER, draining=True), False),
    (replace(OTHER, unseen=TTL), False),
])  # fmt: skip
def test_it_is_left_to_a_worker_of_its_group_that_lives(other: Worker, takes_it: bool) -> None:
    assert bool(others_for(ONE, ME, [other], TTL)) is takes_it


def test_what_names_no_group_is_left_to_any_other_worker() -> None:
    assert others_for(replace(ONE, group=""), ME, [replace(OTHER, group="south")], TTL)
