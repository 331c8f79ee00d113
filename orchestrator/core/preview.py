"""What a run would do, from the plan and the inventories alone. Law: the run freezes exactly this, once.

A preview *is* the events that a run begins with: what `preview` prints and what `run` journals cannot differ.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from orchestrator.core import events as e
from orchestrator.core.batches import Batch, connected_groups, pack
from orchestrator.core.checks import Check, Verdict
from orchestrator.core.dependencies import Graph, cycle_told, cycles, graph_of
from orchestrator.core.inventory import App, Inventory, Task
from orchestrator.core.names import predicted
from orchestrator.core.only import Only
from orchestrator.core.plan import ById, Migration, Mode, Plan, Target
from orchestrator.core.selection import Selection, kind_of, overlaps, predecessors, select_all
from orchestrator.core.splitting import delivery_id


@dataclass(frozen=True, slots=True)
class Kept:
    """What an earlier run of the plan brought to a target."""

    #: ids at the target under which it was seen then
    ids: tuple[str, ...]
    #: credentials that imported it
    owner: str
    run: str


@dataclass(frozen=True, slots=True)
class History:
    """What earlier runs of this plan did: (target, prefix, source, asset id) -> what is kept there."""

    imported: Mapping[tuple[str, str, str, str], Kept] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preview:
    """Everything that would happen, in order."""

    selections: tuple[e.SelectionMade, ...]
    skipped: tuple[e.AssetsSkipped, ...]
    batches: tuple[e.BatchScheduled, ...]
    deliveries: tuple[e.DeliveryScheduled, ...]
    checks: tuple[Check, ...]

    @property
    def blockers(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.verdict is Verdict.BLOCKER)

    @property
    def schedule(self) -> tuple[e.Event, ...]:
        """The events that freeze it."""
        return (*self.selections, *self.skipped, *self.batches, *self.deliveries)

    @property
    def digest(self) -> str:
        """Short, for a change ticket; the same where the same moves in the same batches."""
        text = "\n".join(sorted(f"{d.delivery} {d.mode} {d.datasource_overwrite}" for d in self.deliveries))
        hexed = sha256(text.encode()).hexdigest()
        return f"{hexed[:4]}-{hexed[4:8]}"


def preview(plan: Plan, inventories: Mapping[str, Inventory], history: History, only: Only) -> Preview:
    """Select, pack, order. Blockers are told in `checks`; where there is a cycle nothing is packed."""
    selections = only.narrow(select_all(plan, inventories))
    lanes = [_Lane.of(plan, each, inventories, history) for each in selections]
    checks = [*_plan_checks(lanes), *(check for lane in lanes for check in _lane_checks(lane, inventories))]
    knots = [check for check in checks if check.id == "dependency-cycle"]
    packed = [] if knots else [_pack(plan, lane, inventories[lane.selection.source]) for lane in lanes]
    batches, deliveries = _schedule(plan, lanes, packed, history)
    checks += _visibility(batches)
    return Preview(
        tuple(_selection_made(lane.selection) for lane in lanes),
        tuple(lane.skipped_event() for lane in lanes if lane.skipped),
        batches,
        deliveries,
        tuple(checks),
    )


@dataclass(frozen=True, slots=True)
class _Lane:
    """One migration's way to one target."""

    migration: Migration
    selection: Selection
    graph: Graph
    #: what an earlier run brought and the target still holds
    skipped: tuple[App | Task, ...]
    moving: tuple[App | Task, ...]
    #: asset id -> credentials of the source that see it
    seen_by: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, plan: Plan, selection: Selection, inventories: Mapping[str, Inventory], history: History) -> "_Lane":
        migration = next(m for m in plan.migrations if m.name == selection.migration)
        graph = graph_of(selection, inventories[selection.source], migration.calls)
        there = {each.id for each in inventories[selection.target.instance].assets}
        skipped: list[App | Task] = []
        moving: list[App | Task] = []
        for asset in selection.assets:
            kept = history.imported.get(
                (selection.target.instance, selection.target.prefix, selection.source, asset.id)
            )
            still = kept is not None and bool(there.intersection(kept.ids))
            (skipped if still and selection.target.mode is Mode.ADD_NEW else moving).append(asset)
        seen_by = inventories[selection.source].seen_by
        return cls(migration, selection, graph, tuple(skipped), tuple(moving), seen_by)

    @property
    def name(self) -> str:
        return f"{self.selection.migration}@{self.selection.target.instance}"

    @property
    def target(self) -> Target:
        return self.selection.target

    @property
    def place(self) -> tuple[str, str, str]:
        """Where its assets arrive: (target, prefix, source)."""
        return self.target.instance, self.target.prefix, self.selection.source

    def needs_of(self, asset: App | Task) -> tuple[str, ...]:
        """What must be at the target before: a task's applications, an application's callees, selected or not."""
        if isinstance(asset, Task):
            return asset.app_ids
        outside = (need.app_id for need in self.graph.outside if need.asset_id == asset.id and need.app_id)
        return tuple(dict.fromkeys((*self.graph.calls.get(asset.id, ()), *outside)))

    def skipped_event(self) -> e.AssetsSkipped:
        assets = tuple(_asset(each, self.needs_of(each)) for each in self.skipped)
        return e.AssetsSkipped(
            self.selection.migration,
            self.target.instance,
            assets,
            "an earlier run imported it and the target still holds it",
        )


def _asset(asset: App | Task, needs: tuple[str, ...]) -> e.Asset:
    key = asset.key if isinstance(asset, App) else ""
    running = isinstance(asset, Task) and asset.running
    return e.Asset(asset.id, kind_of(asset).value, asset.name, asset.update_time, needs, key, running)


def _selection_made(selection: Selection) -> e.SelectionMade:
    return e.SelectionMade(
        selection.migration,
        selection.source,
        selection.target.instance,
        len(selection.assets),
        tuple(asset.id for asset in selection.excluded),
        tuple(
            (left.task.id, left.task.name, _why(left.why, left.app_name, left.migration)) for left in selection.left_out
        ),
    )


def _why(why: str, app: str, migration: str) -> str:
    told = f" ({app})" if app else ""
    return f"{why}{told}" + (f": {migration}" if migration else "")


# --- packing -------------------------------------------------------------------------------------------------------


def _pack(plan: Plan, lane: _Lane, source: Inventory) -> tuple[Batch, ...]:
    """Batches in import order; where no credentials see everything, each sees all of what it exports (promise 14)."""
    batches: list[Batch] = []
    for assets in _by_sight(
        [asset.id for asset in lane.moving], source.seen_by, plan.instances[source.instance].credentials
    ):
        batches += pack(assets, lane.graph, plan.settings.batch_size)
    return tuple(batches)


def _by_sight(
    assets: Sequence[str], seen_by: Mapping[str, tuple[str, ...]], credentials: Sequence[str]
) -> list[list[str]]:
    """As few groups as a greedy choice finds, each seen whole by some credentials; unseen assets form the last."""
    left = list(assets)
    groups: list[list[str]] = []
    while left:
        sees = {name: [a for a in left if name in seen_by.get(a, credentials)] for name in credentials}
        best = max(credentials, key=lambda name: len(sees[name]))
        if not sees[best]:
            return [*groups, left]
        groups.append(sees[best])
        taken = set(sees[best])
        left = [asset for asset in left if asset not in taken]
    return groups


def _schedule(
    plan: Plan, lanes: Sequence[_Lane], packed: Sequence[Sequence[Batch]], history: History
) -> tuple[tuple[e.BatchScheduled, ...], tuple[e.DeliveryScheduled, ...]]:
    carried = {(*lane.place, asset.id) for lane in lanes for asset in lane.moving}
    owners = _owners(plan, lanes, packed, history)
    before = predecessors(plan)
    batches: dict[str, e.BatchScheduled] = {}
    deliveries: list[e.DeliveryScheduled] = []
    for at in _in_order(plan, lanes) if packed else ():
        lane = lanes[at]
        assets = {asset.id: _asset(asset, lane.needs_of(asset)) for asset in lane.moving}
        for batch in packed[at]:
            held = tuple(assets[each] for each in batch.assets)
            if batch.id not in batches:
                exporters = _exporters(plan, lane.seen_by, batch)
                batches[batch.id] = e.BatchScheduled(batch.id, batch.source, held, exporters, float(len(batches)))
            wanted = {need for asset in held for need in asset.needs} - set(batch.assets)
            needs = tuple(sorted(need for need in wanted if (*lane.place, need) in carried))
            deliveries.append(_delivery(lane, batch, owners[at, batch.id], needs, before[lane.migration.name]))
    return tuple(batches.values()), tuple(deliveries)


def _delivery(
    lane: _Lane, batch: Batch, owner: str, needs: tuple[str, ...], after: frozenset[str]
) -> e.DeliveryScheduled:
    target = lane.target
    return e.DeliveryScheduled(
        delivery_id(batch.id, target.instance, target.prefix),
        batch.id,
        lane.selection.migration,
        target.instance,
        target.mode.value,
        target.prefix,
        target.datasource_overwrite,
        owner,
        needs,
        tuple(sorted(after)),
        lane.migration.on_partial.value,
    )


def _in_order(plan: Plan, lanes: Sequence[_Lane]) -> list[int]:
    """The plan's order, but never before a migration that it is `after`."""
    before = predecessors(plan)
    rank = {m.name: (len(before[m.name]), place) for place, m in enumerate(plan.migrations)}
    return sorted(range(len(lanes)), key=lambda at: (rank[lanes[at].migration.name], at))


def _exporters(plan: Plan, seen_by: Mapping[str, tuple[str, ...]], batch: Batch) -> tuple[str, ...]:
    credentials = plan.instances[batch.source].credentials
    return tuple(name for name in credentials if all(name in seen_by.get(a, credentials) for a in batch.assets))


def _owners(
    plan: Plan, lanes: Sequence[_Lane], packed: Sequence[Sequence[Batch]], history: History
) -> dict[tuple[int, str], str]:
    """Who imports each batch: what builds on an application is sent by the identity that owns it (promise 14)."""
    owners: dict[tuple[int, str], str] = {}
    for instance in dict.fromkeys(lane.target.instance for lane in lanes):
        credentials = plan.instances[instance].credentials
        at = [place for place, lane in enumerate(lanes) if lane.target.instance == instance and packed]
        load = dict.fromkeys(credentials, 0)
        batches = [batch for place in at for batch in packed[place]]
        sizes = {batch.id: batch.size for batch in batches}
        chosen: dict[str, str] = {}
        groups = connected_groups(batches, *(lanes[place].graph for place in at))
        for group in sorted(groups, key=lambda g: (-sum(sizes[b] for b in g), min(g))):
            owner = _earlier_owner(group, batches, instance, credentials, history)
            owner = owner or min(credentials, key=lambda name: (load[name], credentials.index(name)))
            load[owner] += sum(sizes[b] for b in group)
            chosen |= dict.fromkeys(group, owner)
        for place in at:
            for batch in packed[place]:
                owners[place, batch.id] = lanes[place].target.owner or chosen[batch.id]
    return owners


def _earlier_owner(
    group: frozenset[str], batches: Sequence[Batch], instance: str, credentials: Sequence[str], history: History
) -> str:
    """The identity that imported an application of this group, or one that it builds on, in an earlier run."""
    ids = {asset for batch in batches if batch.id in group for asset in batch.assets}
    for (target, _, _, asset), kept in history.imported.items():
        if target == instance and asset in ids and kept.owner in credentials:
            return kept.owner
    return ""


# --- what the run itself must know before it begins ----------------------------------------------------------------


def _plan_checks(lanes: Sequence[_Lane]) -> list[Check]:
    found = []
    for overlap in overlaps(lane.selection for lane in lanes):
        sentence = f"{overlap.asset.name} would arrive twice at {overlap.target}: in {' and '.join(overlap.migrations)}"
        remedy = "take it out of one of them, or give one a prefix"
        found.append(
            Check("name-collision", Verdict.BLOCKER, sentence, (overlap.asset.name,), remedy, f"@{overlap.target}")
        )
    if not any(lane.selection.assets for lane in lanes):
        found.append(
            Check("missing-assets", Verdict.BLOCKER, "nothing at all is selected", remedy="mend `apps` and `tasks`")
        )
    return found


def _lane_checks(lane: _Lane, inventories: Mapping[str, Inventory]) -> list[Check]:
    source, target = inventories[lane.selection.source], inventories[lane.target.instance]
    return [*_cycle_checks(lane, source), *_missing_checks(lane), *_collision_checks(lane, target)]


def _cycle_checks(lane: _Lane, source: Inventory) -> list[Check]:
    return [
        Check(
            "dependency-cycle",
            Verdict.BLOCKER,
            f"applications that call each other cannot be ordered: {told}",
            remedy="take one of these calls out of `calls`",
            where=lane.name,
        )  # fmt: skip
        for told in (cycle_told(cycle, source.apps) for cycle in cycles(lane.graph))
    ]


def _missing_checks(lane: _Lane) -> list[Check]:
    found = []
    for missing in lane.selection.missing:
        level = Verdict.BLOCKER if missing.by_id else Verdict.WARNING
        word = missing.selector.id if isinstance(missing.selector, ById) else missing.selector.pattern
        sentence = f"{lane.selection.source} holds no {missing.kind.value} that {word!r} fits"
        remedy = "correct the plan, or let these credentials see it"
        found.append(Check("missing-assets", level, sentence, (word,), remedy, lane.name))
    return found


def _collision_checks(lane: _Lane, target: Inventory) -> list[Check]:
    """AddNew on a name that the target holds is assumed to fail (API 7, 14)."""
    if lane.target.mode is not Mode.ADD_NEW:
        return []
    held = {"app": {app.name for app in target.apps}, "task": {task.name for task in target.tasks}}
    taken = tuple(
        asset.name
        for asset in lane.moving
        if all(name in held[kind_of(asset)] for name in predicted(lane.target.prefix, kind_of(asset).value, asset.name))
    )
    if not taken:
        return []
    sentence = f"{len(taken)} names are taken at {lane.target.instance}: {_some(taken)}"
    remedy = "use a prefix, mode Merge, or exclude them"
    return [Check("name-collision", Verdict.BLOCKER, sentence, taken, remedy, lane.name)]


def _visibility(batches: Iterable[e.BatchScheduled]) -> list[Check]:
    blind = [batch for batch in batches if not batch.exporters]
    return [
        Check(
            "visibility",
            Verdict.BLOCKER,
            f"no credentials of {batch.source} see all of {_some([a.name for a in batch.assets])}",
            tuple(asset.name for asset in batch.assets),
            "use the main account's or an administrator's credentials",
        )  # fmt: skip
        for batch in blind
    ]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
