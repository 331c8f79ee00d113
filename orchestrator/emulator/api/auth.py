"""Who asks: signatures, tokens, and the IAM that issues them (API 1.11, 1.12). Law: no secret leaves this module."""

import json
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.emulator.api.sessions import Sessions
from orchestrator.emulator.api.signatures import access_key, is_signed_by
from orchestrator.emulator.protocol.errors import Layer, Refusal, gateway
from orchestrator.emulator.protocol.messages import Json, Reply, Request, json_reply
from orchestrator.emulator.world.world import User, World, hex_id


@dataclass(frozen=True, slots=True)
class Principal:
    """Who was recognised, and how."""

    user: User
    #: by X-Auth-Token; else by signature
    by_token: bool
    #: number of the temporary key that signed, -1 for none
    session: int = -1


@dataclass(slots=True)
class _Token:
    principal: Principal
    #: "" for a domain-scoped token
    project_id: str
    #: epoch seconds
    expires: float


class Identity:
    """The users of one world and their tokens."""

    def __init__(self, world: World, seed: object) -> None:
        self._world = world
        self._tokens: dict[str, _Token] = {}
        self.sessions = Sessions(world, seed)
        self._random = random.Random(f"{seed}/tokens")  # noqa: S311 - tokens of an emulator
        #: the first user of each access key
        self._by_key = {one.ak: one for one in reversed(world.users) if one.ak}
        self._wrong: Counter[tuple[str, str]] = Counter()
        #: "DOMAIN/NAME" -> number of token requests, wrong passwords included
        self.token_requests: Counter[str] = Counter()

    def recognise(self, request: Request, project_id: str, now: float) -> Principal:
        """Who sent it; 401 by the gateway where that cannot be told, 403 for a token of another project."""
        token = request.headers.get("x-auth-token")
        return self._by_token(token, project_id, now) if token else self._by_signature(request, project_id, now)

    def spoil(self, request: Request) -> bool:
        """Makes the request's token void; whether it had one."""
        token = self._tokens.get(request.headers.get("x-auth-token", ""))
        if token is None:
            return False
        token.expires = 0.0
        return True

    def issue(self, request: Request, now: float) -> Reply:
        """Answers POST /v3/auth/tokens (API 1.11)."""
        try:
            auth = json.loads(bytes(request.body))["auth"]
            claimed = auth["identity"]["password"]["user"]
            name, domain, password = str(claimed["name"]), str(claimed["domain"]["name"]), str(claimed["password"])
            scope = auth["scope"]
            if len(scope) != 1:
                raise ValueError("exactly one scope")
        except (ValueError, KeyError, TypeError) as error:
            raise _iam(400, "Bad Request", "The request body is invalid.") from error
        user = self._check_password(name, domain, password)
        project_id = self._project(scope)
        value = self._new_token(user, project_id, now)
        expires = now + self._world.token_lifetime
        body = {"token": _token_body(user, project_id, now, expires)}
        return json_reply(201, body, {"x-subject-token": value})

    def projects(self, request: Request, now: float) -> Reply:
        """Answers GET /v3/projects, signed or with a token (API 1.11)."""
        token = self._tokens.get(request.headers.get("x-auth-token", ""))
        if token is None or token.expires <= now:
            self._by_signature(request, "", now)
        wanted = request.param("name")
        found = {one.project_id: one.region for one in self._world.instances if wanted in {"", one.region}}
        projects = [{"id": key, "name": name, "enabled": True} for key, name in found.items()]
        return json_reply(200, {"projects": projects})

    def key(self, request: Request, now: float) -> Reply:
        """Answers the request for a temporary key, which a token or a signature asks for (Finishing 7.2, 7.3)."""

        def signer() -> User:
            token = self._tokens.get(request.headers.get("x-auth-token", ""))
            if token is not None and token.expires > now:
                return token.principal.user
            return self._by_signature(request, "", now).user

        return self.sessions.key(request, now, signer)

    def _check_password(self, name: str, domain: str, password: str) -> User:
        self.token_requests[f"{domain}/{name}"] += 1
        user = next((one for one in self._world.users if (one.name, one.domain) == (name, domain)), None)
        locked = self._wrong[name, domain] >= self._world.password_attempts
        if user is None or locked or user.password != password:
            self._wrong[name, domain] += 1
            raise _iam(401, "Unauthorized", "The username or password is wrong.")
        self._wrong[name, domain] = 0
        return user

    def _project(self, scope: Mapping[str, Mapping[str, object]]) -> str:
        if "domain" in scope:
            return ""
        wanted = scope.get("project") or {}
        for one in self._world.instances:
            if one.project_id == wanted.get("id") or ("id" not in wanted and one.region == wanted.get("name")):
                return one.project_id
        raise _iam(401, "Unauthorized", "The project does not exist.")

    def _new_token(self, user: User, project_id: str, now: float) -> str:
        head = hex_id("token", self._random.random())
        value = "MII" + (head * (self._world.token_length // len(head) + 1))[: max(self._world.token_length - 3, 32)]
        self._tokens[value] = _Token(Principal(user, by_token=True), project_id, now + self._world.token_lifetime)
        return value

    def _by_token(self, value: str, project_id: str, now: float) -> Principal:
        token = self._tokens.get(value)
        if token is None:
            raise gateway(401, "APIGW.0301", "Incorrect IAM authentication information: decrypt token fail")
        if token.expires <= now:
            raise expired()
        if token.project_id != project_id:
            raise gateway(403, "APIGW.0310", "The project is not allowed")
        return token.principal

    def _by_signature(self, request: Request, project_id: str, now: float) -> Principal:
        token = request.headers.get("x-security-token", "")
        temporary = self.sessions.by_key(access_key(request), token, now)
        if temporary is not None and is_signed_by(request, temporary.sk, now):
            return Principal(temporary.user, by_token=False, session=temporary.number)
        user = self._by_key.get(access_key(request))
        if user is None or not is_signed_by(request, user.sk, now):
            raise unauthorised()
        if token != user.security_token:
            raise unauthorised()
        told = request.headers.get("x-project-id")
        if told is not None and project_id and told != project_id:
            raise gateway(403, "APIGW.0310", "The project is not allowed")
        return Principal(user, by_token=False)


def expired() -> Refusal:
    """The token has ended (API 3.4)."""
    return gateway(401, "APIGW.0307", "The token must be updated")


def unauthorised() -> Refusal:
    """Signature, clock or access key are wrong (API 3.4)."""
    return gateway(401, "APIGW.0301", "Incorrect IAM authentication information: verify aksk signature fail")


def _iam(status: int, title: str, message: str) -> Refusal:
    return Refusal(Layer.IAM, status, title, message)


def _token_body(user: User, project_id: str, now: float, expires: float) -> Json:
    body: Json = {
        "methods": ["password"],
        "issued_at": _precise(now),
        "expires_at": _precise(expires),
        "user": {"name": user.name, "domain": {"name": user.domain}},
    }
    if project_id:
        body["project"] = {"id": project_id}
    return body


def _precise(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
