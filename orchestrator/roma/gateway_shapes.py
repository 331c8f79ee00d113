"""Service integration's JSON as the core's values (Finishing 2.6 to 2.8). Law: as that of `shapes`."""

from collections.abc import Mapping
from itertools import islice

from orchestrator.core.model.gateway import Authorised, Bound, Environment, Policy, PolicyKind, Publication
from orchestrator.roma.shapes import identifier, mapping, needed, text

#: addresses in one list of an authorisation that are read; no document tells how many there may be
MOST_ADDRESSES = 1000
#: (key of the name, keys of the fields that a creation sends) of each kind
FORMS: Mapping[PolicyKind, tuple[str, tuple[str, ...]]] = {
    PolicyKind.THROTTLE: (
        "name",
        ("api_call_limits", "time_interval", "time_unit", "type", "app_call_limits", "user_call_limits",
         "ip_call_limits", "remark"),
    ),
    PolicyKind.ACL: ("acl_name", ("acl_type", "acl_value", "entity_type")),
    PolicyKind.SIGN: ("name", ("sign_type", "sign_key", "sign_algorithm")),
    PolicyKind.PLUGIN: ("plugin_name", ("plugin_type", "plugin_scope", "remark")),
}  # fmt: skip
#: key of what is confidential, of the kinds that have such
CONFIDENTIAL: Mapping[PolicyKind, str] = {PolicyKind.SIGN: "sign_secret", PolicyKind.PLUGIN: "plugin_content"}
#: what an API in detail tells of its back end, without ids of the instance
_BACKEND = {
    "backend_api": ("url_domain", "req_method", "req_uri"),
    "func_info": ("function_urn",),
    "mock_info": ("result_content",),
}
#: where a policy's name stands in a list of what is bound to an API
_NAMES = {PolicyKind.THROTTLE: "name", PolicyKind.ACL: "acl_name", PolicyKind.SIGN: "sign_name",
          PolicyKind.PLUGIN: "plugin_name"}  # fmt: skip
#: where the id of a binding stands there
_BINDINGS = {PolicyKind.THROTTLE: "bind_id", PolicyKind.ACL: "bind_id", PolicyKind.SIGN: "id",
             PolicyKind.PLUGIN: "plugin_attach_id"}  # fmt: skip
#: limits that are 0 are no limits
_LIMITS = frozenset({"app_call_limits", "user_call_limits", "ip_call_limits"})


def environment(value: object) -> Environment:
    """One environment."""
    found = mapping(value)
    return Environment(identifier(found, "id"), needed(found, "name"), text(found.get("remark")))


def version(value: object) -> tuple[Publication, bool]:
    """One publication of the past, and whether it is in force."""
    found = mapping(value)
    told = Publication(text(found.get("env_id")), identifier(found, "version_id"), text(found.get("remark")))
    return told, text(found.get("status")) == "1"


def facade(value: object) -> tuple[tuple[str, str], ...]:
    """What callers of an API meet, of a list, of an API in detail, or of what is in force."""
    found = mapping(value)
    keys = ("req_method", "req_uri", "req_protocol", "match_mode", "auth_type", "backend_type", "remark")
    return tuple((key, text(found[key])) for key in keys if key in found)


def backend(value: object) -> str:
    """Where an API in detail leads, as one text that two instances can compare; confidential (Finishing 2.6)."""
    found = mapping(value)
    told = []
    for part, keys in _BACKEND.items():
        inner = found.get(part)
        told += [f"{key}={text(inner.get(key))}" for key in keys if isinstance(inner, dict) and text(inner.get(key))]
    return "\n".join(told)


def policy(kind: PolicyKind, value: object) -> Policy:
    """One policy of the list of its kind."""
    found = mapping(value)
    name, keys = FORMS[kind]
    confidential = text(found.get(CONFIDENTIAL[kind])) if kind in CONFIDENTIAL else ""
    return Policy(
        kind,
        identifier(found, "plugin_id" if kind is PolicyKind.PLUGIN else "id"),
        needed(found, name),
        tuple((key, word) for key in keys if (word := text(found.get(key))) and not (key in _LIMITS and word == "0")),
        confidential,
        special=text(found.get("is_inclu_special_throttle")) == "1" or '"specials"' in confidential,
        app=text(found.get("roma_app_id")) if kind is PolicyKind.PLUGIN else "",
    )


def bound(kind: PolicyKind, api: str, value: object) -> Bound:
    """One policy of those that are bound to an API."""
    found = mapping(value)
    return Bound(
        identifier(found, _BINDINGS[kind]), text(found.get(_NAMES[kind])), api, text(found.get("env_id")),
        text(found.get("entity_type")) or text(found.get("plugin_type")),
    )  # fmt: skip


def bound_api(policy: Policy, value: object) -> Bound:
    """One API of those that a policy is bound to."""
    found = mapping(value)
    keys = {
        PolicyKind.THROTTLE: ("throttle_apply_id", "id", "run_env_id"),
        PolicyKind.ACL: ("bind_id", "api_id", "env_id"),
        PolicyKind.SIGN: ("id", "api_id", "env_id"),
        PolicyKind.PLUGIN: ("plugin_attach_id", "api_id", "env_id"),
    }[policy.kind]
    binding, api, env = (identifier(found, key) for key in keys)
    return Bound(binding, policy.name, api, env, policy.sort)


def authorised(value: object) -> Authorised:
    """One application that may call an API."""
    found = mapping(value)
    return Authorised(
        identifier(found, "id"),
        identifier(found, "app_id"),
        identifier(found, "api_id"),
        text(found.get("env_id")),
        text(found.get("auth_tunnel")),
        _addresses(found.get("auth_whitelist")),
        _addresses(found.get("auth_blacklist")),
    )


def definitions(value: object) -> Mapping[str, object]:
    """A file of definitions: a JSON object with `paths` (Finishing 2.6)."""
    found = mapping(value)
    mapping(found.get("paths"))
    return found


def _addresses(value: object) -> tuple[str, ...]:
    """Raises ValueError for more than are read: what is copied in part would let pass what was shut out."""
    if not isinstance(value, list):
        return ()
    if len(value) > MOST_ADDRESSES:
        raise ValueError(f"a list of more than {MOST_ADDRESSES} addresses")
    return tuple(filter(None, map(text, islice(value, MOST_ADDRESSES))))
