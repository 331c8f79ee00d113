"""A run that is finished, and whose finish is taken back, through faults, kills and people, keeps every promise."""

import gc
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.simulation.finishing import finish_night
from tests.simulation.scenarios import Night, broken_nights
from tests.simulation.whole_finish import whole_night
from tests.simulation.worlds import Scenario

# A killed incarnation leaves everything open, as kill -9 does.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

#: nights in `make test`; `make proof` lives through the rest
SEEDS, PROVED = 60, 500
#: the same of nights with every step
WHOLE, WHOLE_PROVED = 10, 500
CHUNK = 20
#: nights of one test in `make test`, so that a planted break is noticed soon
FEW = 5


def nights(first: int, lived: Callable[[Scenario, Path], Night] = finish_night, count: int = CHUNK) -> None:
    broken = broken_nights(lived, range(first, first + count))
    gc.collect()
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("first", range(0, SEEDS, FEW))
@pytest.mark.timeout(900)
def test_every_promise_holds_where_a_run_is_finished(first: int) -> None:
    nights(first, count=FEW)


@pytest.mark.proof
@pytest.mark.parametrize("first", range(SEEDS, PROVED, CHUNK))
@pytest.mark.timeout(900)
def test_every_promise_holds_in_more_nights(first: int) -> None:
    nights(first)


@pytest.mark.parametrize("first", range(0, WHOLE, FEW))
@pytest.mark.timeout(900)
def test_every_promise_holds_where_every_step_is_finished(first: int) -> None:
    nights(first, whole_night, FEW)


@pytest.mark.parametrize(
    "seed",
    [
        # somebody binds a policy just before us, and taking the API offline would have ended that
        49,
    ],
)  # fmt: skip
def test_nights_that_once_broke_a_promise_keep_it(seed: int) -> None:
    nights(seed, whole_night, 1)


@pytest.mark.proof
@pytest.mark.parametrize("first", range(WHOLE, WHOLE_PROVED, WHOLE))
@pytest.mark.timeout(900)
def test_every_promise_holds_in_more_nights_of_every_step(first: int) -> None:
    nights(first, whole_night, WHOLE)
