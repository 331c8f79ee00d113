"""Worlds made so that one promise is at stake; the journal is judged by the folds, the far side by its own ledger.

`breaks.yaml` names these tests for breaks that random nights would meet too rarely.
"""

from dataclasses import replace

import pytest

from orchestrator.core.plan.plan import Plan, Scope, Settings
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Duration, Durations, Switches
from orchestrator.emulator.world.readings import AddNewOnExisting, LockScope, Visibility
from orchestrator.emulator.world.world import Quotas, World
from orchestrator.engine.runs import Ended, Runs
from orchestrator.errors import ExitCode
from tests.builders.runs import DAWN
from tests.emulator.ledgers import twice
from tests.engine.rig import QUICK, USERS, EngineRig, plan_for, staged, world
from tests.simulation.invariants import MOST_AHEAD, POLLING, Journal

IMPORTS = frozenset({Operation.IMPORT})
#: executed 30 s after its caller gave up
LATE = Rule(Kind.LATE_EXECUTION, IMPORTS, seconds=30.0)
LASTING = 400.0


async def run(rig: EngineRig) -> Ended:
    return await rig.run()


def lived(held: World, settings: Settings, **more: object) -> tuple[EngineRig, Ended]:
    """Run to the end; every fold holds over the journal, and nothing is at the target twice."""
    plan = plan_for(held, settings, **more)  # type: ignore[arg-type] # passed on as given
    rig, ended = staged(held, run, plan)
    judged(rig, plan)
    return rig, ended


def judged(rig: EngineRig, plan: Plan) -> None:
    users = {name: f"acme/{name}" for name in plan.credentials}
    Journal(plan, users).again(rig.entries)
    for target in ("prod", "dr"):
        assert not twice(rig.service.ledger, target)


def when(rig: EngineRig, kind: type[e.Event]) -> list[float]:
    return [entry.at for entry in rig.entries if isinstance(entry.event, kind)]


# --- promise 3: what was lost is settled by quiet, proof, look and decision ---


def test_a_late_request_is_settled_by_another_job_in_its_slot_and_never_doubled() -> None:
    rig, ended = lived(world(6, faults=(LATE,)), replace(QUICK, batch_size=3))
    assert ended.outcome.code is ExitCode.DONE
    (lost,), (found,) = when(rig, e.ImportAnswerLost), when(rig, e.ImportFound)
    assert found - lost >= Settings().settle_quiet
    assert len(rig.landed()) == 6


def test_where_no_other_import_waits_a_probe_asks_for_a_word_time_decides_and_it_is_never_downloaded() -> None:
    missed = Rule(Kind.RESET_AFTER_SEND_NOT_EXECUTED, IMPORTS, nth=2)
    rig, ended = lived(world(6, faults=(missed,)), replace(QUICK, batch_size=3, one_job_per=Scope.USER))
    assert ended.outcome.code is ExitCode.DONE
    assert {"ProbeAccepted", "ProbeEnded", "ImportMissing"} <= set(rig.kinds())
    (accepted,), (missing,) = when(rig, e.ProbeAccepted), when(rig, e.ImportMissing)
    assert missing - accepted > QUICK.settle_wait - 1.0
    told = {event.archive for event in rig.events if isinstance(event, e.Exported)}
    assert set(rig.service.ledger.downloads) == told
    assert len(rig.landed()) == 6


LISTS = frozenset({Operation.APPS, Operation.TASKS})
SUFFIXED = Switches(lock_scope=LockScope.USER_TYPE, add_new_on_existing=AddNewOnExisting.SUFFIX)


@pytest.mark.parametrize("delay", [2.0, 2.75, 3.5])
@pytest.mark.parametrize("lasting", [8.0, 9.0, 10.0, 11.0])
def test_an_accepted_export_proves_nothing_at_a_service_that_locks_each_kind_for_itself(
    lasting: float, delay: float
) -> None:
    """Lists are on their way while the lost import lands; the plan's scope is the default, wider than the service's."""
    lost, slow = Rule(Kind.RESET_AFTER_SEND, IMPORTS, nth=2), Rule(Kind.DELAYED, LISTS, times=0, seconds=delay)
    durations = Durations(export=Duration(1.0), import_=Duration(lasting))
    held = world(20, faults=(lost, slow), switches=SUFFIXED, durations=durations)
    settings = replace(QUICK, batch_size=10, settle_quiet=2.0, settle_wait=20.0)
    plan = plan_for(held, settings)
    rig, ended = staged(held, run, plan)
    assert not twice(rig.service.ledger, "prod")
    judged(rig, plan)
    assert ended.outcome.code is ExitCode.DONE
    assert len(rig.landed()) == 20


def test_where_no_job_can_prove_it_two_equal_looks_do() -> None:
    by_type = replace(QUICK, one_job_per=Scope.USER_TYPE)
    apart = Switches(lock_scope=LockScope.USER_TYPE)
    rig, ended = lived(world(3, faults=(LATE,), switches=apart), by_type)
    assert ended.outcome.code is ExitCode.DONE
    (lost,), (found,) = when(rig, e.ImportAnswerLost), when(rig, e.ImportFound)
    assert found - lost >= by_type.settle_quiet + by_type.settle_wait
    assert len(rig.landed()) == 3


def test_an_unreachable_service_is_never_a_look() -> None:
    executed = Rule(Kind.RESET_AFTER_SEND, IMPORTS)
    away = Rule(Kind.OUTAGE, after=Settings().settle_quiet, until=Settings().settle_quiet + LASTING)
    rig, ended = lived(world(3, faults=(executed, away)), QUICK)
    assert ended.outcome.code is ExitCode.DONE
    assert "ImportFound" in rig.kinds()
    assert len(rig.landed()) == 3
    assert not [at for at in when(rig, e.Looked) if DAWN + away.after < at < DAWN + away.until]


def test_a_look_is_the_union_over_the_identities_of_the_target() -> None:
    executed = Rule(Kind.RESET_AFTER_SEND, IMPORTS, times=2)
    held = world(2, faults=(executed,), switches=Switches(visibility=Visibility.OWNER))
    held = replace(held, users=tuple(replace(user, admin=user.name == "s") for user in held.users))
    rig, ended = lived(held, replace(QUICK, batch_size=1), owners=("t", "u"))
    assert ended.outcome.code is ExitCode.DONE
    assert rig.kinds().count("ImportFound") == 2
    assert len(rig.landed()) == 2


# --- the wall clock is stepped ---

HOUR = 3600.0
#: executed within 38 s: after 21 s, as this service draws it
LATER = Rule(Kind.LATE_EXECUTION, IMPORTS, seconds=38.0)


def stepped(by: float, when_told: type[e.Event], held: World, settings: Settings) -> tuple[EngineRig, Ended]:
    """The wall clock is stepped once, as soon as the first event of a kind is believed, while other lanes are awake."""
    plan = plan_for(held, settings)
    rigs: list[EngineRig] = []

    def hears(_: Runs, entry: Entry) -> None:
        if isinstance(entry.event, when_told):
            rigs[0].stepped = by

    async def act(rig: EngineRig) -> Ended:
        rigs.append(rig)
        return await rig.run()

    rig, ended = staged(held, act, plan, hears=hears)
    for target in ("prod", "dr"):
        assert not twice(rig.service.ledger, target)
    judged(rig, plan)
    return rig, ended


@pytest.mark.parametrize("by", [HOUR, -HOUR])
def test_a_step_of_the_wall_clock_neither_cuts_a_quiet_short_nor_lengthens_it(by: float) -> None:
    lasting = Durations(export=Duration(1.0), import_=Duration(4.0))
    switches = Switches(lock_scope=LockScope.USER_INSTANCE_TYPE, add_new_on_existing=AddNewOnExisting.SUFFIX)
    held = world(20, faults=(LATER,), targets=("prod", "dr"), durations=lasting, switches=switches)
    settings = replace(QUICK, batch_size=10, settle_quiet=24.0, settle_wait=15.0, one_job_per=Scope.USER_INSTANCE_TYPE)
    rig, ended = stepped(by, e.ImportAnswerLost, held, settings)
    assert ended.outcome.code is ExitCode.DONE
    assert len(rig.landed("prod")) == len(rig.landed("dr")) == 20
    assert max(job.end for job in rig.service.ledger.jobs.values()) - DAWN < 400.0


def test_a_step_of_the_wall_clock_gives_up_no_job() -> None:
    held = world(3, durations=Durations(import_=Duration(8.0)))
    rig, ended = stepped(10 * HOUR, e.ImportAccepted, held, replace(QUICK, job_timeout=6 * HOUR))
    assert ended.outcome.code is ExitCode.DONE
    assert "ImportOverdue" not in rig.kinds()


# --- promise 4: the disk's bound ---


def test_exports_do_not_run_ahead_of_a_slow_target_without_a_bound() -> None:
    slow = Durations(export=Duration(1.0), import_=Duration(LASTING))
    rig, ended = lived(world(40, durations=slow), replace(QUICK, batch_size=1, one_job_per=Scope.USER_TYPE))
    assert ended.outcome.code is ExitCode.DONE
    stored, most = 0, 0
    for event in rig.events:
        stored += isinstance(event, e.PackageStored) - isinstance(event, e.ImportRequested)
        most = max(most, stored)
    assert most <= MOST_AHEAD


# --- promise 6: a preview cannot write ---


def test_a_preview_holds_nothing_that_can_write() -> None:
    async def act(rig: EngineRig) -> set[str]:
        readers = rig.runs().admission.readers(["dev", "prod"]).values()
        return {name for reader in readers for name in dir(reader)}

    _, held = staged(world(1), act)
    assert {"apps", "tasks"} <= held
    assert not {"export", "import_package", "delete", "download"} & held


# --- promise 7: the breaker ---


def test_a_target_whose_quota_is_full_costs_a_handful_of_jobs_and_the_other_goes_on() -> None:
    held = world(40, targets=("prod", "dr"))
    full = tuple(replace(i, quotas=Quotas(apps=0)) if i.name == "prod" else i for i in held.instances)
    rig, ended = lived(replace(held, instances=full), replace(QUICK, batch_size=2))
    assert ended.outcome.code is ExitCode.INCOMPLETE
    tried = [job for job in rig.service.ledger.jobs.values() if (job.type, job.instance) == ("import", "prod")]
    assert len(tried) <= 8
    assert len(rig.landed("dr")) == 40


# --- promise 9: every wait has a deadline, and outages use up no other ---


def test_somebody_elses_job_is_waited_for_until_busy_timeout_and_no_longer() -> None:
    theirs = Rule(Kind.BUSY_FOREIGN_JOB, frozenset({Operation.EXPORT}), times=0, seconds=100 * LASTING)
    rig, ended = lived(world(3, faults=(theirs,)), replace(QUICK, busy_timeout=LASTING))
    assert ended.outcome.code is ExitCode.NOT_FINISHED
    refused = when(rig, e.ExportRefused)
    assert LASTING <= refused[-1] - refused[0] <= LASTING * 3 / 2


def test_an_outage_uses_up_nothing_of_a_jobs_time() -> None:
    lasting = Rule(Kind.SLOW_JOB, IMPORTS, seconds=LASTING)
    away = Rule(Kind.OUTAGE, after=60.0, until=60.0 + LASTING / 2)
    settings = replace(QUICK, job_timeout=LASTING * 3 / 4)
    rig, ended = lived(world(3, faults=(lasting, away)), settings)
    assert ended.outcome.code is ExitCode.DONE
    assert len(rig.landed()) == 3


def test_a_job_that_does_not_end_is_overdue_at_its_deadline_and_not_before() -> None:
    endless = Rule(Kind.JOB_RUNS_FOREVER, IMPORTS)
    rig, ended = lived(world(3, faults=(endless,)), replace(QUICK, job_timeout=LASTING))
    assert ended.outcome.code is ExitCode.UNDECIDED
    (accepted,), (overdue,) = when(rig, e.ImportAccepted), when(rig, e.ImportOverdue)
    assert LASTING <= overdue - accepted <= LASTING + POLLING


# --- promise 14: identities ---


def test_what_one_identity_does_not_see_is_exported_by_the_one_that_does() -> None:
    users = tuple(replace(user, admin=False) for user in USERS)
    held = world(8, switches=Switches(visibility=Visibility.OWNER))
    dev, prod = held.instances
    apps = tuple(replace(app, owner="t" if place % 2 else "s") for place, app in enumerate(dev.apps))
    held = replace(held, instances=(replace(dev, apps=apps), prod), users=users)
    plan = plan_for(held, replace(QUICK, one_job_per=Scope.INSTANCE))
    both = {**plan.instances, "dev": replace(plan.instances["dev"], credentials=("s", "t"))}
    rig, ended = staged(held, run, replace(plan, instances=both))
    judged(rig, rig.plan)
    assert ended.outcome.code is ExitCode.DONE
    assert {event.credentials for event in rig.events if isinstance(event, e.ExportRequested)} == {"s", "t"}
    assert "ExportRefused" not in rig.kinds()
    assert len(rig.landed()) == 8
