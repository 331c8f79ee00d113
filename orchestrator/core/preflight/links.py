"""Checks on what belongs together and who may touch it. Law: what could not be ordered or sent is told before."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from orchestrator.core.model.checks import Check, Verdict, some
from orchestrator.core.model.counts import agreed, count
from orchestrator.core.model.inventory import App, Kind, Task
from orchestrator.core.plan.plan import ById, Password
from orchestrator.core.preflight.context import PreflightContext, names_of
from orchestrator.core.preflight.names import overwritten
from orchestrator.core.selection.dependencies import Need, cycle_told, cycles
from orchestrator.core.selection.routes import Route
from orchestrator.core.selection.selection import Missing
from orchestrator.core.state import events as e


def dependency_cycle(context: PreflightContext) -> Iterator[Check]:
    """Applications that call one another, and migrations that wait for one another (promise 8)."""
    knots = 0
    for route in context.routes:
        apps = context.inventories[route.source].apps
        names = {app.id: app.name for app in apps}
        for cycle in cycles(route.graph):
            knots += 1
            sentence = f"applications that call each other cannot be ordered: {cycle_told(cycle, apps)}"
            remedy = "take one of these calls out of `calls`"
            called = tuple(names.get(each, each) for each in cycle)
            yield Check("dependency-cycle", Verdict.BLOCKER, sentence, called, remedy, route.name)
    if not knots:
        yield from _waiting_in_a_ring(context)


def _waiting_in_a_ring(context: PreflightContext) -> Iterator[Check]:
    """Deliveries none of which could ever begin: `after` and what assets need contradict each other."""
    stuck = _never_ready(context)
    for migration in sorted({each.migration for each in stuck}):
        others = sorted({each.migration for each in stuck} - {migration})
        sentence = f"{migration} would wait for ever: it and {', '.join(others) or 'itself'} need each other first"
        remedy = "mend `after`, or move the assets that need each other in one migration"
        where = next(f"{each.migration}@{each.target}" for each in stuck if each.migration == migration)
        yield Check("dependency-cycle", Verdict.BLOCKER, sentence, remedy=remedy, where=where)


def _never_ready(context: PreflightContext) -> list[e.DeliveryScheduled]:
    source = {batch.batch: batch.source for batch in context.batches}
    holds = {batch.batch: [asset.id for asset in batch.assets] for batch in context.batches}
    open_ = {each.delivery: each for each in context.deliveries}
    while True:
        carried = {(one.place, source[one.batch], asset) for one in open_.values() for asset in holds[one.batch]}
        waiting = {each.migration for each in open_.values()}
        ready = [
            name
            for name, each in open_.items()
            if waiting.isdisjoint(each.after)
            and not any((each.place, source[each.batch], need) in carried for need in each.needs)
        ]
        if not ready:
            return list(open_.values())
        for name in ready:
            del open_[name]


def missing_assets(context: PreflightContext) -> Iterator[Check]:
    """An id that is missing is a blocker, a pattern a warning; nothing selected at all a blocker."""
    if not any(route.selection.assets for route in context.routes):
        remedy = "mend `apps` and `tasks`, or let these credentials see them"
        yield Check("missing-assets", Verdict.BLOCKER, "nothing at all is selected", remedy=remedy)
    for route in context.routes:
        for missing in route.selection.missing:
            verdict = Verdict.BLOCKER if missing.by_id else Verdict.WARNING
            yield _missing(route, missing, verdict, "correct the plan, or let these credentials see it")
        for missing in route.selection.idle_exclusions:
            yield _missing(route, missing, Verdict.WARNING, "correct `exclude`: as it stands it excludes nothing")
        for caller in _strangers(context, route):
            sentence = f"`calls` names the caller {caller!r}, which fits no application of {route.source}"
            yield Check("missing-assets", Verdict.WARNING, sentence, (caller,), "correct `calls`", route.name)
        yield from _called_elsewhere(context, route)


def _strangers(context: PreflightContext, route: Route) -> list[str]:
    """Callers that the source does not hold; one that merely does not move, as under `--only`, is no slip."""
    apps = context.inventories[route.source].apps
    return [glob for glob in route.graph.idle_calls if not any(fnmatchcase(app.name, glob) for app in apps)]


def _missing(route: Route, missing: Missing, verdict: Verdict, remedy: str) -> Check:
    word = missing.selector.id if isinstance(missing.selector, ById) else missing.selector.pattern
    sentence = f"{route.source} holds no {missing.kind.value} that {word!r} fits"
    return Check("missing-assets", verdict, sentence, (word,), remedy, route.name)


def _called_elsewhere(context: PreflightContext, route: Route) -> Iterator[Check]:
    """A called application that neither travels nor is at the target: its caller's import fails (API 2.3)."""
    callers = {app.id: app.name for app in route.apps}
    absent = [n for n in route.graph.outside if n.strict and n.asset_id in callers and not _there(context, route, n)]
    for called in sorted({need.app_name or need.app_id for need in absent}):
        names = tuple(callers[n.asset_id] for n in absent if (n.app_name or n.app_id) == called)
        sentence = f"{called}, which {some(names)} would call, neither travels nor is at {route.target.instance}"
        remedy = "select it too, or take the call out of `calls`"
        yield Check("missing-assets", Verdict.BLOCKER, sentence, names, remedy, route.name)


def _there(context: PreflightContext, route: Route, need: Need) -> bool:
    """Whether what is needed travels to the same place, or is at the target under a name this plan gives it."""
    return (route.place, need.app_id) in context.carried or _existing(context, route, need) is not None


def _existing(context: PreflightContext, route: Route, need: Need) -> App | Task | None:
    held = context.held[route.target.instance][Kind.APP]
    names = (route.target.prefix + need.app_name, need.app_name) if need.app_name else ()
    return next((held[name] for name in names if name in held), None)


def task_apps_missing(context: PreflightContext) -> Iterator[Check]:
    """A task whose applications neither travel nor are there (API 7, 20)."""
    for route in context.routes:
        moving = {task.id: task.name for task in route.tasks}
        weak = [need for need in route.graph.outside if not need.strict and need.asset_id in moving]
        absent = [need for need in weak if not _there(context, route, need)]
        if absent:
            names = tuple(dict.fromkeys(moving[need.asset_id] for need in absent))
            apps = sorted({need.app_name or f"{need.app_id} (not visible)" for need in absent})
            sentence = (
                f"{count(len(names), 'task')} whose applications neither travel nor are at {route.target.instance}: "
                f"{some(names)}; missing: {some(apps)}"
            )
            remedy = "select these applications too, or exclude the tasks"
            yield Check("task-apps-missing", Verdict.BLOCKER, sentence, names, remedy, route.name)


def left_out(context: PreflightContext) -> Iterator[Check]:
    """Tasks that touch what moves, and stay."""
    for route in context.routes:
        held = route.selection.left_out
        if held:
            names = tuple(each.task.name for each in held)
            whys = sorted({each.why.value for each in held})
            sentence = f"{count(len(names), 'task')} touching what moves would stay behind: {some(names)}; {some(whys)}"
            remedy = "select what keeps them back, or `exclude` them to say that this is meant"
            yield Check("left-out", Verdict.WARNING, sentence, names, remedy, route.name)


def running_tasks(context: PreflightContext) -> Iterator[Check]:
    """A task that still runs at the source must stop there before it starts at the target (API 7, 25)."""
    for route in context.routes:
        names = names_of(task for task in route.tasks if task.running)
        if names:
            sentence = f"{count(len(names), 'task')} running at {route.source}: {some(names)}"
            remedy = "stop them at the source before they are started at the target (handover list)"
            yield Check("running-tasks", Verdict.WARNING, sentence, names, remedy, route.name)


def visibility(context: PreflightContext) -> Iterator[Check]:
    """Each batch needs an identity that sees all of it, and all that it builds on at the target (promise 14)."""
    for batch in context.batches:
        if not batch.exporters:
            names = tuple(asset.name for asset in batch.assets)
            sentence = f"no credentials of {batch.source} see all of {some(names)}"
            yield Check("visibility", Verdict.BLOCKER, sentence, names, _SEE, f"@{batch.source}")
    for route in context.routes:
        yield from _unseen_at_target(context, route)


_SEE = "use the main account's or an administrator's credentials, or share the applications with this user"


def _unseen_at_target(context: PreflightContext, route: Route) -> Iterator[Check]:
    """What an asset builds on must be seen by the identity that imports it."""
    seen_by = context.inventories[route.target.instance].seen_by
    carriers = context.carriers(route)
    names = {asset.id: asset.name for asset in route.moving}
    hidden: dict[str, list[str]] = {}
    for need in route.graph.outside:
        there = _existing(context, route, need)
        owner = carriers[need.asset_id].owner if need.asset_id in carriers else ""
        if there is not None and owner and owner not in seen_by.get(there.id, (owner,)):
            hidden.setdefault(owner, []).append(names.get(need.asset_id, need.asset_id))
    for owner, held in hidden.items():
        assets = tuple(dict.fromkeys(held))
        what = f"the applications at {route.target.instance} that they need"
        sentence = f"{owner} would import {some(assets)} and do not see {what}"
        yield Check("visibility", Verdict.BLOCKER, sentence, assets, _SEE, route.name)


def app_permission(context: PreflightContext) -> Iterator[Check]:
    """Roles on an application, where the list tells them (API 1.8); ROMA.12001 is the refusal (API 3.1)."""
    for route in context.routes:
        unread = [app for app in route.apps if app.roles and not {"read", "admin"} & set(app.roles)]
        there = [(app, context.at_target(route, app)) for app in overwritten(context, route) if isinstance(app, App)]
        unchanged = [app for app, found in there if isinstance(found, App) and _may_not_change(found)]
        yield from _permission(route, unread, f"read at {route.source}")
        yield from _permission(route, unchanged, f"change at {route.target.instance}")


def _may_not_change(app: App) -> bool:
    return bool(app.roles) and not {"modify", "admin"} & set(app.roles)


def _permission(route: Route, apps: Sequence[App], what: str) -> Iterator[Check]:
    if apps:
        names = names_of(apps)
        sentence = f"{count(len(names), 'application')} that these credentials may not {what}: {some(names)}"
        remedy = "have the role granted, or use their owner's credentials"
        yield Check("app-permission", Verdict.WARNING, sentence, names, remedy, route.name)


def package_size(context: PreflightContext) -> Iterator[Check]:
    """Signed bodies end at 12 MB, and nothing tells a package's size before its export (API 2.2, 4)."""
    owners: dict[str, set[str]] = {}
    for each in context.deliveries:
        owners.setdefault(each.target, set()).update(each.candidates)
    for target in context.targets:
        signing = sorted(
            name for name in owners.get(target, ()) if not isinstance(context.plan.credentials[name], Password)
        )
        if signing:
            sentence = (
                f"{target}: {some(signing)} sign their requests, which takes packages up to 12 MB; sizes show at export"
            )
            remedy = "a password identity at the target lifts the limit; else larger batches are split as they show"
            yield Check("package-size", Verdict.NOT_CHECKED, sentence, remedy=remedy, where=f"@{target}")


def not_undoable(context: PreflightContext) -> Iterator[Check]:
    """What Merge overwrites only a backup brings back, and data sources not even one (API 2.4; API 7, 15)."""
    for route in context.routes:
        if route.target.datasource_overwrite and route.moving:
            yield _datasources_lost(route)
        names = names_of(overwritten(context, route))
        if not names:
            continue
        what = f"{count(len(names), 'asset')} at {route.target.instance} would be overwritten: {some(names)}"
        if route.target.backup:
            yield _backed_up(context, route, what, names)
        else:
            sentence = f"{what}; nothing is backed up (backup: false), and `undo` cannot restore them"
            remedy = "take `backup: false` out of the plan if they may be wanted back"
            yield Check("not-undoable", Verdict.WARNING, sentence, names, remedy, route.name)


def _datasources_lost(route: Route) -> Check:
    sentence = (
        f"data sources at {route.target.instance} may be overwritten (datasource_overwrite: true), and no package "
        "carries their connections: neither a backup nor `undo` brings them back"
    )
    remedy = "set datasource_overwrite: false; or agree on it, and waive not-undoable with the reason"
    return Check("not-undoable", Verdict.BLOCKER, sentence, names_of(route.moving), remedy, route.name)


def _backed_up(context: PreflightContext, route: Route, what: str, names: tuple[str, ...]) -> Check:
    jobs = len({batch for each in context.carriers(route).values() for batch in each.backups})
    days = context.plan.settings.keep_backups / 86400.0
    sentence = (
        f"{what}; {count(jobs, 'backup job')} at {route.target.instance} {agreed(jobs, 'goes')} before, and "
        f"for {days:g} days (keep_backups) `undo` can restore them, except what a package does not carry"
    )
    remedy = "see what no backup brings back; what must not be lost, note down before"
    return Check("not-undoable", Verdict.WARNING, sentence, names, remedy, route.name)
