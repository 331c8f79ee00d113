"""The runs of a home, folded from their journals. Law: read only; no live run is disturbed."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from orchestrator.core.preview.approval import Carried
from orchestrator.core.selection.routes import EarlierImports, Kept
from orchestrator.core.state.events import Entry
from orchestrator.core.state.folding import folded
from orchestrator.core.state.lifecycle import LANDED
from orchestrator.core.state.progress import Progress
from orchestrator.engine.poll_timing import PollTiming
from orchestrator.errors import MemoryFailed

#: how many of the home's latest runs teach durations
LEARNED_RUNS = 3


class Reads(Protocol):
    """What may be read of a home's runs: `storage.store.Store` without its writing half."""

    def run_ids(self) -> list[str]:
        """Every run, oldest first."""
        ...

    def plan_of(self, run: str) -> str:
        """The name of a run's plan, known even where its journal is damaged; "" if it never began or nothing tells."""
        ...

    def read(self, run: str) -> Iterator[Entry]:
        """A run's entries; raises JournalDamaged, MemoryFailed."""
        ...


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run of the home, folded."""

    run: str
    progress: Progress

    @property
    def unfinished(self) -> bool:
        return self.progress.began is not None and self.progress.ended is None


def read_run(store: Reads, run: str) -> PastRun:
    """Fold a run's journal; raises JournalDamaged. A live run is not disturbed."""
    return PastRun(run, folded(store.read(run)))


def runs_of(store: Reads, plan: str) -> list[PastRun]:
    """Every run of a plan, oldest first; raises MemoryFailed for a damaged one of this plan, not for another plan's."""
    return [read_run(store, run) for run in store.run_ids() if store.plan_of(run) == plan]


def history(past: Sequence[PastRun]) -> EarlierImports:
    """What earlier runs of the plan brought to its targets."""
    imported: dict[tuple[str, str, str, str], Kept] = {}
    for each in past:
        for life in each.progress.deliveries.values():
            if life.state not in LANDED:
                continue
            ids = dict(life.verified.ids) if life.verified else {}
            verified = frozenset(life.verified.verified) if life.verified else frozenset[str]()
            seen = life.look.seen if life.look else {}
            source = each.progress.source_of(life)
            for asset in each.progress.assets_of(life.batch):
                kept = (ids[asset.id],) if asset.id in ids else seen.get(asset.id, ())
                where = (life.target, life.scheduled.prefix, source, asset.id)
                time = asset.update_time if asset.id in verified and not each.progress.changes.lives else ""
                imported[where] = Kept(kept, life.scheduled.owner, each.run, time)
    return EarlierImports(imported)


def carried(past: Sequence[PastRun]) -> list[Carried]:
    """Which approved preview each of these runs consumed, if any."""
    return [
        Carried(each.run, each.progress.began.approved, each.unfinished)
        for each in past
        if each.progress.began is not None
    ]


def learned(store: Reads, run: str = "") -> PollTiming:
    """What the home's latest runs, up to this one if it is named, teach of durations; a damaged one teaches nothing."""
    poll_timing = PollTiming()
    for earlier in [each for each in store.run_ids() if not run or each <= run][-LEARNED_RUNS:]:
        with suppress(MemoryFailed):
            poll_timing.learn(store.read(earlier))
    return poll_timing
