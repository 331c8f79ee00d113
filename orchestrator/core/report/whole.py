"""Everything that a report tells of one run, in one value. Law: the same entries give the same value, at any time."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestrator.core.report.assets import (
    AssetLine,
    PrefixReading,
    SetAside,
    asset_lines,
    prefix_readings,
    set_aside,
)
from orchestrator.core.report.outcome import asset_outcomes, outcome
from orchestrator.core.report.prediction import Prediction, prediction
from orchestrator.core.report.report import Report, report
from orchestrator.core.report.timeline import Timeline, timeline
from orchestrator.core.state.changes import Changes
from orchestrator.core.state.events import Entry
from orchestrator.core.state.progress import Progress


@dataclass(frozen=True, slots=True)
class ChainHead:
    """Where the journal's chain stood when the report was made: it proves every entry before it."""

    entries: int
    #: SHA-256, hexadecimal
    digest: str


@dataclass(frozen=True, slots=True)
class WholeReport:
    """A report with every asset, the timeline and the chain's head."""

    report: Report
    assets: tuple[AssetLine, ...]
    aside: tuple[SetAside, ...]
    timeline: Timeline
    readings: tuple[PrefixReading, ...]
    head: ChainHead
    #: what was expected of the timeline; None where no journal tells it
    predicted: Prediction | None = None
    #: its undo; None where nobody has asked for one
    undo: Changes | None = None
    #: what was done of that which ROMA does not carry
    finishing: Changes = field(default_factory=Changes)


def whole_report(run: str, entries: Sequence[Entry], progress: Progress, head: ChainHead) -> WholeReport:
    """Fold a run's entries; `progress` is the same entries believed. Raises ValueError where the run never began."""
    made = report(run, entries, progress, outcome(progress, {}))
    lines = asset_lines(progress, asset_outcomes(progress))
    undo = progress.changes if progress.changes.began is not None else None
    lived = timeline(entries)
    return WholeReport(
        made,
        lines,
        set_aside(progress),
        lived,
        prefix_readings(progress),
        head,
        prediction(progress, lived),
        undo,
        progress.finishing,
    )
