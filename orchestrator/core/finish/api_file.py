"""A file of API definitions, made fit for another instance (Finishing 2.6). Law: only what is meant stays in it."""

import json
from collections.abc import Mapping

from orchestrator.core.model.gateway import Place

#: how a file calls the method ANY
_ANY = "x-apigateway-any-method"
_OWNER = "x-apigateway-roma-app"
#: what a file says of policies, whose names and ids are the source's: the step `policies` copies those that can be
_POLICIES = (
    "x-apigateway-access-control",
    "x-apigateway-access-controls",
    "x-apigateway-ratelimit",
    "x-apigateway-ratelimits",
    "x-apigateway-plugins",
)


def method_key(method: str) -> str:
    """How a file calls a method."""
    return _ANY if method.upper() == "ANY" else method.lower()


def fitted(file: Mapping[str, object], place: Place, application: str) -> str:
    """The file with the one API of a place, which it gives to an application by its name at the target.

    Raises ValueError where the file does not define that API.
    """
    paths = file.get("paths")
    methods = paths.get(place.path) if isinstance(paths, Mapping) else None
    said = methods.get(method_key(place.method)) if isinstance(methods, Mapping) else None
    if not isinstance(said, Mapping):
        raise ValueError(f"the file does not define {place.word}")
    kept = {key: value for key, value in said.items() if key not in _POLICIES}
    around = {key: value for key, value in file.items() if key not in _POLICIES}
    operation = {**kept, _OWNER: application}
    return json.dumps({**around, "paths": {place.path: {method_key(place.method): operation}}}, ensure_ascii=False)


def defines(file: Mapping[str, object], place: Place) -> bool:
    """Whether a file defines the API of a place."""
    paths = file.get("paths")
    methods = paths.get(place.path) if isinstance(paths, Mapping) else None
    return isinstance(methods, Mapping) and isinstance(methods.get(method_key(place.method)), Mapping)
