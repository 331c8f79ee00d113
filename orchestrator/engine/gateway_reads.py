"""By which method each question about service integration is asked. Law: reads only; a place comes before an id."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from orchestrator.core.finish import api_looks as looks
from orchestrator.core.model.gateway import Place, PolicyKind, place_of
from orchestrator.core.model.inventory import Api
from orchestrator.roma import Reader

_NOWHERE = Place("", "", "", "")
_ANY = PolicyKind.THROTTLE


async def _at(reader: Reader, key: str, ask: Callable[[Api, tuple[str, ...]], Awaitable[Any]], none: object) -> Any:
    """The API of a place and what is asked of it."""
    place, more = place_of(key)
    api = await reader.gateway.api_at(place)
    return api, (none if api is None else await ask(api, more))


def _in_force(reader: Reader, key: str) -> Awaitable[Any]:
    api, _, env = key.partition("@")
    return reader.gateway.in_force(api, env)


def _definition(reader: Reader, key: str) -> Awaitable[Any]:
    group, api, env, define = key.split("@")
    return reader.gateway.definitions(group, api, env, define)


#: what a read is called -> how it is asked
METHODS: Mapping[str, Callable[[Reader, str], Awaitable[Any]]] = {
    looks.ENVIRONMENTS.what: lambda reader, _: reader.gateway.environments(),
    looks.GROUPS.what: lambda reader, _: reader.api_groups(),
    looks.APIS.what: lambda reader, _: reader.apis(),
    looks.apis_of("").what: lambda reader, app: reader.gateway.apis_of(app),
    looks.policies(_ANY).what: lambda reader, kind: reader.gateway.policies(PolicyKind(kind)),
    looks.bindings(_ANY).what: lambda reader, kind: reader.gateway.bindings(PolicyKind(kind)),
    looks.may_call("").what: lambda reader, app: reader.gateway.may_call(app),
    looks.in_force("", "").what: _in_force,
    looks.definition("", "", "", "").what: _definition,
    looks.backend("").what: lambda reader, api: reader.gateway.backend(api),
    looks.api_at(_NOWHERE).what: lambda reader, key: _at(
        reader, key, lambda api, _: reader.gateway.backend(api.id), ""
    ),
    looks.publications_at(_NOWHERE).what: lambda reader, key: _at(
        reader, key, lambda api, _: reader.gateway.publications(api.id), ()
    ),
    looks.bound_at(_NOWHERE, _ANY).what: lambda reader, key: _at(
        reader, key, lambda api, more: reader.gateway.bound(PolicyKind(more[0]), api.id), ()
    ),
    looks.authorised_at(_NOWHERE).what: lambda reader, key: _at(
        reader, key, lambda api, _: reader.gateway.authorised(api.id), ()
    ),
}
