"""Checks on what belongs together and who may touch it. Law: what could not be ordered or sent is told before."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from orchestrator.core.model.checks import Check, Verdict, counted, some
from orchestrator.core.model.inventory import App, Kind, Task
from orchestrator.core.plan.plan import ById, Password
from orchestrator.core.preflight.context import Ground, names_of
from orchestrator.core.preflight.names import overwritten
from orchestrator.core.selection.dependencies import Need, cycle_told, cycles
from orchestrator.core.selection.routes import Lane
from orchestrator.core.selection.selection import Missing
from orchestrator.core.state import events as e


def dependency_cycle(ground: Ground) -> Iterator[Check]:
    """Applications that call one another, and migrations that wait for one another (promise 8)."""
    knots = 0
    for lane in ground.lanes:
        apps = ground.inventories[lane.source].apps
        names = {app.id: app.name for app in apps}
        for cycle in cycles(lane.graph):
            knots += 1
            sentence = f"applications that call each other cannot be ordered: {cycle_told(cycle, apps)}"
            remedy = "take one of these calls out of `calls`"
            called = tuple(names.get(each, each) for each in cycle)
            yield Check("dependency-cycle", Verdict.BLOCKER, sentence, called, remedy, lane.name)
    if not knots:
        yield from _waiting_in_a_ring(ground)


def _waiting_in_a_ring(ground: Ground) -> Iterator[Check]:
    """Deliveries none of which could ever begin: `after` and what assets need contradict each other."""
    stuck = _never_ready(ground)
    for migration in sorted({each.migration for each in stuck}):
        others = sorted({each.migration for each in stuck} - {migration})
        sentence = f"{migration} would wait for ever: it and {', '.join(others) or 'itself'} need each other first"
        remedy = "mend `after`, or move the assets that need each other in one migration"
        where = next(f"{each.migration}@{each.target}" for each in stuck if each.migration == migration)
        yield Check("dependency-cycle", Verdict.BLOCKER, sentence, remedy=remedy, where=where)


def _never_ready(ground: Ground) -> list[e.DeliveryScheduled]:
    source = {batch.batch: batch.source for batch in ground.batches}
    holds = {batch.batch: [asset.id for asset in batch.assets] for batch in ground.batches}
    open_ = {each.delivery: each for each in ground.deliveries}
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


def missing_assets(ground: Ground) -> Iterator[Check]:
    """An id that is missing is a blocker, a pattern a warning; nothing selected at all a blocker."""
    if not any(lane.selection.assets for lane in ground.lanes):
        remedy = "mend `apps` and `tasks`, or let these credentials see them"
        yield Check("missing-assets", Verdict.BLOCKER, "nothing at all is selected", remedy=remedy)
    for lane in ground.lanes:
        for missing in lane.selection.missing:
            verdict = Verdict.BLOCKER if missing.by_id else Verdict.WARNING
            yield _missing(lane, missing, verdict, "correct the plan, or let these credentials see it")
        for missing in lane.selection.idle_exclusions:
            yield _missing(lane, missing, Verdict.WARNING, "correct `exclude`: as it stands it excludes nothing")
        for caller in _strangers(ground, lane):
            sentence = f"`calls` names the caller {caller!r}, which fits no application of {lane.source}"
            yield Check("missing-assets", Verdict.WARNING, sentence, (caller,), "correct `calls`", lane.name)
        yield from _called_elsewhere(ground, lane)


def _strangers(ground: Ground, lane: Lane) -> list[str]:
    """Callers that the source does not hold; one that merely does not move, as under `--only`, is no slip."""
    apps = ground.inventories[lane.source].apps
    return [glob for glob in lane.graph.idle_calls if not any(fnmatchcase(app.name, glob) for app in apps)]


def _missing(lane: Lane, missing: Missing, verdict: Verdict, remedy: str) -> Check:
    word = missing.selector.id if isinstance(missing.selector, ById) else missing.selector.pattern
    sentence = f"{lane.source} holds no {missing.kind.value} that {word!r} fits"
    return Check("missing-assets", verdict, sentence, (word,), remedy, lane.name)


def _called_elsewhere(ground: Ground, lane: Lane) -> Iterator[Check]:
    """A called application that neither travels nor is at the target: its caller's import fails (API 2.3)."""
    callers = {app.id: app.name for app in lane.apps}
    absent = [n for n in lane.graph.outside if n.strict and n.asset_id in callers and not _there(ground, lane, n)]
    for called in sorted({need.app_name or need.app_id for need in absent}):
        names = tuple(callers[n.asset_id] for n in absent if (n.app_name or n.app_id) == called)
        sentence = f"{called}, which {some(names)} would call, neither travels nor is at {lane.target.instance}"
        remedy = "select it too, or take the call out of `calls`"
        yield Check("missing-assets", Verdict.BLOCKER, sentence, names, remedy, lane.name)


def _there(ground: Ground, lane: Lane, need: Need) -> bool:
    """Whether what is needed travels to the same place, or is at the target under a name this plan gives it."""
    return (lane.place, need.app_id) in ground.carried or _existing(ground, lane, need) is not None


def _existing(ground: Ground, lane: Lane, need: Need) -> App | Task | None:
    held = ground.held[lane.target.instance][Kind.APP]
    names = (lane.target.prefix + need.app_name, need.app_name) if need.app_name else ()
    return next((held[name] for name in names if name in held), None)


def task_apps_missing(ground: Ground) -> Iterator[Check]:
    """A task whose applications neither travel nor are there (API 7, 20)."""
    for lane in ground.lanes:
        moving = {task.id: task.name for task in lane.tasks}
        weak = [need for need in lane.graph.outside if not need.strict and need.asset_id in moving]
        absent = [need for need in weak if not _there(ground, lane, need)]
        if absent:
            names = tuple(dict.fromkeys(moving[need.asset_id] for need in absent))
            apps = sorted({need.app_name or f"{need.app_id} (not visible)" for need in absent})
            sentence = (
                f"{counted(len(names), 'task')} whose applications neither travel nor are at {lane.target.instance}: "
                f"{some(names)}; missing: {some(apps)}"
            )
            remedy = "select these applications too, or exclude the tasks"
            yield Check("task-apps-missing", Verdict.BLOCKER, sentence, names, remedy, lane.name)


def left_out(ground: Ground) -> Iterator[Check]:
    """Tasks that touch what moves, and stay."""
    for lane in ground.lanes:
        held = lane.selection.left_out
        if held:
            names = tuple(each.task.name for each in held)
            whys = sorted({each.why.value for each in held})
            sentence = (
                f"{counted(len(names), 'task')} touching what moves would stay behind: {some(names)}; {some(whys)}"
            )
            remedy = "select what keeps them back, or `exclude` them to say that this is meant"
            yield Check("left-out", Verdict.WARNING, sentence, names, remedy, lane.name)


def running_tasks(ground: Ground) -> Iterator[Check]:
    """A task that still runs at the source must stop there before it starts at the target (API 7, 25)."""
    for lane in ground.lanes:
        names = names_of(task for task in lane.tasks if task.running)
        if names:
            sentence = f"{counted(len(names), 'task')} running at {lane.source}: {some(names)}"
            remedy = "stop them at the source before they are started at the target (handover list)"
            yield Check("running-tasks", Verdict.WARNING, sentence, names, remedy, lane.name)


def visibility(ground: Ground) -> Iterator[Check]:
    """Each batch needs an identity that sees all of it, and all that it builds on at the target (promise 14)."""
    for batch in ground.batches:
        if not batch.exporters:
            names = tuple(asset.name for asset in batch.assets)
            sentence = f"no credentials of {batch.source} see all of {some(names)}"
            yield Check("visibility", Verdict.BLOCKER, sentence, names, _SEE, f"@{batch.source}")
    for lane in ground.lanes:
        yield from _unseen_at_target(ground, lane)


_SEE = "use the main account's or an administrator's credentials, or share the applications with this user"


def _unseen_at_target(ground: Ground, lane: Lane) -> Iterator[Check]:
    """What an asset builds on must be seen by the identity that imports it."""
    seen_by = ground.inventories[lane.target.instance].seen_by
    carriers = ground.carriers(lane)
    names = {asset.id: asset.name for asset in lane.moving}
    hidden: dict[str, list[str]] = {}
    for need in lane.graph.outside:
        there = _existing(ground, lane, need)
        owner = carriers[need.asset_id].owner if need.asset_id in carriers else ""
        if there is not None and owner and owner not in seen_by.get(there.id, (owner,)):
            hidden.setdefault(owner, []).append(names.get(need.asset_id, need.asset_id))
    for owner, held in hidden.items():
        assets = tuple(dict.fromkeys(held))
        what = f"the applications at {lane.target.instance} that they need"
        sentence = f"{owner} would import {some(assets)} and do not see {what}"
        yield Check("visibility", Verdict.BLOCKER, sentence, assets, _SEE, lane.name)


def app_permission(ground: Ground) -> Iterator[Check]:
    """Roles on an application, where the list tells them (API 1.8); ROMA.12001 is the refusal (API 3.1)."""
    for lane in ground.lanes:
        unread = [app for app in lane.apps if app.roles and not {"read", "admin"} & set(app.roles)]
        there = [(app, ground.at_target(lane, app)) for app in overwritten(ground, lane) if isinstance(app, App)]
        unchanged = [app for app, found in there if isinstance(found, App) and _may_not_change(found)]
        yield from _permission(lane, unread, f"read at {lane.source}")
        yield from _permission(lane, unchanged, f"change at {lane.target.instance}")


def _may_not_change(app: App) -> bool:
    return bool(app.roles) and not {"modify", "admin"} & set(app.roles)


def _permission(lane: Lane, apps: Sequence[App], what: str) -> Iterator[Check]:
    if apps:
        names = names_of(apps)
        sentence = f"{counted(len(names), 'application')} that these credentials may not {what}: {some(names)}"
        remedy = "have the role granted, or use their owner's credentials"
        yield Check("app-permission", Verdict.WARNING, sentence, names, remedy, lane.name)


def package_size(ground: Ground) -> Iterator[Check]:
    """Signed bodies end at 12 MB, and nothing tells a package's size before its export (API 2.2, 4)."""
    owners: dict[str, set[str]] = {}
    for each in ground.deliveries:
        owners.setdefault(each.target, set()).add(each.owner)
    for target in ground.targets:
        signing = sorted(
            name for name in owners.get(target, ()) if not isinstance(ground.plan.credentials[name], Password)
        )
        if signing:
            sentence = (
                f"{target}: {some(signing)} sign their requests, which takes packages up to 12 MB; sizes show at export"
            )
            remedy = "a password identity at the target lifts the limit; else larger batches are split as they show"
            yield Check("package-size", Verdict.NOT_CHECKED, sentence, remedy=remedy, where=f"@{target}")


def not_undoable(ground: Ground) -> Iterator[Check]:
    """What Merge overwrites is not kept anywhere (API 7, 15)."""
    for lane in ground.lanes:
        names = names_of(overwritten(ground, lane))
        if names:
            sources = " and data sources" if lane.target.datasource_overwrite else ""
            sentence = (
                f"{counted(len(names), 'asset')}{sources} at {lane.target.instance} would be overwritten: {some(names)}"
            )
            remedy = "export them from the target first if they may be wanted back: `undo` cannot restore them"
            yield Check("not-undoable", Verdict.WARNING, sentence, names, remedy, lane.name)
