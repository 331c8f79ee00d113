"""An undo waits no longer than its settings say, whatever the service asks for (promise 9)."""

from dataclasses import replace

import anyio
import pytest

from orchestrator.core.plan.plan import Scope
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.operations import Operation
from orchestrator.engine.change_run import Carried
from orchestrator.engine.undo_run import UndoWish, undo_run
from orchestrator.errors import ExitCode
from tests.engine.rig import QUICK, EngineRig, plan_for, staged, world

SHORT = replace(QUICK, outage_timeout=20.0, busy_timeout=20.0, job_timeout=20.0, settle_quiet=5.0)


def undone(fault: Rule) -> tuple[Carried, float]:
    """A run that went well and its undo, which meets this fault; how long the undo took."""
    held = world(2)

    async def act(rig: EngineRig) -> tuple[Carried, float]:
        assert (await rig.run()).outcome.code is ExitCode.DONE
        rig.api.strikes.add(fault)
        began = anyio.current_time()
        with anyio.fail_after(86_400.0):
            ended = await undo_run(rig.runs(), next(iter(rig.records)), UndoWish())
        return ended, anyio.current_time() - began

    _, (ended, took) = staged(held, act, plan_for(held, SHORT))
    return ended, took


@pytest.mark.parametrize("asked", [3.0, 300.0, 86_000.0])
def test_a_deletion_that_is_throttled_for_ever_ends_as_an_outage_that_says_so(asked: float) -> None:
    ended, took = undone(Rule(Kind.THROTTLED_RETRY_AFTER, frozenset({Operation.DELETE}), times=0, seconds=asked))
    assert ended.code is ExitCode.UNREACHABLE
    (end,) = ended.ends.values()
    assert "refused as one too many for " in end.sentence
    assert "outage_timeout" in end.sentence
    assert took <= 60.0


def test_somebody_elses_job_is_waited_for_until_busy_timeout_and_no_longer() -> None:
    ended, took = undone(Rule(Kind.BUSY_FOREIGN_JOB, frozenset({Operation.DELETE}), times=0, seconds=86_000.0))
    assert ended.code is ExitCode.NOT_FINISHED
    assert "busy_timeout" in next(iter(ended.ends.values())).sentence
    assert took <= 60.0


def test_two_targets_in_one_slot_are_asked_one_after_the_other_also_where_the_first_goes_no_further() -> None:
    held = world(2, targets=("north", "south"))

    async def act(rig: EngineRig) -> tuple[Carried, int, Carried, int]:
        assert (await rig.run()).outcome.code is ExitCode.DONE
        rig.api.strikes.add(Rule(Kind.JOB_RUNS_FOREVER, frozenset({Operation.DELETE}), times=1))
        run = next(iter(rig.records))
        first = await undo_run(rig.runs(), run, UndoWish())
        asked = rig.api.requests[Operation.DELETE]
        resumed = await undo_run(rig.runs(), run, UndoWish())
        again = rig.api.requests[Operation.DELETE]
        rig.api.service.end_jobs()
        assert (await undo_run(rig.runs(), run, UndoWish())).code is ExitCode.DONE
        return first, asked, resumed, again

    settings = replace(SHORT, one_job_per=Scope.USER)
    _, (first, asked, resumed, again) = staged(held, act, plan_for(held, settings))
    for undo in (first, resumed):
        assert undo.code is ExitCode.NOT_FINISHED
        assert "job_timeout" in undo.ends["north"].sentence
        assert "is not known to be free: north went no further" in undo.ends["south"].sentence
    assert (asked, again) == (1, 1), "nothing is asked for in a slot whose job may still run (promise 2)"
