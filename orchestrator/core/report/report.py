"""What a run did, folded for people and programs. Law: the same entries give the same report, of any run at any time.

`core.report.outcome` says in which class each asset is; here the counts are checked against what was selected
(promise 11), and what the journal alone remembers is gathered by `core.report.history`. Times are epoch seconds.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.core.model.checks import Check
from orchestrator.core.model.handover_item import Item
from orchestrator.core.report.handover import of_run
from orchestrator.core.report.history import History, gather
from orchestrator.core.report.lanes import LaneReport, lane_reports
from orchestrator.core.report.outcome import AssetClass, AssetOutcome, Outcome, asset_outcomes
from orchestrator.core.state.events import Entry, RunBegan, SelectionMade
from orchestrator.core.state.lifecycle import Delivery, DeliveryState, PackageState
from orchestrator.core.state.progress import Progress

#: classes that ask for nobody's attention
QUIET = frozenset({AssetClass.VERIFIED, AssetClass.SKIPPED})


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What one migration touched at its source: touched = selected + excluded + left out, for one target."""

    migration: str
    source: str
    target: str
    selected: int
    excluded: int
    #: (asset id, name, why)
    left_out: tuple[tuple[str, str, str], ...]

    @property
    def touched(self) -> int:
        return self.selected + self.excluded + len(self.left_out)


@dataclass(frozen=True, slots=True)
class BatchReport:
    """One batch on its way out of its source."""

    #: from 1, in the order in which batches were scheduled: parts of a split come last
    number: int
    batch: str
    source: str
    apps: int
    tasks: int
    state: str
    #: exports asked for
    exports: int
    #: packages lost after an export
    losses: int
    jobs: tuple[str, ...]
    request_ids: tuple[str, ...]
    sha256: str
    #: bytes
    size: int
    check: str
    #: it travels nowhere: it holds assets of `source`, which is a target, as they were before Merge overwrote them
    backup: bool = False
    #: until when `undo` can restore from it, epoch seconds; 0 where it cannot
    kept_until: float = 0.0


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """One batch on its way into one target."""

    delivery: str
    batch: str
    migration: str
    target: str
    mode: str
    prefix: str
    owner: str
    assets: int
    state: str
    #: imports asked for, over the lineage
    imports: int
    jobs: tuple[str, ...]
    request_ids: tuple[str, ...]
    #: why it stands there, in the service's words or ours; "" where there is nothing to say
    words: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a reader of a run may want; nothing secret."""

    run: str
    began: RunBegan
    began_at: float
    #: 0 where it has not ended
    ended_at: float
    #: when the latest entry was written
    last_at: float
    outcome: Outcome
    lanes: tuple[LaneReport, ...]
    sources: tuple[SourceReport, ...]
    batches: tuple[BatchReport, ...]
    deliveries: tuple[DeliveryReport, ...]
    #: assets that ended neither verified nor skipped
    troubled: tuple[AssetOutcome, ...]
    history: History
    #: where the sums do not agree, a sentence each: empty, or we have a defect
    disagreements: tuple[str, ...]
    #: what is left to people, running tasks first
    handover: tuple[Item, ...] = ()
    #: what preflight warned of or could not check when the run began
    findings: tuple[Check, ...] = ()

    @property
    def finished(self) -> bool:
        return bool(self.ended_at)


def report(run: str, entries: Sequence[Entry], progress: Progress, outcome: Outcome) -> Report:
    """Fold a run's entries; `progress` is the same entries believed. Raises ValueError where the run never began."""
    if progress.began is None:
        raise ValueError(f"run {run} never began")
    every = asset_outcomes(progress)
    lanes = lane_reports(progress)
    history = gather(entries)
    return Report(
        run, progress.began, progress.began_at, progress.ended_at if progress.ended else 0.0, progress.at, outcome,
        lanes, _sources(progress.selections), _batches(progress, history), _deliveries(progress, history),
        tuple(line for line in every if line.kept_as not in QUIET), history,
        (*_disagreements(lanes), *_twice(progress, every)), of_run(run, entries, progress).items,
        tuple(progress.findings),
    )  # fmt: skip


# --- counts (promise 11) -------------------------------------------------------------------------------------------


def _sources(selections: Sequence[SelectionMade]) -> tuple[SourceReport, ...]:
    return tuple(
        SourceReport(each.migration, each.source, each.target, each.selected, len(each.excluded), each.left_out)
        for each in selections
    )


def _disagreements(lanes: Sequence[LaneReport]) -> list[str]:
    return [
        f"{lane.name}: {lane.selected} were selected, but the classes hold {sum(lane.counts.values())}"
        for lane in lanes
        if lane.selected != sum(lane.counts.values())
    ]


def _twice(progress: Progress, every: Sequence[AssetOutcome]) -> list[str]:
    """Each asset is in exactly one class: never twice at one place, never both moved and left out."""
    prefixes = {name: life.scheduled.prefix for name, life in progress.deliveries.items()}
    at_place = Counter(
        (line.migration, line.target, prefixes.get(line.delivery, ""), line.asset) for line in every if line.delivery
    )
    told = [f"{m}@{t}: asset {asset} is counted {n} times" for (m, t, _, asset), n in at_place.items() if n > 1]
    moved = {(line.migration, line.target, line.asset) for line in every}
    for each in progress.selections:
        aside = (*each.excluded, *(asset for asset, _, _ in each.left_out))
        told += [
            f"{each.migration}@{each.target}: asset {asset} is counted both as selected and as set aside"
            for asset in aside
            if (each.migration, each.target, asset) in moved
        ]
    return told


# --- batches and deliveries ----------------------------------------------------------------------------------------


def _batches(progress: Progress, history: History) -> tuple[BatchReport, ...]:
    found = []
    numbers = dict(progress.numbers)  # backups are numbered behind all others, here alone
    keep = progress.began.keep_backups if progress.began is not None else 0.0
    ordered = sorted(progress.batches.values(), key=lambda each: (each.backup, each.position, each.batch))
    for scheduled in ordered:
        life = progress.packages[scheduled.batch]
        apps = sum(asset.kind == "app" for asset in scheduled.assets)
        jobs, request_ids = history.asked(scheduled.batch)
        found.append(
            BatchReport(
                numbers.setdefault(scheduled.batch, len(numbers) + 1),
                scheduled.batch,
                scheduled.source,
                apps,
                len(scheduled.assets) - apps,
                life.state.value,
                life.attempt,
                life.losses,
                jobs,
                request_ids,
                life.sha256,
                life.size,
                life.check,
                scheduled.backup,
                life.since + keep if scheduled.backup and keep and life.state is PackageState.STORED else 0.0,
            )
        )
    return tuple(found)


def _deliveries(progress: Progress, history: History) -> tuple[DeliveryReport, ...]:
    ordered = sorted(
        progress.deliveries.values(), key=lambda each: (progress.batches[each.batch].position, each.batch, each.id)
    )
    return tuple(_delivery(progress, history, life) for life in ordered)


def _delivery(progress: Progress, history: History, life: Delivery) -> DeliveryReport:
    scheduled = life.scheduled
    jobs, request_ids = history.asked(life.id)
    return DeliveryReport(
        life.id, life.batch, scheduled.migration, life.target, scheduled.mode, scheduled.prefix, scheduled.owner_words,
        len(progress.assets_of(life.batch)), life.state.value, life.attempt, jobs, request_ids, _words(life),
    )  # fmt: skip


def _words(life: Delivery) -> str:
    """What stands in the way; of a delivery that came through, the service's warnings and what was not compared."""
    warnings = "; ".join(f"{r.resource_name}: {r.error_code} {r.error_msg}".strip() for r in life.reasons)
    if life.state in {DeliveryState.IMPORTED, DeliveryState.VERIFIED}:
        uncompared = life.verified.uncompared if life.verified is not None else ""
        return "; ".join(part for part in (warnings, uncompared) if part)
    return warnings or (str(life.words) if life.words else "")
