"""One bad asset does not stop a hundred: how a delivery goes on in parts. Law: each asset lands in exactly one part.

Parts by the service's named reasons where they explain the failure, by halves where they do not (promise 7); parts
that are already at the target need no package, quarantined ones carry the service's own words.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.core.model.error_detail import FAILED_JOB, NOT_OURS
from orchestrator.core.model.inventory import Reason
from orchestrator.core.plan.plan import Mode
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Asset, Child, ErrorDetail, Split
from orchestrator.core.state.identity import batch_of, delivery_id
from orchestrator.core.state.lifecycle import LANDED, Delivery, DeliveryState, Package
from orchestrator.core.state.progress import Progress

#: how services say that a name is taken
_EXISTS = re.compile(r"(?<!not )\bexist(s|ed|ing)?\b|已存在", re.IGNORECASE)
_DENIED = re.compile(r"\b(not|n't|no longer) exist", re.IGNORECASE)
#: what a reason's `resource_type` calls our kinds (API 1.4)
_KIND_WORDS = {"application": "app", "app": "app", "task": "task", "fdi_task": "task"}


@dataclass(frozen=True, slots=True)
class Part:
    """Some assets of a delivery and what becomes of them."""

    assets: tuple[str, ...]
    #: "waiting", "landed", "quarantined" or "blocked"
    fate: str
    words: ErrorDetail | None = None
    by: str = ""


def split(progress: Progress, delivery: Delivery, parts: Sequence[Part], why: str) -> tuple[e.Event, ...]:
    """The events that let a delivery go on in parts: new batches where they are new, then the split."""
    source = progress.source_of(delivery)
    parent = progress.batches[delivery.batch]
    scheduled: list[e.Event] = []
    children: list[Child] = []
    for place, part in enumerate(part for part in parts if part.assets):
        assets = tuple(asset for asset in parent.assets if asset.id in set(part.assets))
        batch = _batch_id(source, assets)
        if batch not in progress.batches and batch not in {
            each.batch for each in scheduled if isinstance(each, e.BatchScheduled)
        }:
            position = parent.position + (place + 1) * 0.5 ** (_depth(progress, delivery) * 4 + 4)
            scheduled.append(e.BatchScheduled(batch, source, assets, parent.exporters, position))
        name = delivery_id(batch, delivery.target, delivery.scheduled.prefix)
        children.append(Child(name, batch, tuple(each.id for each in assets), part.fate, part.words, part.by))
    return (*scheduled, Split(delivery.id, tuple(children), why))


def _batch_id(source: str, assets: Iterable[Asset]) -> str:
    held = tuple(assets)
    apps = tuple(asset.id for asset in held if asset.kind == "app")
    return batch_of(source, apps, tuple(asset.id for asset in held if asset.kind != "app")).id


def _depth(progress: Progress, delivery: Delivery) -> int:
    depth = 0
    while delivery.parent and depth < 12:
        delivery = progress.deliveries[delivery.parent]
        depth += 1
    return depth


def refused_as_existing(
    progress: Progress, delivery: Delivery, there: Iterable[str], names: dict[str, tuple[str, ...]]
) -> dict[str, ErrorDetail]:
    """What the failed import of AddNew found taken, of what is there now and was not in the baseline: not ours.

    Only where it was asked for once: else an earlier request of ours may have brought it.
    """
    if delivery.attempt != 1 or delivery.scheduled.mode != Mode.ADD_NEW.value:
        return {}
    found: dict[str, ErrorDetail] = {}
    new = set(there)
    for asset in progress.assets_of(delivery.batch):
        said = words_for(asset, delivery.reasons, names) if asset.id in new else None
        if said is not None and _EXISTS.search(said.message) and not _DENIED.search(said.message):
            found[asset.id] = ErrorDetail(NOT_OURS, said.code, said.message)
    return found


def after_failure(
    progress: Progress,
    delivery: Delivery,
    landed: Collection[str],
    names: dict[str, tuple[str, ...]],
    theirs: Mapping[str, ErrorDetail] | None = None,
) -> tuple[e.Event, ...]:
    """What follows a failed export or import, given what of it landed all the same.

    `names`: source id -> the names it may have at the target and at the source, for reading the reasons.
    `theirs`: what is there and not ours, in the service's words; it explains the failure.
    """
    if theirs:
        return _beside_theirs(progress, delivery, landed, names, theirs)
    package = progress.packages[delivery.batch]
    failed: Delivery | Package = delivery if delivery.state is DeliveryState.FAILED else package
    reasons, words = failed.reasons, failed.words
    words = words or ErrorDetail(FAILED_JOB, message="failed without a reason")
    assets = [asset for asset in progress.assets_of(delivery.batch) if asset.id not in set(landed)]
    there = Part(tuple(landed), "landed")
    if not assets:
        return (e.ImportFound(delivery.id),) if landed else ()
    if len(assets) == 1:
        return _alone(progress, delivery, assets[0], words_for(assets[0], reasons, names) or words, there)
    named = {asset.id: said for asset in assets if (said := words_for(asset, reasons, names)) is not None}
    if named and len(named) < len(assets):
        rest = Part(tuple(asset.id for asset in assets if asset.id not in named), "waiting")
        poison = [Part((each,), "quarantined", said) for each, said in named.items()]
        return split(progress, delivery, [there, *poison, rest], "reasons")
    return split(progress, delivery, [there, *_halves(assets)], "halves")


def _beside_theirs(
    progress: Progress,
    delivery: Delivery,
    landed: Collection[str],
    names: dict[str, tuple[str, ...]],
    theirs: Mapping[str, ErrorDetail],
) -> tuple[e.Event, ...]:
    """What somebody else brought meanwhile is set aside, and what else was named; the rest goes on."""
    assets = progress.assets_of(delivery.batch)
    if len(assets) == 1:
        return (e.Quarantined(delivery.id, theirs[assets[0].id]),)
    left = [asset for asset in assets if asset.id not in {*landed, *theirs}]
    named = {asset.id: said for asset in left if (said := words_for(asset, delivery.reasons, names)) is not None}
    aside = [Part((each,), "quarantined", said) for each, said in {**theirs, **named}.items()]
    rest = Part(tuple(asset.id for asset in left if asset.id not in named), "waiting")
    return split(progress, delivery, [Part(tuple(landed), "landed"), *aside, rest], "not-ours")


def _alone(
    progress: Progress, delivery: Delivery, asset: Asset, words: ErrorDetail, there: Part
) -> tuple[e.Event, ...]:
    if not there.assets:
        return (e.Quarantined(delivery.id, words),)
    return split(progress, delivery, [there, Part((asset.id,), "quarantined", words)], "reasons")


def untried(progress: Progress, delivery: Delivery) -> tuple[e.Event, ...]:
    """The split of a half that need not be tried, because what failed the job must be in it; else nothing.

    A job that carried both halves failed without naming an asset, and the other half has landed alone. Its own halves
    are tried: where the job failed for a reason of another kind, more such splits would cost more jobs than they save.
    """
    assets = progress.assets_of(delivery.batch)
    if len(assets) < 2 or not _holds_the_cause(progress, delivery):
        return ()
    return split(progress, delivery, _halves(assets), "other-half")


def _holds_the_cause(progress: Progress, delivery: Delivery) -> bool:
    """Its parent's own import failed, and the other half has landed."""
    if not delivery.halved:
        return False
    parent = progress.deliveries[delivery.parent]
    tried = parent.words is not None and parent.words.kind == FAILED_JOB
    return tried and _others_landed(progress, delivery, parent)


def _others_landed(progress: Progress, delivery: Delivery, parent: Delivery) -> bool:
    place, source = delivery.scheduled.place, progress.source_of(delivery)
    own = {asset.id for asset in progress.assets_of(delivery.batch)}
    others = {asset.id for asset in progress.assets_of(parent.batch)} - own
    lives = (progress.deliveries[progress.carrier[place, source, other]] for other in others)
    return all(life.parent == parent.id and life.state in LANDED for life in lives)


def _halves(assets: Sequence[Asset]) -> tuple[Part, Part]:
    """Applications first, so that no part needs a later one; within a kind callers behind what they call."""
    order = sorted(assets, key=lambda asset: (asset.kind != "app", bool(asset.needs), asset.name, asset.id))
    middle = (len(order) + 1) // 2
    first, second = order[:middle], order[middle:]
    return Part(tuple(a.id for a in first), "waiting"), Part(tuple(a.id for a in second), "waiting")


def words_for(asset: Asset, reasons: Sequence[Reason], names: dict[str, tuple[str, ...]]) -> ErrorDetail | None:
    """The service's words about this asset, if it named it; names may be cut at 64 characters (API 1.4)."""
    for reason in reasons:
        kind = _KIND_WORDS.get(reason.resource_type.lower())
        said = reason.resource_name
        fits = bool(said) and kind in {None, asset.kind}
        if fits and any(_same_name(said, name) for name in (asset.name, *names.get(asset.id, ()))):
            return ErrorDetail(FAILED_JOB, reason.error_code, reason.error_msg)
    return None


def _same_name(said: str, name: str) -> bool:
    return said == name or (len(said) >= 64 and name.startswith(said))


def blocked(progress: Progress, delivery: Delivery) -> tuple[e.Event, ...]:
    """What needs an asset that will not be at the target is blocked; the rest goes on."""
    source = progress.source_of(delivery)
    dead: dict[str, str] = {}
    assets = progress.assets_of(delivery.batch)
    changed = True
    while changed:
        changed = False
        for asset in assets:
            if asset.id in dead:
                continue
            by = next((n for n in asset.needs if n in dead or _is_dead(progress, delivery, source, n)), "")
            if by:
                dead[asset.id] = dead.get(by, by)
                changed = True
    rest = tuple(asset.id for asset in assets if asset.id not in dead)
    if not rest:
        return (e.Blocked(delivery.id, next(iter(dead.values()))),)
    causes = dict.fromkeys(dead.values())
    parts = [Part(tuple(each for each, by in dead.items() if by == cause), "blocked", by=cause) for cause in causes]
    return split(progress, delivery, [*parts, Part(rest, "waiting")], "blocked")


def _is_dead(progress: Progress, delivery: Delivery, source: str, asset: str) -> bool:
    key = (delivery.scheduled.place, source, asset)
    carrier = progress.carrier.get(key)
    return carrier is not None and carrier != delivery.id and progress.fate.get(key) is False
