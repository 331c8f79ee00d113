"""Groups and APIs created and deleted, and their definitions as a file (Finishing 2.6).

Law: a file names applications by their names; an API that is imported is published nowhere.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import yaml

from orchestrator.emulator.protocol.errors import Layer, Refusal
from orchestrator.emulator.protocol.messages import Json
from orchestrator.emulator.service.changing import Change, Done
from orchestrator.emulator.service.instance_store import Holding, Looking
from orchestrator.emulator.service.rights import api_for, app_for, gone
from orchestrator.emulator.world.finishing_readings import MergeResult, UnknownApp
from orchestrator.emulator.world.world import Api, App, Group

_NAME = re.compile(r"[A-Za-z\u4e00-\u9fff][\w\u4e00-\u9fff.\-]{2,254}")
_METHODS = ("get", "post", "put", "delete", "patch", "head", "options", "x-apigateway-any-method")
_MOST_APIS, _MOST_FILE, _REMARK = 500, 3 * 1024 * 1024, 1000
_DEFINE = ("base", "spec", "proxy", "all", "dev")
#: one API of a file: its method and path, and what the file says of it
_Item = tuple[str, str, Mapping[str, object]]


def create_group(asked: Change) -> Done:
    """A new group, of an application where the body names one; APIG.3201 for a name that exists."""
    name, app_id = asked.text("name", _NAME), asked.optional("roma_app_id", 64)
    if app_id:
        app_for(asked.at, app_id, "modify")
    if asked.holding.groups.named(name):
        raise Refusal(Layer.APIC, 400, "APIG.3201", "The API group name already exists")
    made = Group(asked.holding.new_id("group"), name, app_id)
    asked.holding.groups.put(made, asked.shown_from)
    told = {"id": made.id, "name": name, "status": 1, "roma_app_id": app_id, "version": "V2" if app_id else "V1"}
    return asked.made(told, made.id)


def delete_group(asked: Change) -> Done:
    """The group is gone; refused while it holds an API."""
    group = asked.holding.groups.get(asked.id)
    if group is None:
        raise gone("APIG.3001", f"API group {asked.id}")
    if group.app_id:
        app_for(asked.at, group.app_id, "delete")
    if any(one.group_id == group.id for one in asked.holding.apis.all()):
        raise Refusal(Layer.APIC, 409, "APIG.4016", "The group holds an API")
    asked.holding.groups.remove(group.id, asked.shown_from)
    return Done(204)


def api(at: Looking, api_id: str, told: Json) -> Json:
    """One API in detail: what the list tells of it, and its back end."""
    one = api_for(at, api_id, "read")
    if one.backend_type == "FUNCTION":
        return {**told, "func_info": {"function_urn": one.address}}
    return {**told, "backend_api": {"url_domain": one.address, "req_method": one.method, "req_uri": one.path}}


def delete_api(asked: Change) -> Done:
    """The API is gone, with its bindings and authorisations; APIG.4016 while it is published."""
    one = api_for(asked.at, asked.id, "delete")
    if any(each.online for each in one.publications):
        raise Refusal(Layer.APIC, 409, "APIG.4016", "The API has been published and cannot be deleted")
    asked.holding.remove_api(one.id, asked.shown_from)
    return Done(204)


def export(asked: Change) -> Done:
    """The definitions of a group's APIs as a file: with `dev` those that are published nowhere."""
    group = asked.holding.groups.get(str(asked.body.get("group_id")))
    if group is None:
        raise gone("APIG.3001", f"API group {asked.body.get('group_id')}")
    define, env_id = asked.word("define", _DEFINE, "spec"), asked.optional("env_id", 64)
    if asked.switches.export_env_required and not env_id:
        raise asked.wrong("env_id is required.")
    if env_id and env_id not in asked.holding.environments:
        raise gone("APIG.3003", f"Environment {env_id}")
    chosen = set(asked.texts("apis", _MOST_APIS, least=0))
    found = [
        one
        for one in asked.holding.apis.all()
        if one.group_id == group.id and (not chosen or one.id in chosen) and _is_meant(one, define, env_id)
    ]
    return Done(200, _file(asked.holding, group, found, define), "exported", tuple(one.id for one in found))


def import_(asked: Change) -> Done:
    """APIs from a file, into a group that is there or a new one; each succeeds or fails alone."""
    file, group = _read(asked), _group(asked)
    good: list[Json] = []
    bad: list[Json] = []
    ignored: list[Json] = []
    for method, path, said in _items(file):
        where: Json = {"path": path, "method": method}
        there = _at(asked.holding, group.id, method, path)
        if there is not None and asked.body.get("api_mode") != "override":
            update = asked.switches.api_merge_result is MergeResult.SUCCESS_UPDATE
            (good if update else ignored).append({**where, "action": "update", "id": there.id} if update else where)
            continue
        try:
            made = _made(asked, group, (method, path, said), there)
        except Refusal as refusal:
            bad.append({**where, "error_code": refusal.code, "error_msg": refusal.message})
            continue
        asked.holding.apis.put(made, asked.shown_from)
        good.append({**where, "action": "update" if there else "create", "id": made.id})
    told: Json = {"group_id": group.id, "success": good, "failure": bad, "ignore": ignored, "swagger": {}}
    return Done(200, told, "imported", tuple(str(each["id"]) for each in good))


def meddle(asked: Change) -> bool:
    """Somebody else creates the first API of the file, with a back end of its own."""
    group, first = asked.holding.groups.get(str(asked.body.get("group_id"))), next(_items(_read(asked)), None)
    if group is None or first is None or _at(asked.holding, group.id, first[0], first[1]):
        return False
    one = Api(asked.holding.new_id("api"), f"{first[2].get('operationId')}", group.app_id, group.id, *first[:2])
    asked.holding.apis.put(replace(one, address="somebody.else:1"))
    return True


def _is_meant(one: Api, define: str, env_id: str) -> bool:
    if define == "dev":
        return not any(each.online for each in one.publications)
    return one.published(env_id) is not None


def _file(holding: Holding, group: Group, apis: list[Api], define: str) -> Json:
    paths: dict[str, Json] = {}
    for one in apis:
        told: Json = {
            "operationId": one.name,
            "description": one.remark,
            "schemes": ["https"],
            "x-apigateway-request-type": "public",
            "x-apigateway-match-mode": "NORMAL",
            "x-apigateway-roma-app": _app_name(holding, one.app_id),
            "responses": {"default": {"description": "response example"}},
        }
        if define in {"proxy", "all", "dev"}:
            told["x-apigateway-backend"] = _backend(one)
        paths.setdefault(one.path, {})[_key(one.method)] = told
    return {
        "swagger": "2.0",
        "info": {"title": group.name, "description": "", "version": "2026-01-01-00-00-00"},
        "host": f"{group.id[:8]}.apic.example.test",
        "paths": paths,
    }


def _backend(one: Api) -> Json:
    if one.backend_type == "FUNCTION":
        return {"type": "FUNCTION", "functionEndpoints": {"function-urn": one.address}}
    if one.backend_type != "HTTP":
        return {"type": one.backend_type}
    return {
        "type": "HTTP",
        "httpEndpoints": {"address": one.address, "scheme": "http", "method": one.method, "path": one.path},
    }


def _read(asked: Change) -> Mapping[str, object]:
    text = asked.body.get("file_name")
    if not isinstance(text, str) or not text or len(text) > _MOST_FILE:
        raise asked.wrong("file_name is missing, or too large.")
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise asked.wrong("file_name is neither JSON nor YAML.") from error
    if not isinstance(value, dict) or not isinstance(value.get("paths"), dict):
        raise asked.wrong("file_name has no paths.")
    return value


def _items(file: Mapping[str, object]) -> Iterator[_Item]:
    paths = file["paths"]
    for path, methods in paths.items() if isinstance(paths, dict) else ():
        for key, said in methods.items() if isinstance(methods, dict) else ():
            if key in _METHODS and isinstance(said, dict):
                yield ("ANY" if key == _METHODS[-1] else key.upper()), str(path), said


def _group(asked: Change) -> Group:
    if str(asked.body.get("is_create_group", "true")).lower() == "true":
        info = _read(asked).get("info")
        title = info.get("title") if isinstance(info, dict) else None
        done = create_group(replace(asked, body={"name": title, "roma_app_id": asked.body.get("app_id")}))
        found = asked.holding.groups.get(done.ids[0])
    else:
        found = asked.holding.groups.get(str(asked.body.get("group_id")))
    if found is None:
        raise gone("APIG.3001", f"API group {asked.body.get('group_id')}")
    if found.app_id:
        app_for(asked.at, found.app_id, "modify")
    return found


def _made(asked: Change, group: Group, item: _Item, there: Api | None) -> Api:
    """The API of one place of a file, in place of one that is there; raises Refusal."""
    method, path, said = item
    name = str(said.get("operationId") or f"{method}_{path}".replace("/", "_"))
    if name in asked.twist.poison.names:
        raise Refusal(Layer.APIC, 400, "APIG.2000", "The API cannot be imported")
    app = _owner(asked, group, str(said.get("x-apigateway-roma-app") or ""))
    backend = said.get("x-apigateway-backend")
    kind = str(backend.get("type") or "MOCK") if isinstance(backend, dict) else "MOCK"
    return Api(
        there.id if there else asked.holding.new_id("api"),
        name,
        app.id,
        group.id,
        method,
        path,
        backend_type=kind,
        address=_address(backend),
        remark=str(said.get("description") or "")[:_REMARK],
        publications=there.publications if there else (),
    )


def _address(backend: object) -> str:
    """Where the back end of one place of a file is: an address, or a function."""
    for part, key in (("httpEndpoints", "address"), ("functionEndpoints", "function-urn")):
        found = backend.get(part) if isinstance(backend, dict) else None
        if isinstance(found, dict):
            return str(found.get(key) or "")
    return ""


def _owner(asked: Change, group: Group, name: str) -> App:
    app = asked.holding.apps.named(name)
    if app is None and asked.switches.api_file_unknown_app is UnknownApp.DEFAULT_APP:
        app = asked.holding.apps.get(group.app_id)
    if app is None:
        raise gone("APIG.3004", f"App {name}")
    return app_for(asked.at, app.id, "modify")


def _at(holding: Holding, group_id: str, method: str, path: str) -> Api | None:
    for one in holding.apis.all():
        if (one.group_id, one.method, one.path) == (group_id, method, path):
            return one
    return None


def _app_name(holding: Holding, app_id: str) -> str:
    app = holding.apps.get(app_id)
    return app.name if app else ""


def _key(method: str) -> str:
    return _METHODS[-1] if method == "ANY" else method.lower()
