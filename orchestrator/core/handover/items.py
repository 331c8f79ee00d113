"""What ROMA does not carry and a person must do afterwards (API 2.4). Law: from lists alone, no request per asset.

`handover(lines, facts)` makes the list; `core.handover.verify` says what a later read proves. First come the
tasks that still run at the source: they must stop there before they start at the target. `Line` is one asset on its way
to one target; `lines_of(preview.assets)` makes them; a run journals the items, so that the list serves an old run too.
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
class Line:
    """One asset that arrives at one target."""

    source: str
    target: str
    #: id at the source
    id: str
    kind: str
    name: str
    #: the names it may have at the target, the likeliest first
    names: tuple[str, ...]
    owner: str = ""
    running: bool = False
    #: Merge found it there: it keeps its secret and its users
    overwritten: bool = False


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


def lines_of(assets: Iterable[ExpectedOutcome]) -> tuple[Line, ...]:
    """Of a preview: what would arrive; skipped and refused assets are left out."""
    return tuple(
        Line(a.source, a.target, a.id, a.kind, a.name, a.names, a.owner, a.running, a.fate is Expected.OVERWRITTEN)
        for a in assets
        if a.fate in {Expected.CREATED, Expected.OVERWRITTEN}
    )


def handover(lines: Sequence[Line], facts: Mapping[str, Facts]) -> tuple[Item, ...]:
    """Every item once, running tasks first, then by instance, action, asset."""
    found: dict[str, Item] = {}
    for item in _all(lines, facts):
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


def _all(lines: Sequence[Line], facts: Mapping[str, Facts]) -> Iterator[Item]:
    for source, target in dict.fromkeys((line.source, line.target) for line in lines):
        yield from _instance(source, target, facts)
    held = {name: _Contents.of(each) for name, each in facts.items()}
    for line in lines:
        contents = held.get(line.source, _NOTHING)
        yield from _task(line) if line.kind == "task" else _app(line, contents)


@dataclass(frozen=True, slots=True)
class _Contents:
    """What an instance's applications hold."""

    #: application -> names of its data sources
    datasources: Mapping[str, tuple[str, ...]]
    apis: Mapping[str, tuple[Api, ...]]
    #: whether the list of APIs, of data sources, was read
    apis_read: bool = False
    datasources_read: bool = False

    @classmethod
    def of(cls, facts: Facts) -> "_Contents":
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


_NOTHING = _Contents({}, {})


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
    sentence = f"bring devices and device rules from {source} (CSV), if the applications have any"
    yield _item(Action.DEVICES, target, sentence, subject=source)


def _task(line: Line) -> Iterator[Item]:
    if not line.running:
        return
    sentence = f"stop task {line.name} at {line.source} before it is started anywhere else"
    yield _of(line, Action.STOP_TASK, line.source, sentence, (f"it is stopped at {line.source}", line.id))
    sentence = f"start task {line.name} after its data sources are set and it is stopped at {line.source}"
    yield _of(line, Action.START_TASK, line.target, sentence, (f"it runs at {line.target}", line.id))


def _app(line: Line, contents: _Contents) -> Iterator[Item]:
    if not line.overwritten:
        told = "tell its callers the new secret, which the import made"
        yield _of(line, Action.SECRET, line.target, told)
        yield _of(line, Action.AUTHORISE, line.target, "authorise its users again")
    for name in contents.datasources.get(line.id, ()):
        told = f"set address, account and password of data source {name}, then test its connection"
        yield _of(line, Action.DATASOURCE, line.target, told, ("", name))
    if not contents.datasources_read:
        yield _of(line, Action.DATASOURCE, line.target, "set its data sources' connections: they could not be listed")
    yield from _apis(line, contents)
    told = "tell outside systems the new calling address, keys, topics and credentials, then verify calls and messages"
    yield _of(line, Action.OUTSIDE, line.target, told)


def _apis(line: Line, contents: _Contents) -> Iterator[Item]:
    apis = contents.apis.get(line.id, ())
    for api in apis:
        path = path_of(api)
        if not api.released:
            told = f"make API {api.name} ({path}) anew and publish it in RELEASE: only published ones travel"
            yield _of(line, Action.PUBLISH_API, line.target, told, (f"it is published at {line.target}", path))
        elif api.backend_type.upper() == "FUNCTION":
            told = f"give the importing user the function, version and alias behind API {api.name} ({path})"
            yield _of(line, Action.FUNCTION, line.target, told, ("", path))
    if apis or not contents.apis_read:
        told = (
            "make and bind anew what its APIs need: domains, variables, load balancing, other environments, "
            "throttling, access control, quota policies, signature keys, AppCodes, black and white lists"
        )
        yield _of(line, Action.API_SETTINGS, line.target, told)


def _of(line: Line, action: Action, where: str, sentence: str, proof: tuple[str, str] = ("", "")) -> Item:
    """An item of one asset; `proof` is (what a read could prove, subject)."""
    check, subject = proof
    # One stop serves every target: its id does not depend on the names there.
    at = "/".join((line.source, line.id, *(() if action is Action.STOP_TASK else line.names)))
    return Item(
        _id(action, where, at, subject), action, line.name, line.kind, line.owner, sentence, where, check, line.names,
        subject,
    )  # fmt: skip


def _item(action: Action, where: str, sentence: str, *, check: str = "", subject: str = "", wanted: str = "") -> Item:
    """An item of an instance."""
    made = _id(action, where, "", subject)
    return Item(made, action, "", "instance", "", sentence, where, check, (), subject, wanted)


def _id(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:10]
