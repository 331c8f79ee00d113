"""Who imports each batch, as far as a preview can tell. Law: what builds on an application is its owner's (promise 14).

Batches that build on one another go to one identity, dealt so that the work is shared evenly. A batch that shares
nothing with another may be imported by any identity: the one that is free when its import starts takes it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.core.plan.plan import Plan
from orchestrator.core.selection.batches import builds_on_others, connected_groups
from orchestrator.core.selection.routes import EarlierImports, Route
from orchestrator.core.state.identity import Batch


@dataclass(frozen=True, slots=True)
class Owners:
    """Who imports one batch of one route."""

    #: credentials that are foreseen
    foreseen: str
    #: credentials of which any may, those that are foreseen among them; none where nobody else may
    among: tuple[str, ...] = ()


def owners_of(
    plan: Plan, routes: Sequence[Route], packed: Sequence[Sequence[Batch]], history: EarlierImports
) -> dict[tuple[int, str], Owners]:
    """(place of the route, batch) -> who imports it there."""
    found: dict[tuple[int, str], Owners] = {}
    for instance in dict.fromkeys(route.target.instance for route in routes):
        at = [place for place, route in enumerate(routes) if route.target.instance == instance and packed]
        batches = [batch for place in at for batch in packed[place]]
        dealt = _dealt(plan, instance, [routes[place] for place in at], batches, history)
        for place in at:
            owner = routes[place].target.owner
            for batch in packed[place]:
                found[place, batch.id] = Owners(owner) if owner else dealt[batch.id]
    return found


def _dealt(
    plan: Plan, instance: str, routes: Sequence[Route], batches: Sequence[Batch], history: EarlierImports
) -> dict[str, Owners]:
    credentials = plan.instances[instance].credentials
    load = dict.fromkeys(credentials, 0)
    sizes = {batch.id: batch.size for batch in batches}
    tied = _tied(routes, batches)
    dealt: dict[str, Owners] = {}
    groups = connected_groups(batches, *(route.graph for route in routes))
    for group in sorted(groups, key=lambda g: (-sum(sizes[b] for b in g), min(g))):
        earlier = _earlier_owner(group, batches, instance, credentials, history)
        owner = earlier or min(credentials, key=lambda name: (load[name], credentials.index(name)))
        load[owner] += sum(sizes[b] for b in group)
        anybody = not earlier and len(credentials) > 1 and len(group) == 1 and tied.isdisjoint(group)
        dealt |= dict.fromkeys(group, Owners(owner, credentials if anybody else ()))
    return dealt


def _tied(routes: Sequence[Route], batches: Sequence[Batch]) -> set[str]:
    """Batches that need one identity, chosen beforehand, although they share no application with another batch.

    They build on what is at the target already, they may overwrite what has an owner there, or they go there twice.
    """
    merged = {(route.source, asset.id) for route in routes if not route.adds for asset in route.moving}
    overwrite = {batch.id for batch in batches if not merged.isdisjoint((batch.source, each) for each in batch.assets)}
    twice = {name for name, times in Counter(batch.id for batch in batches).items() if times > 1}
    return overwrite | twice | builds_on_others(batches, *(route.graph for route in routes))


def _earlier_owner(
    group: frozenset[str], batches: Sequence[Batch], instance: str, credentials: Sequence[str], history: EarlierImports
) -> str:
    """The identity that imported an application of this group, or one that it builds on, in an earlier run."""
    ids = {asset for batch in batches if batch.id in group for asset in batch.assets}
    for (target, _, _, asset), kept in history.imported.items():
        if target == instance and asset in ids and kept.owner in credentials:
            return kept.owner
    return ""
