"""Rot between two lives is found wherever it strikes, what a power cut may take is not, and the night goes on."""

import random
from copy import deepcopy
from dataclasses import replace

import pytest

from orchestrator.errors import JournalDamaged
from tests.simulation.memory import Record, entries_of
from tests.simulation.points import small_plan
from tests.simulation.rot import flipped, may_not_be_lost
from tests.simulation.scenarios import dusk, incarnation, live, vault_root
from tests.simulation.worlds import scenario

# A killed incarnation leaves everything open, as kill -9 does.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

#: a crash point of the small plan that leaves entries behind the last forced one
POINT = 50
#: a seed whose journal rots
ROTTEN = 50


@pytest.fixture(scope="module", params=[False, True], ids=["kill", "power cut"])
def power(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(scope="module")
def dead(power: bool) -> Record:
    """The journal of a run whose process has died."""
    scenario = small_plan(POINT, power=power)
    night, clock = dusk(scenario)
    with vault_root() as root:
        code, _ = incarnation(night, root, clock, scenario.kills[0], 0)
    assert code == "killed"
    return next(iter(night.records.values()))


def test_a_death_alone_is_no_rot(dead: Record) -> None:
    assert len(list(entries_of(dead))) == len(dead.rows) > 10


def test_an_end_that_is_lost_behind_any_entry_is_missed(dead: Record, power: bool) -> None:
    lengths = may_not_be_lost(dead, power=power)
    assert len(lengths) > 5
    for length in lengths:
        cut = deepcopy(dead)
        del cut.rows[length:]
        with pytest.raises(JournalDamaged, match="the journal ends at entry"):
            list(entries_of(cut))


@pytest.mark.parametrize("field", ["seq", "at", "kind", "body", "chain"])
def test_a_bit_that_flips_in_any_entry_is_found(dead: Record, field: str) -> None:
    draw = random.Random(4)
    for place, row in enumerate(dead.rows):
        rotten = replace(dead, rows=[*dead.rows[:place], flipped(row, field, draw), *dead.rows[place + 1 :]])
        with pytest.raises(JournalDamaged, match="not what was written"):
            list(entries_of(rotten))


def test_a_night_goes_on_once_its_operator_has_restored_what_rotted() -> None:
    with vault_root() as root:
        night = live(scenario(ROTTEN), root)
    assert night.codes == ["killed", "7", "1"]


def test_a_power_cut_may_take_each_place_of_the_heads_back_to_what_was_forced(dead: Record, power: bool) -> None:
    if not power:
        return
    for places in ((False, False), (False, True), (True, False), (True, True)):
        cut = deepcopy(dead)
        cut.lose_power(dead.forced, places)
        assert len(list(entries_of(cut))) == dead.forced
