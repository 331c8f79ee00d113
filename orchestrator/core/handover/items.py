"""What ROMA does not carry and a person must do afterwards (API 2.4). Law: from lists alone, no request per asset.

`handover(assets, facts)` makes the list; `core.handover.verify` says what a later read proves. First come the tasks
that still run at the source: they must stop there before they start at the target. A run journals the items, so that
the list serves an old run too.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from orchestrator.core.model.contents import path_of
from orchestrator.core.model.handover_item import Action, Item, in_order
from orchestrator.core.model.instance_facts import Facts, Unread, read_or
from orchestrator.core.model.inventory import Api, Inventory
from orchestrator.core.model.parts import in_parts
from orchestrator.core.preflight.expected_outcomes import Expected, ExpectedOutcome
from orchestrator.core.state.events import HandoverListed

#: items in one event: a journal's entry stays small
MOST_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Now:
    """What reads tell at some time."""

    inventories: Mapping[str, Inventory] = field(default_factory=dict)
    facts: Mapping[str, Facts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verification:
    """An item and what a read proves of it."""

    item: Item
    #: proved to be done
    done: bool
    #: what was seen, or why nothing could be
    why: str
    #: it was seen, and is not done: this outweighs a tick by hand
    disproved: bool = False


def handover(assets: Iterable[ExpectedOutcome], facts: Mapping[str, Facts]) -> tuple[Item, ...]:
    """Every item of what arrives once, running tasks first, then by instance, action, asset."""
    arriving = [each for each in assets if each.fate in {Expected.CREATED, Expected.OVERWRITTEN}]
    found: dict[str, Item] = {}
    for item in _all(arriving, facts):
        found.setdefault(item.id, item)
    return in_order(found.values())


def listed(items: Sequence[Item]) -> tuple[HandoverListed, ...]:
    """The events that keep the list in a run's journal."""
    return tuple(map(HandoverListed, in_parts(items, MOST_AT_ONCE)))


def by_owner(items: Iterable[Item]) -> dict[str, tuple[Item, ...]]:
    """The items of each owner, by name; those without one come last, under ""."""
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(item.owner, []).append(item)
    return {owner: tuple(found[owner]) for owner in sorted(found, key=lambda owner: (not owner, owner))}


def _all(assets: Sequence[ExpectedOutcome], facts: Mapping[str, Facts]) -> Iterator[Item]:
    for source, target in dict.fromkeys((asset.source, asset.target) for asset in assets):
        yield from _instance(source, target, facts)
    held = {name: _AppParts.of(each) for name, each in facts.items()}
    for asset in assets:
        contents = held.get(asset.source, _NOTHING)
        yield from _task(asset) if asset.kind == "task" else _app(asset, contents)


@dataclass(frozen=True, slots=True)
class _AppParts:
    """What an instance's applications hold, unpublished APIs too; `Contents` holds the words of what travels."""

    #: application -> names of its data sources
    datasources: Mapping[str, tuple[str, ...]]
    apis: Mapping[str, tuple[Api, ...]]
    #: whether the list of APIs, of data sources, was read
    apis_read: bool = False
    datasources_read: bool = False

    @classmethod
    def of(cls, facts: Facts) -> "_AppParts":
        sources: dict[str, list[str]] = {}
        for one in read_or(facts.datasources, ()):
            sources.setdefault(one.app_id, []).append(one.name)
        apis: dict[str, list[Api]] = {}
        for api in read_or(facts.apis, ()):
            apis.setdefault(api.app_id, []).append(api)
        return cls(
            {app: tuple(sorted(names)) for app, names in sources.items()},
            {app: tuple(held) for app, held in apis.items()},
            not isinstance(facts.apis, Unread),
            not isinstance(facts.datasources, Unread),
        )


_NOTHING = _AppParts({}, {})


def _instance(source: str, target: str, facts: Mapping[str, Facts]) -> Iterator[Item]:
    """What must be set before the import (API 2.4)."""
    one, other = facts.get(source, Facts(source)), facts.get(target, Facts(target))
    there = {f"{each.parent_code}/{each.code}": each.name for each in read_or(other.dictionaries, ())}
    for entry in read_or(one.dictionaries, ()):
        subject = f"{entry.parent_code}/{entry.code}"
        if there.get(subject) != entry.name:
            sentence = f"set dictionary entry {entry.code} like at {source}: {entry.name}"
            check = f"the entry is equal at {target}"
            yield _item(Action.DICTIONARY, target, sentence, check=check, subject=subject, wanted=entry.name)
    on_there = read_or(other.features, {})
    for name, on in sorted(read_or(one.features, {}).items()):
        if other.features and on != on_there.get(name, False):
            word = "on" if on else "off"
            sentence = f"switch feature {name} {word}, as at {source}"
            yield _item(
                Action.FEATURE, target, sentence, check=f"it is {word} at {target}", subject=name, wanted=word
            )  # fmt: skip
    sentence = f"set security group, routes and instance parameters like at {source}"
    yield _item(Action.INSTANCE, target, sentence, subject=source)
    sentence = f"bring devices, device rules and products that did not travel from {source} (CSV), if there are any"
    yield _item(Action.DEVICES, target, sentence, subject=source)


def _task(asset: ExpectedOutcome) -> Iterator[Item]:
    if not asset.running:
        return
    sentence = f"stop task {asset.name} at {asset.source} before it is started anywhere else"
    yield _of(asset, Action.STOP_TASK, asset.source, sentence, (f"it is stopped at {asset.source}", asset.id))
    sentence = f"start task {asset.name} after its data sources are set and it is stopped at {asset.source}"
    yield _of(asset, Action.START_TASK, asset.target, sentence, (f"it runs at {asset.target}", asset.id))


def _app(asset: ExpectedOutcome, contents: _AppParts) -> Iterator[Item]:
    if asset.fate is not Expected.OVERWRITTEN:
        told = "tell its callers the new secret, which the import made"
        yield _of(asset, Action.SECRET, asset.target, told)
        yield _of(asset, Action.AUTHORISE, asset.target, "authorise its users again")
    for name in contents.datasources.get(asset.id, ()):
        told = f"set address, account and password of data source {name}, then test its connection"
        yield _of(asset, Action.DATASOURCE, asset.target, told, ("", name))
    if not contents.datasources_read:
        yield _of(asset, Action.DATASOURCE, asset.target, "set its data sources' connections: they could not be listed")
    yield from _apis(asset, contents)
    told = "tell outside systems the new calling address, keys, topics and credentials, then verify calls and messages"
    yield _of(asset, Action.OUTSIDE, asset.target, told)


def _apis(asset: ExpectedOutcome, contents: _AppParts) -> Iterator[Item]:
    apis = contents.apis.get(asset.id, ())
    for api in apis:
        path = path_of(api)
        if not api.released:
            told = f"make API {api.name} ({path}) anew and publish it in RELEASE: only published ones travel"
            yield _of(asset, Action.PUBLISH_API, asset.target, told, (f"it is published at {asset.target}", path))
        elif api.backend_type.upper() == "FUNCTION":
            told = f"give the importing user the function, version and alias behind API {api.name} ({path})"
            yield _of(asset, Action.FUNCTION, asset.target, told, ("", path))
    if apis or not contents.apis_read:
        told = (
            "make and bind anew what its APIs need: domains, variables, load balancing, other environments, "
            "throttling, access control, quota policies, signature keys, AppCodes, black and white lists"
        )
        yield _of(asset, Action.API_SETTINGS, asset.target, told)


def _of(asset: ExpectedOutcome, action: Action, where: str, sentence: str, proof: tuple[str, str] = ("", "")) -> Item:
    """An item of one asset; `proof` is (what a read could prove, subject)."""
    check, subject = proof
    # One stop serves every target: its id does not depend on the names there.
    at = "/".join((asset.source, asset.id, *(() if action is Action.STOP_TASK else asset.names)))
    return Item(
        _id(action, where, at, subject), action, asset.name, asset.kind, asset.owner, sentence, where, check,
        asset.names, subject,
    )  # fmt: skip


def _item(action: Action, where: str, sentence: str, *, check: str = "", subject: str = "", wanted: str = "") -> Item:
    """An item of an instance."""
    made = _id(action, where, "", subject)
    return Item(made, action, "", "instance", "", sentence, where, check, (), subject, wanted)


def _id(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:10]
