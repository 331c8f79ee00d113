"""What a look sees of a batch, and whether what was sent is there.

Law: *verified* never means equal content, and presence under Merge is not enough (promise 15).

What an application holds is compared as far as it was read. An API in RELEASE travels with its application (API 2.4):
where it is not published at the target, that is a finding. With which asset a data source travels is not documented
(API 6), and one that a task brings comes later than its application. So a data source that is not there is a finding
only where the service was seen to bring data sources with applications, else the application stays unverified.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from orchestrator.core.model.contents import Contents
from orchestrator.core.model.error_detail import NOT_OURS
from orchestrator.core.model.inventory import App, Inventory, Kind, Task, moment_of
from orchestrator.core.plan.plan import Mode
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Asset
from orchestrator.core.state.lifecycle import Delivery
from orchestrator.core.state.progress import Progress

#: names told in one sentence
_MOST_TOLD = 3


@dataclass(frozen=True, slots=True)
class Expected:
    """One asset as it should be at the target."""

    asset: Asset
    #: the names it may have there, the likeliest first
    names: tuple[str, ...]
    #: for a task: the names that each of its applications may have there
    links: tuple[tuple[str, ...], ...] = ()
    #: for an application: a task that moves touches it, and may bring its data sources
    touched: bool = False


@dataclass(frozen=True, slots=True)
class There:
    """What a target was seen to hold."""

    inventory: Inventory
    #: seconds by which ROMA's clock is ahead of ours
    ahead: float = 0.0
    #: None where it was not asked for: nothing of it is compared
    contents: Contents | None = None
    #: the IAM user that imports, as lists of ROMA tell creators; "" where unknown
    user: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison came to."""

    event: e.Verified
    #: something is missing that the service may only be late to show
    waiting: bool


@dataclass(frozen=True, slots=True)
class _Seen:
    """One asset as it was found, or not."""

    expected: Expected
    found: App | Task | None
    #: it was not there before us
    new: bool = False
    #: words of what it should hold and does not (`Contents`)
    lacks: tuple[str, ...] = ()


@dataclass(slots=True)
class _Told:
    """The parts of the event; each asset ends in exactly one of the first three."""

    verified: list[str] = field(default_factory=list)
    unverified: list[tuple[str, str]] = field(default_factory=list)
    findings: list[tuple[str, str]] = field(default_factory=list)
    waiting: bool = False


def expected_of(progress: Progress, life: Delivery) -> list[Expected]:
    """What a delivery's assets should be at its target, as they were when the run began."""
    source, assets = progress.source_of(life), progress.assets_of(life.batch)
    touched = {need for asset in assets for need in asset.needs}
    found = []
    for asset in assets:
        needed = (progress.find_asset(source, each) for each in asset.needs if asset.kind == "task")
        links = tuple(progress.names_of(life, "app", app.name) for app in needed if app is not None)
        others = progress.dependants.get((life.scheduled.place, source, asset.id))
        names = progress.names_of(life, asset.kind, asset.name)
        found.append(Expected(asset, names, links, bool(others) or asset.id in touched))
    return found


def verify(life: Delivery, expected: Sequence[Expected], there: There) -> Comparison:
    """Compare each asset with what the target holds."""
    before = life.baseline.seen if life.baseline is not None else {}
    every = [_seen(life, each, there, before.get(each.asset.id, ())) for each in expected]
    brings = any(_shows_that_apps_bring(each) for each in every)
    theirs = _theirs(life, every, there.user)
    told = _Told()
    for each in every:
        if each.expected.asset.id in theirs:
            told.findings.append((each.expected.asset.id, theirs[each.expected.asset.id]))
        else:
            _tell(life, each, there, brings, told)
    ids = tuple((each.expected.asset.id, each.found.id) for each in every if each.found is not None)
    renamed = _renamed(every, {held for ids in before.values() for held in ids}) if life.scheduled.prefix else ()
    event = e.Verified(
        life.id, tuple(told.verified), tuple(told.unverified), tuple(told.findings), ids, renamed,
        _uncompared(expected, there.contents), _times(life, there.inventory, (held for _, held in ids)),
    )  # fmt: skip
    return Comparison(event, told.waiting)


def _theirs(life: Delivery, every: Sequence[_Seen], user: str) -> dict[str, str]:
    """New under AddNew, and made by another user: only where the service tells ours of others of the same kind."""
    new = [(each.expected.asset, each.found) for each in every if each.found is not None and each.new]
    if life.scheduled.mode == Mode.MERGE.value or not user:
        return {}
    tells = {asset.kind for asset, found in new if found.owner == user}
    return {
        asset.id: f"{NOT_OURS}: {found.name} was made by {found.owner}, not by {user}"
        for asset, found in new
        if asset.kind in tells and found.owner not in ("", user)
    }


def _uncompared(expected: Sequence[Expected], contents: Contents | None) -> str:
    """What could not be read, of what these assets held."""
    if contents is None or not contents.unread:
        return ""
    sorts = {_sort_of(word) for each in expected for word in each.asset.contents}
    names: dict[str, list[str]] = {}
    for sort, told in (("datasource", "data sources"), ("api", "APIs")):
        if sort in sorts and sort in contents.unread:
            names.setdefault(contents.unread[sort], []).append(told)
    return "; ".join(f"{' and '.join(told)} not compared: {why}" for why, told in names.items())


def _seen(life: Delivery, expected: Expected, there: There, before: Sequence[str]) -> _Seen:
    """What is new under one of its names, the likeliest first; under Merge, else what was there before us."""
    named = [held for name in expected.names for held in there.inventory.named.get((expected.asset.kind, name), ())]
    old = next(iter(named), None) if life.scheduled.mode == Mode.MERGE.value else None
    found = next((held for held in named if held.id not in before), old)
    if found is None:
        return _Seen(expected, None)
    lacks = tuple(_lacking(expected.asset, found, there.contents)) if there.contents is not None else ()
    return _Seen(expected, found, found.id not in before, lacks)


def _lacking(asset: Asset, found: App | Task, contents: Contents) -> Iterator[str]:
    if isinstance(found, Task) and not found.datasource_ids:
        return  # the list of tasks does not tell them (API 1.8)
    held = contents.of_asset(found)
    yield from (word for word in asset.contents if word not in held and _sort_of(word) not in contents.unread)


def _shows_that_apps_bring(seen: _Seen) -> bool:
    """Whether its data sources can only have come with the application itself, and some did."""
    due = {word for word in seen.expected.asset.contents if _sort_of(word) == "datasource"}
    return isinstance(seen.found, App) and seen.new and not seen.expected.touched and not due <= set(seen.lacks)


def _renamed(every: Sequence[_Seen], before: Collection[str]) -> tuple[tuple[str, bool], ...]:
    """The readings of the prefix that the service showed; what was there before us teaches none."""
    named = [(each.expected.asset, each.found) for each in every if each.found is not None]
    return tuple(sorted({(asset.kind, it.name != asset.name) for asset, it in named if it.id not in before}))


def _tell(life: Delivery, seen: _Seen, there: There, brings: bool, told: _Told) -> None:
    asset, found = seen.expected.asset, seen.found
    if found is None:
        told.findings.append((asset.id, f"missing: {asset.name} is not at {life.target}"))
        told.waiting = True
        return
    absent = _absent(seen, there)
    finding = _unlinked(seen.expected, found, there.inventory.app_names) or _different(seen, absent, brings)
    told.waiting = told.waiting or bool(finding or absent)
    if finding:
        told.findings.append((asset.id, f"different: {found.name} {finding}"))
    elif doubt := _doubt(life, seen, there.ahead) or _open(seen, absent):
        told.unverified.append((asset.id, doubt))
    else:
        told.verified.append(asset.id)


def _absent(seen: _Seen, there: There) -> tuple[str, ...]:
    """What it lacks and nothing else there holds either."""
    if not seen.lacks or there.contents is None:
        return ()
    elsewhere = set(there.contents.datasources.values())
    return tuple(word for word in seen.lacks if word not in elsewhere)


def _unlinked(expected: Expected, found: App | Task, app_names: Mapping[str, str]) -> str:
    """A task must touch the same applications, as far as they are readable."""
    if isinstance(found, App) or not expected.links:
        return ""
    touched = {app_names[app] for app in found.app_ids if app in app_names}
    return next((f"does not touch {names[0]}" for names in expected.links if not touched.intersection(names)), "")


def _different(seen: _Seen, absent: Sequence[str], brings: bool) -> str:
    """What it must hold and does not."""
    if isinstance(seen.found, Task):
        return f"does not use {_listed('data source', seen.lacks)}" if seen.lacks else ""
    apis = [word for word in absent if _sort_of(word) == "api"]
    sources = [word for word in absent if _sort_of(word) == "datasource"] if brings else []
    told = [f"does not publish {_listed('API', apis)}"] if apis else []
    return " and ".join([*told, f"has no {_listed('data source', sources)}"] if sources else told)


def _open(seen: _Seen, absent: Sequence[str]) -> str:
    """Why it is not known whether its data sources are as at the source."""
    if absent:
        return f"not there, and may come with a task: {_listed('data source', absent)}"
    return f"there under another application: {_listed('data source', seen.lacks)}" if seen.lacks else ""


def _doubt(life: Delivery, seen: _Seen, ahead: float) -> str:
    """Under Merge what was there before must also have been updated after our request, by ROMA's clock."""
    if seen.found is None or seen.new or life.scheduled.mode != Mode.MERGE.value:
        return ""
    updated = moment_of(seen.found.update_time)
    if updated is None:
        return "it was there before, and the service does not tell when it was updated"
    # Both the clock's offset and update times are known to the second.
    return "" if updated + 1.0 > life.asked_at + ahead else "it was there before, and was not updated since our request"


def _sort_of(word: str) -> str:
    """`datasource` or `api`."""
    return word.partition(":")[0]


def _listed(what: str, words: Sequence[str]) -> str:
    """`data source a`, `APIs GET /a, GET /b and 2 more`."""
    named = ", ".join(word.partition(":")[2] for word in words[:_MOST_TOLD])
    more = f" and {len(words) - _MOST_TOLD} more" if len(words) > _MOST_TOLD else ""
    return f"{what}{'s' if len(words) > 1 else ''} {named}{more}"


def looked(
    life: Delivery, assets: Sequence[Asset], inventory: Inventory, names_of: Mapping[str, tuple[str, ...]]
) -> e.Looked:
    """What an inventory says about a batch's predicted names."""
    present, taken = [], []
    for asset in assets:
        names = names_of[asset.id]
        ids = {held.id for name in names for held in inventory.named.get((asset.kind, name), ())}
        if ids:
            present.append((asset.id, tuple(sorted(ids))))
        if all((asset.kind, name) in inventory.named for name in names):
            taken.append(asset.id)
    times = _times(life, inventory, (held for _, ids in present for held in ids))
    return e.Looked(life.id, tuple(present), tuple(taken), _sample(inventory, life.scheduled.owner), times=times)


def _times(life: Delivery, inventory: Inventory, ids: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """When these were last changed, in ROMA's own words: by them a backup is known to be of the latest state."""
    if not life.scheduled.backup:
        return ()
    return tuple((each, inventory.by_id[each].update_time) for each in dict.fromkeys(ids))


def _sample(inventory: Inventory, owner: str) -> str:
    """One asset that the owner sees there: a task rather than an application, as the smaller export."""
    smallest_first: Iterator[App | Task] = chain(reversed(inventory.tasks), reversed(inventory.apps))
    for asset in smallest_first:
        if owner in inventory.seen_by.get(asset.id, ()):
            return f"{Kind.APP if isinstance(asset, App) else Kind.TASK}:{asset.id}"
    return ""
