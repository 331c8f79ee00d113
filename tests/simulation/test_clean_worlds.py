"""Where preflight is clean and nothing is made to go wrong, the run succeeds at the first try."""

from dataclasses import replace

import pytest

from orchestrator.errors import PreflightBlocked
from tests.simulation.scenarios import live, vault_root
from tests.simulation.working_hours import WorkingHours, unbound
from tests.simulation.worlds import Scenario, scenario

SEEDS = 120
CHUNK = 20


def _untroubled(seed: int) -> Scenario:
    drawn = scenario(seed)
    world = replace(drawn.world, faults=())
    return replace(drawn, world=world, plan=unbound(drawn.plan), poison=frozenset(), kills=(), hours=WorkingHours())


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_a_clean_preview_is_kept_by_the_run(first: int) -> None:
    clean = 0
    for seed in range(first, first + CHUNK):
        try:
            with vault_root() as root:
                night = live(_untroubled(seed), root)
        except PreflightBlocked:
            continue
        assert night.codes == ["0"], f"seed {seed}: {night.codes}"
        clean += 1
    assert clean > CHUNK // 2, "hardly a world was clean"
