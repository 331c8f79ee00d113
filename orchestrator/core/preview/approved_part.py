"""What of a saved preview is one component's. Law: what was not approved is in no part; what was, is in exactly one.

Migrations of different components share no instance, so that a preview of a component alone tells of it what a preview
of the whole plan tells. The one thing that only the whole knows is whether anything is selected at all: a component of
which nothing was approved has no part.
"""

import json
from collections.abc import Mapping
from dataclasses import replace

from orchestrator.core.plan.plan import Plan, what_moves
from orchestrator.core.preview.approval import Saved, SavedCheck, SavedLane
from orchestrator.core.preview.drift import Drift, drift
from orchestrator.core.selection.only import only_within, parse_only


def approved_part(saved: Saved, part: Plan) -> Saved | None:
    """The document as it would have been saved of `part`, one component's plan; None where nothing of it was approved.

    It keeps the id and the digest by which people know what they approved.
    """
    names = {migration.name for migration in part.migrations}
    lanes = tuple(lane for lane in saved.lanes if lane.migration in names)
    if not any(lane.assets for lane in lanes):
        return None
    return replace(
        saved,
        only=only_within(saved.only, part),
        moves=_moves(saved.moves, part),
        lanes=lanes,
        checks=tuple(check for check in saved.checks if _concerns(check, part)),
        entries=tuple(
            replace(entry, migrations=mine)
            for entry in saved.entries
            if (mine := tuple(name for name in entry.migrations if name in names))
        ),
        digests={name: digest for name, digest in saved.digests.items() if name in names},
    )


def drift_of_plan(saved: Saved, plan: Plan) -> tuple[Drift, ...]:
    """What differs already by the plan alone, before anybody has read an instance.

    Raises OperatorError where the plan no longer has what `--only` named.
    """
    only = parse_only(saved.only, plan)
    before = {lane.key: lane for lane in saved.lanes}
    # Of a way on which nothing was selected no prefix was noted.
    idle = {(lane.migration, lane.target): lane for lane in saved.lanes if not lane.assets}
    ways = [
        SavedLane(migration.name, migration.source, target.instance, target.prefix, (), ())
        for migration in plan.migrations
        for target in migration.targets
        if only.allows_lane(migration.name, target.instance)
    ]
    lanes = tuple(before.get(way.key, idle.get((way.migration, way.target), way)) for way in ways)
    return drift(saved, replace(saved, moves=json.loads(json.dumps(what_moves(plan))), lanes=lanes))


def _moves(moves: Mapping[str, object], part: Plan) -> dict[str, object]:
    kept: dict[str, object] = dict(moves)
    names = {"instances": set(part.instances), "migrations": {each.name for each in part.migrations}}
    for key, mine in names.items():
        held = moves.get(key)
        if isinstance(held, Mapping):
            kept[key] = {name: value for name, value in held.items() if name in mine}
    return kept


def _concerns(check: SavedCheck, part: Plan) -> bool:
    migration, _, instance = check.where.partition("@")
    if migration:
        return any(each.name == migration for each in part.migrations)
    return not instance or instance in part.instances
