"""How a delivery begins that goes on from others. Law: what was asked for and seen of its assets is never forgotten."""

from collections.abc import Sequence

from orchestrator.core.model.error_detail import NOT_OURS
from orchestrator.core.state import events as e
from orchestrator.core.state.lifecycle import FATES, Delivery, DeliveryState

#: why a delivery goes on in halves: its own job failed and named nothing, or what failed another must be in it
HALVING = frozenset({"halves", "other-half"})


def newborn(parent: Delivery, child: e.Child, scheduled: e.DeliveryScheduled, why: str, at: float) -> Delivery:
    """A part of a delivery that was split."""
    return Delivery(
        scheduled, state=FATES[child.fate], since=at, baseline=parent.baseline, attempt=parent.attempt,
        slot=parent.slot, user=parent.user, asked_at=parent.asked_at, words=child.words, by=child.by,
        halved=why in HALVING,
        parent=parent.id,
        presumed=parent.presumed or (parent.state is DeliveryState.IMPORT_UNSURE and not parent.idle_at),
        unlooked=tuple(asset for asset in child.assets if asset in parent.unlooked),
    )  # fmt: skip


def together(
    scheduled: e.DeliveryScheduled, assets: Sequence[str], parts: Sequence[tuple[Delivery, Sequence[str]]], at: float
) -> Delivery:
    """One life for several, each told with its assets; those that share none with it are left out.

    What was asked for keeps its baseline, what never was has none yet.
    """
    ours = [
        (life, ids) for life, ids in parts
        if not set(ids).isdisjoint(assets) and life.attempt and (life.words is None or life.words.kind != NOT_OURS)
    ]  # fmt: skip
    asked = sorted((life for life, _ in ours), key=lambda life: life.asked_at)
    known = {asset for _, ids in ours for asset in ids}
    seen = {asset: ids for life in asked if life.baseline is not None for asset, ids in life.baseline.present}
    present = tuple((asset, seen[asset]) for asset in assets if asset in known and asset in seen)
    times = {there: time for life in asked if life.baseline is not None for there, time in life.baseline.times}
    baseline = e.Looked(scheduled.delivery, present, times=tuple(times.items()))
    return Delivery(
        scheduled, since=at, baseline=baseline if asked else None,
        attempt=max((life.attempt for life in asked), default=0),
        slot=asked[-1].slot if asked else "", user=asked[-1].user if asked else "",
        asked_at=asked[-1].asked_at if asked else 0.0,
        presumed=any(life.presumed for life in asked),
        unlooked=tuple(asset for asset in assets if asset not in known) if asked else (),
    )  # fmt: skip
