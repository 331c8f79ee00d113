"""What a run would do, from the plan and the inventories alone. Law: the run freezes exactly this, once.

A preview *is* the events that a run begins with: what `preview` prints and what `run` journals cannot differ.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256

from orchestrator.core.handover.items import handover, listed
from orchestrator.core.model.checks import Check, Verdict
from orchestrator.core.model.handover_item import Item
from orchestrator.core.model.instance_facts import Facts
from orchestrator.core.model.inventory import Inventory
from orchestrator.core.plan.hours import Hours, hours_of
from orchestrator.core.plan.plan import Plan
from orchestrator.core.preflight.context import PreflightContext
from orchestrator.core.preflight.expected_outcomes import ExpectedOutcome, expected_outcomes
from orchestrator.core.preflight.preflight import cannot_know, preflight
from orchestrator.core.preflight.waivers import noted, waive, waived_assets
from orchestrator.core.preview.backups import backed_up
from orchestrator.core.preview.owners import Owners, owners_of
from orchestrator.core.scheduling.timetable import Predict, Timetable, predicted
from orchestrator.core.selection.batches import pack
from orchestrator.core.selection.dependencies import cycles
from orchestrator.core.selection.only import Only
from orchestrator.core.selection.routes import EarlierImports, Kept, Route, frozen_assets
from orchestrator.core.selection.selection import Selection, predecessors, select_all
from orchestrator.core.state import events as e
from orchestrator.core.state.identity import Batch, delivery_id

#: (batches, deliveries) -> when each would begin and end
Expect = Callable[[Sequence[e.BatchScheduled], Sequence[e.DeliveryScheduled]], Timetable]


@dataclass(frozen=True, slots=True)
class Informed:
    """What a preview may know beside plan and inventories; without it the checks that need it are not checked."""

    #: by instance
    facts: Mapping[str, Facts] = field(default_factory=dict)
    #: epoch seconds, UTC; 0 where unknown: then no waiver has expired
    now: float = 0.0
    #: how long the run is expected to last, in seconds; 0 where unknown
    lasting: float = 0.0
    #: plays the schedule out before it is lived; None where no durations are known
    expect: Expect | None = None
    #: how long jobs take; None where nobody asked
    predict: Predict | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """Everything that would happen, in order."""

    selections: tuple[e.SelectionMade, ...]
    skipped: tuple[e.AssetsSkipped, ...]
    batches: tuple[e.BatchScheduled, ...]
    deliveries: tuple[e.DeliveryScheduled, ...]
    #: an answer for each id of Contract 4, waivers applied
    checks: tuple[Check, ...]
    #: what would become of each selected asset at each target
    assets: tuple[ExpectedOutcome, ...] = ()
    #: what no preview can know, as sentences
    unknown: tuple[str, ...] = ()
    #: when each batch would begin and end; None where nothing is expected
    timetable: Timetable | None = None
    #: by instance, what the handover list rests on
    facts: Mapping[str, Facts] = field(default_factory=dict, repr=False)
    #: what does not start, because it has drifted since it was approved
    held: tuple[e.AssetsHeld, ...] = ()
    #: the digest of the run that it shows the rest of, "" where a run would begin
    frozen: str = ""
    #: exports of what Merge would overwrite, before it does
    backups: tuple[e.BatchScheduled, ...] = ()
    #: how long they are kept, seconds
    keep_backups: float = 0.0
    #: what the run that it shows the rest of has listed for people; none where a run would begin
    listed: tuple[Item, ...] = ()
    #: when its jobs may be asked for, and what waits for a person
    hours: Hours = field(default_factory=Hours)

    @property
    def blockers(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.verdict is Verdict.BLOCKER)

    @property
    def handover(self) -> tuple[Item, ...]:
        """What people must do by hand for what would arrive (API 2.4)."""
        return self.listed or handover(self.assets, self.facts)

    @property
    def schedule(self) -> tuple[e.Event, ...]:
        """The events that freeze it, and what is known at the start: warnings, the handover list, the times."""
        return (
            *self.selections, *self.skipped, *self.held, *self.batches, *self.backups, *self.deliveries,
            *noted(self.checks), *listed(self.handover),
            *([predicted(self.timetable)] if self.timetable is not None else []),
        )  # fmt: skip

    @property
    def digest(self) -> str:
        """Short, for a change ticket: the same where the same assets move under the same names in the same batches.

        Neither credentials nor times nor run states are in it: a rotated key does not change it.
        """
        if self.frozen:
            return self.frozen
        return _digest(self.deliveries, self.batches)

    @property
    def digests(self) -> dict[str, str]:
        """The same of each migration by itself: of one in which nothing moves there is none."""
        held = {batch.batch: batch for batch in self.batches}
        moving: dict[str, list[e.DeliveryScheduled]] = {}
        for each in self.deliveries:
            moving.setdefault(each.migration, []).append(each)
        return {
            migration: _digest(some, [held[batch] for batch in {each.batch for each in some}])
            for migration, some in moving.items()
        }


def _digest(deliveries: Sequence[e.DeliveryScheduled], batches: Sequence[e.BatchScheduled]) -> str:
    held = {batch.batch: batch for batch in batches}
    lines = [repr((d.delivery, d.migration, d.mode, d.datasource_overwrite, d.needs, d.after)) for d in deliveries]
    lines += [repr((b, a.id, a.kind, a.name, a.needs)) for b, batch in held.items() for a in batch.assets]
    hexed = sha256("\n".join(sorted(lines)).encode()).hexdigest()
    return f"{hexed[:4]}-{hexed[4:8]}"


_NOT_INFORMED = Informed()


def preview(
    plan: Plan,
    inventories: Mapping[str, Inventory],
    history: EarlierImports,
    only: Only,
    informed: Informed = _NOT_INFORMED,
) -> Preview:
    """Select, pack, order, check. Blockers are told in `checks`; where there is a cycle nothing is packed."""
    selections = only.narrow(select_all(plan, inventories))
    routes = [Route.of(plan, each, inventories, history) for each in selections]
    knots = any(cycles(route.graph) for route in routes)
    packed = [] if knots else [_pack(plan, route, inventories[route.source]) for route in routes]
    batches, bare = _schedule(plan, routes, packed, history, informed.facts)
    saved = backed_up(plan, routes, inventories, batches, bare)
    backups, deliveries = saved.backups, saved.deliveries
    timetable = informed.expect((*batches, *backups), deliveries) if informed.expect is not None else None
    lasting = timetable.p90 if timetable is not None else informed.lasting
    context = PreflightContext(
        plan, tuple(routes), inventories, informed.facts, history, batches, deliveries, lasting, backups, informed.now,
        informed.predict,
    )  # fmt: skip
    checks = waive(plan, preflight(context), datetime.fromtimestamp(informed.now, UTC).date())
    return Preview(
        tuple(_selection_made(route.selection) for route in routes),
        tuple(_skipped(route, history, inventories) for route in routes if route.skipped),
        batches,
        _forced(deliveries, batches, checks),
        checks,
        expected_outcomes(context),
        cannot_know(context),
        timetable,
        informed.facts,
        backups=backups,
        keep_backups=plan.settings.keep_backups,
        hours=hours_of(plan),
    )


def _forced(
    deliveries: Sequence[e.DeliveryScheduled], batches: Sequence[e.BatchScheduled], checks: Sequence[Check]
) -> tuple[e.DeliveryScheduled, ...]:
    """Where a taken name is waived, the service is asked all the same."""
    held = {batch.batch: batch.assets for batch in batches}
    found = []
    for each in deliveries:
        names = waived_assets(checks, "name-collision", each.migration, each.target)
        found.append(replace(each, forced=tuple(a.id for a in held[each.batch] if a.name in names)))
    return tuple(found)


def _skipped(route: Route, history: EarlierImports, inventories: Mapping[str, Inventory]) -> e.AssetsSkipped:
    why = "an earlier run imported it and the target still holds it"
    why += "" if route.adds else "; it has not changed at the source since (only_changed)"
    target = route.target.instance
    names = {each.id: each.name for each in inventories[target].assets}
    held: list[tuple[str, str, str]] = []
    for asset in route.skipped:
        kept = history.imported[target, route.target.prefix, route.source, asset.id]
        still = [each for each in kept.ids if each in names]
        if len(still) == 1:
            held.append((asset.id, still[0], names[still[0]]))
    assets = frozen_assets(route, route.skipped, None)
    return e.AssetsSkipped(route.selection.migration, target, assets, why, tuple(held))


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


def _pack(plan: Plan, route: Route, source: Inventory) -> tuple[Batch, ...]:
    """Batches in import order; where no credentials see everything, each sees all of what it exports (promise 14)."""
    batches: list[Batch] = []
    for assets in _by_sight(
        [asset.id for asset in route.moving], source.seen_by, plan.instances[source.instance].credentials
    ):
        batches += pack(assets, route.graph, plan.settings.batch_size)
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
    plan: Plan,
    routes: Sequence[Route],
    packed: Sequence[Sequence[Batch]],
    history: EarlierImports,
    facts: Mapping[str, Facts],
) -> tuple[tuple[e.BatchScheduled, ...], tuple[e.DeliveryScheduled, ...]]:
    carried = {(*route.place, asset.id) for route in routes for asset in route.moving}
    owners = owners_of(plan, routes, packed, history)
    before = predecessors(plan)
    batches: dict[str, e.BatchScheduled] = {}
    deliveries: list[e.DeliveryScheduled] = []
    for at in _in_order(plan, routes) if packed else ():
        route = routes[at]
        assets = {asset.id: asset for asset in frozen_assets(route, route.moving, facts.get(route.source))}
        for batch in packed[at]:
            held = tuple(assets[each] for each in batch.assets)
            if batch.id not in batches:
                exporters = _exporters(plan, route.seen_by, batch)
                batches[batch.id] = e.BatchScheduled(batch.id, batch.source, held, exporters, float(len(batches)))
            wanted = {need for asset in held for need in asset.needs} - set(batch.assets)
            needs = tuple(sorted(need for need in wanted if (*route.place, need) in carried))
            deliveries.append(_delivery(route, batch, owners[at, batch.id], needs, before[route.migration.name]))
    return tuple(batches.values()), tuple(deliveries)


def _delivery(
    route: Route, batch: Batch, owners: Owners, needs: tuple[str, ...], after: frozenset[str]
) -> e.DeliveryScheduled:
    target = route.target
    return e.DeliveryScheduled(
        delivery_id(batch.id, target.instance, target.prefix),
        batch.id,
        route.selection.migration,
        target.instance,
        target.mode.value,
        target.prefix,
        target.datasource_overwrite,
        owners.foreseen,
        needs,
        tuple(sorted(after)),
        route.migration.on_partial.value,
        owners=owners.among,
    )


def _in_order(plan: Plan, routes: Sequence[Route]) -> list[int]:
    """The plan's order, but never before a migration that it is `after`."""
    before = predecessors(plan)
    rank = {m.name: (len(before[m.name]), place) for place, m in enumerate(plan.migrations)}
    return sorted(range(len(routes)), key=lambda at: (rank[routes[at].migration.name], at))


def _exporters(plan: Plan, seen_by: Mapping[str, tuple[str, ...]], batch: Batch) -> tuple[str, ...]:
    credentials = plan.instances[batch.source].credentials
    return tuple(name for name in credentials if all(name in seen_by.get(a, credentials) for a in batch.assets))


__all__ = ["EarlierImports", "Informed", "Kept", "Preview", "preview"]
