"""A plan with every kind of change is killed at each journal write and each request; each change is done once."""

import gc

import pytest

from orchestrator.core.finish.kinds import KINDS
from tests.simulation.finish_points import End, killed_at
from tests.simulation.scenarios import vault_root

# A killed incarnation leaves everything open, as kill -9 does.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

#: kinds that only an undo asks for
BACK = {
    "remove-entry", "empty-connection", "renew-secret", "delete-app-code", "remove-group", "remove-api",
    "take-offline", "remove-environment", "remove-policy", "unbind-policy", "cancel-authorisation",
    "remove-topic", "remove-product",
}  # fmt: skip
#: more than either command has, which a test checks
MOST = 600
#: crash points that one test takes
CHUNK = 50
#: every n-th of them in `make test`; `make proof` takes each
STRIDE = 60


def end_of(point: int, *, undo: bool) -> End:
    with vault_root() as root:
        return killed_at(point, root, undo=undo)


def dies(points: range, *, undo: bool) -> None:
    expected = end_of(0, undo=undo)
    for point in points:
        if point <= expected.points:
            assert end_of(point, undo=undo).same == expected.same, f"crash point {point}"
    gc.collect()


def test_the_plan_has_every_kind_and_fewer_crash_points_than_are_tried() -> None:
    whole = end_of(0, undo=False)
    assert set(whole.kinds) == KINDS.keys() - BACK
    assert 100 < whole.points < MOST
    assert end_of(0, undo=True).points < MOST


@pytest.mark.parametrize("undo", [False, True], ids=["finish", "undo"])
@pytest.mark.timeout(600)
def test_a_crash_changes_nothing_of_the_end(undo: bool) -> None:
    dies(range(7, MOST, STRIDE), undo=undo)


@pytest.mark.proof
@pytest.mark.parametrize("undo", [False, True], ids=["finish", "undo"])
@pytest.mark.parametrize("first", range(1, MOST, CHUNK))
@pytest.mark.timeout(1800)
def test_a_crash_at_any_point_changes_nothing_of_the_end(first: int, undo: bool) -> None:
    dies(range(first, first + CHUNK), undo=undo)
