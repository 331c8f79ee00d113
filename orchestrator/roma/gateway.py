"""What can be read of service integration beside its APIs (Finishing 2.6 to 2.8).

Law: it holds what a Reader hands it: a list, one thing, and the one POST that changes nothing.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Protocol, TypeVar

from orchestrator.core.model.failures import Failed, Failure, RequestFailed
from orchestrator.core.model.gateway import (
    Authorised,
    Bound,
    Environment,
    Place,
    Policy,
    PolicyKind,
    Publication,
)
from orchestrator.core.model.inventory import Api
from orchestrator.roma import gateway_shapes as shapes
from orchestrator.roma.pages import Listing
from orchestrator.roma.shapes import api

T = TypeVar("T")
_ROOM = "apic/instances"
#: policies of one kind that are asked for what they are bound to, at most [I: no limit is documented]
MOST_POLICIES = 300

_ENVIRONMENTS = Listing("environments", "envs", 500, shapes.environment, lambda x: x.id)
_VERSIONS = Listing("publications", "api_versions", 500, shapes.version, lambda x: (x[0].version, x[0].env))
_AUTHORISED = Listing("authorisations", "auths", 500, shapes.authorised, lambda x: x.id)
_APIS = Listing("APIs of an application", "apis", 500, api, lambda x: x.id)
_POLICIES = {
    kind: Listing(f"{kind} policies", f"{kind}s", 500, partial(shapes.policy, kind), lambda x: x.id)
    for kind in PolicyKind
}
#: where lists of bindings hold them
_BOUND = {PolicyKind.THROTTLE: "throttles", PolicyKind.ACL: "acls", PolicyKind.SIGN: "bindings",
          PolicyKind.PLUGIN: "plugins"}  # fmt: skip
_BOUND_APIS = {PolicyKind.THROTTLE: "apis", PolicyKind.ACL: "apis", PolicyKind.SIGN: "bindings",
               PolicyKind.PLUGIN: "apis"}  # fmt: skip


class Lists(Protocol):
    """Reads a whole list of the instance."""

    async def __call__(
        self, listing: Listing[T], room: str, *rest: str, query: list[tuple[str, str]] = ...
    ) -> tuple[T, ...]: ...


class Ones(Protocol):
    """Reads one thing of the instance."""

    async def __call__(
        self, read: Callable[[object], T], room: str, *rest: str, query: list[tuple[str, str]] = ...
    ) -> T: ...


#: the definitions of APIs as a file: group, APIs, environment, what of them
AskFile = Callable[[Mapping[str, object], Callable[[object], Mapping[str, object]]], Awaitable[Mapping[str, object]]]


class Gateway:
    """Reads service integration of one instance; every method raises RequestFailed, lists also InventoryDisagrees."""

    def __init__(self, lists: Lists, ones: Ones, ask_file: AskFile) -> None:
        self._lists = lists
        self._ones = ones
        self._ask_file = ask_file

    async def environments(self) -> tuple[Environment, ...]:
        """All of them; RELEASE has a fixed id."""
        return await self._lists(_ENVIRONMENTS, _ROOM, "envs")

    async def apis_of(self, app: str) -> tuple[Api, ...]:
        """The APIs of one application."""
        found = await self._lists(_APIS, _ROOM, "apis", query=[("roma_app_id", app)])
        return tuple(each for each in found if each.app_id == app)

    async def api_at(self, place: Place) -> Api | None:
        """The API of a group of an application that answers to this method and path; None where there is none."""
        for each in await self.apis_of(place.app):
            if (each.group, each.method, each.path) == place[1:]:
                return each
        return None

    async def backend(self, api: str) -> str:
        """Where an API leads, as one text; confidential."""
        return await self._ones(shapes.backend, _ROOM, "apis", api)

    async def publications(self, api: str) -> tuple[Publication, ...]:
        """What is in force of an API, in every environment."""
        every = await self._lists(_VERSIONS, _ROOM, "apis", "publish", api)
        return tuple(publication for publication, in_force in every if in_force)

    async def in_force(self, api: str, env: str) -> tuple[tuple[str, str], ...]:
        """What callers of an API meet in an environment: what was published, not its draft."""
        return await self._ones(shapes.facade, _ROOM, "apis", "runtime", api, query=[("env_id", env)])

    async def policies(self, kind: PolicyKind) -> tuple[Policy, ...]:
        """All of one kind; what of them is confidential may be masked."""
        return await self._lists(_POLICIES[kind], _ROOM, f"{kind}s")

    async def bound(self, kind: PolicyKind, api: str) -> tuple[Bound, ...]:
        """What of a kind is bound to an API, in every environment."""
        read = partial(shapes.bound, kind, api)
        listing = Listing(f"{kind} bindings", _BOUND[kind], 500, read, lambda x: x.id)
        if kind is PolicyKind.PLUGIN:
            return await self._lists(listing, _ROOM, "apis", api, "attached-plugins")
        return await self._lists(listing, _ROOM, f"{kind}-bindings", f"binded-{kind}s", query=[("api_id", api)])

    async def bindings(self, kind: PolicyKind) -> tuple[Bound, ...]:
        """What of a kind is bound anywhere: a request for each policy."""
        found: list[Bound] = []
        held = await self.policies(kind)
        if len(held) > MOST_POLICIES:
            told = f"there are more than {MOST_POLICIES} of them, each of which is a request"
            raise RequestFailed(Failed(Failure.INVALID, message=told), request=f"GET {kind}-bindings")
        for policy in held:
            listing = Listing(
                f"APIs of a {kind}", _BOUND_APIS[kind], 500, partial(shapes.bound_api, policy), lambda x: x.id
            )
            if kind is PolicyKind.PLUGIN:
                found += await self._lists(listing, _ROOM, "plugins", policy.id, "attached-apis")
                continue
            query = [(f"{kind}_id", policy.id)]
            found += await self._lists(listing, _ROOM, f"{kind}-bindings", "binded-apis", query=query)
        return tuple(found)

    async def authorised(self, api: str) -> tuple[Authorised, ...]:
        """Which applications may call an API, in every environment."""
        return await self._lists(_AUTHORISED, _ROOM, "app-auths", "binded-apps", query=[("api_id", api)])

    async def may_call(self, app: str) -> tuple[Authorised, ...]:
        """Which APIs an application may call, in every environment."""
        return await self._lists(_AUTHORISED, _ROOM, "app-auths", "binded-apis", query=[("app_id", app)])

    async def definitions(self, group: str, api: str, env: str, define: str) -> Mapping[str, object]:
        """The definition of one API as a file; it may hold addresses of back ends, and is confidential."""
        asked: dict[str, Any] = {
            "group_id": group, "apis": [api], "env_id": env, "define": define, "type": "json",
        }  # fmt: skip
        return await self._ask_file(asked, shapes.definitions)
