"""Answers requests that read. Law: nothing here changes anything."""

from collections.abc import Iterable, Sequence

from orchestrator.emulator import views
from orchestrator.emulator.faults import Operation
from orchestrator.emulator.paging import page
from orchestrator.emulator.refusals import Layer, Refusal, roma
from orchestrator.emulator.routes import Route
from orchestrator.emulator.service import Caller, Service
from orchestrator.emulator.wire import Json, Request
from orchestrator.emulator.world import Task

_RELEASE_ENV: Json = {
    "id": "DEFAULT_ENVIRONMENT_RELEASE_ID",
    "name": "RELEASE",
    "remark": "",
    "create_time": "1970-01-01T00:00:00Z",
}


def read(service: Service, caller: Caller, route: Route, request: Request) -> Json:
    """The answer to one reading request, as JSON."""
    match route.operation:
        case Operation.APP:
            return _app(service, caller, route.id)
        case Operation.TASK:
            return _task(service, caller, route.id)
        case Operation.JOB:
            return service.job(caller, route.id)
        case Operation.INSTANCE:
            return views.instance_detail_json(service.holding(caller.instance).instance)
        case Operation.VALIDATE:
            return _validate(service, caller, request)
        case _:
            records = _records(service, caller, route, request)
            return page(route.operation, records, request, service.world.switches.offset)


def _records(service: Service, caller: Caller, route: Route, request: Request) -> Sequence[Json]:
    """All records of a list that match its filters, before paging."""
    holding = service.holding(caller.instance)
    instance = holding.instance
    match route.operation:
        case Operation.APPS:
            return _apps(service, caller, request)
        case Operation.TASKS:
            return [views.task_json(one) for one in _matching_tasks(service.tasks(caller), request)]
        case Operation.DATASOURCES:
            return _datasources(service, caller, request)
        case Operation.APIS:
            return _apis(service, caller, request)
        case Operation.GROUPS:
            return [views.group_json(one, holding) for one in holding.groups.all()]
        case Operation.BINDINGS:
            return _bindings(service, caller, request)
        case Operation.ENVS:
            return [_RELEASE_ENV]
        case Operation.FEATURES:
            return [views.feature_json(instance, name, on) for name, on in sorted(instance.features.items())]
        case Operation.CONFIGS:
            return [views.config_json(instance, name, value) for name, value in sorted(instance.configs.items())]
        case Operation.DICTIONARIES:
            return [views.dictionary_json(code, name) for code, name in sorted(instance.dictionaries.items())]
        case _:
            raise roma("ROMA.1007", "Invalid request URL.", status=404)


def _apps(service: Service, caller: Caller, request: Request) -> list[Json]:
    owner = request.param("owner")
    found = []
    for app in service.apps(caller):
        mine = app.owner == caller.user.name
        named = request.param("name") in app.name and request.param("key") in app.key
        if named and (not owner or (owner == "true") == mine):
            found.append(views.app_json(app, caller.user))
    return found


def _app(service: Service, caller: Caller, app_id: str) -> Json:
    for app in service.apps(caller):
        if app.id == app_id:
            return views.app_json(app, caller.user)
    raise roma("ROMA.12001", "You do not have the permissions required to operate the application.", status=403)


def _matching_tasks(tasks: Iterable[Task], request: Request) -> list[Task]:
    name = request.param("task_name") or request.param("name")
    status, source, target = (request.param(key) for key in ("status", "source_app_id", "target_app_id"))
    datasource = request.param("datasource_id")
    return [
        task
        for task in tasks
        if name in task.name
        and status in {"", "1" if task.running else "0"}
        and source in {"", task.source_app_id}
        and target in {"", task.target_app_id}
        and datasource in {"", task.source_datasource_id, task.target_datasource_id}
    ]


def _task(service: Service, caller: Caller, task_id: str) -> Json:
    for task in service.tasks(caller):
        if task.id == task_id:
            return views.task_detail_json(task, service.holding(caller.instance))
    raise Refusal(Layer.FDI, 404, "FDI.3081", "The task does not exist.")


def _datasources(service: Service, caller: Caller, request: Request) -> list[Json]:
    holding = service.holding(caller.instance)
    kind, app_id, name = (request.param(key) for key in ("datasource_type", "app_id", "name"))
    return [
        views.datasource_json(one, holding)
        for one in service.datasources(caller)
        if kind in {"", one.type} and app_id in {"", one.app_id} and name in one.name
    ]


def _apis(service: Service, caller: Caller, request: Request) -> list[Json]:
    holding = service.holding(caller.instance)
    seen = {app.id for app in service.apps(caller)}
    app_id, name, env = (request.param(key) for key in ("roma_app_id", "name", "env_id"))
    return [
        views.api_json(one, holding)
        for one in holding.apis.all()
        if one.app_id in seen and app_id in {"", one.app_id} and name in one.name and (one.released or not env)
    ]


def _bindings(service: Service, caller: Caller, request: Request) -> list[Json]:
    """APIs that an application may call: the best public hint of who calls whom (API 1.8)."""
    holding = service.holding(caller.instance)
    app = holding.apps.get(request.param("app_id"))
    called = set(app.calls) if app else set()
    return [
        {
            "api_id": one.id,
            "api_name": one.name,
            "app_id": app.id if app else "",
            "roma_app_id": one.app_id,
            "env_id": _RELEASE_ENV["id"],
        }
        for one in holding.apis.all()
        if one.app_id in called
    ]


def _validate(service: Service, caller: Caller, request: Request) -> Json:
    """Whether a name and a key are free in the whole instance, seen or not (API 1.8)."""
    apps = service.holding(caller.instance).apps
    name, key = request.param("name"), request.param("key")
    others = [one for one in apps.all() if one.id != request.param("id")]
    taken = any((name and one.name == name) or (key and one.key == key) for one in others)
    return {"valid": not taken}
