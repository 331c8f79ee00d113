"""Answers requests that change something at once, without a job (Finishing 1). Law: the ledger knows each."""

import json
from collections.abc import Callable, Mapping

from orchestrator.emulator.api.multipart import form
from orchestrator.emulator.api.routes import Route
from orchestrator.emulator.protocol.errors import Layer, Refusal, invalid
from orchestrator.emulator.protocol.messages import Reply, Request, json_reply
from orchestrator.emulator.service import (
    authorisations,
    connections,
    credentials,
    definitions,
    dictionary,
    members,
    policies,
    products,
    publishing,
    task_runs,
    task_state,
    topics,
)
from orchestrator.emulator.service.changing import Change, Done
from orchestrator.emulator.service.jobs import Twist
from orchestrator.emulator.service.ledger import Call
from orchestrator.emulator.service.service import Caller, Service
from orchestrator.emulator.world.gateway import PolicyKind
from orchestrator.emulator.world.operations import Operation

#: what is bound to a publication; plugins are bound to an API in an environment
BY_PUBLICATION = (PolicyKind.THROTTLE, PolicyKind.ACL, PolicyKind.SIGN)

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
    Operation.DATASOURCE_CREATE: connections.create,
    Operation.DATASOURCE_DELETE: connections.delete,
    Operation.TASK_RUN: task_runs.run,
    Operation.TASK_TERMINATE: task_runs.terminate,
    Operation.DISPATCH_CREATE: task_runs.create_schedule,
    Operation.DISPATCH_CHANGE: task_runs.change_schedule,
    Operation.GROUP_CREATE: definitions.create_group,
    Operation.GROUP_DELETE: definitions.delete_group,
    Operation.API_DELETE: definitions.delete_api,
    Operation.API_EXPORT: definitions.export,
    Operation.API_IMPORT: definitions.import_,
    Operation.API_PUBLISH: publishing.act,
    Operation.API_ACTION: publishing.act_on_one,
    Operation.API_VERSION_CHANGE: publishing.switch,
    Operation.ENV_CREATE: publishing.create_environment,
    Operation.ENV_DELETE: publishing.delete_environment,
    Operation.AUTHORISE: authorisations.authorise,
    Operation.AUTHORISATION_CANCEL: authorisations.cancel,
    **{Operation(f"{kind}-create"): policies.create(kind) for kind in PolicyKind},
    **{Operation(f"{kind}-delete"): policies.delete(kind) for kind in PolicyKind},
    **{Operation(f"{kind}-bind"): policies.bind(kind) for kind in BY_PUBLICATION},
    **{Operation(f"{kind}-unbind"): policies.unbind(kind) for kind in BY_PUBLICATION},
    Operation.PLUGIN_ATTACH: policies.attach,
    Operation.PLUGIN_DETACH: policies.detach,
    Operation.TOPIC_CREATE: topics.create,
    Operation.TOPIC_DELETE: topics.delete,
    Operation.TOPIC_ALLOW: topics.allow,
    Operation.PRODUCT_IMPORT: products.import_,
    Operation.PRODUCT_DELETE: products.delete,
}
#: what somebody else does just before such a change; whether there was something to change
_MEDDLE: Mapping[Operation, Callable[[Change], bool]] = {
    Operation.DICTIONARY_CHANGE: dictionary.meddle,
    Operation.DATASOURCE_CHANGE: connections.meddle,
    Operation.MEMBERS_CHANGE: members.meddle,
    Operation.API_IMPORT: definitions.meddle,
    Operation.API_PUBLISH: publishing.meddle,
    Operation.API_ACTION: publishing.meddle,
    Operation.ENV_CREATE: publishing.meddle_environment,
    Operation.AUTHORISE: authorisations.meddle,
    **{Operation(f"{kind}-create"): policies.meddle_create(kind) for kind in PolicyKind},
    **{Operation(f"{kind}-bind"): policies.meddle_bind(kind) for kind in BY_PUBLICATION},
    Operation.PLUGIN_ATTACH: policies.meddle_attach,
    Operation.TOPIC_CREATE: topics.meddle_create,
    Operation.PRODUCT_IMPORT: products.meddle_import,
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
        codes = {Layer.FDI: "FDI.3002", Layer.MQS: "400", Layer.LINK: "SCB.00000000"}
        return Refusal(route.layer, 400, codes.get(route.layer, "APIG.2000"), details)

    uploaded = form(request.headers.get("content-type", ""), request.body)
    try:
        body = uploaded or (json.loads(bytes(request.body)) if request.body else {})
    except (ValueError, RecursionError) as error:
        raise wrong("The body is not JSON.") from error
    if not isinstance(body, dict):
        raise wrong("The body is not an object.")
    return Change(service.looking(caller), twist, route.id, route.above, body, wrong, dict(request.query))
