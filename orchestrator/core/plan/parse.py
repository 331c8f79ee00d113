"""From a mapping (every scalar text) to a Plan, or every problem at once. Law: total; no input raises.

How: `plankeys` is the table of all keys, each with its shape; a shape reads one value and leaves BAD where it could
not. What was read is then built into the values of `plan`, here for who and where (credentials, instances), in
`planmoves` for what moves; the checks across values run on whatever could be read, so that a typo in an instance does
not hide an unknown name in a migration. JSON Schema comes from the same table.
"""

from collections.abc import Mapping
from typing import Any

from orchestrator.core.plan.keys import NOTIFY, PLAN
from orchestrator.core.plan.migrations import has_bad, read_migrations
from orchestrator.core.plan.plan import (
    AccessKey,
    Agency,
    Assume,
    Credentials,
    Heartbeat,
    Instance,
    LibraryAddress,
    NotifyBy,
    Oidc,
    Password,
    Plan,
    SdkProfile,
    Settings,
    SmnTopic,
    Webhook,
)
from orchestrator.core.plan.problems import BAD, At, Bad, Problem, did_you_mean, listed

__all__ = ["Problem", "json_schema", "plan_from"]


def plan_from(data: object, *, path: str = "") -> Plan | tuple[Problem, ...]:
    """The plan that `data` (text, lists and mappings) describes, or all that is wrong with it.

    `path` is the file it came from; it is only remembered.
    """
    at = At((), {})
    read = PLAN.read(data, at)
    if read is BAD:
        return tuple(at.problems)
    credentials = _credentials(_mapping(read, "credentials"), at.child("credentials"))
    known = None if read.get("credentials", BAD) is BAD else credentials
    instances = _instances(_mapping(read, "instances"), known, at.child("instances"))
    _check_rates(_mapping(read, "settings"), at.child("settings"))
    migrations = read_migrations(read, instances, at)
    notify = _notify(read.get("notify", ()), known, at.child("notify"))
    if at.problems:
        return tuple(at.problems)
    return Plan(
        name=read["name"],
        credentials={name: value for name, value in credentials.items() if value is not None},
        instances={name: value for name, value in instances.items() if value is not None},
        settings=Settings(**read.get("settings", {})),
        migrations=migrations,
        path=path,
        notify=notify,
        windows=read.get("windows", ()),
    )


def _check_rates(settings: Mapping[str, Any], at: At) -> None:
    """A rate that the plan sets is not adapted: there is nothing that it may rise to."""
    if "writes_per_second" in settings and "most_writes_per_second" in settings:
        at.child("most_writes_per_second").wrong(
            "writes_per_second is set too, and then no rate is adapted; allowed is one of the two"
        )


def notify_from(data: object) -> tuple[NotifyBy, ...]:
    """Who is to be told that a plan cannot be read, as far as that part of it can be: what needs no credentials."""
    values = data.get("notify") if isinstance(data, Mapping) else None
    found = [NOTIFY.read(value, At((), {})) for value in values] if isinstance(values, list) else []
    made = [_one_way(value) for value in found if value is not BAD and not has_bad(value)]
    return tuple(way for way in made if not isinstance(way, SmnTopic))


def _notify(
    read: tuple[dict[str, Any], ...] | Bad, credentials: Mapping[str, object] | None, at: At
) -> tuple[NotifyBy, ...]:
    if read is BAD:
        return ()
    for position, value in enumerate(read):
        name = value.get("credentials", BAD)
        if name is not BAD and credentials is not None and name not in credentials:
            at.child(position).child("credentials").wrong(
                f"no credentials are named {at.shown(name)}, allowed are {listed(credentials)}"
                f"{did_you_mean(name, credentials)}"
            )
    return tuple(_one_way(value) for value in read if not has_bad(value))


def _one_way(values: Mapping[str, Any]) -> NotifyBy:
    rest = {key: value for key, value in values.items() if key not in {"webhook", "smn", "url", "heartbeat"}}
    if "webhook" in values:
        return Webhook(values["webhook"], **rest)
    if "smn" in values:
        return SmnTopic(values["smn"], **rest)
    if "url" in values:
        return LibraryAddress(values["url"], **rest)
    return Heartbeat(values["heartbeat"])


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a plan, for editors."""
    schema = PLAN.schema()
    # Exactly one of the two, but either may come from `defaults`: so only "not both" can be said here.
    schema["properties"]["migrations"]["items"]["not"] = {"required": ["target", "targets"]}
    schema["properties"]["instances"]["additionalProperties"]["anyOf"] = [
        {"required": ["region"]},
        {"required": ["endpoint"]},
    ]
    schema["properties"]["settings"]["not"] = {"required": ["writes_per_second", "most_writes_per_second"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Plan of roma-migrate",
        "description": "What moves between which ROMA Connect instances, and how (version 1).",
        **schema,
    }


def _mapping(read: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = read.get(key, BAD)
    return {} if value is BAD else value


def _credentials(read: Mapping[str, Any], at: At) -> dict[str, Credentials | None]:
    """Credentials by name; None where they were wrong, so that their name is still known."""
    found = {
        name: None if has_bad(values) else _one_credentials(name, values, at.child(name))
        for name, values in read.items()
    }
    for name, one in found.items():
        if isinstance(one, Assume):
            _check_by(one.by, found, at.child(name).child("assume").child("by"))
    return found


def _check_by(by: str, credentials: Mapping[str, Credentials | None], at: At) -> None:
    """An agency is taken on by credentials of the plan that are not such an agency themselves."""
    if by not in credentials:
        at.wrong(f"no credentials have this name, allowed are {listed(credentials)}")
    elif isinstance(credentials[by], Assume):
        at.wrong("these credentials are an agency that is taken on themselves, allowed are any others")


def _one_credentials(name: str, values: Mapping[str, Any], at: At) -> Credentials | None:
    if "agency" in values:
        return Agency(name, values.get("user", ""))
    if "oidc" in values:
        told = values["oidc"]
        if ("token_file" in told) == ("token_env" in told):
            at.child("oidc").wrong("exactly one of token_file and token_env is needed")
            return None
        return Oidc(name, **told, **{key: value for key, value in values.items() if key != "oidc"})
    if "assume" in values:
        return Assume(name, **values["assume"], **{key: value for key, value in values.items() if key != "assume"})
    if "profile" in values:
        return SdkProfile(name, values.get("user", ""))
    if "password" in values:
        return Password(name, **values)
    return AccessKey(name, **values) if "ak" in values else None


def _instances(
    read: Mapping[str, Any], credentials: Mapping[str, Credentials | None] | None, at: At
) -> dict[str, Instance | None]:
    """Instances by name; None where one was wrong. Where no credentials could be read, their names are not checked."""
    return {
        name: None if values is BAD else _instance(name, values, credentials, at.child(name))
        for name, values in read.items()
    }


def _instance(
    name: str, values: Mapping[str, Any], credentials: Mapping[str, Credentials | None] | None, at: At
) -> Instance | None:
    told = len(at.problems)
    where = _where(values, at)
    users = values["credentials"] if values.get("credentials", BAD) is not BAD else ()
    if credentials is not None:
        _check_users(users, credentials, at.child("credentials"))
        if where.get("iam_endpoint") == "":
            _check_iam(users, credentials, at)
    if BAD in values.values() or len(at.problems) > told:
        return None
    return Instance(name, **{**values, **where})


def _where(values: Mapping[str, Any], at: At) -> dict[str, Any]:
    """`region`, `endpoint` and `iam_endpoint`, each from the others where it was not given (API 5)."""
    region, endpoint, iam = (values.get(key, "") for key in ("region", "endpoint", "iam_endpoint"))
    if BAD in (region, endpoint, iam):
        return {}
    if not region and not endpoint:
        at.wrong('"region" or "endpoint" is missing: write region: cn-north-4, or endpoint: https://...')
        return {}
    # The documented pattern holds in both directions, so a plan that names the endpoint need not name the region.
    known = region or endpoint.removeprefix("https://roma.").removesuffix(".myhuaweicloud.com")
    if f"https://roma.{known}.myhuaweicloud.com" == endpoint and "." not in known:
        region = known
    if region:
        endpoint = endpoint or f"https://roma.{region}.myhuaweicloud.com"
        iam = iam or f"https://iam.{region}.myhuaweicloud.com"
    return {"region": region, "endpoint": endpoint, "iam_endpoint": iam}


def _check_users(users: tuple[str, ...], credentials: Mapping[str, object], at: At) -> None:
    several = len(users) > 1
    for position, user in enumerate(users):
        place = at.child(position) if several else at
        if user not in credentials:
            place.wrong(
                f"no credentials are named {at.shown(user)}, allowed are {listed(credentials)}"
                f"{did_you_mean(user, credentials)}"
            )
        if user in users[:position]:
            place.wrong(f"{at.shown(user)} stands here twice, write it once")


def _check_iam(users: tuple[str, ...], credentials: Mapping[str, Credentials | None], at: At) -> None:
    for user in users:
        known = credentials.get(user)
        if isinstance(known, Password | Oidc | Assume) and not known.iam_endpoint:
            has = "have a password" if isinstance(known, Password) else "have no key"
            at.wrong(
                f'"iam_endpoint" is missing: the credentials {at.shown(user)} {has}, and a token must be '
                "asked for somewhere; write it here or at the credentials, or give a region"
            )
