"""The same plan run again after its good end, with nothing changed. Law: what one run brought changes no selection."""

from collections.abc import Sequence

from orchestrator.core.plan.plan import Mode
from orchestrator.core.preview.preview import Preview
from orchestrator.core.report.outcome import AssetClass, asset_outcomes
from orchestrator.core.state import events as e
from orchestrator.core.state.progress import Progress
from orchestrator.engine.runs import Ended
from tests.simulation.book import require

#: what may stand against a plan in a home that does not know of the run that brought everything
TAKEN = frozenset({"name-collision", "app-key-collision", "datasource-id-collision"})


def judge(first: Progress, code: str, second: Ended | None, asked: int) -> None:
    """It ends 0 and selects the same; under AddNew it asks for nothing. Merge asks again, by its nature."""
    require(code == "0" and second is not None, f"second day: it ends {code}")
    assert second is not None
    _same(first.selections, second.progress.selections, "second day")
    modes = {life.scheduled.mode for life in first.deliveries.values()}
    if modes <= {Mode.ADD_NEW.value}:
        require(asked == 0, f"second day: {asked} requests for a job, and nothing has changed")
        left = [line for line in asset_outcomes(second.progress) if line.kept_as is not AssetClass.SKIPPED]
        require(not left, f"second day: not skipped: {left[:2]}")


def judge_new_home(first: Progress, draft: Preview) -> None:
    """It selects the same, and is blocked by nothing but the names that the target holds."""
    _same(first.selections, draft.selections, "new home")
    told = [f"{check.id} {check.where}: {check.sentence}" for check in draft.blockers]
    require({check.id for check in draft.blockers} <= TAKEN, f"new home: {told[:3]}")
    twice = [line for line in told if "twice" in line and line.startswith("name-collision")]
    require(not twice, f"new home: {twice[:2]}")


def _same(first: Sequence[e.SelectionMade], again: Sequence[e.SelectionMade], when: str) -> None:
    require(list(first) == list(again), f"{when}: selected {list(again)[:2]}, the first run selected {list(first)[:2]}")
