"""No job is asked for that would not end before its window closes: each must have one that is long enough."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from orchestrator.core.model.checks import Verdict
from orchestrator.core.plan.windows import Window
from orchestrator.core.scheduling.estimates import Prediction
from orchestrator.core.state.slots import JobKind
from tests.builders.inventories import PreviewCase, held_app
from tests.builders.plans import migration
from tests.builders.runs import DAWN

WEB = {"dev": (held_app("web"), held_app("core"))}


def window(minutes: int) -> Window:
    """Opens an hour after the preview, for so many minutes."""
    begins, ends = (datetime.fromtimestamp(DAWN + at, UTC).replace(tzinfo=None) for at in (3600, 3600 + 60 * minutes))
    return Window(begins.isoformat(), ends.isoformat(), "UTC")


def predict(instance: str, kind: JobKind, assets: int) -> Prediction:
    """Exports take two minutes, imports five, and that is sure."""
    return Prediction(120.0 if kind is JobKind.EXPORT else 300.0, 0.0, 0.0, 9)


def under(*windows: Window, own: tuple[Window, ...] = (), ahead: bool = False) -> PreviewCase:
    moves = migration(windows=own, export_ahead=ahead)
    return PreviewCase((moves,), held=WEB, windows=windows, predict=predict)


@pytest.mark.parametrize(("minutes", "blocked"), [(5, []), (4, ["m@prod"]), (1, ["m@prod", "@dev"])])
def test_a_job_that_is_longer_than_every_window_blocks(minutes: int, blocked: list[str]) -> None:
    found = under(window(minutes)).findings("window-too-short")
    assert [check.where for check in found] == blocked
    assert {check.verdict for check in found} <= {Verdict.BLOCKER}


def test_it_says_how_long_the_job_takes_and_how_long_the_windows_are() -> None:
    (check,) = under(window(4)).findings("window-too-short")
    assert check.sentence == (
        "the import of 2 assets at prod takes 5m at P90 (learned), and no window for it is longer than 4m"
    )
    assert check.assets == ("core", "web")


def test_windows_that_are_over_block_too() -> None:
    case = replace(under(window(60)), now=DAWN + 86400)
    assert all("no window opens for it any more" in check.sentence for check in case.findings("window-too-short"))
    assert len(case.findings("window-too-short")) == 2


def test_levels_that_leave_too_little_in_common_block() -> None:
    later = Window(window(60).closes, "2027-01-15T12:00:00", "UTC")
    assert len(under(window(60), own=(later,)).findings("window-too-short")) == 2


def test_exports_that_go_ahead_need_no_window_of_the_plan() -> None:
    assert [check.where for check in under(window(1), ahead=True).findings("window-too-short")] == ["m@prod"]


def test_without_windows_or_durations_nothing_is_said() -> None:
    assert under().findings("window-too-short") == []
    assert replace(under(window(1)), predict=None).findings("window-too-short") == []
