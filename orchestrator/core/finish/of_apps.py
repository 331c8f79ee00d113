"""What the steps of applications have in common: whom they concern, who asks, and what is left."""

from collections.abc import Callable, Iterator, Mapping

from orchestrator.core.finish.ground import Ground, Rows
from orchestrator.core.finish.looks import INVENTORY, Seen
from orchestrator.core.finish.pairs import Pair
from orchestrator.core.model.change import Change, Image, Left
from orchestrator.core.model.inventory import App, Inventory
from orchestrator.core.plan.plan import Finish


def brought(ground: Ground, wanted: Callable[[Finish], bool]) -> Iterator[Pair]:
    """Applications that the run made at a target, of migrations that ask for the step; each target's once."""
    return (pair for pair in chosen(ground, wanted) if not pair.was_there)


def chosen(ground: Ground, wanted: Callable[[Finish], bool]) -> Iterator[Pair]:
    """The same, and those over which it went."""
    found: dict[tuple[str, str], Pair] = {}
    for pair in ground.apps(wanted):
        found.setdefault((pair.target, pair.there), pair)
    yield from found.values()


def moved_to(ground: Ground, source: str, target: str) -> Mapping[str, Pair]:
    """Application at the source -> its pair, chosen or not."""
    found = (each for each in ground.pairs if each.kind == "app" and (each.source, each.target) == (source, target))
    return {each.asset.id: each for each in found}


def who(pair: Pair, instance: str, seen: Seen) -> str:
    """Credentials that see the asset there: who moved it, else the first that does."""
    inventory = seen.get(instance, INVENTORY)
    asset, mover = (pair.asset.id, pair.exporter) if instance == pair.source else (pair.there, pair.owner)
    sees = inventory.seen_by.get(asset, ()) if isinstance(inventory, Inventory) else ()
    return mover if mover in sees or not sees else sees[0]


def app_there(pair: Pair, seen: Seen) -> App | None:
    """The application at the target, None where it is not visible there."""
    return app_named(seen, pair.target, pair.there)


def app_of(change: Change, seen: Seen) -> App | None:
    """The application that is the change's object, None where it is not visible."""
    return app_named(seen, change.instance, change.object)


def name_there(pair: Pair, seen: Seen) -> str:
    """Its name at the target, which a prefix may have changed."""
    app = app_there(pair, seen)
    return app.name if app is not None else pair.asset.name


def twin_facts(pair: Pair, seen: Seen) -> Image:
    """Where the same application is at the source, and who asks there."""
    twin = (("from", pair.source), ("twin", pair.asset.id), ("twin by", who(pair, pair.source, seen)))
    return (*app_facts(pair, seen), *twin)


def app_facts(pair: Pair, seen: Seen) -> Image:
    """The application at the target, and when it was changed last: a write of ours moves that time."""
    app = app_there(pair, seen)
    updated = (("app updated", app.update_time),) if app is not None and app.update_time else ()
    return (("asset", pair.asset.name), ("app", pair.there), *updated)


def left_of(pair: Pair, kind: str, name: str, why: str) -> Rows:
    """One object of the application that is left to people."""
    return Rows(left=(Left(kind, pair.there, name, pair.target, why),))


def app_named(seen: Seen, instance: str, app_id: str) -> App | None:
    """The application of that id, None where it is not visible."""
    inventory = seen.get(instance, INVENTORY)
    held = inventory.by_id.get(app_id) if isinstance(inventory, Inventory) else None
    return held if isinstance(held, App) else None
