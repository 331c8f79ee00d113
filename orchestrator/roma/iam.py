"""Asks IAM for a token (API 1.11). Law: the password stands in this one request's body and nowhere else."""

import json
from collections.abc import Callable
from datetime import datetime

import anyio

from orchestrator.core.model.retries import Request
from orchestrator.core.model.secrets import PasswordSecret
from orchestrator.core.plan.plan import Instance
from orchestrator.core.scheduling.write_rate import AdaptiveRate
from orchestrator.roma.auth import BareIdentity, FetchToken, Token
from orchestrator.roma.contact import Contact
from orchestrator.roma.exchange import Exchange, Question, Received, unsigned
from orchestrator.roma.rates import Rates
from orchestrator.roma.shapes import mapping, parsed_time
from orchestrator.roma.transport import Transport

#: seconds for the answer's head
_TIMEOUT = 60.0
#: token requests a second, of one secret; the tokens' own reuse keeps them far below
_PER_SECOND = 5.0


def asking_iam(
    secret: PasswordSecret,
    identity: BareIdentity,
    endpoint: str,
    instance: Instance,
    way: tuple[Transport, Contact],
    chance: tuple[Callable[[], datetime], Callable[[], float]],
) -> FetchToken:
    """The function that fetches a token for the instance's project, or where it has none, for its region's."""
    (transport, contact), (wall, draw) = way, chance
    rates = Rates(_PER_SECOND, lambda: AdaptiveRate(_PER_SECOND))
    exchange = Exchange(transport, identity, rates, contact, wall=wall, draw=draw)
    url = f"{endpoint}/v3/auth/tokens?nocatalog=true"
    project = {"id": instance.project_id} if instance.project_id else {"name": instance.region}
    request = unsigned("POST", url, "application/json", _body(secret, project), _TIMEOUT)
    question = Question(Request.TOKEN, request, f"POST auth/tokens at {endpoint}", "a token")

    async def fetch() -> Token:
        token = await exchange.ask(question, lambda received: read_token(received, wall(), anyio.current_time()))
        identity.redactor.learn([token.text])
        return token

    return fetch


def read_token(received: Received, now: datetime, born: float) -> Token:
    """The token of an answer; raises ValueError where it holds none or does not say when it ends."""
    text = received.headers.get("x-subject-token", "")
    if not text:
        raise ValueError("X-Subject-Token is missing")
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise ValueError("X-Subject-Token holds a blank or another character that no token has")
    told = mapping(mapping(received.value).get("token"))
    ends, issued = parsed_time(told.get("expires_at")), parsed_time(told.get("issued_at"))
    if ends is None:
        raise ValueError("token.expires_at is missing")
    # Both from IAM's clock where it tells: ours may be off.
    return Token(text, (ends - (issued or now)).total_seconds(), born)


def _body(secret: PasswordSecret, project: dict[str, str]) -> bytes:
    user = {"name": secret.username, "password": secret.password, "domain": {"name": secret.domain}}
    identity = {"methods": ["password"], "password": {"user": user}}
    return json.dumps({"auth": {"identity": identity, "scope": {"project": project}}}).encode()
