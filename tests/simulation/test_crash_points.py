"""A small plan is killed at each journal write and each remote call, one by one; the end is always the same."""

import gc

import pytest

from tests.simulation.points import end_of, small_plan
from tests.simulation.scenarios import live, vault_root
from tests.simulation.working_hours import DUSK

# A killed incarnation leaves everything open, as kill -9 does.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

#: crash points of the small plan that one test takes
CHUNK = 12
#: more than the small plan has, which a test checks
MOST = 120


def test_the_small_plan_has_fewer_crash_points_than_are_tried() -> None:
    with vault_root() as root:
        night = live(small_plan(0, power=False), root)
    assert 40 < night.points < MOST
    assert night.seconds < 400, DUSK


@pytest.mark.parametrize("power", [False, True], ids=["kill", "power cut"])
@pytest.mark.parametrize("first", range(1, MOST, CHUNK))
@pytest.mark.timeout(600)
def test_a_crash_at_any_point_changes_nothing_of_the_end(first: int, power: bool) -> None:
    with vault_root() as root:
        expected = end_of(live(small_plan(0, power=False), root))
    for point in range(first, first + CHUNK):
        with vault_root() as root:
            assert end_of(live(small_plan(point, power=power), root)) == expected, f"crash point {point}"
    gc.collect()  # what a killed incarnation left open is found here, where that is expected, and in no other test
