"""What a later read proves of the handover list. Law: an item is ticked only by what was seen, never by silence.

A person may tick an item by hand (`core.report.handover`); a read that shows the opposite outweighs that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.core.handover.items import Now, Verification
from orchestrator.core.model.contents import path_of
from orchestrator.core.model.handover_item import Action, Item, Standing
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import App, Inventory, Task


def verified(items: Sequence[Item], now: Now) -> tuple[Verification, ...]:
    """Each item, done or not, with what was seen; what no read can prove stays open."""
    return tuple(_verified(item, now) for item in items)


def with_reads(standings: Mapping[str, Standing], seen: Sequence[Verification]) -> dict[str, Standing]:
    """Where each item stands once these reads are known beside what people ticked by hand."""
    known = dict(standings)
    for each in seen:
        before = known.get(each.item.id, Standing())
        done = each.done or (bool(before.done) and not each.disproved)
        known[each.item.id] = replace(before, done=done, seen=each.why)
    return known


def provable(items: Sequence[Item]) -> tuple[Item, ...]:
    """Those for which a read can prove something."""
    return tuple(item for item in items if item.check)


def _verified(item: Item, now: Now) -> Verification:
    done, why = _proved(item, now)
    return Verification(item, bool(done), why, disproved=done is False)


def _proved(item: Item, now: Now) -> tuple[bool | None, str]:
    """(whether it is done, what was seen); None where nothing could be seen."""
    match Action(item.action):
        case Action.STOP_TASK | Action.START_TASK:
            return _task(item, now)
        case Action.PUBLISH_API:
            return _published(item, now)
        case Action.DICTIONARY:
            return _entry(item, now)
        case Action.FEATURE:
            return _feature(item, now)
        case (
            Action.INSTANCE
            | Action.AUTHORISE
            | Action.SECRET
            | Action.DATASOURCE
            | Action.API_SETTINGS
            | Action.FUNCTION
            | Action.DEVICES
            | Action.OUTSIDE
        ):
            return None, "no read can prove it"


def _task(item: Item, now: Now) -> tuple[bool | None, str]:
    inventory = now.inventories.get(item.where)
    if inventory is None:
        return None, f"{item.where} was not read"
    stop = item.action == Action.STOP_TASK
    found = _by_id(item, inventory) if stop else _by_name(item, inventory)
    if found is None:
        return None, f"it is not visible at {item.where}"
    seen = f"it {'runs' if found.running else 'is stopped'} at {item.where}"
    return found.running is not stop, seen


def _by_id(item: Item, inventory: Inventory) -> Task | None:
    return next((task for task in inventory.tasks if task.id == item.subject), None)


def _by_name(item: Item, inventory: Inventory) -> Task | None:
    held = {task.name: task for task in inventory.tasks}
    return next((held[name] for name in item.names if name in held), None)


def _published(item: Item, now: Now) -> tuple[bool | None, str]:
    """An API of that method and path, published, of the application as it is named at the target."""
    facts, inventory = now.facts.get(item.where), now.inventories.get(item.where)
    if facts is None or inventory is None:
        return None, f"{item.where} was not read"
    if isinstance(facts.apis, Unread):
        return None, f"the APIs of {item.where} could not be read: {facts.apis.why}"
    app = _app(item, inventory)
    if app is None:
        return None, f"its application is not visible at {item.where}"
    held = [api for api in facts.apis if api.app_id == app.id and path_of(api) == item.subject]
    if not held:
        return False, f"{item.where} has no such API"
    done = any(api.released for api in held)
    return done, "it is published in RELEASE" if done else "it is there and not published in RELEASE"


def _app(item: Item, inventory: Inventory) -> App | None:
    held = {app.name: app for app in inventory.apps}
    return next((held[name] for name in item.names if name in held), None)


def _entry(item: Item, now: Now) -> tuple[bool | None, str]:
    facts = now.facts.get(item.where)
    if facts is None:
        return None, f"{item.where} was not read"
    if isinstance(facts.dictionaries, Unread):
        return None, f"the dictionary of {item.where} could not be read: {facts.dictionaries.why}"
    held = {f"{each.parent_code}/{each.code}": each.name for each in facts.dictionaries}
    if item.subject not in held:
        return None, f"{item.where} has no such entry"
    return held[item.subject] == item.wanted, f"it is {held[item.subject]}"


def _feature(item: Item, now: Now) -> tuple[bool | None, str]:
    facts = now.facts.get(item.where)
    if facts is None:
        return None, f"{item.where} was not read"
    if isinstance(facts.features, Unread):
        return None, f"the features of {item.where} could not be read: {facts.features.why}"
    word = "on" if facts.features.get(item.subject, False) else "off"
    return word == item.wanted, f"it is {word}"
