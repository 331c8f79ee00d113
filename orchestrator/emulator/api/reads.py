"""Answers requests that read one thing. Law: nothing here changes anything."""

from orchestrator.emulator.api import belongings, serialize
from orchestrator.emulator.api.routes import Route
from orchestrator.emulator.protocol.errors import Layer, Refusal, roma
from orchestrator.emulator.protocol.messages import Json, Request
from orchestrator.emulator.service import (
    connections,
    credentials,
    definitions,
    dictionary,
    members,
    products,
    publishing,
    topics,
)
from orchestrator.emulator.service.service import Caller, Service
from orchestrator.emulator.world.operations import Operation


def read(service: Service, caller: Caller, route: Route, request: Request) -> Json:
    """The answer to one reading request, as JSON."""
    switches = service.world.switches
    match route.operation:
        case Operation.APP:
            return _app(service, caller, route.id)
        case Operation.TASK:
            return _task(service, caller, route.id)
        case Operation.DISPATCHES:
            return belongings.schedule(service, caller, route)
        case Operation.DATASOURCE:
            return connections.read(service.holding(caller.instance), service.datasources(caller), route.id, switches)
        case Operation.SECRET:
            return credentials.secret(service.looking(caller), route.id)
        case Operation.MEMBERS:
            return members.listed(service.looking(caller), route.id, request.param("user_name"))
        case Operation.CANDIDATES:
            return members.candidates(service.looking(caller), route.id, request.param("filter") == "members")
        case Operation.APP_CODE:
            return credentials.app_code(service.looking(caller), route.above, route.id)
        case Operation.DICTIONARY:
            return dictionary.told(dictionary.shown(service.holding(caller.instance), route.id, service.time))
        case Operation.DICTIONARY_VALIDATE:
            return dictionary.validated(service.holding(caller.instance), request.param("name"), request.param("code"))
        case Operation.API:
            told = next((x for x in service.holding(caller.instance).apis.all() if x.id == route.id), None)
            held = serialize.api_json(told, service.holding(caller.instance)) if told else {}
            return definitions.api(service.looking(caller), route.id, held)
        case Operation.API_RUNTIME:
            return publishing.in_force(service.looking(caller), route.id, request.param("env_id"))
        case Operation.TOPIC_MESSAGES:
            return topics.messages(service.looking(caller), request.param("topic"))
        case Operation.DEVICES:
            return products.devices(service.looking(caller), request.param("product_id"))
        case Operation.INSTANCE:
            return serialize.instance_detail_json(service.holding(caller.instance).instance)
        case Operation.VALIDATE:
            return _validate(service, caller, request)
        case _:
            return service.job(caller, route.id)


def _app(service: Service, caller: Caller, app_id: str) -> Json:
    for app in service.apps(caller):
        if app.id == app_id:
            return serialize.app_json(app, caller.user, belongings.key(service, app))
    raise roma("ROMA.12001", "You do not have the permissions required to operate the application.", status=403)


def _task(service: Service, caller: Caller, task_id: str) -> Json:
    for task in service.tasks(caller):
        if task.id == task_id:
            detail = belongings.task_detail(service, task)
            return serialize.task_detail_json(task, service.holding(caller.instance), detail)
    raise Refusal(Layer.FDI, 404, "FDI.3081", "The task does not exist.")


def _validate(service: Service, caller: Caller, request: Request) -> Json:
    """Whether a name and a key are free in the whole instance, seen or not (API 1.8)."""
    apps = service.holding(caller.instance).apps
    name, key = request.param("name"), request.param("key")
    others = [one for one in apps.all() if one.id != request.param("id")]
    taken = any((name and one.name == name) or (key and one.key == key) for one in others)
    return {"valid": not taken}
