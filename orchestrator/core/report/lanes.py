"""Each migration's way to each target, in numbers. Law: every selected asset is in exactly one class (promise 11)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.report.outcome import AssetClass, asset_outcomes
from orchestrator.core.state.progress import Progress

#: promise 15, said above every table of counts
MEANING = (
    '"verified" means: present under its name, of its kind, with its links, data sources and published APIs as at the '
    "source, as far as these can be read; it does not mean equal content."
)


@dataclass(frozen=True, slots=True)
class LaneReport:
    """One migration's way to one target."""

    migration: str
    source: str
    target: str
    #: what the run set out to bring, as journaled at its start
    selected: int
    #: class -> assets, every class, in the order of `AssetClass`
    counts: Mapping[str, int]

    @property
    def name(self) -> str:
        return f"{self.migration}@{self.target}"


def lane_reports(progress: Progress) -> tuple[LaneReport, ...]:
    """Every lane with its counts, in the order of the plan."""
    every = asset_outcomes(progress)
    counted: dict[tuple[str, str], Counter[AssetClass]] = {}
    for line in every:
        counted.setdefault((line.migration, line.target), Counter())[line.kept_as] += 1
    selected: Counter[tuple[str, str]] = Counter()
    source: dict[tuple[str, str], str] = {}
    for each in progress.selections:
        selected[each.migration, each.target] += each.selected
        source[each.migration, each.target] = each.source
    return tuple(
        LaneReport(migration, source.get((migration, target), ""), target, selected[migration, target],
                   {each.value: counted.get((migration, target), Counter())[each] for each in AssetClass})
        for migration, target in dict.fromkeys((*source, *counted))
    )  # fmt: skip
