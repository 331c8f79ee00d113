"""Every wait is a value within its bounds, spread by the draw."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.backoff import busy_wait, outage_wait

DRAWS = st.floats(0.0, 1.0, exclude_max=True)


@given(st.integers(1, 10_000), DRAWS)
def test_waits_for_a_slot_or_a_service_are_bounded_and_grow(times: int, draw: float) -> None:
    assert 1.0 <= busy_wait(times, draw) <= 37.5
    assert 0.75 <= outage_wait(times, draw) <= 18.75
    assert busy_wait(times, draw) <= busy_wait(times + 1, draw)
    assert outage_wait(times, draw) <= outage_wait(times + 1, draw)


@pytest.mark.parametrize("wait", [busy_wait, outage_wait])
def test_two_who_wait_do_not_fall_into_step(wait: "type[object]") -> None:
    assert wait(3, 0.0) < wait(3, 0.9)  # type: ignore[call-arg, operator] # both are functions of (times, draw)
