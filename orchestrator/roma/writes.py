"""How writes without a job are spelled (Finishing 2). Law: one request each; any 2xx is success (Finishing 1)."""

from orchestrator.core.model.products import DeleteProduct, ImportProduct
from orchestrator.core.model.topics import AllowOnTopic, CreateTopic, DeleteTopic
from orchestrator.core.model.writes import (
    ActOnTasks,
    CreateAppCode,
    CreateEntry,
    DeleteAppCode,
    DeleteEntry,
    EnterConnection,
    SetMembers,
    SetSecret,
    Write,
    Written,
)
from orchestrator.roma import api_writes, devices, messaging, shapes
from orchestrator.roma.spelling import Spelled
from orchestrator.roma.wire import parse


def spelled(write: Write) -> Spelled:
    """The request that carries it out."""
    match write:
        case ActOnTasks(action=action, tasks=tasks):
            if not tasks:
                raise ValueError("what an empty list means is not documented (Finishing 2.5)")
            body = {"action_id": action, "list": [{"task_id": each} for each in tasks]}
            return Spelled("POST", "fdi/instances", ("batch-operation", "tasks"), body)
        case CreateEntry():
            words = ("code", "name", "parent_code", "remark", "extend_one", "extend_two")
            told = {word: value for word in words if (value := str(getattr(write, word)))}
            return Spelled("POST", "instances", ("dictionaries",), told)
        case DeleteEntry(id=entry):
            return Spelled("DELETE", "instances", ("dictionaries", entry))
        case EnterConnection(id=source, test=test):
            path = ("datasources", source, *(("test-connect",) if test else ()))
            return Spelled("POST" if test else "PUT", "fdi/instances", path, _connection(write))
        case SetSecret(app=app, secret=secret):
            return Spelled("PUT", "instances", ("apps", app, "secret"), {"secret": secret} if secret else {})
        case CreateAppCode(app=app, code=code):
            return Spelled("POST", "apic/instances", ("apps", app, "app-codes"), {"app_code": code})
        case DeleteAppCode(app=app, id=code):
            return Spelled("DELETE", "apic/instances", ("apps", app, "app-codes", code))
        case SetMembers(app=app, users=users):
            listed = [{"id": user, "roles": list(roles)} for user, roles in users]
            return Spelled("PUT", "instances", ("apps", app, "users"), {"users": listed})
        case CreateTopic() | DeleteTopic() | AllowOnTopic():
            return messaging.spelled(write)
        case ImportProduct() | DeleteProduct():
            return devices.spelled(write)
        case _:
            return api_writes.spelled(write)


def _connection(write: EnterConnection) -> dict[str, object]:
    """All of it, since a change may replace the whole (Finishing 5, 6); a description has at least 4 characters."""
    told: dict[str, object] = {
        "datasource_name": write.name, "datasource_type": write.type, "app_id": write.app_id,
        "content": dict(write.content),
    }  # fmt: skip
    if len(write.description) >= 4:
        told["description"] = write.description
    return told | ({"custom_plugin_id": write.custom_plugin_id} if write.custom_plugin_id else {})


def written(write: Write, answer: object) -> Written:
    """What a success says; raises ValueError where it is not as documented."""
    match write:
        case ActOnTasks():
            return _acted(answer)
        case EnterConnection(id=source, test=True):
            works = shapes.mapping(answer).get("result")
            return Written() if works is True else Written(((source, "the test of the connection says no"),))
        case CreateEntry() | DeleteEntry() | EnterConnection() | SetSecret() | CreateAppCode() | DeleteAppCode():
            return Written()
        case SetMembers():
            return Written()
        case CreateTopic() | DeleteTopic() | AllowOnTopic():
            return messaging.written(write, answer)
        case ImportProduct() | DeleteProduct():
            return devices.written(write, answer)
        case _:
            return api_writes.written(write, answer)


def parsed(body: bytes) -> object:
    """Deletions answer with nothing, or with an empty text (Finishing 1)."""
    return parse(body) if body.strip() else {}


def _acted(answer: object) -> Written:
    """A lot that failed in part is a 200 too; who stands in neither list is judged by a read (Finishing 2.5)."""
    failed = shapes.mapping(answer).get("failure")
    refused = []
    for each in failed if isinstance(failed, list) else ():
        found = shapes.mapping(each)
        words = (shapes.text(found.get(key)) for key in ("error_code", "error_msg"))
        refused.append((shapes.needed(found, "task_id"), " ".join(filter(None, words))))
    return Written(tuple(refused))
