"""APIs published in environments and taken offline (Finishing 2.7). Law: each API of a lot succeeds or fails alone.

A publication of a published API puts what its draft says now in force. Only the code of an unknown environment and of
an unknown API or version are documented; that of an environment in use is that of a published API.
"""

import re
from dataclasses import replace

from orchestrator.emulator.protocol.errors import Layer, Refusal
from orchestrator.emulator.protocol.messages import Json
from orchestrator.emulator.service.changing import Change, Done
from orchestrator.emulator.service.instance_store import Holding, Looking
from orchestrator.emulator.service.jobs import iso
from orchestrator.emulator.service.rights import api_for, gone
from orchestrator.emulator.world.finishing_readings import DuplicateCreate, RepublishBindings, RepublishId
from orchestrator.emulator.world.gateway import RELEASE, Environment, Publication, Version
from orchestrator.emulator.world.world import Api

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{2,63}")
_REMARK, _MOST_APIS, _MOST_VERSIONS, _MOST_TOLD = 255, 500, 10, 64
_ACTIONS = ("online", "offline")


def act(asked: Change) -> Done:
    """Publishes the APIs of the body in an environment, or takes them offline; the answer judges each."""
    action = asked.query.get("action", "online")
    if action not in _ACTIONS:
        raise asked.wrong("action must be online or offline.")
    env_id = _env(asked)
    good: list[Json] = []
    bad: list[Json] = []
    for api_id in asked.texts("apis", _MOST_APIS):
        try:
            good.append(_act(asked, action, api_id, env_id))
        except Refusal as refusal:
            api = asked.holding.apis.get(api_id)
            bad.append(
                {
                    "api_id": api_id,
                    "api_name": api.name if api else "",
                    "error_code": refusal.code,
                    "error_msg": refusal.message[:_MOST_TOLD],
                }
            )
    done = "published" if action == "online" else "taken offline"
    return Done(200, {"success": good, "failure": bad}, done, tuple(str(each["api_id"]) for each in good))


def act_on_one(asked: Change) -> Done:
    """The same for one API, whose failure refuses the whole."""
    told = _act(asked, asked.word("action", _ACTIONS), str(asked.body.get("api_id")), _env(asked))
    return asked.made(told, str(told["api_id"]))


def meddle(asked: Change) -> bool:
    """Somebody else publishes the API, the first one of a lot."""
    first = str(asked.body.get("api_id") or next(iter(asked.texts("apis", _MOST_APIS, least=0)), ""))
    api, env_id = asked.holding.apis.get(first), str(asked.body.get("env_id"))
    if api is None or env_id not in asked.holding.environments:
        return False
    asked.holding.apis.put(_published(asked, api, env_id, "by somebody else"))
    return True


def history(at: Looking, api_id: str, env_id: str) -> list[Json]:
    """What was published of an API, newest first, in one environment or in all."""
    api_for(at, api_id, "read")
    api = next((one for one in at.holding.apis.shown(at.now) if one.id == api_id), None)
    return [
        {
            "version_id": version.id,
            "version_no": f"{round(version.time)}",
            "api_id": api_id,
            "env_id": each.env_id,
            "env_name": _env_name(at.holding, each.env_id),
            "remark": version.remark,
            "publish_time": iso(version.time),
            "status": 1 if each.online and version.id == each.current.id else 2,
        }
        for each in (api.publications if api else ())
        if env_id in {"", each.env_id}
        for version in each.versions
    ]


def switch(asked: Change) -> Done:
    """Another version of what is published is in force."""
    api = api_for(asked.at, asked.id, "modify")
    wanted = str(asked.body.get("version_id"))
    for each in api.publications:
        if each.online and any(one.id == wanted for one in each.versions):
            after = replace(each, in_force=wanted)
            asked.holding.apis.put(_with(api, after), asked.shown_from)
            return asked.made(_told(api, after))
    raise gone("APIG.3022", f"Version {wanted}")


def in_force(at: Looking, api_id: str, env_id: str) -> Json:
    """What callers of an API meet in an environment: what was published, not its draft."""
    api = api_for(at, api_id, "read")
    publication = api.published(env_id or RELEASE)
    if publication is None:
        raise gone("APIG.3002", f"A publication of API {api_id}")
    definition = publication.current.definition
    return {
        "id": api.id,
        "name": api.name,
        "group_id": api.group_id,
        "req_method": definition.method,
        "req_uri": definition.path,
        "backend_type": definition.backend_type,
        "remark": definition.remark,
        "run_env_id": publication.env_id,
        "publish_id": publication.publish_id,
    }


def environments(at: Looking) -> list[Json]:
    """Every environment; RELEASE comes first."""
    return [_env_told(one) for one in at.holding.environments.shown(at.now)]


def create_environment(asked: Change) -> Done:
    """A new environment; what a duplicate does is a switch (Finishing 5, 13)."""
    name, shelf = asked.text("name", _NAME), asked.holding.environments
    twin = shelf.named(name)
    if twin is not None and asked.switches.duplicate_create is DuplicateCreate.REFUSE:
        raise asked.wrong(f"An environment {name} exists.")
    if twin is not None and asked.switches.duplicate_create is DuplicateCreate.SAME:
        return Done(200, _env_told(twin))
    made = Environment(asked.holding.new_id("environment"), name, asked.optional("remark", _REMARK), asked.now)
    shelf.put(made, asked.shown_from)
    return asked.made(_env_told(made), made.id)


def meddle_environment(asked: Change) -> bool:
    """Somebody else creates an environment of that name."""
    name = str(asked.body.get("name"))
    asked.holding.environments.put(Environment(asked.holding.new_id("environment"), name, "by somebody else"))
    return True


def delete_environment(asked: Change) -> Done:
    """The environment is gone; refused for RELEASE, and where an API is published in it."""
    if asked.id not in asked.holding.environments:
        raise gone("APIG.3003", f"Environment {asked.id}")
    if asked.id == RELEASE or any(one.published(asked.id) for one in asked.holding.apis.all()):
        raise Refusal(Layer.APIC, 409, "APIG.4016", "An API is published in the environment")
    asked.holding.environments.remove(asked.id, asked.shown_from)
    return Done(204)


def _act(asked: Change, action: str, api_id: str, env_id: str) -> Json:
    api = api_for(asked.at, api_id, "modify")
    if {api.id, api.name} & asked.twist.poison.names:
        raise Refusal(Layer.APIC, 400, "APIG.2000", "The API cannot be published or taken offline")
    if action == "online":
        after = _published(asked, api, env_id, asked.optional("remark", _REMARK))
        asked.holding.apis.put(after, asked.shown_from)
        return _told(after, next(one for one in after.publications if one.env_id == env_id))
    before = api.published(env_id)
    if before is None:
        raise gone("APIG.3002", f"A publication of API {api_id}")
    asked.holding.apis.put(_with(api, replace(before, online=False)), asked.shown_from)
    asked.holding.unbind(api.id, env_id)
    return _told(api, before)


def _published(asked: Change, api: Api, env_id: str, remark: str) -> Api:
    """The API with what its draft says now in force in an environment."""
    version = Version(asked.holding.new_id("version"), api.definition, remark, asked.now)
    before = next((one for one in api.publications if one.env_id == env_id), None)
    publish_id = before.publish_id if before else ""
    if before is None or not before.online or asked.switches.republish_id is RepublishId.NEW:
        publish_id = asked.holding.new_id("publish")
    if before is not None and asked.switches.republish_bindings is RepublishBindings.DROP:
        asked.holding.unbind(api.id, env_id)
    versions = (version, *(before.versions if before else ()))[:_MOST_VERSIONS]
    return _with(api, Publication(env_id, publish_id, versions, in_force=version.id))


def _with(api: Api, publication: Publication) -> Api:
    """The API with this publication in the place of that in the same environment."""
    if any(one.env_id == publication.env_id for one in api.publications):
        kept = (publication if one.env_id == publication.env_id else one for one in api.publications)
        return replace(api, publications=tuple(kept))
    return replace(api, publications=(*api.publications, publication))


def _told(api: Api, publication: Publication) -> Json:
    return {
        "publish_id": publication.publish_id,
        "api_id": api.id,
        "api_name": api.name,
        "env_id": publication.env_id,
        "remark": publication.current.remark,
        "publish_time": iso(publication.current.time),
        "version_id": publication.current.id,
    }


def _env(asked: Change) -> str:
    env_id = str(asked.body.get("env_id"))
    if env_id not in asked.holding.environments:
        raise gone("APIG.3003", f"Environment {env_id}")
    return env_id


def _env_name(holding: Holding, env_id: str) -> str:
    found = holding.environments.get(env_id)
    return found.name if found else ""


def _env_told(one: Environment) -> Json:
    return {"id": one.id, "name": one.name, "remark": one.remark, "create_time": iso(one.create_time)}
