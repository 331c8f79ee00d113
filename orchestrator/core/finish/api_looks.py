"""What of service integration is read for finishing, as questions (Finishing 2.6 to 2.8). Law: as that of `looks`.

An API that is not there yet has no id: what is asked of it at a target names its place instead.
"""

from collections.abc import Mapping

from orchestrator.core.finish.looks import Read
from orchestrator.core.model.gateway import (
    Authorised,
    Bound,
    Environment,
    Place,
    Policy,
    PolicyKind,
    Publication,
)
from orchestrator.core.model.inventory import Api, ApiGroup

#: every environment
ENVIRONMENTS: Read[tuple[Environment, ...]] = Read("environments")
#: every group of APIs
GROUPS: Read[tuple[ApiGroup, ...]] = Read("api-groups")


#: every API: planning is about many applications
APIS: Read[tuple[Api, ...]] = Read("apis")


def apis_of(app: str) -> Read[tuple[Api, ...]]:
    """The APIs of one application."""
    return Read("apis-of", app)


def policies(kind: PolicyKind) -> Read[tuple[Policy, ...]]:
    """All policies of one kind; what of them is confidential may be masked."""
    return Read("policies", kind.value)


def in_force(api: str, env: str) -> Read[tuple[tuple[str, str], ...]]:
    """What callers of an API meet in an environment."""
    return Read("in-force", f"{api}@{env}")


def bindings(kind: PolicyKind) -> Read[tuple[Bound, ...]]:
    """What of a kind is bound anywhere in the instance."""
    return Read("bindings", kind.value)


def may_call(app: str) -> Read[tuple[Authorised, ...]]:
    """Which APIs an application may call."""
    return Read("may-call", app)


def definition(group: str, api: str, env: str, define: str) -> Read[Mapping[str, object]]:
    """The file of one API; confidential, it is in no image (Finishing 2.6)."""
    return Read("definition", f"{group}@{api}@{env}@{define}")


def backend(api: str) -> Read[str]:
    """Where an API leads, as one text; confidential, a digest of it stands in images."""
    return Read("backend", api)


def api_at(place: Place) -> Read[tuple[Api | None, str]]:
    """The API at a place, None where there is none, and where it leads."""
    return Read("api-at", place.key())


def publications_at(place: Place) -> Read[tuple[Api | None, tuple[Publication, ...]]]:
    """The API at a place, and what is in force of it in every environment."""
    return Read("publications-at", place.key())


def bound_at(place: Place, kind: PolicyKind) -> Read[tuple[Api | None, tuple[Bound, ...]]]:
    """The API at a place, and what of a kind is bound to it."""
    return Read("bound-at", place.key(kind.value))


def authorised_at(place: Place) -> Read[tuple[Api | None, tuple[Authorised, ...]]]:
    """The API at a place, and who may call it."""
    return Read("authorised-at", place.key())
