"""Somebody else brings some of the names while we do: what is there and not ours is never claimed (promise 11)."""

from collections import Counter
from dataclasses import replace

import pytest

from orchestrator.core.report.outcome import AssetClass, asset_outcomes
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import AddNewOnExisting, FailedImport
from orchestrator.emulator.world.world import make_id
from orchestrator.engine.runs import Ended, Runs, Wish
from orchestrator.errors import ExitCode
from tests.engine.rig import EngineRig, staged, world


def between(rig: EngineRig, count: int, owner: str) -> None:
    """Somebody imports the first so many applications, after our baseline and before our job begins."""
    done: list[Entry] = []

    def hears(runs: Runs, entry: Entry) -> None:
        if isinstance(entry.event, e.ImportRequested) and not done:
            done.append(entry)
            for app in rig.service.holding("dev").apps.all()[:count]:
                made = replace(
                    app, id=make_id("theirs", app.name), key=f"key-of-theirs-{app.name}", owner=owner,
                    create_time=rig.now(), source_id="",
                )  # fmt: skip
                rig.service.holding("prod").apps.put(made)

    rig.hears = hears


def kept(ended: Ended) -> Counter[AssetClass]:
    return Counter(line.kept_as for line in asset_outcomes(ended.progress))


@pytest.mark.parametrize("failed", [each for each in FailedImport if each is not FailedImport.APP_WITHOUT_CONTENT])
@pytest.mark.parametrize("owner", ["u", "t"], ids=["another user", "the same user"])
def test_what_was_refused_as_existing_is_not_claimed(failed: FailedImport, owner: str) -> None:
    async def act(rig: EngineRig) -> tuple[Ended, Ended]:
        between(rig, 7, owner)
        first = await rig.run()
        rig.hears = None
        return first, await rig.run(Wish(retry=True))

    rig, (first, again) = staged(world(12, switches=Switches(failed_import=failed)), act)
    assert kept(first) == {AssetClass.NOT_OURS: 7, AssetClass.VERIFIED: 5}
    assert first.outcome.code is ExitCode.INCOMPLETE
    assert "7 assets are there, not ours" in [why.sentence for why in first.outcome.whys]
    assert kept(again)[AssetClass.VERIFIED] == 5, "a retry does not claim them either"
    assert again.outcome.code is ExitCode.INCOMPLETE
    assert len(rig.landed()) == 5


def test_where_the_service_says_nothing_of_them_their_creator_does() -> None:
    async def act(rig: EngineRig) -> Ended:
        between(rig, 7, "u")
        return await rig.run()

    silent = Switches(add_new_on_existing=AddNewOnExisting.IGNORED)
    _, ended = staged(world(12, switches=silent), act)
    assert kept(ended) == {AssetClass.NOT_OURS: 7, AssetClass.VERIFIED: 5}
    assert ended.outcome.code is ExitCode.INCOMPLETE
    assert any("was made by u, not by t" in line.why for line in asset_outcomes(ended.progress))
