"""The predicted timetable, held against what then happens, in virtual time."""

from dataclasses import replace

import pytest

from orchestrator.core.scheduling.timetable import Timetable
from orchestrator.emulator.api.api import Api
from orchestrator.emulator.service.service import Service
from orchestrator.emulator.world.options import Duration, Durations
from orchestrator.emulator.world.world import World
from orchestrator.engine.runs import Ended, Wish, runs_of
from orchestrator.errors import ExitCode
from tests.engine.rig import QUICK, EngineRig, plan_for, staged, world

TWENTY = replace(QUICK, batch_size=10)


def lasting(export: float, import_: float) -> World:
    """200 assets whose jobs last about so many seconds for ten of them."""
    durations = Durations(Duration(export, 0.05 * export, 0.25), Duration(import_, 0.05 * import_, 0.25))
    return world(60, 140, durations=durations)


async def twice(rig: EngineRig) -> tuple[Timetable, Timetable, Ended]:
    """A run that teaches, then the same work once more on an empty far side."""
    first = (await rig.runs().preview(Wish(), [])).timetable
    await rig.run()
    rig.service = Service(rig.world, rig.now, 2)
    rig.api = Api(rig.service)
    runs = rig.runs()
    again = (await runs.preview(Wish(), runs_of(runs.store, rig.plan.name))).timetable
    assert first is not None
    assert again is not None
    return first, again, await rig.run()


@pytest.mark.parametrize(("export", "import_"), [(20.0, 30.0), (60.0, 15.0), (5.0, 6.0), (200.0, 300.0)])
def test_the_finish_of_20_batches_is_predicted_once_durations_are_known(export: float, import_: float) -> None:
    held = lasting(export, import_)
    _, (first, again, ended) = staged(held, twice, plan_for(held, TWENTY))
    assert ended.outcome.code is ExitCode.DONE
    assert len(ended.progress.batches) == 20
    actual = ended.progress.ended_at - ended.progress.began_at
    assert again.p50 == pytest.approx(actual, rel=0.15)
    assert again.p50 < again.p90 < 1.6 * actual
    assert (first.known, first.guessed) == (0, ("exports at dev", "imports at prod"))
    assert (again.known, again.guessed) == (40, ())


def test_a_second_identity_is_named_where_it_would_help() -> None:
    held = lasting(10.0, 60.0)
    _, (_, again, _) = staged(held, twice, plan_for(held, TWENTY))
    best = again.shorter[0]
    assert best.beside == "t at prod"
    assert best.seconds > 0.3 * again.p50
    assert again.busiest == best.slot
    assert [str(way) for way in again.slots[best.slot]] == ["imports of t at prod"]
