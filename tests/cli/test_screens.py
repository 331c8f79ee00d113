"""Real screens of a night in virtual time, compared with those that were looked at; `make screens` renews them."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli import screens
from tests.cli.captures import must_be_as_captured, must_stand_in_readme
from tests.cli.screens import SIZES, Seen

#: columns of the README's screens
PAGE = 118
#: what is left out of a screen
CUT = "[...]"


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Thirty lanes, of which two meet an application that the target refuses."""
    return screens.lived(screens.thirty_teams_failed(), tmp_path_factory.mktemp("failed"))


@pytest.mark.parametrize("width", [width for width, _ in SIZES])
def test_a_preview_of_45_findings(width: int, tmp_path: Path) -> None:
    text = screens.previewed(screens.thirty_teams_blocked(), tmp_path, width)
    assert "checks: 2 blockers, 43 warnings" in text
    assert text.count("such as:") == 3, "many answers are one group"
    assert len(text.splitlines()) < 200
    must_be_as_captured(f"preview_of_45_findings_{width}.txt", text)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_run_with_30_lanes(width: int, height: int, failed: Seen) -> None:
    text = failed.boards[width, height]
    lines = text.splitlines()
    assert len(lines) < height
    assert all(len(line) <= width for line in lines)
    for word in ("importing batch", "exporting batch", "elapsed", "left", "set aside"):
        assert word in text
    must_be_as_captured(f"run_of_30_lanes_{width}x{height}.txt", text)


def test_the_end_and_the_report_of_a_failed_run(failed: Seen) -> None:
    assert failed.code == 1
    must_be_as_captured("end_of_a_failed_run_80.txt", failed.closing)
    told, head, _ = failed.report.partition("## Digests\n")
    assert head, "the head of the chain is another one with each field that an event gains"
    must_be_as_captured("report_of_a_failed_run.md", told.rstrip("\n"))


def test_the_readme_shows_a_preview_a_run_and_a_report(tmp_path: Path) -> None:
    scene = screens.two_teams()
    before = _shortened(
        screens.previewed(scene, tmp_path, PAGE),
        (("  plan.yaml", "  migration"), ("warning: running", "time: "), ("      busiest", "batches"),
         ("order: ", "verdict: "), ("      or ", "")),
    )  # fmt: skip
    seen = screens.lived(scene, tmp_path, PAGE)
    end = _shortened(seen.closing, (('  "verified"', "  migration"), ("why: ", "who: "), ("digest: ", "")))
    cuts = (("- who must", "- plan"), ("- began", "## Quarantined"), ("## Timeline", ""))
    report = [line for line in _shortened(seen.report, cuts) if line]
    typed = [f"$ roma-migrate {words}" for words in ("preview plan.yaml", "run plan.yaml", "report")]
    told = [typed[0], *before, typed[1], seen.boards[SIZES[0]], *end, typed[2], *report]
    must_stand_in_readme("\n".join(told))


def _shortened(text: str, cuts: Sequence[tuple[str, str]]) -> list[str]:
    lines = text.splitlines()
    for first, last in cuts:
        lines = _without(lines, first, last)
    return lines


def _without(lines: list[str], first: str, last: str) -> list[str]:
    """Without the lines from the one that begins with `first` up to the one that begins with `last`, "" for the end."""
    begin = next(at for at, line in enumerate(lines) if line.startswith(first))
    end = next(at for at, line in enumerate(lines) if at > begin and line.startswith(last)) if last else len(lines)
    return [*lines[:begin], *([CUT] if lines[end:] else []), *lines[end:]]
