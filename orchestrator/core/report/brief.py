"""What later commands need of a run that has ended, so that nobody folds its journal for it again.

Law: all of it is told by the journal. It may be lost at any time, and is then made anew.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.core.report.ended_run import EndedRun
from orchestrator.core.report.handover import RunHandover, of_run
from orchestrator.core.report.lanes import lane_reports
from orchestrator.core.report.outcome import AssetClass, Outcome
from orchestrator.core.state.events import Entry
from orchestrator.core.state.lifecycle import LANDED, PackageState
from orchestrator.core.state.progress import Progress


@dataclass(frozen=True, slots=True)
class Brought:
    """One asset that a run brought to a target."""

    target: str
    prefix: str
    source: str
    #: its id at the source, and its ids at the target as they were seen then
    asset: str
    ids: tuple[str, ...]
    #: credentials that imported it
    owner: str
    #: its update time at the source as it was then, where it was verified and nothing was taken back; else ""
    update_time: str


@dataclass(frozen=True, slots=True)
class Brief:
    """One run that has ended and was not taken back."""

    ended: EndedRun
    #: (batch, since when it lies in the vault) of packages that were kept
    stored: tuple[tuple[str, float], ...]
    brought: tuple[Brought, ...]
    #: (widening, what `auto` has seen of it)
    trials: tuple[tuple[str, str], ...]
    #: what it left to people
    left: RunHandover
    #: of the journal, when it was made from them
    entries: int


def brief_of(run: str, entries: Sequence[Entry], progress: Progress, told: Outcome) -> Brief | None:
    """None of a run that has not ended, or that somebody takes back: what holds of it may change.

    Of the entries, those of which `core.report.handover.concerns` suffice.
    """
    began, ended = progress.began, progress.ended
    if began is None or ended is None or progress.changes.began is not None:
        return None
    line = EndedRun(
        began.plan, began.plan_file, began.by, began.host, began.note, began.approved, progress.began_at,
        progress.ended_at, int(told.code), sum(lane.selected for lane in lane_reports(progress)),
        {each.value: told.counts.get(each.value, 0) for each in AssetClass},
    )  # fmt: skip
    left = of_run(run, entries, progress)
    return Brief(
        line, tuple(stored_of(progress)), tuple(brought_of(progress)), progress.trials.told, left, progress.seq
    )


def stored_of(progress: Progress) -> Iterator[tuple[str, float]]:
    """Each package that lies in the vault, and since when."""
    for life in progress.packages.values():
        if life.state is PackageState.STORED:
            yield life.batch, life.since


def brought_of(progress: Progress) -> Iterator[Brought]:
    """Each asset that is at a target by this run."""
    for life in progress.deliveries.values():
        if life.state not in LANDED:
            continue
        ids = dict(life.verified.ids) if life.verified else {}
        verified = frozenset(life.verified.verified) if life.verified else frozenset[str]()
        seen = life.look.seen if life.look else {}
        source, scheduled = progress.source_of(life), life.scheduled
        for asset in progress.assets_of(life.batch):
            kept = (ids[asset.id],) if asset.id in ids else seen.get(asset.id, ())
            time = asset.update_time if asset.id in verified and not progress.changes.lives else ""
            yield Brought(life.target, scheduled.prefix, source, asset.id, kept, scheduled.owner, time)
