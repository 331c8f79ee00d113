"""Somebody else's job in our slot: tried again where its end is likely, at few refused requests."""

import random

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.foreign_jobs import LONGEST, SHORTEST, SPREAD, TRIES, ForeignJobs


def waited(foreign: ForeignJobs, begins: float, seconds: float) -> tuple[int, float]:
    """(refused requests, seconds from its end to our request) of one such job, met as soon as it had begun."""
    foreign.left("t@prod", begins)
    now, refused = begins, 0
    while now < begins + seconds:
        now, refused = now + foreign.refused("t@prod", now, 0.5), refused + 1
    foreign.accepted("t@prod", now)
    return refused, now - begins - seconds


def test_what_their_jobs_took_is_learned_and_saves_time_and_requests() -> None:
    foreign, draw = ForeignJobs(), random.Random(1)
    met = [waited(foreign, 1000.0 * number, 120 * draw.lognormvariate(0, 0.2)) for number in range(20)]
    known = met[8:]
    assert sum(late for _, late in known) / len(known) < 6.0
    assert sum(refused for refused, _ in known) / len(known) < TRIES + 2.0


def test_slots_are_learned_apart() -> None:
    foreign = ForeignJobs()
    for number in range(6):
        waited(foreign, 1000.0 * number, 50.0)
    assert foreign.refused("t@other", 7000.0, 0.5) < foreign.refused("t@prod", 7000.0, 0.5)


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1, exclude_max=True))
def test_every_wait_is_bounded(left: float, later: float, draw: float) -> None:
    foreign = ForeignJobs()
    foreign.left("t@prod", left)
    for again in range(3):
        wait = foreign.refused("t@prod", left + later + 100.0 * again, draw)
        assert (1.0 - SPREAD) * SHORTEST <= wait <= (1.0 + SPREAD) * LONGEST


def test_two_who_wait_do_not_fall_into_step() -> None:
    assert ForeignJobs().refused("t@prod", 0.0, 0.0) < ForeignJobs().refused("t@prod", 0.0, 0.9)
