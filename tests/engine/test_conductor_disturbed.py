"""The loop on a bad night: slow disks, slow reads, crowds of refusals, a crash in mid-request, errors all at once."""

from collections.abc import Callable
from dataclasses import replace

import anyio
import pytest

from orchestrator.core.plan.plan import Scope
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import LockScope
from orchestrator.engine.conductor import gravest
from orchestrator.engine.runs import Ended, Runs
from orchestrator.engine.runtime import Offload
from orchestrator.errors import (
    ExitCode,
    JournalDamaged,
    LeaseLost,
    MemoryFailed,
    RomaMigrateError,
    ServiceRefuses,
    ServiceUnreachable,
)
from tests.emulator.ledgers import twice
from tests.engine.rig import QUICK, EngineRig, plan_for, staged, world
from tests.simulation.virtual import inline
from tests.simulation.wiring import LATENCY

POSTS = frozenset({Operation.EXPORT, Operation.IMPORT})
APART = replace(QUICK, batch_size=2, one_job_per=Scope.USER_INSTANCE)


async def run(rig: EngineRig) -> Ended:
    return await rig.run()


def slow(seconds: float) -> Offload:
    """A disk on which everything takes so long."""

    async def offload(work, *given):  # type: ignore[no-untyped-def] # as generic as Offload itself
        await anyio.sleep(seconds)
        return work(*given)

    return offload


# --- slow disks and slow reads ---


@pytest.mark.parametrize("seconds", [0.3, 1.5])
def test_a_slow_disk_loses_no_answer(seconds: float) -> None:
    throttled = Rule(Kind.THROTTLED, POSTS, times=60, probability=0.6)
    held = world(24, 20, targets=("prod", "dr"), faults=(throttled,))
    rig, ended = staged(held, run, plan_for(held, APART), offload=slow(seconds))
    assert ended.outcome.code is ExitCode.DONE
    for target in ("prod", "dr"):
        assert len(rig.landed(target)) == 44
        assert not twice(rig.service.ledger, target)


@pytest.mark.parametrize("apps", [4, 8, 16])
def test_a_slow_disk_and_many_refusals_never_bring_the_loop_to_a_standstill(apps: int) -> None:
    throttled = Rule(Kind.THROTTLED, POSTS, times=20, probability=0.6)
    held = world(apps, targets=("prod", "dr"), faults=(throttled,))

    async def act(rig: EngineRig) -> Ended | None:
        with anyio.move_on_after(4000.0):
            return await rig.run()
        return None

    _, ended = staged(held, act, plan_for(held, APART), offload=slow(1.5))
    assert ended is not None
    assert ended.outcome.code is ExitCode.DONE


@pytest.mark.parametrize(("apps", "tasks", "rate"), [(6, 10, 0.005), (60, 900, 0.1)])
def test_reads_that_wait_for_their_rate_are_no_silence(apps: int, tasks: int, rate: float) -> None:
    held = world(apps, tasks)
    rig, ended = staged(held, run, plan_for(held, replace(QUICK, reads_per_second=rate)))
    assert ended.outcome.code is ExitCode.DONE
    assert "OutageBegan" not in rig.kinds()


# --- what is reserved, split and settled on the way ---


def test_refused_exports_reserve_no_space_for_ever() -> None:
    held = world(2, faults=(Rule(Kind.THROTTLED, frozenset({Operation.EXPORT}), times=20),))
    reserved: set[tuple[str, int]] = set()
    most: list[int] = []

    async def counting(work, *given):  # type: ignore[no-untyped-def] # as generic as Offload itself
        if work.__name__ == "reserve":
            reserved.add(given[:2])
        if work.__name__ == "release":
            reserved.discard(given[:2])
        most.append(len(reserved))
        return await inline(work, *given)

    rig, ended = staged(held, run, offload=counting)
    assert ended.outcome.code is ExitCode.DONE
    assert rig.kinds().count("ExportRefused") == 20
    assert (max(most), reserved) == (1, set())


def test_a_batch_that_is_too_large_three_times_over_arrives_in_parts() -> None:
    held = world(12, faults=(Rule(Kind.TOO_LARGE, frozenset({Operation.IMPORT}), count=3),))
    rig, ended = staged(held, run)
    assert ended.outcome.code is ExitCode.DONE
    assert len(rig.landed()) == 12


def test_throttling_does_not_add_up_with_a_job_that_was_not_created_to_a_failure() -> None:
    export = frozenset({Operation.EXPORT})
    faults = (Rule(Kind.THROTTLED, export, times=3), Rule(Kind.NOT_CREATED, export, nth=4, times=1))
    rig, ended = staged(world(4, faults=faults), run)
    assert rig.kinds().count("ExportRefused") == 4
    assert "Split" not in rig.kinds()
    assert ended.outcome.code is ExitCode.DONE


def test_a_crash_in_an_import_that_goes_on_at_the_service_is_settled_and_never_asked_again() -> None:
    long = Rule(Kind.SLOW_JOB, frozenset({Operation.IMPORT}), seconds=400.0)
    held = world(2, faults=(long,), switches=Switches(lock_scope=LockScope.USER_ANY))

    async def act(rig: EngineRig) -> tuple[Ended, list[e.Event]]:
        async def first() -> None:
            await rig.run()

        asked = anyio.Event()
        rig.sent = lambda request: asked.set() if "assets/import" in request else None
        async with anyio.create_task_group() as group:
            group.start_soon(first)
            await asked.wait()
            await anyio.sleep(1.5 * LATENCY)
            group.cancel_scope.cancel()
        assert [call.operation for call in rig.service.ledger.calls] == ["export", "import"]
        died = len(rig.entries)
        return await rig.run(), rig.events[died:]

    rig, (ended, after) = staged(held, act)
    assert ended.outcome.code is ExitCode.DONE
    assert not [event for event in after if isinstance(event, e.ImportMissing | e.ImportRequested)]
    assert len(rig.landed()) == 2


# --- signals ---


def stopped_at(kind: type) -> Callable[[Runs, Entry], None]:
    def hears(runs: Runs, entry: Entry) -> None:
        if isinstance(entry.event, kind) and runs.conductor is not None:
            runs.conductor.stop("SIGTERM")

    return hears


def test_a_signal_that_comes_with_the_last_answer_ends_the_run_as_if_there_had_been_none() -> None:
    rig, ended = staged(world(2), run, hears=stopped_at(e.Verified))
    assert ended.outcome.code is ExitCode.DONE
    assert "RunEnded" in rig.kinds()


def test_a_signal_leaves_within_seconds_although_a_request_hangs() -> None:
    hangs = Rule(Kind.HANG_EXECUTED, frozenset({Operation.IMPORT}))

    async def act(rig: EngineRig) -> float:
        await rig.run()
        (asked,) = [entry.at for entry in rig.entries if isinstance(entry.event, e.ImportRequested)]
        return rig.now() - asked

    rig, took = staged(world(2, faults=(hangs,)), act, hears=stopped_at(e.ImportRequested))
    assert took <= 15.0
    assert "ImportAnswerLost" in rig.kinds(), "it is unsure, not forgotten"


# --- errors ---


def test_an_error_comes_as_it_is_and_not_as_a_group() -> None:
    writes: list[str] = []

    async def failing(work, *given):  # type: ignore[no-untyped-def] # as generic as Offload itself
        if work.__name__ == "append":
            writes.append("append")
            if len(writes) == 3:
                raise LeaseLost("another process has taken over")
        return await inline(work, *given)

    with pytest.raises(LeaseLost, match="taken over"):
        staged(world(2), run, offload=failing)


@pytest.mark.parametrize(
    ("problems", "gravest_of_them"),
    [
        ((ServiceRefuses("no"), MemoryFailed("full")), MemoryFailed),
        ((ServiceUnreachable("away"), ServiceRefuses("no")), ServiceRefuses),
        ((ValueError("a defect"), JournalDamaged("torn")), JournalDamaged),
        ((ServiceUnreachable("away"), LeaseLost("taken")), LeaseLost),
        ((ServiceRefuses("no"), ValueError("a defect")), ValueError),
        ((ValueError("a defect"), KeyError("another")), ValueError),
        ((RomaMigrateError("stalled"), ServiceRefuses("no")), RomaMigrateError),
    ],
)
def test_of_several_errors_the_one_that_decides_the_exit_code_is_raised(
    problems: tuple[Exception, ...], gravest_of_them: type[Exception]
) -> None:
    first, *rest = problems
    nested = BaseExceptionGroup("outer", [first, BaseExceptionGroup("inner", rest)])
    assert type(gravest(nested)) is gravest_of_them
