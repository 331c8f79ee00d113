"""Answers requests that change something at once, without a job (Finishing 1). Law: the ledger knows each."""

import json
from collections.abc import Callable, Mapping

from orchestrator.emulator.api.routes import Route
from orchestrator.emulator.protocol.errors import Layer, Refusal, invalid
from orchestrator.emulator.protocol.messages import Reply, Request, json_reply
from orchestrator.emulator.service import connections, credentials, dictionary, members, task_state
from orchestrator.emulator.service.changing import Change, Done
from orchestrator.emulator.service.jobs import Twist
from orchestrator.emulator.service.ledger import Call
from orchestrator.emulator.service.service import Caller, Service
from orchestrator.emulator.world.faults import Operation

_DO: Mapping[Operation, Callable[[Change], Done]] = {
    Operation.DICTIONARY_CREATE: dictionary.create,
    Operation.DICTIONARY_CHANGE: dictionary.change,
    Operation.DICTIONARY_DELETE: dictionary.delete,
    Operation.DATASOURCE_CHANGE: connections.change,
    Operation.TEST_CONNECT: connections.try_out,
    Operation.TASK_ACTION: task_state.act,
    Operation.SECRET_CHANGE: credentials.change_secret,
    Operation.MEMBERS_CHANGE: members.change,
    Operation.APP_CODE_CREATE: credentials.create_app_code,
    Operation.APP_CODE_MAKE: credentials.make_app_code,
    Operation.APP_CODE_DELETE: credentials.delete_app_code,
}
#: what somebody else does just before such a change; whether there was something to change
_MEDDLE: Mapping[Operation, Callable[[Change], bool]] = {
    Operation.DICTIONARY_CHANGE: dictionary.meddle,
    Operation.DATASOURCE_CHANGE: connections.meddle,
    Operation.MEMBERS_CHANGE: members.meddle,
}


def change(service: Service, caller: Caller, route: Route, request: Request, twist: Twist) -> Reply:
    """The answer to one operation of `CHANGES`; raises Refusal."""
    outcome = "accepted"
    about = tuple(filter(None, (route.above, route.id)))
    try:
        asked = _asked(service, caller, route, request, twist)
        if twist.meddled and route.operation in _MEDDLE and _MEDDLE[route.operation](asked):
            other = ("somebody else", caller.instance, route.operation.value, about, "meddled")
            service.ledger.calls.append(Call(service.time, *other))
        done = _DO[route.operation](asked)
        outcome, about = done.outcome, about + done.ids
    except Refusal as refusal:
        outcome = refusal.code
        raise
    finally:
        told = (caller.name, caller.instance, route.operation.value, about, outcome)
        service.ledger.calls.append(Call(service.time, *told, late=twist.late))
    return Reply(done.status) if done.told is None else json_reply(done.status, done.told)


def _asked(service: Service, caller: Caller, route: Route, request: Request, twist: Twist) -> Change:
    def wrong(details: str) -> Refusal:
        if route.layer is Layer.ROMA:
            return invalid(details)
        return Refusal(route.layer, 400, "FDI.3002" if route.layer is Layer.FDI else "APIG.2000", details)

    try:
        body = json.loads(bytes(request.body)) if request.body else {}
    except (ValueError, RecursionError) as error:
        raise wrong("The body is not JSON.") from error
    if not isinstance(body, dict):
        raise wrong("The body is not an object.")
    return Change(service.looking(caller), twist, route.id, route.above, body, wrong)
