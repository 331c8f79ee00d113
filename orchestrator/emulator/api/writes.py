"""Answers requests that change something.

Law: what is asked is understood here, what happens is decided by the service.
"""

import json
from collections.abc import Mapping

from orchestrator.emulator.api.multipart import uploaded_package
from orchestrator.emulator.protocol.errors import invalid, roma
from orchestrator.emulator.protocol.messages import Json, Received, Request
from orchestrator.emulator.service.exports import Chosen
from orchestrator.emulator.service.imports import Options
from orchestrator.emulator.service.jobs import Twist
from orchestrator.emulator.service.service import Caller, Service, import_type
from orchestrator.emulator.world.operations import Operation


def write(service: Service, caller: Caller, operation: Operation, request: Request, twist: Twist) -> Json:
    """The answer to an export, an import or a delete: a job's id."""
    switches = service.world.switches
    match operation:
        case Operation.EXPORT:
            job_id = service.export(caller, chosen(request.body, switches.strict_tasks_required), twist)
        case Operation.DELETE:
            job_id = service.delete(caller, chosen(request.body, switches.strict_tasks_required), twist)
        case Operation.IMPORT:
            content_type = request.headers.get("content-type", "")
            data = uploaded_package(content_type, request.body, switches.strict_filename)
            job_id = service.import_(caller, data, _options(request), twist)
        case _:
            raise roma("ROMA.1007", "Invalid request URL.", status=404)
    return {"job_id": job_id}


def chosen(body: Received, strict: bool) -> Chosen:
    """The assets that a body names (API 1.2); ROMA.13001 without a body, ROMA.13000 for a wrong one."""
    if not body:
        raise roma("ROMA.13001", "No request body is available.")
    try:
        value = json.loads(bytes(body))
    except ValueError as error:
        raise invalid("The body is not JSON.") from error
    if not isinstance(value, dict):
        raise invalid("The body is not an object.")
    return Chosen(_ids(value, "apps", strict), _ids(value, "tasks", strict))


def _ids(value: Mapping[str, object], key: str, strict: bool) -> tuple[str, ...]:
    if key not in value and not strict:
        return ()
    items = value.get(key)
    if not isinstance(items, list):
        raise invalid(f"{key} is required.")
    found = [one.get("id") if isinstance(one, dict) else None for one in items]
    if not all(isinstance(one, str) and one for one in found):
        raise invalid(f"An item of {key} has no id.")
    return tuple(str(one) for one in found)


def _options(request: Request) -> Options:
    overwrite = request.param("datasource_overwrite", "false").lower()
    if overwrite not in {"true", "false"}:
        raise invalid("datasource_overwrite must be true or false.")
    return Options(import_type(request.param("type")), request.param("prefix"), overwrite == "true")
