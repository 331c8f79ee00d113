"""Where temporary keys come from: a server's metadata service, IAM, a command (Finishing 7). Law: asked for when
needed, kept in memory alone.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import anyio
import anyio.to_thread

from orchestrator.core.model.failures import Failed, Failure, RequestFailed
from orchestrator.core.model.redaction import Redactor
from orchestrator.core.model.retries import Request
from orchestrator.core.model.secrets import AccessKeySecret, AssumedAgency, CommandKey, IdToken, ServerAgency
from orchestrator.errors import OperatorError
from orchestrator.roma.exchange import Exchange, Question, Received, unsigned
from orchestrator.roma.sessions import FetchSession, Renewal, Session
from orchestrator.roma.shapes import mapping, parsed_time
from orchestrator.roma.wire import skew

T = TypeVar("T")

#: seconds for an answer's head: of IAM, and of the metadata service, which is on this very server
_TIMEOUT = 60.0
_NEAR = 3.0
_TTL = "21600"
#: how a server without the token mode answers (Finishing 7.1)
_NO_TOKEN_MODE = frozenset({404, 405, 503})
#: what the metadata service says where a token cannot help
_NO_AGENCY = "Please configure Cloud Service Agency first"
#: seconds that IAM gives a temporary key at least and at most (Finishing 7.2)
_SHORTEST, _LONGEST = 3600, 86400

#: the metadata service gives the same key until ten minutes before its end; then old and new work (Finishing 7.1)
SERVER_RENEWAL = Renewal(spare=600.0)
#: a command tells no lifetime: it is asked anew before a job that begins a quarter of an hour later
COMMAND_RENEWAL = Renewal(oldest=900.0)


def iam_renewal(job_timeout: float) -> Renewal:
    """A key that IAM gives outlives each job that begins with it."""
    return Renewal(spare=job_timeout)


def seconds_asked_for(job_timeout: float) -> int:
    """How long a key of IAM is to live: through two of the longest jobs."""
    return int(min(max(2 * job_timeout, _SHORTEST), _LONGEST))


@dataclass(frozen=True, slots=True)
class Source:
    """What every way needs: how to ask, the wall clock, and who hides what comes."""

    exchange: Exchange
    wall: Callable[[], datetime]
    redactor: Redactor


def of_server(source: Source, agency: ServerAgency) -> FetchSession:
    """From the metadata service, with its token where it has that mode."""
    held: list[str] = []

    async def token() -> str:
        headers = {"X-Metadata-Token-Ttl-Seconds": _TTL}
        question = _near(agency, "PUT", "/meta-data/latest/api/token", headers)
        question = replace(question, parsed=lambda body: body.decode("ascii").strip())
        try:
            return await source.exchange.ask(question, lambda received: _token(received.value))
        except RequestFailed as error:
            if error.failed.status in _NO_TOKEN_MODE:
                return ""
            raise

    async def key() -> Session:
        headers = {"X-Metadata-Token": held[0]} if held[0] else {}
        question = _near(agency, "GET", "/openstack/latest/securitykey", headers)
        return await source.exchange.ask(question, lambda received: _session(received, source.wall()))

    async def fetch() -> Session:
        if not held:
            held.append(await token())
            source.redactor.learn(held)
        try:
            return await key()
        except RequestFailed as error:
            if error.failed.status != 401 or _NO_AGENCY in error.failed.message:
                raise
            held[:] = [await token()]
            source.redactor.learn(held)
            return await key()

    async def told() -> Session:
        try:
            return await fetch()
        except RequestFailed as error:
            if not agency.instead_of:
                raise
            message = f"{agency.instead_of}, and this server gives no key of an agency: {error.failed.message}"
            raise RequestFailed(
                replace(error.failed, failure=Failure.DENIED, message=message), request=error.request
            ) from None

    return told


def of_id_token(source: Source, iam: str, held: IdToken, seconds: int) -> FetchSession:
    """Two exchanges at IAM, which show nothing of ours: the id token for a token, and that one for a key."""
    scope = {"scope": {"project": {"name": held.project}}} if held.project else {}

    async def fetch() -> Session:
        token = await _anew(held.read, f"the id token for {held.idp}")
        source.redactor.learn([token])
        body = {"auth": {"id_token": {"id": token}, **scope}}
        question = _iam(iam, "/v3.0/OS-AUTH/id-token/tokens", body, {"X-Idp-Id": held.idp}, "a token")
        exchanged = await source.exchange.ask(
            question, lambda received: _token(received.headers.get("x-subject-token"))
        )
        source.redactor.learn([exchanged])
        identity = {"methods": ["token"], "token": {"duration_seconds": seconds}}
        question = _key_question(iam, identity, {"X-Auth-Token": exchanged})
        return await source.exchange.ask(question, lambda received: _session(received, source.wall()))

    return fetch


def of_agency(source: Source, iam: str, held: AssumedAgency, seconds: int) -> FetchSession:
    """The agency of another account; the source's exchange shows who takes it on."""
    session_user = {"name": "roma-migrate"}
    identity = {
        "methods": ["assume_role"],
        "assume_role": {
            "domain_name": held.domain, "agency_name": held.agency, "duration_seconds": seconds,
            "session_user": session_user,
        },
    }  # fmt: skip

    async def fetch() -> Session:
        question = _key_question(iam, identity, {})
        return await source.exchange.ask(question, lambda received: _session(received, source.wall()))

    return fetch


def of_command(held: CommandKey) -> FetchSession:
    """What the command prints now."""

    async def fetch() -> Session:
        return Session(await _anew(held.again, "the key of a command"), math.inf, anyio.current_time())

    return fetch


async def _anew(read: Callable[[], T], what: str) -> T:
    """Read what lies on this host; its owner must act where that fails."""
    try:
        return await anyio.to_thread.run_sync(read, abandon_on_cancel=True)
    except OperatorError as error:
        raise RequestFailed(Failed(Failure.DENIED, message=error.message), request=f"reading {what}") from None


def _near(agency: ServerAgency, method: str, path: str, headers: Mapping[str, str]) -> Question:
    request = unsigned(method, f"{agency.endpoint}{path}", "application/json", None, _NEAR)
    request = replace(request, headers={**request.headers, **headers})
    return Question(Request.TOKEN, request, f"{method} {path} at this server's metadata service", "a key of its agency")


def _iam(iam: str, path: str, body: object, headers: Mapping[str, str], expected: str) -> Question:
    request = unsigned("POST", f"{iam}{path}", "application/json", json.dumps(body).encode(), _TIMEOUT)
    request = replace(request, headers={**request.headers, **headers})
    return Question(Request.TOKEN, request, f"POST {path.removeprefix('/')} at {iam}", expected)


def _key_question(iam: str, identity: object, headers: Mapping[str, str]) -> Question:
    body = {"auth": {"identity": identity}}
    return _iam(iam, "/v3.0/OS-CREDENTIAL/securitytokens", body, headers, "a temporary key")


def _token(value: object) -> str:
    if not (isinstance(value, str) and value and value.isascii() and value.isprintable() and " " not in value):
        raise ValueError("it holds no token")
    return value


def _session(received: Received, now: datetime) -> Session:
    """The key of an answer; raises ValueError where it holds none."""
    told = mapping(mapping(received.value).get("credential"))
    parts = [told.get(name) for name in ("access", "secret", "securitytoken")]
    ak, sk, security_token = [_token(part) for part in parts]
    ends = parsed_time(told.get("expires_at"))
    if ends is None:
        raise ValueError("credential.expires_at is missing")
    # By the service's own clock where it tells: ours may be off.
    lifetime = (ends - now).total_seconds() - (skew(received.headers, now) or 0.0)
    return Session(AccessKeySecret(ak, sk, security_token), lifetime, anyio.current_time())
