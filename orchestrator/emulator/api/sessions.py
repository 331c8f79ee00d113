"""Temporary keys: the metadata service of a server, and what IAM gives for id tokens and agencies (Finishing 7).

Law: one key in force for each server and minute, as the real one gives it; nothing is given to whom the world does not
trust.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from orchestrator.emulator.protocol.errors import Layer, Refusal
from orchestrator.emulator.protocol.messages import Json, Reply, Request, json_reply, text_reply
from orchestrator.emulator.world.world import Agency, User, World, hex_id

_TTL_HEADER = "x-metadata-token-ttl-seconds"


@dataclass(frozen=True, slots=True)
class TemporaryKey:
    """One key that ends."""

    user: User
    ak: str
    sk: str
    security_token: str
    #: epoch seconds
    expires: float
    #: how many were given before, in all
    number: int


class Sessions:
    """The temporary keys of one world."""

    def __init__(self, world: World, seed: object) -> None:
        self._world = world
        self._random = random.Random(f"{seed}/sessions")  # noqa: S311 - keys of an emulator
        #: access key -> the key
        self.given: dict[str, TemporaryKey] = {}
        self._metadata_tokens: set[str] = set()
        self._of_server: TemporaryKey | None = None
        #: unscoped tokens that an id token was exchanged for -> the user
        self._exchanged: dict[str, User] = {}

    def metadata(self, request: Request, now: float) -> Reply:
        """Answers the metadata service's two addresses (Finishing 7.1)."""
        if request.method == "PUT":
            return self._metadata_token(request)
        if self._world.metadata_tokens and request.headers.get("x-metadata-token", "") not in self._metadata_tokens:
            raise Refusal(Layer.FDI, 401, "401", "The metadata token is missing or has ended.")
        if not self._world.server_agency:
            raise Refusal(Layer.FDI, 404, "404", "Please configure Cloud Service Agency first")
        held = self._of_server
        # A new one shortly before the old one's end; both work then.
        if held is None or held.expires - now < self._world.session_lifetime / 6:
            held = self._of_server = self._new(self._agency(self._world.server_agency).user, now, 0)
        return json_reply(200, _told(held))

    def exchange(self, request: Request, now: float) -> Reply:
        """Answers POST /v3.0/OS-AUTH/id-token/tokens (Finishing 7.2)."""
        token = str(_part(request, "id_token", "id"))
        name = self._world.id_tokens.get(f"{request.headers.get('x-idp-id', '')}/{token}")
        if name is None:
            raise Refusal(Layer.FDI, 401, "IAM.0001", "The id token is not valid for this identity provider.")
        value = "MIX" + hex_id("exchanged", self._random.random())
        self._exchanged[value] = self._world.user(name)
        expires = {"expires_at": _precise(now + self._world.token_lifetime), "issued_at": _precise(now)}
        return json_reply(201, {"token": {"methods": ["mapped"], **expires}}, {"x-subject-token": value})

    def key(self, request: Request, now: float, signer: Callable[[], User]) -> Reply:
        """Answers POST /v3.0/OS-CREDENTIAL/securitytokens; `signer` is who asks, where no exchanged token does."""
        methods = _part(request, "identity", "methods")
        if methods == ["token"]:
            user = self._exchanged.get(request.headers.get("x-auth-token", ""))
            if user is None:
                raise Refusal(Layer.IAM, 401, "Unauthorized", "The token is not valid.")
            seconds = _part(request, "identity", "token", "duration_seconds")
        else:
            role = dict(_part(request, "identity", "assume_role"))
            asking = signer()
            agency = self._agency(str(role.get("agency_name")), str(role.get("domain_name")))
            if asking.name not in agency.trusts:
                raise Refusal(Layer.IAM, 403, "Forbidden", "You have no right to do this action")
            user, seconds = agency.user, role.get("duration_seconds")
        return json_reply(201, _told(self._new(user, now, seconds if isinstance(seconds, int) else 900)))

    def by_key(self, ak: str, security_token: str, now: float) -> TemporaryKey | None:
        """The key, where it still holds and came with its token."""
        found = self.given.get(ak)
        return found if found and found.security_token == security_token and found.expires > now else None

    def _metadata_token(self, request: Request) -> Reply:
        if not self._world.metadata_tokens:
            raise Refusal(Layer.FDI, 405, "405", "Method Not Allowed")
        if not request.headers.get(_TTL_HEADER, "").isdigit():
            raise Refusal(Layer.FDI, 400, "400", "The lifetime of the token is missing.")
        value = hex_id("metadata", self._random.random())
        self._metadata_tokens.add(value)
        return text_reply(200, value)

    def _agency(self, name: str, domain: str = "") -> Agency:
        for agency in self._world.agencies:
            if agency.name == name and domain in {"", agency.user.domain}:
                return agency
        raise Refusal(Layer.IAM, 404, "Not Found", "Could not find the agency.")

    def _new(self, user: User, now: float, seconds: int) -> TemporaryKey:
        lifetime = min(seconds or self._world.session_lifetime, self._world.session_lifetime)
        ak, sk, token = (hex_id(part, self._random.random()) for part in ("ak", "sk", "token"))
        made = TemporaryKey(user, f"HST{ak[:17].upper()}", sk, f"gQ{token}", now + lifetime, len(self.given))
        self.given[made.ak] = made
        return made


def _part(request: Request, *path: str) -> Any:
    """What stands at a place of the request's body; 400 where there is nothing."""
    try:
        value = json.loads(bytes(request.body))["auth"]
        for step in path:
            value = value[step]
    except (ValueError, KeyError, TypeError) as error:
        raise Refusal(Layer.IAM, 400, "Bad Request", "The request body is invalid.") from error
    return value


def _told(key: TemporaryKey) -> Json:
    told = {"access": key.ak, "secret": key.sk, "securitytoken": key.security_token}
    return {"credential": {**told, "expires_at": _precise(key.expires)}}


def _precise(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
