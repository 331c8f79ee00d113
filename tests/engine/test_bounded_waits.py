"""Every wait has a deadline and every retry a bound: services that throttle, hang, lie or redirect (promise 9)."""

from dataclasses import replace

import anyio
import pytest

from orchestrator.core.plan.plan import Scope, Settings
from orchestrator.core.report.outcome import AssetClass
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Duration, Durations, Switches
from orchestrator.emulator.world.readings import AddNewOnExisting, Landing, LockScope
from orchestrator.engine.runs import Ended
from orchestrator.errors import ExitCode
from orchestrator.roma.contact import LEAST_WAIT
from tests.emulator.ledgers import twice
from tests.engine.rig import QUICK, EngineRig, plan_for, staged, world

SHORT = replace(
    QUICK, outage_timeout=20.0, busy_timeout=20.0, job_timeout=20.0, settle_quiet=5.0, settle_wait=20.0,
)  # fmt: skip
APART = Switches(lock_scope=LockScope.USER_INSTANCE_ANY)


async def timed(rig: EngineRig) -> tuple[Ended, float]:
    began = anyio.current_time()
    ended = await rig.run()
    return ended, anyio.current_time() - began


def bounded(
    *faults: Rule, settings: Settings = SHORT, targets: tuple[str, ...] = ("prod",)
) -> tuple[Ended, float, EngineRig]:
    """A run against a service with these faults; a simulated day is long enough for any of them to end."""
    held = world(2, faults=faults, targets=targets, switches=APART)

    async def act(rig: EngineRig) -> tuple[Ended, float]:
        with anyio.fail_after(86_400.0):
            return await timed(rig)

    rig, (ended, took) = staged(held, act, plan_for(held, settings))
    return ended, took, rig


def forever(kind: Kind, *operations: Operation, nth: int = 1, instance: str = "", seconds: float = -1.0) -> Rule:
    return Rule(kind, frozenset(operations), instance=instance, nth=nth, times=0, seconds=seconds)


# --- throttled for ever ---


@pytest.mark.parametrize("asked", [-1.0, 3.0, 300.0])
@pytest.mark.parametrize("operation", [Operation.EXPORT, Operation.IMPORT, Operation.ARCHIVE])
def test_requests_that_are_throttled_for_ever_end_as_an_outage_that_says_so(operation: Operation, asked: float) -> None:
    kind = Kind.THROTTLED if asked < 0 else Kind.THROTTLED_RETRY_AFTER
    ended, took, rig = bounded(forever(kind, operation, seconds=asked))
    assert ended.outcome.code is ExitCode.UNREACHABLE
    (why,) = ended.outcome.whys
    assert "refused as one too many for " in why.sentence
    assert "outage_timeout" in why.sentence
    assert took <= 120.0
    assert not twice(rig.service.ledger, "prod")


@pytest.mark.parametrize(
    ("operation", "nth", "code"),
    [
        (Operation.APPS, 3, ExitCode.UNREACHABLE),
        (Operation.JOB, 1, ExitCode.UNREACHABLE),
        (Operation.JOB, 3, ExitCode.UNREACHABLE),
    ],
)
def test_reads_that_are_throttled_for_ever_end_as_an_outage_that_says_so(
    operation: Operation, nth: int, code: ExitCode
) -> None:
    ended, took, _ = bounded(forever(Kind.THROTTLED, operation, nth=nth))
    assert ended.outcome.code is code
    assert any("has refused every request as one too many for 2" in why.sentence for why in ended.outcome.whys)
    assert took <= 120.0


# --- accepts and never answers ---


@pytest.mark.parametrize("operation", [Operation.APPS, Operation.JOB])
def test_a_service_that_accepts_and_never_answers_ends_when_outage_timeout_is_over(operation: Operation) -> None:
    tens = replace(SHORT, outage_timeout=10.0)
    ended, took, rig = bounded(forever(Kind.HANG_NOT_EXECUTED, operation, nth=3), settings=tens)
    assert ended.outcome.code is ExitCode.UNREACHABLE
    (why,) = [each for each in ended.outcome.whys if each.code is ExitCode.UNREACHABLE]
    assert "has given no usable answer for 1" in why.sentence
    assert "OutageBegan" in rig.kinds()
    assert took <= 4.0 + 10.0 + 2 * LEAST_WAIT


def test_everything_hangs_at_once_and_the_run_still_ends() -> None:
    tens = replace(SHORT, outage_timeout=10.0)
    hangs = Rule(Kind.HANG_NOT_EXECUTED, times=0, after=1.5)
    ended, took, _ = bounded(hangs, settings=tens)
    assert ended.outcome.code is ExitCode.UNREACHABLE
    assert took <= 60.0


# --- redirected ---


def test_one_redirection_of_a_poll_is_asked_again() -> None:
    ended, _, rig = bounded(Rule(Kind.REDIRECTED, frozenset({Operation.JOB}), nth=2))
    assert ended.outcome.code is ExitCode.DONE
    assert len(rig.landed()) == 2


def test_a_redirection_for_ever_ends_as_what_it_is() -> None:
    ended, took, _ = bounded(forever(Kind.REDIRECTED, Operation.JOB, nth=2))
    assert ended.outcome.code is ExitCode.UNREACHABLE
    assert "a redirection, which is never followed" in ended.outcome.whys[0].sentence
    assert took <= 120.0


# --- lists that contradict themselves ---


@pytest.mark.parametrize("nth", [2, 3])
def test_a_target_whose_list_lies_stops_alone_and_only_after_it_was_waited_for(nth: int) -> None:
    apart = replace(SHORT, one_job_per=Scope.USER_INSTANCE)
    ended, took, rig = bounded(
        forever(Kind.WRONG_TOTAL, Operation.APPS, nth=nth, instance="prod"), settings=apart, targets=("prod", "dr")
    )
    assert ended.outcome.code is ExitCode.UNREACHABLE
    (why,) = [each for each in ended.outcome.whys if each.code is ExitCode.UNREACHABLE]
    assert "applications at prod: the service lists" in why.sentence
    assert 20.0 <= took <= 120.0
    assert len(rig.landed("dr")) == 2
    assert ended.outcome.counts[AssetClass.VERIFIED.value] == 2
    assert [event for event, _ in rig.said].count("list-disagrees") == 1


def test_a_list_that_lies_for_a_while_costs_only_that_while() -> None:
    lies = Rule(Kind.WRONG_TOTAL, frozenset({Operation.APPS}), instance="prod", nth=2, times=6)
    ended, _, rig = bounded(lies)
    assert ended.outcome.code is ExitCode.DONE
    assert len(rig.landed()) == 2


# --- a slot that stays taken ---


def test_a_slot_that_stays_taken_is_given_up_when_busy_timeout_is_over_and_says_when_to_come_back() -> None:
    taken = Rule(Kind.BUSY_FOREIGN_JOB, frozenset({Operation.EXPORT}), times=0, seconds=100_000.0)
    ended, _, rig = bounded(taken, settings=replace(QUICK, busy_timeout=30.0))
    assert ended.outcome.code is ExitCode.NOT_FINISHED
    assert "has held the slot" in ended.outcome.whys[0].sentence
    assert "for 30 s (busy_timeout)" in ended.outcome.whys[0].sentence
    assert ended.outcome.not_before > rig.entries[-1].at


def test_a_job_that_may_be_our_own_lost_import_is_not_called_somebody_elses() -> None:
    lost = Rule(Kind.RESET_AFTER_SEND, frozenset({Operation.IMPORT}))
    long = Durations(Duration(2.0), Duration(4000.0), Duration(1.0))
    held = world(4, faults=(lost,), durations=long)
    settings = replace(QUICK, busy_timeout=60.0, settle_quiet=5.0, batch_size=2)
    _, ended = staged(held, lambda rig: rig.run(), plan_for(held, settings, owners=("s",)))
    assert ended.outcome.code is ExitCode.NOT_FINISHED
    assert "our own lost import" in ended.outcome.whys[0].sentence
    assert "somebody else" not in ended.outcome.whys[0].sentence


# --- a service that shows late what landed ---


@pytest.mark.parametrize(("lag", "nth"), [(3.0, 1), (8.0, 2)])
def test_a_lost_import_that_is_shown_late_is_not_asked_for_again(lag: float, nth: int) -> None:
    """Later than a third of the quiet; and later than the quiet itself, where an earlier import has shown that."""
    lost = Rule(Kind.RESET_AFTER_SEND, frozenset({Operation.IMPORT}), nth=nth)
    late = Switches(
        read_lag_seconds=lag, add_new_on_existing=AddNewOnExisting.SUFFIX, lock_scope=LockScope.USER_ANY,
        landing=Landing.AT_END,
    )  # fmt: skip
    held = world(8, faults=(lost,), switches=late, durations=Durations(Duration(1.0), Duration(3.9), Duration(1.0)))
    settings = replace(QUICK, settle_quiet=4.0, settle_wait=60.0, batch_size=2)
    rig, ended = staged(held, lambda rig: rig.run(), plan_for(held, settings, owners=("s",)))
    assert ended.outcome.code is ExitCode.DONE
    assert not twice(rig.service.ledger, "prod")
    assert len(rig.landed()) == 8
