"""A finish is killed at random instants over a real socket, and given again until every change is done, once."""

from pathlib import Path

import pytest

from tests.chaos.finishing import night


def test_a_killed_finish_does_each_change_once_when_it_is_given_again(tmp_path: Path) -> None:
    assert night(1, tmp_path, 3) >= 1


@pytest.mark.chaos
@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_a_hundred_kills_of_a_finish_change_nothing_of_its_end(tmp_path: Path) -> None:
    kills = seed = 0
    while kills < 100:
        seed += 1
        folder = tmp_path / str(seed)
        folder.mkdir()
        kills += night(seed, folder)
