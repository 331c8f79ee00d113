"""What can be bound to published APIs: throttling, access control, signature keys, plugins (Finishing 2.8).

Law: one table says what the kinds differ in. No document tells the code of a name that exists, but for plugins, nor
that of a policy in use: those here are that of wrong parameters.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from orchestrator.emulator.protocol.errors import Layer, Refusal
from orchestrator.emulator.protocol.messages import Json
from orchestrator.emulator.service.changing import Change, Done
from orchestrator.emulator.service.credentials import shown
from orchestrator.emulator.service.instance_store import Holding, Looking
from orchestrator.emulator.service.jobs import iso
from orchestrator.emulator.service.rights import api_for, denied, gone
from orchestrator.emulator.world.finishing_readings import DuplicateCreate, Rebind, Told
from orchestrator.emulator.world.gateway import Binding, Policy, PolicyKind
from orchestrator.emulator.world.world import Api

_NAME = re.compile(r"[A-Za-z\u4e00-\u9fff][A-Za-z0-9_\u4e00-\u9fff]{2,63}")
_VALUE = re.compile(r"(?s).{1,4096}")
_MANY, _MOST_BOUND = 2147483647, 500
_UNITS = ("SECOND", "MINUTE", "HOUR", "DAY")
_SIGN_TYPES = ("hmac", "basic", "public_key", "aes")
#: the names of fields that no list tells in clear
_SECRETS = frozenset({"sign_secret"})
_Fields = dict[str, object]


@dataclass(frozen=True, slots=True)
class _Form:
    """What one kind of policy is called, and what its body holds."""

    #: key of the name, and of the id in reads and in the body of a binding
    name: str
    id: str
    bound_by: str
    #: key of the list of bindings that a binding answers with
    bindings: str
    #: code for an unknown one
    gone: str
    fields: Callable[[Change], _Fields]


def _throttle(asked: Change) -> _Fields:
    told: _Fields = {
        "api_call_limits": asked.number("api_call_limits", 1, _MANY, 0),
        "time_interval": asked.number("time_interval", 1, _MANY, 0),
        "time_unit": asked.word("time_unit", _UNITS),
        "type": asked.number("type", 1, 2, 1),
    }
    if not told["api_call_limits"] or not told["time_interval"]:
        raise asked.wrong("api_call_limits or time_interval is missing.")
    limits = ("app_call_limits", "user_call_limits", "ip_call_limits")
    told |= {key: asked.number(key, 1, _MANY, 0) for key in limits if asked.body.get(key) is not None}
    return {**told, "remark": asked.optional("remark", 255)}


def _acl(asked: Change) -> _Fields:
    return {
        "acl_type": asked.word("acl_type", ("PERMIT", "DENY")),
        "acl_value": asked.text("acl_value", _VALUE),
        "entity_type": asked.word("entity_type", ("IP", "DOMAIN")),
    }


def _sign(asked: Change) -> _Fields:
    made = asked.holding.new_id("sign")
    return {
        "sign_type": asked.word("sign_type", _SIGN_TYPES, "hmac"),
        "sign_key": asked.optional("sign_key", 512) or made[:12],
        "sign_secret": asked.optional("sign_secret", 2048) or made[:24],
        "sign_algorithm": asked.optional("sign_algorithm", 64),
    }


def _plugin(asked: Change) -> _Fields:
    return {
        "plugin_type": asked.text("plugin_type", _NAME),
        "plugin_scope": asked.word("plugin_scope", ("global", "app")),
        "plugin_content": asked.text("plugin_content", re.compile(r"(?s).{1,65536}")),
        "roma_app_id": asked.optional("roma_app_id", 64),
        "remark": asked.optional("remark", 255),
    }


_FORMS: Mapping[PolicyKind, _Form] = {
    PolicyKind.THROTTLE: _Form("name", "id", "strategy_id", "throttle_applys", "APIG.3005", _throttle),
    PolicyKind.ACL: _Form("acl_name", "id", "acl_id", "acl_bindings", "APIG.3006", _acl),
    PolicyKind.SIGN: _Form("name", "id", "sign_id", "bindings", "APIG.3017", _sign),
    PolicyKind.PLUGIN: _Form("plugin_name", "plugin_id", "plugin_id", "attached_plugins", "APIG.3068", _plugin),
}


def create(kind: PolicyKind) -> Callable[[Change], Done]:
    """How a policy of this kind is created; what a duplicate does is a switch (Finishing 5, 13)."""
    form = _FORMS[kind]

    def done(asked: Change) -> Done:
        name = asked.text(form.name, _NAME)
        twin = _named(asked.holding, kind, name)
        duplicate = asked.switches.duplicate_create
        if twin is not None and kind is PolicyKind.PLUGIN:
            raise Refusal(Layer.APIC, 400, "APIG.3326", "The plug-in name already exists")
        if twin is not None and duplicate is DuplicateCreate.REFUSE:
            raise asked.wrong(f"The name {name} exists.")
        if twin is not None and duplicate is DuplicateCreate.SAME:
            return Done(200, _told(asked.holding, twin, Told.CLEAR))
        made = Policy(asked.holding.new_id(kind), kind, name, tuple(form.fields(asked).items()), update_time=asked.now)
        asked.holding.policies.put(made, asked.shown_from)
        return asked.made(_told(asked.holding, made, Told.CLEAR), made.id)

    return done


def delete(kind: PolicyKind) -> Callable[[Change], Done]:
    """How a policy of this kind is deleted: not while it is bound."""

    def done(asked: Change) -> Done:
        policy = _policy(asked.holding, kind, asked.id)
        if any(one.policy_id == policy.id for one in asked.holding.bindings.all()):
            raise asked.wrong("It is bound to an API.")
        asked.holding.policies.remove(policy.id, asked.shown_from)
        return Done(204)

    return done


def bind(kind: PolicyKind) -> Callable[[Change], Done]:
    """How a policy is bound to publications: one of its kind to each, whatever was there (Finishing 5, 19)."""
    form = _FORMS[kind]

    def done(asked: Change) -> Done:
        policy = _policy(asked.holding, kind, str(asked.body.get(form.bound_by)))
        places = [_place(asked, each) for each in asked.texts("publish_ids", _MOST_BOUND)]
        return _bound(asked, policy, places)

    return done


def attach(asked: Change) -> Done:
    """A plugin for APIs in an environment: a second one of its type replaces the first."""
    policy = _policy(asked.holding, PolicyKind.PLUGIN, asked.above)
    env_id = str(asked.body.get("env_id"))
    places = [(api_for(asked.at, each, "modify"), env_id) for each in asked.texts("api_ids", _MOST_BOUND)]
    if any(api.published(env_id) is None for api, env_id in places):
        raise gone("APIG.3002", "A publication of the API")
    return _bound(asked, policy, places)


def detach(asked: Change) -> Done:
    """The plugin is in force no more for these APIs in this environment."""
    policy = _policy(asked.holding, PolicyKind.PLUGIN, asked.above)
    chosen, env_id = set(asked.texts("api_ids", _MOST_BOUND)), asked.body.get("env_id")
    for one in asked.holding.bindings.all():
        if one.policy_id == policy.id and one.api_id in chosen and one.env_id == env_id:
            asked.holding.bindings.remove(one.id, asked.shown_from)
    return Done(204)


def unbind(kind: PolicyKind) -> Callable[[Change], Done]:
    """How a binding of this kind ends."""

    def done(asked: Change) -> Done:
        binding = asked.holding.bindings.get(asked.id)
        policy = asked.holding.policies.get(binding.policy_id) if binding else None
        if binding is None or policy is None or policy.kind is not kind:
            raise gone(_FORMS[kind].gone, f"Binding {asked.id}")
        api_for(asked.at, binding.api_id, "modify")
        asked.holding.bindings.remove(binding.id, asked.shown_from)
        return Done(204)

    return done


def meddle_create(kind: PolicyKind) -> Callable[[Change], bool]:
    """Somebody else creates one of the same name, which does something else."""
    form = _FORMS[kind]

    def done(asked: Change) -> bool:
        name = str(asked.body.get(form.name))
        theirs = {"api_call_limits": 7, "acl_value": "192.0.2.7", "sign_key": "somebody_else", "plugin_content": "[7]"}
        fields = {**asked.body, **theirs}
        kept = {key: fields[key] for key in form.fields(asked) if key in fields}
        asked.holding.policies.put(Policy(asked.holding.new_id(kind), kind, name, tuple(kept.items())))
        return True

    return done


def meddle_bind(kind: PolicyKind) -> Callable[[Change], bool]:
    """Somebody else binds a policy of theirs to the first publication."""

    def done(asked: Change) -> bool:
        published = next(iter(asked.texts("publish_ids", _MOST_BOUND)), "")
        return _theirs(asked, str(asked.body.get(_FORMS[kind].bound_by)), *_place(asked, published))

    return done


def meddle_attach(asked: Change) -> bool:
    """Somebody else attaches a plugin of theirs to the first API."""
    api = api_for(asked.at, next(iter(asked.texts("api_ids", _MOST_BOUND))), "modify")
    return _theirs(asked, asked.above, api, str(asked.body.get("env_id")))


def _theirs(asked: Change, policy_id: str, api: Api, env_id: str) -> bool:
    """Somebody's own policy, otherwise like that one, is in force for an API; False where there is no such policy."""
    mine = asked.holding.policies.get(policy_id)
    if mine is None:
        return False
    other = replace(mine, id=asked.holding.new_id(mine.kind), name=f"somebody_else_{mine.kind}")
    asked.holding.policies.put(other)
    _put(asked, other, api, env_id)
    return True


def listed(at: Looking, kind: PolicyKind, name: str, precise: bool) -> list[Json]:
    """Every policy of a kind, or those with this in their name; their secrets as the switch says."""
    found = [one for one in at.holding.policies.shown(at.now) if one.kind is kind]
    if name:
        found = [one for one in found if (one.name == name if precise else name in one.name)]
    return [_told(at.holding, one, _how(at, kind)) for one in found]


def bound(at: Looking, kind: PolicyKind, api_id: str, env_id: str) -> list[Json]:
    """What of a kind is bound to an API, in one environment or in all."""
    api = api_for(at, api_id, "read")
    told = []
    for one in at.holding.bindings.shown(at.now):
        policy = at.holding.policies.get(one.policy_id)
        if one.api_id != api.id or policy is None or policy.kind is not kind or env_id not in {"", one.env_id}:
            continue
        told.append(_told(at.holding, policy, _how(at, kind)) | _binding(at.holding, one, policy))
    return told


def apis_of(at: Looking, kind: PolicyKind, policy_id: str) -> list[Json]:
    """To which APIs a policy is bound, in every environment."""
    policy = _policy(at.holding, kind, policy_id)
    found = [one for one in at.holding.bindings.shown(at.now) if one.policy_id == policy.id]
    return [_api_of(kind, _binding(at.holding, one, policy)) for one in found]


def _api_of(kind: PolicyKind, told: Json) -> Json:
    """What is bound: a list of throttled APIs calls the ids otherwise than the two others."""
    if kind is not PolicyKind.THROTTLE:
        return told
    ids = {"id": told["api_id"], "throttle_apply_id": told["bind_id"], "run_env_id": told["env_id"]}
    return {**ids, "name": told["api_name"], "run_env_name": told["env_name"], "publish_id": told["publish_id"]}


def _bound(asked: Change, policy: Policy, places: Iterable[tuple[Api, str]]) -> Done:
    form, places = _FORMS[policy.kind], list(places)
    for api, env_id in places:
        others = _others(asked.holding, policy, api.id, env_id)
        if others and asked.switches.rebind is Rebind.REFUSE and policy.kind is not PolicyKind.PLUGIN:
            raise asked.wrong("Another one is bound.")
    made = [_put(asked, policy, api, env_id) for api, env_id in places]
    told = [_binding(asked.holding, one, policy) for one in made]
    return asked.made({form.bindings: told}, *(one.id for one in made))


def _put(asked: Change, policy: Policy, api: Api, env_id: str) -> Binding:
    for one in _others(asked.holding, policy, api.id, env_id):
        asked.holding.bindings.remove(one.id, asked.shown_from)
    made = Binding(asked.holding.new_id("binding"), policy.id, api.id, env_id, asked.now)
    asked.holding.bindings.put(made, asked.shown_from)
    return made


def _others(holding: Holding, policy: Policy, api_id: str, env_id: str) -> list[Binding]:
    """What stands in the place of this policy: of its kind and, where kinds have types, of its type."""
    found = []
    for one in holding.bindings.all():
        other = holding.policies.get(one.policy_id)
        if (one.api_id, one.env_id) == (api_id, env_id) and other and _place_of(other) == _place_of(policy):
            found.append(one)
    return found


def _place_of(policy: Policy) -> tuple[object, ...]:
    fields = dict(policy.fields)
    return policy.kind, fields.get("entity_type"), fields.get("plugin_type")


def _place(asked: Change, publish_id: str) -> tuple[Api, str]:
    """The API and the environment of a publication that is in force."""
    for api in asked.holding.apis.all():
        for one in api.publications:
            if one.online and one.publish_id == publish_id:
                return api_for(asked.at, api.id, "modify"), one.env_id
    raise gone("APIG.3002", f"Publication {publish_id}")


def _told(holding: Holding, policy: Policy, told: Told) -> Json:
    form = _FORMS[policy.kind]
    fields = {key: shown(str(value), told) if key in _SECRETS else value for key, value in policy.fields}
    times = {"create_time": iso(policy.update_time), "update_time": iso(policy.update_time)}
    count = sum(one.policy_id == policy.id for one in holding.bindings.all())
    bound_by: Json = {form.bound_by: policy.id} if policy.kind is not PolicyKind.THROTTLE else {}
    return {form.id: policy.id, **bound_by, form.name: policy.name, **fields, **times, "bind_num": count}


def _binding(holding: Holding, one: Binding, policy: Policy) -> Json:
    """One binding as answers and lists tell it: `bind_id` in a list of policies, `id` in one of bindings."""
    form = _FORMS[policy.kind]
    api, environment = holding.apis.get(one.api_id), holding.environments.get(one.env_id)
    publication = api.published(one.env_id) if api else None
    ids = {PolicyKind.PLUGIN: ("plugin_attach_id",), PolicyKind.SIGN: ("id",)}.get(policy.kind, ("bind_id",))
    return {
        **dict.fromkeys(ids, one.id),
        form.bound_by: policy.id,
        f"{form.bound_by.removesuffix('_id')}_name": policy.name,
        "api_id": one.api_id,
        "api_name": api.name if api else "",
        "env_id": one.env_id,
        "env_name": environment.name if environment else "",
        "publish_id": publication.publish_id if publication else "",
        "bind_time": iso(one.time),
    }


def _how(at: Looking, kind: PolicyKind) -> Told:
    if kind is PolicyKind.SIGN and at.switches.list_secrets is Told.REFUSED:
        raise denied()
    return at.switches.list_secrets


def _policy(holding: Holding, kind: PolicyKind, policy_id: str) -> Policy:
    policy = holding.policies.get(policy_id)
    if policy is None or policy.kind is not kind:
        raise gone(_FORMS[kind].gone, f"{policy_id}")
    return policy


def _named(holding: Holding, kind: PolicyKind, name: str) -> Policy | None:
    return next((one for one in holding.policies.all() if one.kind is kind and one.name == name), None)
