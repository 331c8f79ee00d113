"""Checks on what applications carry with them: data sources, APIs, calls. Law: from lists, no request per asset."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from orchestrator.core.model.checks import Check, Verdict, some
from orchestrator.core.model.counts import count
from orchestrator.core.model.instance_facts import Unread, read_or
from orchestrator.core.model.inventory import Api, DataSource
from orchestrator.core.preflight.context import PreflightContext, all_unread
from orchestrator.core.preflight.names import colliding
from orchestrator.core.selection.routes import Route


def datasource_id_collision(context: PreflightContext) -> Iterator[Check]:
    """Ids of data sources travel and must differ, or Merge be chosen (API 2.3; API 7, 17)."""
    arrived: dict[tuple[str, str], Route] = {}
    for route in context.routes:
        if not route.adds:
            continue
        held = {one.id for one in read_or(context.facts_of(route.target.instance).datasources, ())}
        told = {asset.id for asset in colliding(context, route)}
        carried = [one for one in _datasources_of(context, route) if one.app_id not in told]
        yield from _with_target(context, route, [one for one in carried if one.id in held])
        again = [one for one in carried if one.id not in held and (route.target.instance, one.id) in arrived]
        yield from _between_routes(route, again, arrived)
        for one in carried:
            arrived.setdefault((route.target.instance, one.id), route)
        yield from _between_batches(context, route)
    yield from all_unread("datasource-id-collision", asked(context, "the list of data sources", "datasources"))


def _datasources_of(context: PreflightContext, route: Route) -> list[DataSource]:
    """What travels with the lane's applications, by id."""
    apps = {app.id for app in route.apps}
    found = read_or(context.facts_of(route.source).datasources, ())
    return sorted((one for one in found if one.app_id in apps), key=lambda one: (one.name, one.id))


def _with_target(context: PreflightContext, route: Route, there: Sequence[DataSource]) -> Iterator[Check]:
    """What an earlier run of this plan brought may be accepted a second time; what anybody else did is not."""
    brought = {app for target, _, source, app in context.history.imported if (target, source) == route.place[::2]}
    groups = (
        (Verdict.BLOCKER, [one for one in there if one.app_id not in brought], "is there already"),
        (Verdict.WARNING, [one for one in there if one.app_id in brought], "an earlier run brought already"),
    )
    for verdict, sources, what in groups:
        if sources:
            names = tuple(one.name for one in sources)
            sentence = (
                f"{count(len(names), 'data source')} would arrive at {route.target.instance} under an id that "
                f"{what}: {some(names)}"
            )
            remedy = "use mode Merge, or remove them at the target first"
            yield Check("datasource-id-collision", verdict, sentence, _apps_of(route, sources), remedy, route.name)


def _between_routes(
    route: Route, again: Sequence[DataSource], arrived: Mapping[tuple[str, str], Route]
) -> Iterator[Check]:
    """One source's again: perhaps accepted. Another source's of the same id: not."""
    for verdict in (Verdict.WARNING, Verdict.BLOCKER):
        found = [
            one
            for one in again
            if (arrived[route.target.instance, one.id].source == route.source) is (verdict is Verdict.WARNING)
        ]
        if found:
            names = tuple(one.name for one in found)
            others = sorted({arrived[route.target.instance, one.id].name for one in found})
            told = f"{some(others)} brings them too: {some(names)}"
            sentence = f"{count(len(names), 'data source')} would arrive twice, {told}"
            remedy = "use mode Merge for the later one, or exclude their applications from one"
            yield Check("datasource-id-collision", verdict, sentence, _apps_of(route, found), remedy, route.name)


def _between_batches(context: PreflightContext, route: Route) -> Iterator[Check]:
    """A data source whose tasks travel in several batches, where the list of tasks tells (API 1.8)."""
    carriers = context.carriers(route)
    used: dict[str, dict[str, list[str]]] = {}
    for task in route.tasks:
        for source in task.datasource_ids:
            batch = carriers[task.id].batch if task.id in carriers else ""
            used.setdefault(source, {}).setdefault(batch, []).append(task.name)
    torn = {source: batches for source, batches in used.items() if len(batches) > 1}
    if torn:
        names = tuple(dict.fromkeys(name for batches in torn.values() for held in batches.values() for name in held))
        sentence = f"{count(len(torn), 'data source')} would arrive in more than one batch, with tasks {some(names)}"
        remedy = "use mode Merge, or a batch_size that keeps these tasks together"
        yield Check("datasource-id-collision", Verdict.WARNING, sentence, names, remedy, route.name)


def _apps_of(route: Route, sources: Iterable[DataSource]) -> tuple[str, ...]:
    apps = {one.app_id for one in sources}
    return tuple(app.name for app in route.apps if app.id in apps)


def apis_of(context: PreflightContext, route: Route) -> list[Api]:
    apps = {app.id for app in route.apps}
    return [api for api in read_or(context.facts_of(route.source).apis, ()) if api.app_id in apps]


def asked(context: PreflightContext, what: str, part: str, targets: bool = True) -> list[tuple[str, str, object]]:
    names = (*context.sources, *(context.targets if targets else ()))
    return [(name, what, getattr(context.facts_of(name), part)) for name in dict.fromkeys(names)]


def unpublished_apis(context: PreflightContext) -> Iterator[Check]:
    """Only APIs in RELEASE travel (API 2.4)."""
    for route in context.routes:
        lost = [api for api in apis_of(context, route) if not api.released]
        if lost:
            told = some([api.name for api in lost])
            sentence = f"{count(len(lost), 'API')} not published in RELEASE would stay behind: {told}"
            remedy = "publish them in RELEASE at the source, or make them anew at the target (handover list)"
            yield Check("unpublished-apis", Verdict.WARNING, sentence, owners_of(route, lost), remedy, route.name)
    yield from all_unread("unpublished-apis", asked(context, "the list of APIs", "apis", targets=False))


def functiongraph_backends(context: PreflightContext) -> Iterator[Check]:
    """The importing user needs the same function, version and alias (API 2.3)."""
    for route in context.routes:
        held = [api for api in apis_of(context, route) if api.released and api.backend_type.upper() == "FUNCTION"]
        if held:
            sentence = f"{count(len(held), 'API')} with a FunctionGraph backend: {some([api.name for api in held])}"
            remedy = f"make sure that the user at {route.target.instance} has the same functions, versions and aliases"
            yield Check("functiongraph-backends", Verdict.WARNING, sentence, owners_of(route, held), remedy, route.name)
    yield from all_unread("functiongraph-backends", asked(context, "the list of APIs", "apis", targets=False))


def owners_of(route: Route, apis: Iterable[Api]) -> tuple[str, ...]:
    apps = {api.app_id for api in apis}
    return tuple(app.name for app in route.apps if app.id in apps)


def undeclared_calls(context: PreflightContext) -> Iterator[Check]:
    """Who calls whom in scheduled API tasks cannot be listed (API 1.8): whether there are any sometimes can."""
    declared = Counter(route.source for route in context.routes for _ in route.graph.calls)
    for source in dict.fromkeys(route.source for route in context.routes if route.apps):
        facts = context.facts_of(source)
        used = next((c.used for c in read_or(facts.configs, ()) if c.name == "API_TASK_NUM_LIMIT"), -1)
        on = None if isinstance(facts.features, Unread) else facts.features.get("api_task", False)
        if used == 0 or (on is False and used < 0):
            continue
        remedy = "ask the applications' owners and declare them in `calls`: a called application must be there first"
        plain = f"`calls` declares {count(declared[source], 'caller')}"
        if used > 0:
            sentence = f"{source} holds {count(used, 'scheduled API task')}, whose calls no list tells; {plain}"
            yield Check("undeclared-calls", Verdict.WARNING, sentence, remedy=remedy, where=f"@{source}")
        else:
            why = "api_task is on, and" if on else "whether api_task is on could not be read, and"
            sentence = f"{source}: {why} the service lists no scheduled API tasks; {plain}"
            yield Check("undeclared-calls", Verdict.NOT_CHECKED, sentence, remedy=remedy, where=f"@{source}")
