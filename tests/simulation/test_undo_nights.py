"""A run taken back at a random point, through faults, kills and a person's changes, keeps every promise."""

import gc
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.emulator.world.options import Switches
from tests.simulation.points import small_plan
from tests.simulation.scenarios import Night, broken_nights, vault_root
from tests.simulation.undoing import over_existing, undo_night
from tests.simulation.worlds import Kill, Scenario, scenario

# A killed incarnation leaves everything open, as kill -9 does.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

#: nights in `make test`; `make proof` lives through the rest
SEEDS, PROVED = 120, 500
CHUNK = 20
#: more crash points than the undo of the small plan has, which a test checks
MOST = 72


def nights(first: int, made: Callable[[Scenario], Scenario] = lambda drawn: drawn) -> None:
    broken = broken_nights(lambda drawn, root: undo_night(made(drawn), root), range(first, first + CHUNK))
    gc.collect()
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
@pytest.mark.timeout(600)
def test_every_promise_holds_where_a_run_is_taken_back(first: int) -> None:
    nights(first)


@pytest.mark.proof
@pytest.mark.parametrize("first", range(SEEDS, PROVED, CHUNK))
@pytest.mark.timeout(600)
def test_every_promise_holds_in_more_nights(first: int) -> None:
    nights(first)


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
@pytest.mark.timeout(900)
def test_what_a_merge_overwrote_is_as_before(first: int) -> None:
    nights(first, over_existing)


@pytest.mark.proof
@pytest.mark.parametrize("first", range(SEEDS, PROVED, CHUNK))
@pytest.mark.timeout(900)
def test_what_a_merge_overwrote_is_as_before_in_more_nights(first: int) -> None:
    nights(first, over_existing)


@pytest.mark.parametrize(
    ("seed", "made"),
    [
        # a job that never ends, and so ended only when every fault had
        (151, scenario), (278, scenario),
        # a person's change while no process lived, between a lost import and its discovery
        (293, scenario), (491, lambda seed: over_existing(scenario(seed))),
        # two targets in one slot, and a kill while the job of one of them ran
        (303, scenario),
    ],
)  # fmt: skip
def test_nights_that_once_broke_a_promise_keep_it(seed: int, made: Callable[[int], Scenario]) -> None:
    with vault_root() as root:
        undo_night(made(seed), root)
    gc.collect()


def undone(root: Path, point: int, *, power: bool = False, over: bool = False) -> Night:
    """The small plan, run to its end and taken back; the undo is killed at one point."""
    kills = (Kill(point=point, power=power),) if point else ()
    plan = small_plan(0, power=False)
    return undo_night(over_existing(plan) if over else plan, root, kills)


@pytest.mark.parametrize("over", [False, True], ids=["created", "overwritten"])
def test_the_undo_of_the_small_plan_has_fewer_crash_points_than_are_tried(over: bool) -> None:
    with vault_root() as root:
        night = undone(root, MOST, over=over)
    assert "undo killed" not in night.codes
    assert night.codes[-1] == "undo 0"
    assert over == any("restore-" in line for line in night.trace.splitlines())


@pytest.mark.parametrize("over", [False, True], ids=["created", "overwritten"])
@pytest.mark.parametrize("power", [False, True], ids=["kill", "power cut"])
@pytest.mark.parametrize("first", range(1, MOST, 12))
@pytest.mark.timeout(600)
def test_a_crash_at_any_point_of_an_undo_changes_nothing_of_its_end(first: int, power: bool, over: bool) -> None:
    for point in range(first, first + 12):
        with vault_root() as root:
            night = undone(root, point, power=power, over=over)
        assert night.codes[-1] == "undo 0", f"crash point {point}: {night.codes}"
        removed = [each.id for each in night.service.ledger.removed]
        assert len(removed) == len(set(removed)), f"crash point {point}: removed twice"
    gc.collect()


def test_the_worlds_show_late_what_was_removed() -> None:
    """Else an undo that trusts an answer would not be noticed."""
    assert any(scenario(seed).world.switches.read_lag_seconds > Switches().read_lag_seconds for seed in range(SEEDS))
