"""Which applications may call which APIs (Finishing 2.8). Law: each pair succeeds or fails alone."""

from orchestrator.emulator.protocol.errors import Refusal
from orchestrator.emulator.protocol.messages import Json
from orchestrator.emulator.service.changing import Change, Done
from orchestrator.emulator.service.credentials import shown
from orchestrator.emulator.service.instance_store import Holding, Looking
from orchestrator.emulator.service.jobs import iso
from orchestrator.emulator.service.rights import api_for, app_for, gone
from orchestrator.emulator.world.finishing_readings import Reauthorised, Told
from orchestrator.emulator.world.gateway import Authorisation

_MOST, _MOST_ADDRESSES = 100, 500
_TUNNELS = ("NORMAL", "GREEN")


def authorise(asked: Change) -> Done:
    """Every application of the body may call every API of it, in one environment."""
    env_id = str(asked.body.get("env_id"))
    if env_id not in asked.holding.environments:
        raise gone("APIG.3003", f"Environment {env_id}")
    apps = [app_for(asked.at, each, "access").id for each in asked.texts("app_ids", _MOST)]
    told = [_pair(asked, app, api, env_id) for app in apps for api in asked.texts("api_ids", _MOST)]
    made = tuple(str(each["id"]) for each in told if each["id"])
    return asked.made({"auths": told}, *made)


def meddle(asked: Change) -> bool:
    """Somebody else authorises the first pair, and lets addresses pass."""
    apps, apis = asked.texts("app_ids", _MOST), asked.texts("api_ids", _MOST)
    env_id = str(asked.body.get("env_id"))
    made = Authorisation(asked.holding.new_id("auth"), apps[0], apis[0], env_id, whitelist=("192.0.2.7",))
    asked.holding.authorisations.put(made)
    return True


def cancel(asked: Change) -> Done:
    """The application may call the API no more."""
    one = asked.holding.authorisations.get(asked.id)
    if one is None:
        raise gone("APIG.3009", f"App authorisation {asked.id}")
    api_for(asked.at, one.api_id, "access")
    asked.holding.authorisations.remove(one.id, asked.shown_from)
    return Done(204)


def listed(at: Looking, told: Told, *, app_id: str = "", api_id: str = "", env_id: str = "") -> list[Json]:
    """The authorisations of an application or of an API, in the order of the APIs."""
    found = [
        one
        for one in at.holding.authorisations.shown(at.now)
        if app_id in {"", one.app_id} and api_id in {"", one.api_id} and env_id in {"", one.env_id}
    ]
    order = {api.id: place for place, api in enumerate(at.holding.apis.all())}
    found.sort(key=lambda one: order.get(one.api_id, -1))
    return [_told(at.holding, one, told) for one in found]


def _pair(asked: Change, app_id: str, api_id: str, env_id: str) -> Json:
    try:
        one, status = _granted(asked, app_id, api_id, env_id)
    except Refusal as refusal:
        result = {"status": "FAILED", "error_code": refusal.code, "error_msg": refusal.message}
        return {"id": "", "app_id": app_id, "api_id": api_id, "auth_result": result}
    told = _told(asked.holding, one, Told.CLEAR)
    return {key: told[key] for key in ("id", "app_id", "api_id", "auth_time", "auth_tunnel")} | {
        "auth_result": {"status": status, "error_code": "", "error_msg": "", "api_name": told["api_name"]},
        "auth_whitelist": list(one.whitelist),
        "auth_blacklist": list(one.blacklist),
    }


def _granted(asked: Change, app_id: str, api_id: str, env_id: str) -> tuple[Authorisation, str]:
    api = api_for(asked.at, api_id, "access")
    if api.published(env_id) is None or {api.id, api.name} & asked.twist.poison.names:
        raise gone("APIG.3002", f"A publication of API {api_id}")
    for one in asked.holding.authorisations.all():
        if (one.app_id, one.api_id, one.env_id) == (app_id, api_id, env_id):
            if asked.switches.reauthorise is Reauthorised.FAILED:
                raise asked.wrong("The application is authorised already.")
            return one, asked.switches.reauthorise.value
    white, black = (tuple(asked.texts(key, _MOST_ADDRESSES, 0)) for key in ("auth_whitelist", "auth_blacklist"))
    made = Authorisation(
        asked.holding.new_id("auth"), app_id, api_id, env_id, asked.word("auth_tunnel", _TUNNELS, "NORMAL"),
        white, black, asked.now,
    )  # fmt: skip
    asked.holding.authorisations.put(made, asked.shown_from)
    return made, "SUCCESS"


def _told(holding: Holding, one: Authorisation, told: Told) -> Json:
    app, api = holding.apps.get(one.app_id), holding.apis.get(one.api_id)
    environment = holding.environments.get(one.env_id)
    publication = api.published(one.env_id) if api else None
    return {
        "id": one.id,
        "api_id": one.api_id,
        "api_name": shown(api.name if api else "", told),
        "app_id": one.app_id,
        "app_name": app.name if app else "",
        "roma_app_id": api.app_id if api else "",
        "env_id": one.env_id,
        "env_name": environment.name if environment else "",
        "publish_id": publication.publish_id if publication else "",
        "auth_time": iso(one.time),
        "auth_tunnel": one.tunnel,
        "auth_whitelist": list(one.whitelist),
        "auth_blacklist": list(one.blacklist),
    }
