"""Topics of the message service (Finishing 2.11). Law: what is in a topic goes with it; no document tells its codes."""

import re
from dataclasses import replace

from orchestrator.emulator.protocol.errors import Layer, Refusal
from orchestrator.emulator.protocol.messages import Json
from orchestrator.emulator.service.changing import Change, Done
from orchestrator.emulator.service.credentials import shown
from orchestrator.emulator.service.instance_store import Holding, Looking, roles_of, sees_app
from orchestrator.emulator.world.finishing_readings import Told
from orchestrator.emulator.world.world import App, Belonging, BelongingKind

_NAME = re.compile(r"[A-Za-z0-9_.-]{3,200}")
_ACCESS = ("all", "pub", "sub")
_MOST = 100


def create(asked: Change) -> Done:
    """A topic of the application with this key; refused where a topic has that name, `.` being as good as `_`."""
    name, app = asked.text("name", _NAME), _app(asked, str(asked.body.get("app_id")), "modify")
    if any(_alike(one.name) == _alike(name) for one in _all(asked.holding)):
        raise _refused("The topic exists.")
    made = Belonging(
        asked.holding.new_id("topic"),
        BelongingKind.TOPIC,
        name,
        app.id,
        access=asked.word("access_policy", _ACCESS),
        partition=asked.number("partition", 1, 50, 3),
        retention=asked.number("retention_time", 1, 720, 72),
        description=asked.optional("description", 1000),
    )
    asked.holding.belongings.put(made, asked.shown_from)
    return Done(200, {"name": name}, ids=(name,))


def delete(asked: Change) -> Done:
    """Topics are gone, with what is in them; each is told alone."""
    told = []
    for name in asked.texts("topics", _MOST):
        one = _named(asked.holding, name)
        good = one is not None and "delete" in roles_of(asked.holding.apps.get(one.app_id) or _NOBODY, asked.user)
        if one is not None and good:
            asked.holding.belongings.remove(one.id, asked.shown_from)
        told.append({"id": name, "success": good})
    ids = tuple(str(each["id"]) for each in told if each["success"])
    return Done(200, {"topics": told}, "accepted" if ids else "nothing", ids)


def allow(asked: Change) -> Done:
    """More applications may use a topic; what one may already stays."""
    one = _named(asked.holding, asked.above)
    if one is None:
        raise _refused("The topic does not exist.", 404)
    _app(asked, _key(asked.holding, one.app_id), "access")
    added = []
    listed = asked.body.get("policies")
    for each in listed if isinstance(listed, list) else ():
        said = each if isinstance(each, dict) else {}
        app = _app(asked, str(said.get("user_name")), "read")
        if said.get("access_policy") not in _ACCESS:
            raise asked.wrong("access_policy must be one of all, pub, sub.")
        added.append((app.id, str(said["access_policy"])))
    if not 1 <= len(added) <= _MOST:
        raise asked.wrong("policies must have 1 to 100 elements.")
    there = {app for app, _ in one.others} | {one.app_id}
    new = tuple(each for each in added if each[0] not in there)
    asked.holding.belongings.put(replace(one, others=(*one.others, *new)), asked.shown_from)
    return Done(204, ids=tuple(app for app, _ in new))


def meddle_create(asked: Change) -> bool:
    """Somebody else creates a topic of that name for the same application."""
    app = _app(asked, str(asked.body.get("app_id")), "read")
    made = asked.holding.new_id("topic")
    theirs = Belonging(made, BelongingKind.TOPIC, str(asked.body.get("name")), app.id, description="by somebody else")
    asked.holding.belongings.put(theirs)
    return True


def told(one: Belonging, app: App, how: Told) -> Json:
    """One topic of the list."""
    return {
        "name": shown(one.name, how),
        "partition": one.partition,
        "replication": 3,
        "retention_time": one.retention,
        "sync_replication": False,
        "sync_message_flush": False,
        "app_id": app.key,
        "app_name": app.name,
        "permissions": ["read", "access"],
        "description": one.description,
    }


def access(at: Looking, name: str) -> list[Json]:
    """Which applications may use a topic, its own first."""
    one = _seen(at, name)
    found = ((one.app_id, one.access), *one.others)
    apps = ((at.holding.apps.get(app_id), word) for app_id, word in found)
    return [
        {"owner": app.id == one.app_id, "user_name": app.key, "app_name": app.name, "access_policy": word, "tag": ""}
        for app, word in apps
        if app is not None
    ]


def messages(at: Looking, name: str) -> Json:
    """What is in a topic; never what a message says."""
    held = _seen(at, name).messages
    page = [{"topic": name, "partition": 0, "message_offset": number} for number in range(min(held, 1))]
    return {"total": held, "size": len(page), "messages": page}


#: an application that nobody has a role on
_NOBODY = App("", "", "", "", "")


def _seen(at: Looking, name: str) -> Belonging:
    found = [one for one in at.holding.belongings.shown(at.now) if (one.kind, one.name) == (BelongingKind.TOPIC, name)]
    app = at.holding.apps.get(found[0].app_id) if found else None
    if not found or app is None or not sees_app(app, at.user, at.switches.visibility):
        raise _refused("The topic does not exist.", 404)
    return found[0]


def _app(asked: Change, key: str, role: str) -> App:
    app = next((one for one in asked.holding.apps.all() if key and one.key == key), None)
    if app is None or not sees_app(app, asked.user, asked.switches.visibility):
        raise _refused("The application does not exist.", 404)
    if role not in roles_of(app, asked.user):
        raise _refused("No permissions.", 403)
    return app


def _key(holding: Holding, app_id: str) -> str:
    app = holding.apps.get(app_id)
    return app.key if app is not None else ""


def _all(holding: Holding) -> list[Belonging]:
    return [one for one in holding.belongings.all() if one.kind is BelongingKind.TOPIC]


def _named(holding: Holding, name: str) -> Belonging | None:
    return next((one for one in _all(holding) if one.name == name), None)


def _alike(name: str) -> str:
    return name.replace(".", "_")


def _refused(details: str, status: int = 400) -> Refusal:
    return Refusal(Layer.MQS, status, str(status), details)
