"""A few random kills of real processes; `make chaos` does two hundred."""

import pytest

from tests.chaos.__main__ import PER_NIGHT, chaos
from tests.chaos.nights import night


@pytest.mark.parametrize("seed", [1, 2])
def test_a_few_kills_lose_nothing_double_nothing_and_leave_no_orphan(seed: int) -> None:
    tally = night(seed, 3)
    assert not tally.failed, tally.failed[0][1]
    assert tally.kills.total() >= 1


@pytest.mark.chaos
@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_two_hundred_kills_lose_nothing_double_nothing_and_leave_no_orphan() -> None:
    tally = chaos(200, seed=1000, workers=2)
    assert not tally.failed, f"python -m tests.chaos {PER_NIGHT} --seed {tally.failed[0][0]}: {tally.failed[0][1]}"
    assert tally.kills.total() >= 200
