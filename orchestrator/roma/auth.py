"""Who asks: signatures and IAM tokens (API 1.11, 1.12). Law: a refused password is never sent a second time.

Theory of operation. A token belongs to one secret, one IAM endpoint and one project, and lives here only in memory.
Its age is counted in anyio's time from its own lifetime (`expires_at` less `issued_at`), so a wrong clock on this host
does no harm. All token requests of one secret stand in one line: a wrong password locks the user after some attempts,
wherever they were made.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import anyio

from orchestrator.core.model.failures import RequestFailed
from orchestrator.core.model.redaction import Redactor
from orchestrator.core.model.retries import Action, Request, decide
from orchestrator.core.model.secrets import AccessKeySecret
from orchestrator.roma.signing import sign
from orchestrator.roma.transport import WireRequest
from orchestrator.roma.wire import Proof

#: seconds before its end at which a token is renewed, at most; a tenth of its lifetime where that is less
_RENEWED_BEFORE = 60.0
_PASSWORD_REFUSED = 401
_TOKEN_HEADER = "X-Auth-Token"  # noqa: S105 - the name of a header


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """One IAM token."""

    text: str
    #: seconds it lives in all
    lifetime: float
    #: when it came, in anyio's time
    born: float

    def fresh(self, now: float) -> bool:
        """Whether it can still be used without being refused soon; `now` in anyio's time."""
        return now < self.born + self.lifetime - min(_RENEWED_BEFORE, self.lifetime / 10)

    def __repr__(self) -> str:
        return "Token(...)"


#: asks IAM once for a token, with the table's REPEAT; raises RequestFailed
FetchToken = Callable[[], Awaitable[Token]]


class PasswordLine:
    """The line in which all token requests of one secret stand, and the refusal of its password, which ends it."""

    def __init__(self) -> None:
        self.turn = anyio.Lock()
        self.refusal: RequestFailed | None = None


class Tokens:
    """The current token of one secret at one IAM endpoint for one project; concurrent callers share one renewal."""

    def __init__(self, line: PasswordLine, fetch: FetchToken) -> None:
        self._line = line
        self._fetch = fetch
        self._token = Token("", 0.0, 0.0)
        self._refusal: RequestFailed | None = None

    async def current(self, refused: str = "") -> str:
        """A token to use, other than the `refused` one; raises RequestFailed, the same one after a refusal."""
        if self._usable(refused):
            return self._token.text
        async with self._line.turn:
            if self._usable(refused):  # somebody before us in the line has renewed it
                return self._token.text
            known = self._line.refusal or self._refusal
            if known is not None:
                raise RequestFailed(known.failed, request=known.request)
            try:
                self._token = await self._fetch()
            except RequestFailed as error:
                self._remember(error)
                raise
            return self._token.text

    def _remember(self, error: RequestFailed) -> None:
        """Keep a refusal: of the password for every endpoint, any other (say, of the project) for this token only."""
        if error.failed.status == _PASSWORD_REFUSED:
            self._line.refusal = error
        elif decide(Request.TOKEN, error.failed, 1, 0.0).action is Action.REFUSED:
            self._refusal = error

    def _usable(self, refused: str) -> bool:
        return self._token.text not in ("", refused) and self._token.fresh(anyio.current_time())


@dataclass(frozen=True, slots=True)
class Errand:
    """What a request is for: it decides which of several keys shows who asks."""

    #: whether it asks for a job
    begins_job: bool = False
    #: id of the job, or of the archive, that it belongs to, or ""
    of: str = ""


#: a request that neither begins a job nor belongs to one
READING = Errand()


class Identity(Protocol):
    """One credentials at one instance."""

    @property
    def proof(self) -> Proof:
        """How it shows who asks."""

    async def authorize(self, request: WireRequest, errand: Errand = READING) -> Mapping[str, str]:
        """The headers with what shows who asks; to be called anew for each attempt. Raises RequestFailed."""

    def follow(self, request: WireRequest, name: str) -> None:
        """What ROMA calls `name` (a job, an archive) goes on as `request` showed who asks."""

    async def renew(self, refused: WireRequest) -> None:
        """Make the next attempt use something else than `refused` did. Raises RequestFailed."""

    @property
    def redactor(self) -> Redactor:
        """Takes its secrets, and those that are known beside it, out of words from outside."""


class KeyIdentity:
    """Signs each request."""

    proof = Proof.SIGNATURE

    def __init__(
        self, secret: AccessKeySecret, project_id: str, wall: Callable[[], datetime], redactor: Redactor
    ) -> None:
        self.redactor = redactor
        self._secret = secret
        self._project_id = project_id
        self._wall = wall

    async def authorize(self, request: WireRequest, errand: Errand = READING) -> Mapping[str, str]:
        return sign(request, self._secret, self._project_id, self._wall())

    def follow(self, request: WireRequest, name: str) -> None:
        """It has one proof for everything."""

    async def renew(self, refused: WireRequest) -> None:
        """A key cannot be renewed; the table never asks for it."""


class TokenIdentity:
    """Shows an IAM token."""

    proof = Proof.TOKEN

    def __init__(self, tokens: Tokens, redactor: Redactor) -> None:
        self.redactor = redactor
        self._tokens = tokens

    async def authorize(self, request: WireRequest, errand: Errand = READING) -> Mapping[str, str]:
        return {**request.headers, _TOKEN_HEADER: await self._tokens.current()}

    def follow(self, request: WireRequest, name: str) -> None:
        """It has one proof for everything."""

    async def renew(self, refused: WireRequest) -> None:
        await self._tokens.current(refused=refused.headers.get(_TOKEN_HEADER, ""))


class BareIdentity:
    """Shows nothing but what the request holds already: a password or a token in its body or its own headers."""

    proof = Proof.PASSWORD

    def __init__(self, redactor: Redactor) -> None:
        self.redactor = redactor

    async def authorize(self, request: WireRequest, errand: Errand = READING) -> Mapping[str, str]:
        return request.headers

    def follow(self, request: WireRequest, name: str) -> None:
        """It has one proof for everything."""

    async def renew(self, refused: WireRequest) -> None:
        """There is nothing to renew; the table never asks for it."""
