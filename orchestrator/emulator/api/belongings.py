"""Answers reads of what may travel with assets and was never documented. Law: each is told as its switch says."""

import json

from orchestrator.emulator.api.routes import Route
from orchestrator.emulator.protocol.errors import Layer, Refusal
from orchestrator.emulator.protocol.messages import Json, Request
from orchestrator.emulator.service import authorisations, products, task_runs, topics
from orchestrator.emulator.service.credentials import shown
from orchestrator.emulator.service.service import Caller, Service
from orchestrator.emulator.world.finishing_readings import Told
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.world import App, Belonging, BelongingKind, Task

_KINDS = {
    Operation.TOPICS: BelongingKind.TOPIC,
    Operation.PRODUCTS: BelongingKind.PRODUCT,
    Operation.BACKENDS: BelongingKind.BACKEND,
}
LISTS = frozenset({*_KINDS, Operation.BINDINGS, Operation.BOUND_APPS})
#: a task has no schedule (Finishing 2.5)
_NO_SCHEDULE = "FDI.3083"


def listed(service: Service, caller: Caller, operation: Operation, request: Request) -> list[Json]:
    """All records of one of `LISTS`; raises Refusal."""
    told = _told(service, operation)
    if operation in {Operation.BINDINGS, Operation.BOUND_APPS}:
        about = {key: request.param(key) for key in ("app_id", "api_id", "env_id")}
        return authorisations.listed(service.looking(caller), told, **about)
    tell = {Operation.TOPICS: topics.told, Operation.PRODUCTS: products.told, Operation.BACKENDS: _backend}[operation]
    owners = {app.id: app for app in service.apps(caller)}
    app_id = request.param("app_id")
    return [
        tell(one, owners[one.app_id], told)
        for one in service.holding(caller.instance).belongings.shown(service.time)
        if one.kind == _KINDS[operation] and one.app_id in owners and app_id in {"", one.app_id}
    ]


def schedule(service: Service, caller: Caller, route: Route) -> Json:
    """When a task runs (Finishing 2.5); raises Refusal, also where it has no schedule."""
    told = _told(service, Operation.DISPATCHES)
    task = next((each for each in service.tasks(caller) if each.id == route.id), None)
    if task is None:
        raise Refusal(Layer.DISPATCH, 404, "FDI.3180", "The task is not in the project.")
    if not task.cron:
        raise Refusal(Layer.DISPATCH, 404, _NO_SCHEDULE, "The scheduled task has no schedule.")
    return task_runs.told(task, shown(task.cron, told))


def task_detail(service: Service, task: Task) -> str:
    """The JSON text in a task's details, where its increment position stands (Finishing 2.5); raises Refusal."""
    told = _told(service, Operation.TASK)
    if not task.position:
        return "{}"
    position = shown(task.position, told)
    source = {"need_inc_migration": True, "dataTimestamp": position, "reset_incr_begin_time": position}
    return json.dumps({"sourceSelectedDatasource": source})


def key(service: Service, app: App) -> str:
    """An application's key as lists and details tell it, "" where they leave it out."""
    told = service.world.switches.key_read
    return "" if told is Told.REFUSED else shown(app.key, told)


def _told(service: Service, operation: Operation) -> Told:
    """How the switches answer this read; raises Refusal where they refuse it."""
    switches = service.world.switches
    told, layer, code = {
        Operation.TOPICS: (switches.topics_read, Layer.MQS, ""),
        Operation.PRODUCTS: (switches.products_read, Layer.LINK, "SCB.00000000"),
        Operation.BACKENDS: (switches.backends_read, Layer.APIC, "APIG.1005"),
        Operation.BOUND_APPS: (switches.authorisations_read, Layer.APIC, "APIG.1005"),
        Operation.BINDINGS: (switches.authorisations_read, Layer.APIC, "APIG.1005"),
        Operation.DISPATCHES: (switches.dispatch_read, Layer.DISPATCH, "FDI.3002"),
        Operation.TASK: (switches.position_read, Layer.FDI, "FDI.3002"),
    }[operation]
    if told is Told.REFUSED:
        raise Refusal(layer, 403, code, "No permissions to request this method")
    return told


def _backend(one: Belonging, app: App, told: Told) -> Json:
    return {
        "id": one.id,
        "name": shown(one.name, told),
        "path": f"/{one.name}",
        "method": "GET",
        "version": "1",
        "type": "data",
        "status": 4,
        "roma_app_id": app.id,
        "roma_app_name": app.name,
        "scripts": [],
    }
