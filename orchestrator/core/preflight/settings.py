"""Checks on what must be set alike on both sides. Law: instance configuration does not travel (API 2.3, 2.4)."""

from collections.abc import Iterator

from orchestrator.core.model.checks import Check, Verdict, some
from orchestrator.core.model.contents import path_of
from orchestrator.core.model.counts import count
from orchestrator.core.model.instance_facts import Facts, Unread, entries_amiss, read_or
from orchestrator.core.model.inventory import Api
from orchestrator.core.preflight.contents import apis_of, asked, owners_of
from orchestrator.core.preflight.context import PreflightContext, all_unread, names_of
from orchestrator.core.preflight.instances import details_unread, ends_of
from orchestrator.core.selection.routes import Route

#: the feature that API 2.3 names, and the switch behind it: where paths do conflict, api-path-conflicts tells of both
APP_ROUTE = "app_route"
_APP_ROUTE_SWITCH = "APP_ROUTE_SWITCH"


def instance_features(context: PreflightContext) -> Iterator[Check]:
    """Features and switches must be alike at export and import, else the import may fail (API 2.3)."""
    for route in context.routes:
        one, other = context.facts_of(route.source), context.facts_of(route.target.instance)
        conflict = features_differ(one, other, APP_ROUTE) and bool(_conflicts(context, route))
        differing = [
            *_differing_features(one, other, APP_ROUTE if conflict else ""),
            *_differing_switches(one, other, _APP_ROUTE_SWITCH if conflict else ""),
        ]
        if differing and route.moving:
            sentence = f"{route.source} and {route.target.instance} are not set alike: {some(differing)}"
            remedy = "set the target like the source before the import"
            yield Check(
                "instance-features", Verdict.WARNING, sentence, names_of(route.moving), remedy, route.name
            )  # fmt: skip
    yield from all_unread(
        "instance-features",
        [(name, "the list of features", context.facts_of(name).features) for name in ends_of(context)],
    )


def features_differ(one: Facts, other: Facts, name: str) -> bool:
    """Whether a feature is on at one side alone; False where a side was not read."""
    if isinstance(one.features, Unread) or isinstance(other.features, Unread):
        return False
    return one.features.get(name, False) != other.features.get(name, False)


def _differing_features(one: Facts, other: Facts, told: str) -> Iterator[str]:
    names = sorted({*read_or(one.features, {}), *read_or(other.features, {})})
    for name in names:
        if name != told and features_differ(one, other, name):
            on = one.instance if read_or(one.features, {}).get(name, False) else other.instance
            yield f"{name} is on at {on} only"


def _differing_switches(one: Facts, other: Facts, told: str) -> Iterator[str]:
    """Switches of the project's configuration that both sides tell (API 1.10)."""
    here = {c.name: c.value for c in read_or(one.configs, ()) if c.name.endswith("_SWITCH")}
    there = {c.name: c.value for c in read_or(other.configs, ()) if c.name.endswith("_SWITCH")}
    for name in sorted(here.keys() & there.keys()):
        if name != told and here[name] != there[name]:
            yield f"{name} is {here[name]} at {one.instance}, {there[name]} at {other.instance}"


def instance_version(context: PreflightContext) -> Iterator[Check]:
    """Whether packages pass between versions and editions is not documented (API 7, 28)."""
    for source, target in context.pairs:
        one, other = context.facts_of(source).details, context.facts_of(target).details
        if isinstance(one, Unread) or isinstance(other, Unread):
            continue
        pairs = (("version", one.version, other.version), ("edition", one.spec, other.spec))
        differing = [f"{what} {a or 'not told'} and {b or 'not told'}" for what, a, b in pairs if a != b]
        if differing:
            sentence = f"{source} and {target} are not of one kind: {', '.join(differing)}"
            remedy = "try one small batch first (--only), or bring both to one version"
            yield Check("instance-version", Verdict.WARNING, sentence, remedy=remedy, where=f"@{target}")
    yield from details_unread(context, "instance-version")


def dictionaries(context: PreflightContext) -> Iterator[Check]:
    """The data dictionary does not travel and must be there before (API 2.4)."""
    for source, target in context.pairs:
        amiss = entries_amiss(context.facts_of(source), context.facts_of(target))
        differing = [entry.code for entry, _ in amiss]
        if differing:
            sentence = (
                f"{count(len(differing), 'dictionary entry')} of {source} missing or different at {target}: "
                f"{some(differing)}"
            )
            remedy = "set the dictionary at the target like the source's before the import"
            yield Check("dictionaries", Verdict.WARNING, sentence, remedy=remedy, where=f"@{target}")
    told = [(name, "the data dictionary", context.facts_of(name).dictionaries) for name in ends_of(context)]
    yield from all_unread("dictionaries", told)


def api_path_conflicts(context: PreflightContext) -> Iterator[Check]:
    """Where `app_route` differs, applications with APIs of one method and path fail (API 2.3)."""
    for route in context.routes:
        if not features_differ(
            context.facts_of(route.source), context.facts_of(route.target.instance), APP_ROUTE
        ):  # fmt: skip
            continue
        conflicts = _conflicts(context, route)
        if conflicts:
            paths = sorted({path_of(api) for api in conflicts})
            told = f"{count(len(paths), 'path')} would conflict: {some(paths)}"
            sentence = f"{APP_ROUTE} differs from {route.source}, and {told}"
            remedy = f"set {APP_ROUTE} at {route.target.instance} like the source's, or change the paths"
            yield Check(
                "api-path-conflicts", Verdict.BLOCKER, sentence, owners_of(route, conflicts), remedy, route.name
            )
    yield from all_unread(
        "api-path-conflicts",
        [*asked(context, "the list of APIs", "apis"), *asked(context, "the list of features", "features")],
    )


def _conflicts(context: PreflightContext, route: Route) -> list[Api]:
    """Released APIs of moving applications whose method and path another application has, here or at the target."""
    merged = {there.id: app.id for app in route.apps if (there := context.at_target(route, app)) is not None}
    owners: dict[str, set[str]] = {}
    for api in read_or(context.facts_of(route.target.instance).apis, ()):
        owners.setdefault(path_of(api), set()).add(merged.get(api.app_id, f"at the target {api.app_id}"))
    moving = [api for api in apis_of(context, route) if api.released]
    for api in moving:
        owners.setdefault(path_of(api), set()).add(api.app_id)
    return [api for api in moving if len(owners[path_of(api)]) > 1]
