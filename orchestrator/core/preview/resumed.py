"""What `run` would do where a run of the plan is unfinished: what is left of it. Law: its frozen schedule is kept.

What the run has brought is its own: it is no name that somebody else holds, and no check is asked of it again.
"""

import json
from collections.abc import Collection, Sequence

from orchestrator.core.model.naming import predicted
from orchestrator.core.plan.plan import Mode, Plan, differences, what_moves
from orchestrator.core.preflight.expected_outcomes import Expected, ExpectedOutcome
from orchestrator.core.preview.preview import Preview
from orchestrator.core.state import events as e
from orchestrator.core.state.lifecycle import LANDED, Delivery, DeliveryState, PackageState
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.undecided import is_undecided


def changes(began: e.RunBegan, plan: Plan, only: Sequence[str]) -> tuple[str, ...]:
    """What moves otherwise than when the run began, a readable line each: with any, it cannot go on."""
    changed = differences(json.loads(began.moves), json.loads(json.dumps(what_moves(plan))))
    if only and tuple(only) != began.only:
        was, is_ = ",".join(began.only) or "everything", ",".join(only)
        changed = (*changed, f"--only: was {was}, is {is_}")
    return tuple(changed)


def left_of(progress: Progress, stale: Collection[str] = ()) -> Preview:
    """What a resume would bring; `stale` are batches whose stored package it would export anew."""
    lives = [life for life in progress.deliveries.values() if life.state is not DeliveryState.SPLIT]
    open_ = [life for life in lives if life.id in progress.open]
    held = {life.batch for life in open_}
    batches = sorted((progress.batches[each] for each in held), key=lambda each: (each.position, each.batch))
    wanted = dict.fromkeys(name for life in open_ for name in life.scheduled.backups)
    backups = (progress.batches[each] for each in wanted if progress.packages[each].state is not PackageState.STORED)
    return Preview(
        tuple(progress.selections), (*progress.skipped, *_brought(progress, lives)), tuple(batches),
        tuple(life.scheduled for life in open_), (),
        tuple(each for life in lives for each in _assets(progress, life)), _unknown(progress, open_, stale),
        held=tuple(progress.held), frozen=progress.began.digest if progress.began is not None else "",
        backups=tuple(backups),
    )  # fmt: skip


def _brought(progress: Progress, lives: Sequence[Delivery]) -> list[e.AssetsSkipped]:
    return [
        e.AssetsSkipped(
            life.scheduled.migration, life.target, progress.assets_of(life.batch), "this run has brought it"
        )
        for life in lives
        if life.state in LANDED
    ]


def _assets(progress: Progress, life: Delivery) -> list[ExpectedOutcome]:
    """Set aside ones are told by the run's own counts: a resume does nothing with them."""
    if life.state in LANDED:
        fate = Expected.SKIPPED
    elif life.id not in progress.open:
        return []
    else:
        fate = Expected.CREATED
    known = life.baseline.seen if life.baseline is not None else {}
    merges = life.scheduled.mode == Mode.MERGE.value
    source = progress.source_of(life)
    return [
        ExpectedOutcome(
            life.scheduled.migration, source, life.target, life.scheduled.prefix, asset.id, asset.kind, asset.name,
            Expected.OVERWRITTEN if merges and fate is Expected.CREATED and asset.id in known else fate,
            predicted(life.scheduled.prefix, asset.kind, asset.name), links=asset.needs, running=asset.running,
            update_time=asset.update_time, batch=life.batch,
        )
        for asset in progress.assets_of(life.batch)
    ]  # fmt: skip


def _unknown(progress: Progress, open_: Sequence[Delivery], stale: Collection[str]) -> tuple[str, ...]:
    told = ["what has changed since that run began: a resume keeps its schedule and asks no check again"]
    unsure = sum(life.state is DeliveryState.IMPORT_UNSURE for life in open_)
    if unsure:
        told.append(f"whether {unsure} lost import{'s have' if unsure > 1 else ' has'} landed: each is settled first")
    undecided = [life.id for life in open_ if is_undecided(life)]
    if undecided:
        told.append(f"what became of {', '.join(undecided)}: only you can decide it (roma-migrate resolve)")
    if stale:
        told.append(f"what changed at the source in {len(stale)} of its batches: they are exported anew")
    return tuple(told)
