"""What `run --retry` tries once more, in as few batches as it takes. Law: nothing waits for itself (promise 8).

What was set aside asset by asset travels together again: a poison that was mended and all that needs it are one batch
where they fit. Alone stays what would only drag others down: a poison that the service never named, which a failing
batch would have to be halved for again, and a package that was too large.
"""

from collections.abc import Iterable, Iterator, Sequence

from orchestrator.core.model.failures import Failure
from orchestrator.core.selection.batches import pack
from orchestrator.core.selection.dependencies import Graph
from orchestrator.core.state import events as e
from orchestrator.core.state.identity import Batch, delivery_id
from orchestrator.core.state.lifecycle import Delivery, DeliveryState, PackageState
from orchestrator.core.state.progress import Progress

_AGAIN = frozenset({DeliveryState.QUARANTINED, DeliveryState.BLOCKED, DeliveryState.FAILED})


def retries(progress: Progress, size: int) -> list[e.Event]:
    """The events that give quarantined, blocked and failed deliveries one more try; `size` is the plan's batch_size."""
    lives = [life for life in progress.deliveries.values() if life.state in _AGAIN]
    lanes: dict[tuple[object, ...], list[Delivery]] = {}
    for life in lives:
        if not _goes_alone(life):
            lanes.setdefault(_lane(progress, life), []).append(life)
    joined = [event for held in lanes.values() for event in _joined(progress, held, size)]
    gone = {name for event in joined if isinstance(event, e.Regrouped) for name in event.parts}
    alone = [life for life in lives if life.id not in gone]
    stale = [each for life in alone for each in _anew(progress, life.batch)]
    return [*joined, *dict.fromkeys(stale), *(e.Retried(life.id) for life in alone)]


def _goes_alone(life: Delivery) -> bool:
    too_large = life.words is not None and life.words.kind == Failure.TOO_LARGE.value
    return too_large or (life.state is DeliveryState.QUARANTINED and life.halved)


def _lane(progress: Progress, life: Delivery) -> tuple[object, ...]:
    """What deliveries must share to become one."""
    scheduled, batch = life.scheduled, progress.batches[life.batch]
    return (
        scheduled.migration, scheduled.place, scheduled.mode, scheduled.datasource_overwrite, scheduled.owner,
        scheduled.after, scheduled.on_partial, scheduled.backup, batch.source, batch.exporters,
    )  # fmt: skip


def _joined(progress: Progress, lives: Sequence[Delivery], size: int) -> Iterator[e.Event]:
    """New batches in place of these deliveries of one lane; nothing where they are as few already."""
    assets = {asset.id: asset for life in lives for asset in progress.assets_of(life.batch)}
    packed = pack(assets, _graph(progress.source_of(lives[0]), assets.values()), size)
    parts = tuple(life.id for life in lives)
    made = tuple(_delivery(progress, lives, batch) for batch in packed)
    if len(packed) >= len(lives) or _would_stall(progress, parts, packed, made):
        return
    place = min(progress.batches[life.batch].position for life in lives)
    exporters = progress.batches[lives[0].batch].exporters
    for batch in packed:
        if batch.id in progress.batches:
            yield from _anew(progress, batch.id)
        else:
            held = tuple(assets[each] for each in batch.assets)
            yield e.BatchScheduled(batch.id, batch.source, held, exporters, place)
    yield e.Regrouped(parts, made)


def _graph(source: str, assets: Iterable[e.Asset]) -> Graph:
    held = {asset.id: asset for asset in assets}
    needs = {each.id: tuple(sorted(held.keys() & set(each.needs) - {each.id})) for each in held.values()}
    apps = tuple(sorted(each.id for each in held.values() if each.kind == "app"))
    tasks = tuple(sorted(held.keys() - set(apps)))
    return Graph(
        source, apps, tasks,
        apps_of={task: needs[task] for task in tasks if needs[task]},
        calls={app: needs[app] for app in apps if needs[app]},
    )  # fmt: skip


def _delivery(progress: Progress, lives: Sequence[Delivery], batch: Batch) -> e.DeliveryScheduled:
    like, own = lives[0].scheduled, set(batch.assets)
    wanted = {need for each in batch.assets for need in progress.asset(batch.source, each).needs} - own
    needs = sorted(need for need in wanted if (like.place, batch.source, need) in progress.carrier)
    forced = tuple(asset for life in lives for asset in life.scheduled.forced if asset in own)
    name = delivery_id(batch.id, like.target, like.prefix)
    return e.DeliveryScheduled(
        name, batch.id, like.migration, like.target, like.mode, like.prefix, like.datasource_overwrite, like.owner,
        tuple(needs), like.after, like.on_partial, forced, like.backup,
        tuple(dict.fromkeys(each for life in lives for each in life.scheduled.backups)),
    )  # fmt: skip


def _would_stall(
    progress: Progress, parts: Sequence[str], packed: Sequence[Batch], made: Sequence[e.DeliveryScheduled]
) -> bool:
    """Whether a new batch would need what waits for another part of it, which single assets never did."""
    open_ = {name for name, life in progress.deliveries.items() if name in progress.open or life.state in _AGAIN}
    scheduled = {name: progress.deliveries[name].scheduled for name in open_ - set(parts)}
    carries = {name: {asset.id for asset in progress.assets_of(each.batch)} for name, each in scheduled.items()}
    for batch, each in zip(packed, made, strict=True):
        scheduled[each.delivery], carries[each.delivery] = each, set(batch.assets)
    while scheduled:
        missing = {(scheduled[name].place, asset) for name in scheduled for asset in carries[name]}
        ready = [n for n, each in scheduled.items() if not any((each.place, need) in missing for need in each.needs)]
        if not ready:
            return True
        for name in ready:
            del scheduled[name]
    return False


def _anew(progress: Progress, batch: str) -> Iterator[e.PackageStale]:
    """What was mended at the source is exported again, where the package is kept and nobody else uses it now."""
    used = any(life.id in progress.open for life in progress.deliveries_of(batch) if life.state not in _AGAIN)
    if progress.packages[batch].state is PackageState.STORED and not used:
        yield e.PackageStale(batch, ())
