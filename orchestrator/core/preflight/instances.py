"""Checks on the instances themselves: room, settings, state, clock. Law: nothing here is about one asset."""

from collections.abc import Iterator
from datetime import UTC, datetime

from orchestrator.core.model.checks import Check, Verdict
from orchestrator.core.model.counts import count
from orchestrator.core.model.instance_facts import Facts, Unread, read_or
from orchestrator.core.model.inventory import InstanceDetails
from orchestrator.core.plan.plan import AccessKey, Plan
from orchestrator.core.preflight.context import PreflightContext, all_unread, names_of
from orchestrator.core.selection.routes import Route

#: per instance, not raisable (API 2.2)
QUOTAS = {"application": 100, "task": 1000, "data source": 500}
#: seconds; signed requests are refused at 15 minutes (API 4)
_SKEW_TOLD = 120.0
_SKEW_REFUSED = 900.0
#: a run is taken to last at least this long, in seconds
_LEAST_RUN = 3600.0
_DAY = 86400.0


def quota_headroom(context: PreflightContext) -> Iterator[Check]:
    """What is there and what arrives, all migrations of the plan together, against the documented quotas (API 2.2)."""
    for target in context.targets:
        routes = [route for route in context.routes if route.target.instance == target and route.moving]
        inventory = context.inventories[target]
        there = {"application": len(inventory.apps), "task": len(inventory.tasks)}
        new = {"application": _new_apps(context, routes), "task": _new_tasks(context, routes)}
        _add_datasources(context, routes, target, there, new)
        for what, held in there.items():
            if new[what] and held + new[what] > QUOTAS[what]:
                sentence = f"{target} takes {QUOTAS[what]} {what}s: it holds {held}, and {new[what]} would arrive"
                remedy = "make room at the target, or move fewer"
                names = tuple(dict.fromkeys(name for route in routes for name in names_of(route.moving)))
                yield Check("quota-headroom", Verdict.BLOCKER, sentence, names, remedy, f"@{target}")
        yield from _api_quota(context, routes, target)
    asked = [(name, "the list of data sources", context.facts_of(name).datasources) for name in ends_of(context)]
    yield from all_unread("quota-headroom", asked)


def ends_of(context: PreflightContext) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*context.sources, *context.targets)))


def _new_apps(context: PreflightContext, routes: list[Route]) -> int:
    return sum(context.at_target(route, app) is None for route in routes for app in route.apps)


def _new_tasks(context: PreflightContext, routes: list[Route]) -> int:
    return sum(context.at_target(route, task) is None for route in routes for task in route.tasks)


def _add_datasources(
    context: PreflightContext, routes: list[Route], target: str, there: dict[str, int], new: dict[str, int]
) -> None:
    """Counts data sources where both sides tell them; one id arrives once."""
    held = context.facts_of(target).datasources
    if isinstance(held, Unread):
        return
    here = {source.id for source in held}
    names = {source.name for source in held}
    coming: set[str] = set()
    for route in routes:
        apps = {app.id for app in route.apps}
        for source in read_or(context.facts_of(route.source).datasources, ()):
            merged = not route.adds and source.name in names
            if source.app_id in apps and source.id not in here and not merged:
                coming.add(source.id)
    there["data source"], new["data source"] = len(held), len(coming)


def _api_quota(context: PreflightContext, routes: list[Route], target: str) -> Iterator[Check]:
    """Service integration's own limits can be raised, so these are warnings (API 1.10, 2.2)."""
    facts = context.facts_of(target)
    limits = {c.name: c for c in read_or(facts.configs, ()) if c.value.isdecimal()}
    for what, limit, there in (
        ("API", limits.get("API_NUM_LIMIT"), len(read_or(facts.apis, ()))),
        ("API group", limits.get("APIGROUP_NUM_LIMIT"), len(read_or(facts.groups, ()))),
    ):
        arriving = sum(_arriving(context, route, what) for route in routes)
        if limit is not None and arriving and max(limit.used, there) + arriving > int(limit.value):
            told = f"it holds {max(limit.used, there)}, and {arriving} would arrive"
            sentence = f"{target} takes {limit.value} {what}s: {told}"
            yield Check("quota-headroom", Verdict.WARNING, sentence, (), f"have {limit.name} raised", f"@{target}")


def _arriving(context: PreflightContext, route: Route, what: str) -> int:
    """APIs in RELEASE, or groups that hold one, of applications that are new at the target."""
    apps = {app.id for app in route.apps if context.at_target(route, app) is None}
    facts = context.facts_of(route.source)
    released = [api.app_id for api in read_or(facts.apis, ()) if api.released and api.app_id in apps]
    if what == "API":
        return len(released)
    return sum(group.app_id in released for group in read_or(facts.groups, ()))


def instance_status(context: PreflightContext) -> Iterator[Check]:
    """`Running` is the documented word (API 1.10)."""
    for name in ends_of(context):
        details = context.facts_of(name).details
        if not isinstance(details, Unread) and details.status and details.status.lower() != "running":
            sentence = f"{name} says that it is {details.status}, not Running"
            remedy = "wait until it runs, or ask its owner"
            yield Check("instance-status", Verdict.BLOCKER, sentence, remedy=remedy, where=f"@{name}")
    yield from details_unread(context, "instance-status")


def maintenance_window(context: PreflightContext) -> Iterator[Check]:
    """A run that begins now should end before the window opens; its zone is not told and taken as UTC (API 1.10)."""
    for name in ends_of(context):
        facts = context.facts_of(name)
        if isinstance(facts.details, Unread) or not facts.at:
            continue
        begin, end = _seconds_of(facts.details.maintain_begin), _seconds_of(facts.details.maintain_end)
        if begin is None or end is None or begin == end:
            continue
        if _meets(facts.at, max(context.lasting, _LEAST_RUN), begin, end):
            window = f"{facts.details.maintain_begin} to {facts.details.maintain_end}"
            sentence = f"the maintenance window of {name}, {window} (taken as UTC), would meet a run that begins now"
            remedy = "begin after the window, or have it moved"
            yield Check("maintenance-window", Verdict.WARNING, sentence, remedy=remedy, where=f"@{name}")
    yield from details_unread(context, "maintenance-window")


def _meets(at: float, lasting: float, begin: float, end: float) -> bool:
    """Whether [at, at + lasting] touches the daily window; both in seconds of the UTC day."""
    now = at % _DAY
    into = (now - begin) % _DAY
    return into < (end - begin) % _DAY or (begin - now) % _DAY < lasting


def _seconds_of(text: str) -> float | None:
    """`22:00:00` as seconds of the day; None where it cannot be read."""
    try:
        moment = datetime.strptime(text, "%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment.hour * 3600.0 + moment.minute * 60.0 + moment.second


def clock_skew(context: PreflightContext) -> Iterator[Check]:
    """ROMA refuses signatures that are 15 minutes off (API 4); Merge is verified by its clock (promise 15)."""
    for name in ends_of(context):
        offset = context.facts_of(name).clock_offset
        if isinstance(offset, Unread) or abs(offset) < _SKEW_TOLD:
            continue
        signed = _signs(context.plan, name)
        verdict = Verdict.BLOCKER if signed and abs(offset) > _SKEW_REFUSED * 0.9 else Verdict.WARNING
        side = "ahead of" if offset > 0 else "behind"
        sentence = f"the clock of {name} is {count(round(abs(offset)), 'second')} {side} this host's"
        remedy = "set this host's clock: at 15 minutes signed requests are refused"
        yield Check("clock-skew", verdict, sentence, remedy=remedy, where=f"@{name}")
    told = [(name, "the clock", context.facts_of(name).clock_offset) for name in ends_of(context)]
    yield from all_unread("clock-skew", told)


def _signs(plan: Plan, instance: str) -> bool:
    return any(isinstance(plan.credentials[name], AccessKey) for name in plan.instances[instance].credentials)


def credentials(context: PreflightContext) -> Iterator[Check]:
    """What is known of the credentials beyond that they were accepted: they are, or there would be no inventory."""
    for name in ends_of(context):
        for one in context.plan.instances[name].credentials:
            known = context.plan.credentials[one]
            if isinstance(known, AccessKey) and known.security_token is not None:
                sentence = f"{one} are temporary credentials, and how long they live is not told"
                remedy = "make sure that they outlive the run, or use a permanent key or a password"
                yield Check("credentials", Verdict.WARNING, sentence, remedy=remedy, where=f"@{name}")
            if _sees_nothing(context, name, one):
                sentence = f"{one} see nothing of what {name} holds: as a further slot they serve for nothing"
                remedy = "share the applications with this user, or take these credentials out"
                yield Check("credentials", Verdict.WARNING, sentence, remedy=remedy, where=f"@{name}")


def _sees_nothing(context: PreflightContext, source: str, credentials_: str) -> bool:
    seen_by = context.inventories[source].seen_by
    return source in context.sources and bool(seen_by) and not any(credentials_ in seen for seen in seen_by.values())


def same_instances(plan: Plan, route: Route, facts_of: "dict[str, Facts]") -> bool:
    """Whether a lane leads back to where it begins, under no prefix; two names may be one instance."""
    if route.target.prefix:
        return False
    one, other = plan.instances[route.source], plan.instances[route.target.instance]
    if (one.project_id, one.instance_id) == (other.project_id, other.instance_id):
        return True
    told = [facts_of[name].details for name in (route.source, route.target.instance) if name in facts_of]
    ids = [details.id for details in told if isinstance(details, InstanceDetails)]
    return len(ids) == 2 and ids[0] == ids[1] and bool(ids[0])


def same_instance(routes: list[Route]) -> Iterator[Check]:
    """`lanes` are those that `same_instances` found."""
    for route in routes:
        sentence = f"{route.source} and {route.target.instance} are one instance, and there is no prefix"
        remedy = "correct endpoint, project_id or instance_id in the plan, or give a prefix"
        yield Check("same-instance", Verdict.BLOCKER, sentence, remedy=remedy, where=route.name)


def details_unread(context: PreflightContext, check: str) -> list[Check]:
    return all_unread(
        check, [(name, "what it says of itself", context.facts_of(name).details) for name in ends_of(context)]
    )
