"""What a later read proves of the handover list. Law: an item is ticked only by what was seen, never by silence."""

from collections.abc import Sequence

from orchestrator.core.handover.items import Now, Verification
from orchestrator.core.model.contents import path_of
from orchestrator.core.model.handover_item import Action, Item
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import App, Inventory, Task


def verified(items: Sequence[Item], now: Now) -> tuple[Verification, ...]:
    """Each item, done or not, with what was seen; what no read can prove stays open."""
    return tuple(Verification(item, *_proved(item, now)) for item in items)


def provable(items: Sequence[Item]) -> tuple[Item, ...]:
    """Those for which a read can prove something."""
    return tuple(item for item in items if item.check)


def _proved(item: Item, now: Now) -> tuple[bool, str]:
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
            return False, "no read can prove it"


def _task(item: Item, now: Now) -> tuple[bool, str]:
    inventory = now.inventories.get(item.where)
    if inventory is None:
        return False, f"{item.where} was not read"
    stop = item.action == Action.STOP_TASK
    found = _by_id(item, inventory) if stop else _by_name(item, inventory)
    if found is None:
        return False, f"it is not visible at {item.where}"
    seen = f"it {'runs' if found.running else 'is stopped'} at {item.where}"
    return found.running is not stop, seen


def _by_id(item: Item, inventory: Inventory) -> Task | None:
    return next((task for task in inventory.tasks if task.id == item.subject), None)


def _by_name(item: Item, inventory: Inventory) -> Task | None:
    held = {task.name: task for task in inventory.tasks}
    return next((held[name] for name in item.names if name in held), None)


def _published(item: Item, now: Now) -> tuple[bool, str]:
    """An API of that method and path, published, of the application as it is named at the target."""
    facts, inventory = now.facts.get(item.where), now.inventories.get(item.where)
    if facts is None or inventory is None:
        return False, f"{item.where} was not read"
    if isinstance(facts.apis, Unread):
        return False, f"the APIs of {item.where} could not be read: {facts.apis.why}"
    app = _app(item, inventory)
    if app is None:
        return False, f"its application is not visible at {item.where}"
    held = [api for api in facts.apis if api.app_id == app.id and path_of(api) == item.subject]
    if not held:
        return False, f"{item.where} has no such API"
    done = any(api.released for api in held)
    return done, "it is published in RELEASE" if done else "it is there and not published in RELEASE"


def _app(item: Item, inventory: Inventory) -> App | None:
    held = {app.name: app for app in inventory.apps}
    return next((held[name] for name in item.names if name in held), None)


def _entry(item: Item, now: Now) -> tuple[bool, str]:
    facts = now.facts.get(item.where)
    if facts is None:
        return False, f"{item.where} was not read"
    if isinstance(facts.dictionaries, Unread):
        return False, f"the dictionary of {item.where} could not be read: {facts.dictionaries.why}"
    held = {f"{each.parent_code}/{each.code}": each.name for each in facts.dictionaries}
    if item.subject not in held:
        return False, f"{item.where} has no such entry"
    return held[item.subject] == item.wanted, f"it is {held[item.subject]}"


def _feature(item: Item, now: Now) -> tuple[bool, str]:
    facts = now.facts.get(item.where)
    if facts is None:
        return False, f"{item.where} was not read"
    if isinstance(facts.features, Unread):
        return False, f"the features of {item.where} could not be read: {facts.features.why}"
    word = "on" if facts.features.get(item.subject, False) else "off"
    return word == item.wanted, f"it is {word}"
