"""The rate of writes in whole runs: what the service takes is learned, what the plan sets is kept (API 4)."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from orchestrator.core.plan.plan import Scope, Settings
from orchestrator.core.report.history import gather
from orchestrator.core.scheduling.write_rate import BURST, FIRST
from orchestrator.core.state import events as e
from orchestrator.emulator.api.api import Seen
from orchestrator.emulator.world.operations import WRITES
from orchestrator.emulator.world.options import Duration, Durations, Switches
from orchestrator.engine.runs import Wish
from orchestrator.errors import ExitCode
from tests.engine.rig import EngineRig, plan_for, staged, world

QUICKLY = Durations(*[Duration(0.2)] * 3)
#: of the credentials that export, and of those that import what these bring
S, T = "acme/s", "acme/t"


def settings(**more: object) -> Settings:
    """One asset a batch, so that there is a lot to write."""
    made = Settings(batch_size=1, one_job_per=Scope.USER_INSTANCE, reads_per_second=50.0)
    return replace(made, **more)  # type: ignore[arg-type] # named as in Settings


def lived(limit: float, held: Settings, apps: int = 8) -> EngineRig:
    """One run into a region that takes so many writes a second of one user; 0 = all of them."""
    switches = Switches(writes_per_second=limit, writes_at_once=1)
    made = world(apps, switches=switches, durations=QUICKLY)
    rig, ended = staged(made, lambda rig: rig.run(), plan_for(made, held))
    assert ended.outcome.code is ExitCode.DONE
    assert len(rig.landed()) == apps
    return rig


def writes(rig: EngineRig, user: str) -> Sequence[Seen]:
    return [each for each in rig.api.seen if each.operation in WRITES and each.user == user]


def learned(rig: EngineRig, credentials: str) -> list[e.WriteRateLearned]:
    return [each for each in rig.events if isinstance(each, e.WriteRateLearned) and each.credentials == credentials]


def test_it_rises_while_nothing_is_refused_and_the_next_run_begins_below_what_was_learned() -> None:
    async def act(rig: EngineRig) -> tuple[e.WriteRate, ...]:
        await rig.run()
        (moves,) = rig.plan.migrations
        again = replace(moves, targets=(replace(moves.targets[0], prefix="b_"),))
        rig.plan = replace(rig.plan, migrations=(again,))
        preview = await rig.runs().preview(Wish(), [])
        assert preview.timetable is not None
        return preview.timetable.rates

    made = world(16, durations=QUICKLY)
    rig, rates = staged(made, act, plan_for(made, settings(most_writes_per_second=0.3)))
    assert [round(each.per_second, 3) for each in learned(rig, "t")] == [0.255, 0.3]
    (told,) = (each for each in gather(rig.entries).rates if each.credentials == "t")
    assert (told.first, told.last, told.refusals) == (FIRST, 0.3, 0)
    (begun,) = (each for each in rates if each.credentials == "t")
    assert (begun.region, begun.learned) == ("127.0.0.1:9", 0.255)
    assert begun.per_second == pytest.approx(0.75 * 0.255)
    (first,) = (each.rates for each in rig.events if isinstance(each, e.SchedulePredicted))
    assert {(each.per_second, each.region) for each in first} == {(FIRST, "")}


def test_a_refusal_lowers_it_and_costs_nothing_but_time() -> None:
    rig = lived(0.1, settings())
    refused = [each for each in writes(rig, S) if each.status == 429]
    falls = [each for each in learned(rig, "s") if each.per_second < each.before]
    assert len(refused) >= len(falls) >= 1
    assert all(each.per_second == each.before / 2 for each in falls)
    assert not {"Split", "Quarantined", "ImportAnswerLost", "ImportFailed"} & set(rig.kinds())


@pytest.mark.parametrize("limit", [0.0, 0.2], ids=["nothing refused", "much refused"])
def test_what_the_plan_sets_is_never_exceeded_and_never_adapted(limit: float) -> None:
    rate = 0.5
    rig = lived(limit, settings(writes_per_second=rate))
    for user in (S, T):
        times = [each.time for each in writes(rig, user)]
        for first, at in enumerate(times):
            within = sum(at <= other <= at + 30.0 for other in times[first:])
            assert within <= BURST + 30.0 * rate + 1e-6
    assert not {"WriteRateLearned"} & set(rig.kinds())
