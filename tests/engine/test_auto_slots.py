"""`one_job_per: auto` against every way in which the service may count: promise 2, and what each reading is worth."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from orchestrator.core.plan.plan import Scope
from orchestrator.core.state import events as e
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Duration, Durations, Switches
from orchestrator.emulator.world.readings import LockScope
from orchestrator.engine.past_runs import PastRun
from orchestrator.engine.runs import Ended, Runs, Wish
from tests.emulator.ledgers import twice
from tests.engine.rig import QUICK, EngineRig, folded_of, plan_for, staged, world

#: long jobs, so that one is surely running when another could be asked for
LONG = Durations(Duration(30.0), Duration(40.0), Duration(5.0))


def conducted(
    lock: LockScope, scope: Scope = Scope.AUTO, targets: tuple[str, ...] = ("prod",), faults: tuple[Rule, ...] = (),
    hears: Callable[[Runs, e.Entry], None] | None = None,
) -> tuple[EngineRig, Ended]:  # fmt: skip
    """One user on both sides, five batches a target."""
    held = world(10, targets=targets, faults=faults, switches=replace(Switches(), lock_scope=lock), durations=LONG)

    async def run(rig: EngineRig) -> Ended:
        return await rig.run()

    settings = replace(QUICK, one_job_per=scope, batch_size=2)
    return staged(held, run, plan_for(held, settings, owners=("s",)), hears=hears)


def shown(rig: EngineRig) -> dict[str, str]:
    """Widening -> what was shown of it."""
    return {event.widening: event.shown for event in rig.events if isinstance(event, e.WideningShown)}


def refused(rig: EngineRig) -> list[e.Event]:
    return [event for event in rig.events if isinstance(event, e.ExportRefused | e.ImportRefused)]


def lasted(rig: EngineRig) -> float:
    return rig.entries[-1].at - rig.entries[0].at


@pytest.mark.parametrize(
    ("lock", "found"),
    [
        (LockScope.USER_ANY, {"kind": "one"}),
        (LockScope.USER_TYPE, {"kind": "apart", "instance": "one"}),
        (LockScope.USER_INSTANCE_ANY, {"kind": "apart", "instance": "apart"}),
        (LockScope.USER_INSTANCE_TYPE, {"kind": "apart", "instance": "apart"}),
    ],
)
def test_each_widening_is_tried_once_and_what_it_shows_is_used(lock: LockScope, found: dict[str, str]) -> None:
    rig, ended = conducted(lock, targets=("prod", "dr"))
    assert int(ended.outcome.code) == 0
    assert shown(rig) == found
    assert [event.widening for event in rig.events if isinstance(event, e.WideningTried)] == list(found)
    assert len(refused(rig)) == list(found.values()).count("one")


def test_slots_that_are_apart_are_used_at_once() -> None:
    as_user, _ = conducted(LockScope.USER_TYPE, Scope.USER)
    found, _ = conducted(LockScope.USER_TYPE)
    told, _ = conducted(LockScope.USER_TYPE, Scope.USER_TYPE)
    assert lasted(found) < 0.75 * lasted(as_user)
    assert lasted(found) < 1.1 * lasted(told)


def test_where_they_are_one_it_costs_little() -> None:
    as_user, _ = conducted(LockScope.USER_ANY, Scope.USER)
    found, _ = conducted(LockScope.USER_ANY)
    assert lasted(found) < 1.05 * lasted(as_user)


def test_an_intent_is_journaled_before_the_job_beside_another_is_asked_for() -> None:
    rig, _ = conducted(LockScope.USER_TYPE)
    (place,) = [n for n, event in enumerate(rig.events) if isinstance(event, e.WideningTried)][:1]
    tried, asked = rig.events[place], rig.events[place + 1]
    assert isinstance(tried, e.WideningTried)
    assert isinstance(asked, e.ImportRequested)
    assert asked.delivery == tried.subject


def test_a_lost_answer_shows_nothing_and_is_not_tried_again() -> None:
    lost = Rule(Kind.GATEWAY_TIMEOUT_AFTER, frozenset({Operation.IMPORT}), nth=1)
    rig, ended = conducted(LockScope.USER_TYPE, faults=(lost,))
    assert int(ended.outcome.code) == 0
    assert shown(rig)["kind"] == "open"
    assert [event.widening for event in rig.events if isinstance(event, e.WideningTried)].count("kind") == 1
    assert not twice(rig.service.ledger, "prod")


def test_the_next_preview_says_what_the_run_has_seen() -> None:
    held = world(10, switches=replace(Switches(), lock_scope=LockScope.USER_TYPE), durations=LONG)
    settings = replace(QUICK, one_job_per=Scope.AUTO, batch_size=2)

    async def preview_run_preview(rig: EngineRig) -> tuple[str, str]:
        before = await rig.runs().preview(Wish(), [])
        ended = await rig.run()
        after = await rig.runs().preview(Wish(), [PastRun(ended.run, folded_of(rig))])
        return before.unknown[-1], after.unknown[-1]

    _, (before, after) = staged(held, preview_run_preview, plan_for(held, settings, owners=("s",)))
    assert "no run of this home has seen it" in before
    assert "saw: kind: apart" in after


def test_without_auto_nothing_is_tried() -> None:
    rig, _ = conducted(LockScope.USER_TYPE, Scope.USER)
    assert not [event for event in rig.events if isinstance(event, e.WideningTried)]
    assert not refused(rig)


def test_jobs_of_one_slot_still_follow_each_other() -> None:
    rig, _ = conducted(LockScope.USER_TYPE)
    for kind in ("export", "import"):
        jobs = sorted((job.begin, job.end) for job in rig.service.ledger.jobs.values() if job.type == kind)
        assert all(end <= begin for (_, end), (begin, _) in pairwise(jobs))
