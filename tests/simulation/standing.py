"""Everything of a service that finishing may change, object by object. Law: the truth of the service, lagging or not.

A place is (instance, what it is and which one). Secrets stand here in the open: this is the tests' side.
"""

from collections import defaultdict
from collections.abc import Mapping

from orchestrator.core.model.change import Change, ChangeKind
from orchestrator.emulator.service.instance_store import Holding
from orchestrator.emulator.world.world import Api, BelongingKind
from tests.simulation.scenarios import Night

Place = tuple[str, str]
Standing = Mapping[Place, tuple[object, ...]]

#: what a kind of change is about -> the word of its place, where the object's id is the rest
_BY_OBJECT = {
    ChangeKind.STOP_TASK: "task", ChangeKind.START_TASK: "task",
    ChangeKind.CREATE_ENTRY: "entry", ChangeKind.REMOVE_ENTRY: "entry",
    ChangeKind.ENTER_CONNECTION: "connection", ChangeKind.EMPTY_CONNECTION: "connection",
    ChangeKind.TEST_CONNECTION: "connection",
    ChangeKind.KEEP_SECRET: "secret", ChangeKind.RENEW_SECRET: "secret",
    ChangeKind.SET_MEMBERS: "members",
    ChangeKind.CREATE_GROUP: "group", ChangeKind.REMOVE_GROUP: "group",
    ChangeKind.CREATE_ENVIRONMENT: "environment", ChangeKind.REMOVE_ENVIRONMENT: "environment",
    ChangeKind.CREATE_PRODUCT: "product", ChangeKind.REMOVE_PRODUCT: "product",
    ChangeKind.CREATE_POLICY: "policy", ChangeKind.REMOVE_POLICY: "policy",
}  # fmt: skip
#: a grant is part of its topic
_TOPICS = frozenset({ChangeKind.CREATE_TOPIC, ChangeKind.REMOVE_TOPIC, ChangeKind.ALLOW_ON_TOPIC})
_PUBLICATIONS = frozenset({ChangeKind.PUBLISH_API, ChangeKind.TAKE_OFFLINE})
_BINDINGS = frozenset({ChangeKind.BIND_POLICY, ChangeKind.UNBIND_POLICY})
_CALLERS = frozenset({ChangeKind.AUTHORISE, ChangeKind.CANCEL_AUTHORISATION})


def standing(night: Night) -> Standing:
    """What stands where, now; a place at which nothing is does not appear."""
    night.service.advance()
    return held_now(night)


def held_now(night: Night) -> Standing:
    """The same in the middle of a request, when the service is as far as its clock."""
    names = [each.name for each in night.scenario.world.instances]
    return {(name, what): held for name in names for what, held in _of(night.service.holding(name)).items()}


def place_of(change: Change) -> Place:
    """The place that a change is about."""
    kind = ChangeKind(change.kind)
    api = f"{change.fact('application id')}/{change.fact('group')} {change.fact('method')} {change.fact('path')}"
    environment = change.fact("environment")
    if kind in _BY_OBJECT:
        what = f"{_BY_OBJECT[kind]} {change.object}"
    elif kind in _TOPICS:
        what = f"topic {change.fact('topic') or change.object}"
    elif kind in _PUBLICATIONS:
        what = f"publication {api} in {environment}"
    elif kind in _BINDINGS:
        what = f"binding {change.fact('policy kind')} {api} in {environment}"
    elif kind in _CALLERS:
        what = f"caller {change.fact('caller id')} {api} in {environment}"
    elif kind in {ChangeKind.CREATE_APP_CODE, ChangeKind.DELETE_APP_CODE}:
        what = f"codes {change.object.partition('/')[0]}"
    else:
        what = f"api {api}"
    return change.instance, what


def _of(holding: Holding) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    for task in holding.tasks.all():
        found[f"task {task.id}"] = (task.running,)
    for source in holding.datasources.all():
        content = tuple((key, value) for key, value in source.content if value not in ("", None, False))
        found[f"connection {source.id}"] = (tuple(sorted(content, key=str)), source.description)
    for app in holding.apps.all():
        found[f"secret {app.id}"] = (app.secret,)
        # The order of members and of their roles is no part of what the service promises.
        found[f"members {app.id}"] = tuple(sorted((name, tuple(sorted(roles))) for name, roles in app.members))
    return {**found, **_several(holding)}


def _several(holding: Holding) -> dict[str, tuple[object, ...]]:
    """What may stand at one place more than once, where something was done twice."""
    found: defaultdict[str, list[object]] = defaultdict(list)
    for entry in holding.dictionary.all():
        found[f"entry {entry.code}"].append((entry.name, entry.parent_code, entry.remark))
    for code in holding.app_codes.all():
        found[f"codes {code.app_id}"].append(code.code)
    for group in holding.groups.all():
        found[f"group {group.name}"].append(group.app_id)
    for api in holding.apis.all():
        found[f"api {_api(holding, api)}"].append((api.name, api.backend_type, api.address, api.remark))
        for each in api.publications:
            if each.online:
                found[f"publication {_api(holding, api)} in {_name(holding, each.env_id)}"].append(each.current.remark)
    for owned in holding.belongings.all():
        if owned.kind is BelongingKind.TOPIC:
            # Who may use it stands in no promised order.
            fields = owned.access, tuple(sorted(owned.others)), owned.partition, owned.retention, owned.description
            found[f"topic {owned.name}"].append((owned.app_id, *fields))
        if owned.kind is BelongingKind.PRODUCT:
            found[f"product {owned.name}"].append((owned.app_id, owned.description or "m1"))
    for environment in holding.environments.all():
        found[f"environment {environment.name}"].append(environment.remark)
    for policy in holding.policies.all():
        found[f"policy {policy.kind} {policy.name}"].append(tuple(sorted(policy.fields, key=str)))
    for bound in holding.bindings.all():
        held, on = holding.policies.get(bound.policy_id), holding.apis.get(bound.api_id)
        if held is not None and on is not None:
            found[f"binding {held.kind} {_api(holding, on)} in {_name(holding, bound.env_id)}"].append(held.name)
    for one in holding.authorisations.all():
        on = holding.apis.get(one.api_id)
        if on is not None:
            what = (one.tunnel, one.whitelist, one.blacklist)
            found[f"caller {one.app_id} {_api(holding, on)} in {_name(holding, one.env_id)}"].append(what)
    return {what: tuple(sorted(held, key=str)) for what, held in found.items()}


def _name(holding: Holding, env_id: str) -> str:
    """Of an environment: one that a finish creates has no id before."""
    environment = holding.environments.get(env_id)
    return environment.name if environment is not None else env_id


def _api(holding: Holding, api: Api) -> str:
    group = holding.groups.get(api.group_id)
    return f"{api.app_id}/{group.name if group is not None else ''} {api.method} {api.path}"
