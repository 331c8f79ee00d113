"""How writes to service integration are spelled (Finishing 2.6 to 2.8). Law: one request each; only what is meant.

`is_create_group` is never true, and `api_mode` never `override`: repeated, the one would make a second group, and the
other would replace what a person has changed.
"""

from hashlib import sha256

from orchestrator.core.model.api_writes import (
    ActOnApi,
    ApiWrite,
    Attach,
    Authorise,
    Bind,
    CancelAuthorisation,
    CreateEnvironment,
    CreateGroup,
    CreatePolicy,
    DeleteApi,
    DeleteEnvironment,
    DeleteGroup,
    DeletePolicy,
    Detach,
    ImportApis,
    Unbind,
)
from orchestrator.core.model.gateway import PolicyKind
from orchestrator.core.model.writes import Written
from orchestrator.roma.gateway_shapes import CONFIDENTIAL, FORMS
from orchestrator.roma.shapes import mapping, text
from orchestrator.roma.spelling import Form, Spelled

_ROOM = "apic/instances"
_BOUND_BY = {PolicyKind.THROTTLE: "strategy_id", PolicyKind.ACL: "acl_id", PolicyKind.SIGN: "sign_id"}
#: fields that are numbers
_NUMBERS = frozenset(
    {"api_call_limits", "time_interval", "type", "app_call_limits", "user_call_limits", "ip_call_limits"}
)


def spelled(write: ApiWrite) -> Spelled:
    """The request that carries it out."""
    match write:
        case CreateGroup(name=name, app=app):
            return Spelled("POST", _ROOM, ("api-groups",), {"name": name, "roma_app_id": app})
        case DeleteGroup(id=group):
            return Spelled("DELETE", _ROOM, ("api-groups", group))
        case ImportApis():
            return Spelled("POST", _ROOM, ("openapi", "import"), form=_form(write))
        case DeleteApi(id=api):
            return Spelled("DELETE", _ROOM, ("apis", api))
        case CreateEnvironment(name=name, remark=remark):
            return Spelled("POST", _ROOM, ("envs",), {"name": name, "remark": remark})
        case DeleteEnvironment(id=env):
            return Spelled("DELETE", _ROOM, ("envs", env))
        case ActOnApi(action=action, api=api, env=env, remark=remark):
            body = {"action": action, "api_id": api, "env_id": env, "remark": remark}
            return Spelled("POST", _ROOM, ("apis", "action"), body)
        case CreatePolicy(kind=kind):
            return Spelled("POST", _ROOM, (f"{kind}s",), _policy(write))
        case DeletePolicy(kind=kind, id=policy):
            return Spelled("DELETE", _ROOM, (f"{kind}s", policy))
        case Bind(kind=kind, policy=policy, publication=publication):
            bound = {_BOUND_BY[kind]: policy, "publish_ids": [publication]}
            return Spelled("POST", _ROOM, (f"{kind}-bindings",), bound)
        case Unbind(kind=kind, id=binding):
            return Spelled("DELETE", _ROOM, (f"{kind}-bindings", binding))
        case Attach(plugin=plugin, api=api, env=env):
            return Spelled("POST", _ROOM, ("plugins", plugin, "attach"), {"env_id": env, "api_ids": [api]})
        case Detach(plugin=plugin, api=api, env=env):
            return Spelled("PUT", _ROOM, ("plugins", plugin, "detach"), {"env_id": env, "api_ids": [api]})
        case Authorise():
            return Spelled("POST", _ROOM, ("app-auths",), _authorisation(write))
        case CancelAuthorisation(id=authorisation):
            return Spelled("DELETE", _ROOM, ("app-auths", authorisation))


def written(write: ApiWrite, answer: object) -> Written:
    """What a success says; raises ValueError where it is not as documented."""
    match write:
        case ImportApis():
            return Written(tuple(_failures(answer)))
        case Authorise(app=app):
            return Written(tuple((app, word) for word in _not_granted(answer)))
        case _:
            return Written()


def _form(write: ImportApis) -> Form:
    fields = (("is_create_group", "false"), ("group_id", write.group), ("extend_mode", "merge"), ("api_mode", "merge"))
    content = write.file.encode()
    return Form(fields, ("file_name", "definitions.json", content), f"roma-migrate-{sha256(content).hexdigest()[:32]}")


def _policy(write: CreatePolicy) -> dict[str, object]:
    told: dict[str, object] = {FORMS[write.kind][0]: write.name}
    told |= {key: int(word) if key in _NUMBERS else word for key, word in write.fields}
    told |= {CONFIDENTIAL[write.kind]: write.secret} if write.secret else {}
    return told | ({"roma_app_id": write.app} if write.app else {})


def _authorisation(write: Authorise) -> dict[str, object]:
    told: dict[str, object] = {"env_id": write.env, "app_ids": [write.app], "api_ids": [write.api]}
    lists = {"auth_whitelist": list(write.whitelist), "auth_blacklist": list(write.blacklist)}
    return told | ({"auth_tunnel": write.tunnel} if write.tunnel else {}) | {k: v for k, v in lists.items() if v}


def _failures(answer: object) -> list[tuple[str, str]]:
    """An import that failed in part is a 200 too: `METHOD path` and the service's words (Finishing 2.6)."""
    failed = mapping(answer).get("failure")
    found = [mapping(each) for each in failed] if isinstance(failed, list) else []
    return [(f"{text(each.get('method'))} {text(each.get('path'))}", _words(each)) for each in found]


def _not_granted(answer: object) -> list[str]:
    """SKIPPED is presumably an authorisation that was there, which a read shows (Finishing 5, 21)."""
    listed = mapping(answer).get("auths")
    results = [mapping(each).get("auth_result") for each in listed] if isinstance(listed, list) else []
    told = [mapping(each) for each in results if isinstance(each, dict)]
    return [_words(each) or "it failed" for each in told if text(each.get("status")).upper().startswith("F")]


def _words(found: object) -> str:
    said = mapping(found)
    return " ".join(filter(None, (text(said.get(key)) for key in ("error_code", "error_msg"))))
