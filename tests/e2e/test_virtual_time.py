"""What takes too long over a real socket, shown with the default settings in virtual time."""

from dataclasses import replace

import pytest

from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import AddNewOnExisting, AppKey
from tests.emulator.ledgers import created, twice
from tests.simulation.points import small_plan
from tests.simulation.scenarios import Night, live, vault_root

# What a night leaves open is closed by nobody, as in the simulation's own tests.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
SHOWS_DOUBLES = Switches(add_new_on_existing=AddNewOnExisting.SUFFIX, app_key=AppKey.NEW)


def _night(seed: int, *rules: Rule, switches: Switches = SHOWS_DOUBLES) -> Night:
    scenario = small_plan(0, power=False)
    settings = replace(scenario.plan.settings, reads_per_second=5.0, writes_per_second=0.17)
    world = replace(scenario.world, faults=rules, switches=switches)
    with vault_root() as root:
        return live(replace(scenario, seed=seed, world=world, plan=replace(scenario.plan, settings=settings)), root)


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("operation", [Operation.IMPORT, Operation.EXPORT])
@pytest.mark.parametrize("seed", range(5))
def test_a_request_executed_up_to_30_s_after_its_caller_gave_up_is_not_doubled(
    seed: int, operation: Operation, nth: int
) -> None:
    night = _night(seed, Rule(Kind.LATE_EXECUTION, frozenset({operation}), nth=nth, seconds=30.0))
    assert night.codes == ["0"]
    assert night.api.strikes.counts[Kind.LATE_EXECUTION] == 1
    assert any(call.late for call in night.service.ledger.calls)
    assert twice(night.service.ledger, "prod") == {}
    landed = [one for one in created(night.service.ledger, "prod") if one.kind != "datasource"]
    assert len(landed) == 15
    imports = [call for call in night.service.ledger.calls if call.operation == "import" and call.outcome == "accepted"]
    assert len(imports) == 2


@pytest.mark.parametrize("seed", range(3))
def test_a_caller_that_gave_up_on_a_silent_service_is_not_doubled_either(seed: int) -> None:
    """The request hangs until its time is over, and is executed within 30 s of having been sent."""
    switches = replace(SHOWS_DOUBLES, late_execution_seconds=30.0)
    rule = Rule(Kind.HANG_NOT_EXECUTED, frozenset({Operation.IMPORT}))
    night = _night(seed, rule, switches=switches)
    assert night.codes == ["0"]
    assert twice(night.service.ledger, "prod") == {}
    assert sum(call.operation == "import" for call in night.service.ledger.calls) == 2


def test_an_outage_of_20_seconds_is_told_of_once() -> None:
    night = _night(1, Rule(Kind.OUTAGE, after=40.0, until=60.0))
    assert night.codes == ["0"]
    assert night.trace.count(" OutageBegan ") <= 1
    assert night.trace.count(" OutageBegan ") == night.trace.count(" OutageEnded ")
