"""Reads both sides of a run and compares them. Law: reads only; what the comparison rests on must succeed."""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.comparison.carried import Carried, carried
from orchestrator.core.comparison.compare import AssetComparison, Side, compare
from orchestrator.core.model.contents import Contents
from orchestrator.core.plan.plan import Plan
from orchestrator.core.selection.only import parse_only
from orchestrator.core.selection.selection import Selection, select_all
from orchestrator.core.state.progress import Progress
from orchestrator.engine.admission import Admission
from orchestrator.engine.read_inventories import read_inventories
from orchestrator.engine.read_metadata import facts


@dataclass(frozen=True, slots=True)
class Compared:
    """What both sides of a run hold now."""

    rows: tuple[AssetComparison, ...]
    carried: tuple[Carried, ...]
    #: instance -> why its data sources or APIs could not be read and were not compared
    uncompared: Mapping[str, tuple[str, ...]]
    #: when it was read, epoch seconds
    at: float


async def compare_run(plan: Plan, progress: Progress, admission: Admission) -> Compared:
    """Compare a run that this plan conducted; raises ServiceRefuses (3), ServiceUnreachable (9).

    Every source and target of the run must still be an instance of the plan.
    """
    where = instances_of(progress)
    readers = admission.readers(where)
    inventories = await read_inventories(plan, readers)
    told = await facts(plan, readers, inventories, admission.runtime)
    sides = {name: Side(inventories[name], Contents.of(told[name])) for name in where}
    rows = compare(progress, plan, sides, _selected(plan, progress, sides))
    return Compared(rows, carried(rows, sides), _uncompared(sides), admission.runtime.now())


def _uncompared(sides: Mapping[str, Side]) -> dict[str, tuple[str, ...]]:
    told = {name: side.contents.unread.items() for name, side in sides.items()}
    return {name: tuple(f"{what}: {why}" for what, why in unread) for name, unread in told.items() if unread}


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
