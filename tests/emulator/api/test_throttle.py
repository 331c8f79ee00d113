"""The gateway's limit of one user's writes (API 3.4, 4)."""

import pytest

from orchestrator.emulator.api.throttle import Throttle
from orchestrator.emulator.protocol.errors import Refusal, refused_reply
from orchestrator.emulator.world.options import Switches


def passes(throttle: Throttle, user: str, now: float) -> bool:
    try:
        throttle.admit(user, now)
    except Refusal:
        return False
    return True


def test_a_burst_passes_then_as_many_as_the_limit_for_each_user_by_itself() -> None:
    throttle = Throttle(Switches(writes_per_second=0.5, writes_at_once=2))
    assert [passes(throttle, "a", 0.0) for _ in range(3)] == [True, True, False]
    assert passes(throttle, "b", 0.0)
    assert [passes(throttle, "a", at) for at in (1.0, 2.0, 3.0, 4.0)] == [False, True, False, True]
    assert [passes(throttle, "a", 100.0) for _ in range(3)] == [True, True, False]


def test_without_a_limit_everything_passes() -> None:
    throttle = Throttle(Switches())
    assert all(passes(throttle, "a", 0.0) for _ in range(1000))


def test_it_refuses_in_the_form_that_was_seen_and_says_when_to_come_back_if_it_shall() -> None:
    for seconds, told in ((0.0, None), (7.0, "7")):
        throttle = Throttle(Switches(writes_per_second=0.1, writes_at_once=1, throttle_retry_after_seconds=seconds))
        throttle.admit("a", 0.0)
        with pytest.raises(Refusal) as refused:
            throttle.admit("a", 1.0)
        reply = refused_reply(refused.value, "r1", 400)
        assert (reply.status, reply.headers.get("retry-after")) == (429, told)
        assert b"APIGW.0308" in bytes(reply.body)
