"""Reads both sides of a run and compares them. Law: reads only; what the comparison rests on must succeed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import anyio

from orchestrator.core.comparison.carried import Carried, carried, held, pairs
from orchestrator.core.comparison.compare import AssetComparison, Side, compare
from orchestrator.core.comparison.dictionaries import EntryDifference, entry_differences, unread_dictionaries
from orchestrator.core.model.contents import Contents
from orchestrator.core.model.instance_facts import Facts
from orchestrator.core.plan.plan import Plan
from orchestrator.core.selection.only import Only, parse_only
from orchestrator.core.selection.selection import Selection, select_all
from orchestrator.core.state.progress import Progress
from orchestrator.engine.admission import Admission
from orchestrator.engine.read_inventories import read_inventories
from orchestrator.engine.read_metadata import facts
from orchestrator.engine.read_undocumented import NOBODY, OF_APPS, OF_TASKS, Sample, read_undocumented
from orchestrator.roma import Reader


@dataclass(frozen=True, slots=True)
class Compared:
    """What both sides of a run hold now."""

    rows: tuple[AssetComparison, ...]
    carried: tuple[Carried, ...]
    #: what each source's dictionary has and its targets' have not
    dictionaries: tuple[EntryDifference, ...]
    #: instance -> why its data sources, APIs or dictionary could not be read and were not compared
    uncompared: Mapping[str, tuple[str, ...]]
    #: when it was read, epoch seconds
    at: float


async def compare_run(plan: Plan, progress: Progress, admission: Admission, only: Only) -> Compared:
    """Compare what `only` lets through of a run that this plan conducted.

    Raises ServiceRefuses (3), ServiceUnreachable (9). Every source and target of the run must still be an instance of
    the plan.
    """
    where = instances_of(progress)
    readers = admission.readers(where)
    inventories = await read_inventories(plan, readers)
    told = await facts(plan, readers, inventories, admission.runtime)
    sides = {name: Side(inventories[name], Contents.of(told[name])) for name in where}
    every = compare(progress, plan, sides, _selected(plan, progress, sides))
    rows = tuple(
        row for row in every
        if only.allows_lane(row.migration, row.target) and only.allows_asset(row.kind, row.name)
    )  # fmt: skip
    ours = pairs(rows, sides, progress)
    known = await _with_undocumented(readers, sides, ours)
    differences = entry_differences(progress.selections, told)
    return Compared(rows, carried(ours, known), differences, _uncompared(sides, told), admission.runtime.now())


async def glance(plan: Plan, progress: Progress, admission: Admission) -> tuple[Carried, ...]:
    """What lists alone show of what may have travelled: cheap enough for a run's end; raises as `compare_run`."""
    where = instances_of(progress)
    readers = admission.readers(where)
    inventories = await read_inventories(plan, readers)
    sides = {name: Side(inventories[name], Contents({}, {}, {})) for name in where}
    ours = pairs(compare(progress, plan, sides, ()), sides, progress)
    known = dict(sides)
    await _into(known, readers, dict.fromkeys({end for row in ours for end in (row.source, row.target)}, NOBODY))
    return carried(ours, known)


async def _with_undocumented(
    readers: Mapping[tuple[str, str], Reader], sides: Mapping[str, Side], rows: Sequence[AssetComparison]
) -> dict[str, Side]:
    """The sides with what may have travelled: sources first, then targets about what the sources have."""
    known = dict(sides)
    await _into(known, readers, {each: _of_source(each, rows) for each in {row.source for row in rows}})
    await _into(known, readers, {each: _of_target(each, rows, known) for each in {row.target for row in rows}})
    return known


async def _into(known: dict[str, Side], readers: Mapping[tuple[str, str], Reader], asked: Mapping[str, Sample]) -> None:
    async def ask(instance: str) -> None:
        mine = {name: reader for (where, name), reader in readers.items() if where == instance}
        found = await read_undocumented(mine, known[instance].inventory, asked[instance])
        known[instance] = replace(known[instance], undocumented=known[instance].undocumented.joined(found))

    async with anyio.create_task_group() as group:
        for instance in sorted(asked):
            group.start_soon(ask, instance)


def _of_source(instance: str, rows: Iterable[AssetComparison]) -> Sample:
    mine = [row for row in rows if row.source == instance]
    apps, tasks = ({row.id: None for row in mine if row.kind == kind} for kind in ("app", "task"))
    return Sample.of(apps, tasks)


def _of_target(instance: str, rows: Iterable[AssetComparison], known: Mapping[str, Side]) -> Sample:
    """What stands for the assets that have something at the source."""
    mine = [row for row in rows if row.target == instance]
    return Sample({
        thing: list(dict.fromkeys(row.target_id for row in mine if held(known[row.source], thing, row.id)))
        for thing in (*OF_APPS, *OF_TASKS)
    })  # fmt: skip


def _uncompared(sides: Mapping[str, Side], told: Mapping[str, Facts]) -> dict[str, tuple[str, ...]]:
    reasons = {name: [f"{what}: {why}" for what, why in side.contents.unread.items()] for name, side in sides.items()}
    for name, why in unread_dictionaries(told).items():
        reasons[name].append(f"dictionary: {why}")
    return {name: tuple(whys) for name, whys in reasons.items() if whys}


def instances_of(progress: Progress) -> set[str]:
    """Every source and target of a run."""
    return {end for each in progress.selections for end in (each.source, each.target)}


def _selected(plan: Plan, progress: Progress, sides: Mapping[str, Side]) -> tuple[Selection, ...]:
    """What the plan selects now, of the migrations and targets of this run."""
    held = {(each.migration, each.target) for each in progress.selections}
    inventories = {name: side.inventory for name, side in sides.items()}
    kept = tuple(m for m in plan.migrations if m.source in sides and all(t.instance in sides for t in m.targets))
    if progress.began is None or len(kept) != len(plan.migrations):
        return ()
    narrowed = parse_only(progress.began.only, plan).narrow(select_all(plan, inventories))
    return tuple(each for each in narrowed if (each.migration, each.target.instance) in held)
