"""A run that is finished, and whose finish is taken back, through faults, kills and people, keeps every promise."""

import gc

import pytest

from tests.simulation.finishing import finish_night
from tests.simulation.scenarios import vault_root
from tests.simulation.worlds import scenario

# A killed incarnation leaves everything open, as kill -9 does.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

#: nights in `make test`; `make proof` lives through the rest
SEEDS, PROVED = 60, 500
CHUNK = 20


def nights(first: int) -> None:
    failed = []
    for seed in range(first, first + CHUNK):
        try:
            with vault_root() as root:
                finish_night(scenario(seed), root)
        except Exception as error:  # noqa: BLE001 - every seed is told, not only the first
            failed.append(f"seed {seed}: {error!r}")
    gc.collect()
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
@pytest.mark.timeout(900)
def test_every_promise_holds_where_a_run_is_finished(first: int) -> None:
    nights(first)


@pytest.mark.proof
@pytest.mark.parametrize("first", range(SEEDS, PROVED, CHUNK))
@pytest.mark.timeout(900)
def test_every_promise_holds_in_more_nights(first: int) -> None:
    nights(first)
