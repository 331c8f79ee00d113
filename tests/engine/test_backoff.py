"""Every wait is a value within its bounds, spread by the draw."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.backoff import outage_wait

DRAWS = st.floats(0.0, 1.0, exclude_max=True)


@given(st.integers(1, 10_000), DRAWS)
def test_waits_for_a_silent_service_are_bounded_and_grow(times: int, draw: float) -> None:
    assert 0.75 <= outage_wait(times, draw) <= 18.75
    assert outage_wait(times, draw) <= outage_wait(times + 1, draw)


def test_two_who_wait_do_not_fall_into_step() -> None:
    assert outage_wait(3, 0.0) < outage_wait(3, 0.9)
