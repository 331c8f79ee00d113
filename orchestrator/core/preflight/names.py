"""Checks on names and keys. Law: both readings of what `prefix` renames are judged (API 2.3; API 7, 12).

A name that is taken under the documented reading, or under both, is a blocker; under the other reading alone a warning.
"""

import re
from collections.abc import Iterator

from orchestrator.core.model.checks import Check, Verdict, some
from orchestrator.core.model.counts import agreed, count
from orchestrator.core.model.inventory import App, Task
from orchestrator.core.preflight.context import PreflightContext, names_of
from orchestrator.core.selection.routes import Route
from orchestrator.core.selection.selection import kind_of, overlaps

#: API 7, 13
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
#: letters, digits, `.`, `_`, `-`, 3 to 100 (API 1.8)
_TASK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,99}")
#: Chinese, letters, digits, `-`, `_`, `.`, space, Chinese and English round brackets (API 1.8)
_APP_NAME = re.compile(r"[\w\-. ()（）]+")
_MOST_APP_NAME = 256
#: names of applications are cut at 64 in some lists (API 1.8)
_LONG_APP_NAME = 64


def name_collision(context: PreflightContext) -> Iterator[Check]:
    """Names that AddNew would find taken, and assets that would meet under one name."""
    yield from _twice(context)
    for route in context.routes:
        if route.adds:
            yield from _taken(context, route)
    yield from _meeting(context)


def colliding(context: PreflightContext, route: Route) -> tuple[App | Task, ...]:
    """Assets whose name is surely taken at the target under AddNew (API 7, 14)."""
    return tuple(asset for asset in route.moving if route.adds and _is_taken(context, route, asset))


def _is_taken(context: PreflightContext, route: Route, asset: App | Task) -> bool:
    held = context.held[route.target.instance][kind_of(asset)]
    names = route.names_of(asset)
    return all(name in held for name in names) or (isinstance(asset, App) and names[0] in held)


def _taken(context: PreflightContext, route: Route) -> Iterator[Check]:
    surely = colliding(context, route)
    if surely:
        names = names_of(surely)
        sentence = f"{route.target.instance} holds {len(names)} of these names already: {some(names)}"
        remedy = (
            "use a prefix, mode Merge, or exclude them; where an earlier run of this plan brought them, the home that "
            "ran it knows them and skips them"
        )
        yield Check("name-collision", Verdict.BLOCKER, sentence, names, remedy, route.name)
    sure = {asset.id for asset in surely}
    maybe = names_of(
        asset
        for asset in route.moving
        if asset.id not in sure
        and any(name in context.held[route.target.instance][kind_of(asset)] for name in route.names_of(asset))
    )
    if maybe:
        sentence = (
            f"{count(len(maybe), 'name')} taken at {route.target.instance}, if the service reads `prefix` "
            f"otherwise than documented: {some(maybe)}"
        )
        remedy = "none is needed where the prefix renames applications and tasks; else exclude them"
        yield Check("name-collision", Verdict.WARNING, sentence, maybe, remedy, route.name)


def _twice(context: PreflightContext) -> Iterator[Check]:
    for overlap in overlaps(route.selection for route in context.routes):
        sentence = f"{overlap.asset.name} would arrive twice at {overlap.target}: in {' and '.join(overlap.migrations)}"
        remedy = "take it out of one of them, or give one a prefix"
        where = f"{overlap.migrations[-1]}@{overlap.target}"
        yield Check("name-collision", Verdict.BLOCKER, sentence, (overlap.asset.name,), remedy, where)


def _meeting(context: PreflightContext) -> Iterator[Check]:
    """Assets of different sources, or under different prefixes, that would have one name at one target."""
    first: dict[tuple[str, str, str], tuple[Route, App | Task]] = {}
    met: dict[tuple[str, str, Verdict], list[str]] = {}
    for route in context.routes:
        for asset in route.moving:
            key = (route.target.instance, kind_of(asset).value, route.names_of(asset)[0])
            other, twin = first.setdefault(key, (route, asset))
            if other.place == route.place:
                continue
            certain = isinstance(asset, App) or route.names_of(asset) == other.names_of(twin)
            verdict = Verdict.BLOCKER if certain and route.adds else Verdict.WARNING
            met.setdefault((route.name, other.name, verdict), []).append(asset.name)
    for (where, other_name, verdict), names in met.items():
        what = "would arrive" if verdict is Verdict.BLOCKER else "may arrive"
        sentence = f"{count(len(names), 'asset')} {what} under a name that {other_name} brings too: {some(names)}"
        remedy = "give one of the migrations a prefix of its own, or exclude them from one"
        yield Check("name-collision", verdict, sentence, tuple(names), remedy, where)


def app_key_collision(context: PreflightContext) -> Iterator[Check]:
    """Keys are unique in an instance (API 1.8); whether a renamed application gets a new one is not documented."""
    arrived: dict[tuple[str, str], tuple[str, str]] = {}
    for route in context.routes:
        keys = {app.key: app for app in context.inventories[route.target.instance].apps if app.key}
        told = {asset.id for asset in colliding(context, route)}
        held = [app for app in route.apps if app.id not in told and _meets_key(context, route, app, keys)]
        for app in route.apps:
            first = arrived.setdefault((route.target.instance, app.key), (route.source, app.id))
            if app.key and first != (route.source, app.id) and app not in held:
                held.append(app)
        if held:
            yield _key_check(route, names_of(held))


def _meets_key(context: PreflightContext, route: Route, app: App, keys: dict[str, App]) -> bool:
    """Whether another application than the one it would be merged into has its key."""
    if not app.key or app.key not in keys:
        return False
    existing = context.at_target(route, app)
    return existing is None or (route.target.mode.value == "Merge" and keys[app.key].id != existing.id)


def _key_check(route: Route, names: tuple[str, ...]) -> Check:
    verdict = Verdict.WARNING if route.target.prefix else Verdict.BLOCKER
    doubt = ", if the service keeps the key of a renamed application" if route.target.prefix else ""
    plural = f"{count(len(names), 'application')} {agreed(len(names), 'has')} a key"
    sentence = f"{plural} that another one has at {route.target.instance}{doubt}: {some(names)}"
    remedy = "exclude them, give the other application a new key, or use a prefix"
    return Check("app-key-collision", verdict, sentence, names, remedy, route.name)


def task_name_rules(context: PreflightContext) -> Iterator[Check]:
    """3 to 100 characters of a small set (API 1.8), under both readings of the prefix."""
    for route in context.routes:
        bad = [task for task in route.tasks if not all(map(_TASK_NAME.fullmatch, route.names_of(task)))]
        surely = [task for task in bad if not any(map(_TASK_NAME.fullmatch, route.names_of(task)))]
        for verdict, tasks in ((Verdict.BLOCKER, surely), (Verdict.WARNING, [t for t in bad if t not in surely])):
            if tasks:
                names = names_of(tasks)
                doubt = ", if the prefix renames tasks" if verdict is Verdict.WARNING else ""
                sentence = f"{count(len(names), 'task')} would break the rules for names{doubt}: {some(names)}"
                remedy = "3 to 100 letters, digits, dots, dashes, underscores: rename them, or shorten `prefix`"
                yield Check("task-name-rules", verdict, sentence, names, remedy, route.name)


def app_name_rules(context: PreflightContext) -> Iterator[Check]:
    """1 to 256 characters of a set, the first reading of the prefix (API 1.8; API 7, 13)."""
    for route in context.routes:
        longest = [app for app in route.apps if len(route.names_of(app)[0]) > _MOST_APP_NAME]
        odd = [app for app in route.apps if app not in longest and _APP_NAME.fullmatch(route.names_of(app)[0]) is None]
        long = [
            app for app in route.apps if app not in (*longest, *odd) and len(route.names_of(app)[0]) > _LONG_APP_NAME
        ]
        for verdict, apps, what in (
            (Verdict.BLOCKER, longest, f"longer than {_MOST_APP_NAME} characters"),
            (Verdict.WARNING, odd, "with characters that the rules do not allow"),
            (Verdict.WARNING, long, f"longer than {_LONG_APP_NAME} characters, which some lists cut"),
        ):
            if apps:
                names = names_of(apps)
                sentence = f"{count(len(names), 'application')} would have a name {what}: {some(names)}"
                yield Check(
                    "app-name-rules", verdict, sentence, names, "rename them, or shorten `prefix`", route.name
                )  # fmt: skip


def prefix_rules(context: PreflightContext) -> Iterator[Check]:
    """Neither its length nor its characters are documented: what keeps every resulting name legal (API 7, 13)."""
    for route in context.routes:
        prefix = route.target.prefix
        if prefix and route.moving and _PREFIX.fullmatch(prefix) is None:
            sentence = f"the prefix {prefix!r} is not a letter or digit and up to 31 letters, digits, '_', '.', '-'"
            yield Check(
                "prefix-rules", Verdict.BLOCKER, sentence, names_of(route.moving), "choose another prefix", route.name
            )  # fmt: skip


def overwritten(context: PreflightContext, route: Route) -> tuple[App | Task, ...]:
    """What Merge finds at the target under its name and overwrites (API 7, 15)."""
    if route.adds:
        return ()
    found: list[App | Task] = [asset for asset in route.moving if context.at_target(route, asset) is not None]
    return tuple(found)
