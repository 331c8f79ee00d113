"""Looks behind the scenes of a running emulator, for tests: `/_emulator/...`.

Law: loopback only, and no secret in an answer.

GET ledger · GET requests · GET faults · GET inventory/INSTANCE · POST faults (one rule or a list) · POST clear ·
POST end-jobs
"""

import json

from orchestrator.emulator.api.api import Api
from orchestrator.emulator.protocol.messages import Json, Received, Reply, Request, json_reply
from orchestrator.emulator.world.worldfile import WorldInvalid, rule

PREFIX = "/_emulator/"


def control(api: Api, request: Request) -> Reply:
    """Answers one control request."""
    api.service.advance()
    path = request.path.removeprefix(PREFIX)
    match request.method, path.partition("/")[0]:
        case "GET", "ledger":
            return json_reply(200, api.service.ledger.as_json())
        case "GET", "requests":
            counts = {operation.value: count for operation, count in sorted(api.requests.items())}
            told = [one._asdict() for one in api.seen]
            return json_reply(200, {"counts": counts, "token_requests": api.identity.token_requests, "requests": told})
        case "GET", "faults":
            return json_reply(200, {"counts": {kind.value: n for kind, n in sorted(api.strikes.counts.items())}})
        case "GET", "inventory":
            return _inventory(api, path.partition("/")[2])
        case "POST", "faults":
            return _add(api, request.body)
        case "POST", "clear":
            api.strikes.clear()
            return json_reply(200, {})
        case "POST", "end-jobs":
            api.service.end_jobs()
            return json_reply(200, {})
        case _:
            return json_reply(404, {"error": "no such control path"})


def _inventory(api: Api, name: str) -> Reply:
    """What an instance really holds, whoever may see it and whatever lags."""
    try:
        holding = api.service.holding(name)
    except KeyError:
        return json_reply(404, {"error": f"no instance {name}"})
    apps = [
        {"id": x.id, "name": x.name, "source_id": x.source_id, "owner": x.owner, "key": x.key, "calls": x.calls}
        for x in holding.apps.all()
    ]
    tasks = [
        {
            "id": x.id,
            "name": x.name,
            "source_id": x.source_id,
            "owner": x.owner,
            "running": x.running,
            "source_app_id": x.source_app_id,
            "target_app_id": x.target_app_id,
        }
        for x in holding.tasks.all()
    ]
    datasources = [{"id": x.id, "name": x.name, "app_id": x.app_id} for x in holding.datasources.all()]
    told: Json = {"apps": apps, "tasks": tasks, "datasources": datasources, "apis": len(holding.apis)}
    return json_reply(200, told)


def _add(api: Api, body: Received) -> Reply:
    try:
        value = json.loads(bytes(body))
        rules = [rule(one) for one in (value if isinstance(value, list) else [value])]
    except (ValueError, WorldInvalid) as error:
        return json_reply(400, {"error": str(error)})
    for one in rules:
        api.strikes.add(one)
    return json_reply(200, {"added": len(rules)})
