"""One question to the service and what comes of it. Law: only REPEAT and RENEW of the retry table are walked here.

Each attempt takes its turn in the rate limit first and is signed afterwards, so that no signature ages in a queue.
Everything but an answer as documented leaves as RequestFailed.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import anyio

from orchestrator import __version__
from orchestrator.core.model.failures import Failed, Failure, RequestFailed
from orchestrator.core.model.retries import LONGEST_RETRY_AFTER, Action, Request, decide
from orchestrator.roma.auth import Errand, Identity
from orchestrator.roma.contact import Contact
from orchestrator.roma.limits import ERROR_BYTES, JSON_BYTES
from orchestrator.roma.rates import Bucket, Rates
from orchestrator.roma.transport import (
    UNGUARDED,
    Answer,
    FileBody,
    Guard,
    Transport,
    TransportFailed,
    WireRequest,
)
from orchestrator.roma.wire import Head, classify, misshapen, parse, skew

T = TypeVar("T")

USER_AGENT = f"roma-migrate/{__version__}"
#: seconds that the body of a JSON answer may take after its head
BODY_TIME = 60.0
#: bytes a second below which an upload or a download is given up
SLOWEST = 65536
_WRITES = {Request.EXPORT, Request.IMPORT, Request.DELETE, Request.CHANGE}
#: what another process must not be met by: a download is used up by being asked for (API 1.5)
_GUARDED = _WRITES | {Request.DOWNLOAD}


@dataclass(frozen=True, slots=True)
class Received:
    """A success."""

    #: names in lower case
    headers: Mapping[str, str]
    #: the JSON of the body
    value: object


def unsigned(method: str, url: str, content_type: str, body: bytes | FileBody | None, timeout: float) -> WireRequest:
    """A request without what shows who asks; Host is explicit because it is signed as it stands in the address."""
    headers = {"Host": urlsplit(url).netloc, "Content-Type": content_type}
    return WireRequest(method, url, headers, body, timeout)


def _as_said(failed: Failed) -> Failed:
    return failed


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    kind: Request
    request: WireRequest
    #: for people: "POST assets/import at prod"
    label: str
    #: for people: "a job"
    expected: str
    #: a second opinion on a failure that depends on what was asked
    reconsider: Callable[[Failed], Failed] = _as_said
    #: id of the job, or of the archive, that the question belongs to, or ""
    of: str = ""
    #: what an answer names that goes on with the same proof of who asks: a job, an archive, or ""
    leads_to: Callable[[Any], str] = lambda answer: ""
    #: the body's value; JSON nearly everywhere
    parsed: Callable[[bytes], object] = parse

    @property
    def errand(self) -> Errand:
        return Errand(self.kind in _WRITES, self.of)


class Exchange:
    """Asks with one identity over one transport."""

    def __init__(
        self,
        transport: Transport,
        identity: Identity,
        rates: Rates,
        contact: Contact,
        *,
        wall: Callable[[], datetime],
        draw: Callable[[], float],
        guard: Callable[[], Guard] = lambda: UNGUARDED,
        region: str = "",
    ) -> None:
        """`region` is where what is learned of the rate of writes belongs."""
        self._transport = transport
        self._guard = guard
        self._identity = identity
        self._rates, self._region = rates, region
        self._contact = contact
        self._wall = wall
        self._draw = draw
        #: takes secrets out of words from outside
        self.conceal = identity.redactor.clean
        #: seconds by which the service's clock was ahead of ours in its last answer; None before one that told
        self.clock_offset: float | None = None

    async def ask(self, question: Question, read: Callable[[Received], T]) -> T:
        """The answer as `read` understands it; `read` raises ValueError where it is not as documented."""
        attempts = _Attempts()
        while True:
            request = await self._admitted(question, attempts)
            began = anyio.current_time()
            result = await self._once(question, request, read)
            self._learn(question, result, attempts, began)
            if not isinstance(result, Failed):
                self._contact.answered()
                if name := question.leads_to(result):
                    self._identity.follow(request, name)
                return result
            self._contact.failed(question.kind, result, began)
            await self._follow(question, request, result, attempts)

    @asynccontextmanager
    async def open(self, question: Question) -> AsyncIterator[Answer]:
        """An answer of status 200 whose body is still to be read: asked for once, but for RENEW (promise 4)."""
        attempts = _Attempts()
        while True:
            request = await self._admitted(question, attempts)
            began = anyio.current_time()
            async with AsyncExitStack() as stack:
                result = await self._opened(question, request, stack)
                if not isinstance(result, Failed):
                    self._contact.answered()
                    yield result
                    return
            self._contact.failed(question.kind, result, began)
            await self._follow(question, request, result, attempts)

    def _learn(self, question: Question, result: object, attempts: "_Attempts", left: float) -> None:
        """What the answer to a write says of the rate; a lost one says nothing."""
        if question.kind not in _WRITES:
            return
        if not isinstance(result, Failed):
            if attempts.held_back:
                self._rates.taken(self._region)
        elif result.failure is Failure.THROTTLED:
            self._rates.throttled(self._region, left)

    async def _admitted(self, question: Question, attempts: "_Attempts") -> WireRequest:
        """Wait for a turn, then add what shows who asks."""
        attempts.held_back = await self._bucket(question.kind).take()
        try:
            headers = await self._identity.authorize(question.request, question.errand)
        except RequestFailed as error:
            raise _without_token(error) from error
        # Added last, so that it is not signed: proxies like to change it.
        headers = {**headers, "User-Agent": USER_AGENT}
        guard = self._guard() if question.kind in _GUARDED else UNGUARDED
        return replace(question.request, headers=headers, timeout=self._patient(question.request), guard=guard)

    def _patient(self, request: WireRequest) -> float:
        """The request's own time, but no more than a silent host is still waited for; an upload takes what it takes."""
        upload = request.body.length / SLOWEST if isinstance(request.body, FileBody) else 0.0
        return min(request.timeout, self._contact.wait + upload)

    def _bucket(self, kind: Request) -> Bucket:
        return self._rates.writes if kind in _WRITES else self._rates.reads

    async def _once(self, question: Question, request: WireRequest, read: Callable[[Received], T]) -> T | Failed:
        deadline = request.timeout + min(BODY_TIME, self._contact.wait)
        with anyio.move_on_after(deadline):
            try:
                async with self._transport.send(request) as answer:
                    return await self._understood(question, answer, read)
            except TransportFailed as error:
                return self._unanswered(error)
        return Failed(Failure.HUNG, message=f"no whole answer within {deadline:g} s")

    async def _understood(self, question: Question, answer: Answer, read: Callable[[Received], T]) -> T | Failed:
        head = self._head(answer)
        if not 200 <= head.status < 300:
            return question.reconsider(classify(head, await answer.read(ERROR_BYTES)))
        body = await answer.read(JSON_BYTES + 1)
        if len(body) > JSON_BYTES:
            return Failed(
                Failure.GARBAGE, message=f"the answer is larger than {JSON_BYTES >> 20} MiB", status=head.status
            )
        try:
            return read(Received(head.headers, question.parsed(body)))
        except ValueError as error:
            expected = f"{question.expected}: {error}" if type(error) is ValueError else question.expected
            return question.reconsider(misshapen(head, body, expected))

    async def _opened(self, question: Question, request: WireRequest, stack: AsyncExitStack) -> Answer | Failed:
        try:
            answer = await stack.enter_async_context(self._transport.send(request))
            head = self._head(answer)
            if head.status == 200:
                return answer
            with anyio.move_on_after(min(BODY_TIME, self._contact.wait)):
                return question.reconsider(classify(head, await answer.read(ERROR_BYTES)))
            return classify(head, b"")
        except TransportFailed as error:
            return self._unanswered(error)

    def _head(self, answer: Answer) -> Head:
        now = self._wall()
        headers = answer.headers
        offset = skew(headers, now)
        self.clock_offset = self.clock_offset if offset is None else offset
        return Head(answer.status, headers, self._identity.proof, now, self.conceal)

    def _unanswered(self, error: TransportFailed) -> Failed:
        return Failed(error.failure, message=self.conceal(error.message), lasting=error.lasting)

    async def _follow(self, question: Question, request: WireRequest, failed: Failed, attempts: "_Attempts") -> None:
        """Do what the table says before the next attempt, or raise RequestFailed where there is none."""
        if failed.retry_after >= 0:
            self._rates.pause.extend(min(failed.retry_after, LONGEST_RETRY_AFTER, self._contact.wait))
        decision = decide(question.kind, failed, attempts.count(failed), self._draw())
        match decision.action:
            case Action.REPEAT if self._contact.left > 0:
                await anyio.sleep(min(decision.wait, self._contact.left))
            case Action.RENEW:
                await self._renewed(request)
            case Action.REFUSED if failed.failure is Failure.EXPIRED:
                message = f"refused again with a new token: {failed.message}"
                raise RequestFailed(replace(failed, failure=Failure.DENIED, message=message), request=question.label)
            case _:
                raise RequestFailed(failed, request=question.label, unanswered=self._contact.unanswered)

    async def _renewed(self, request: WireRequest) -> None:
        try:
            await self._identity.renew(request)
        except RequestFailed as error:
            raise _without_token(error) from error


class _Attempts:
    """How often one question failed; an expired token is counted apart, as the table's first RENEW is free."""

    def __init__(self) -> None:
        self.failures = 0
        #: whether the rate made the latest attempt wait
        self.held_back = False
        self._renewals = 0

    def count(self, failed: Failed) -> int:
        """One more failure: its number among those of its sort, from 1."""
        if failed.failure is Failure.EXPIRED:
            self._renewals += 1
            return self._renewals
        self.failures += 1
        return self.failures


def _without_token(error: RequestFailed) -> RequestFailed:
    """What a failure to get a token means for the request that needed one: it certainly was not sent."""
    return RequestFailed(_no_token(error.failed), request=error.request, unanswered=error.unanswered)


def _no_token(failed: Failed) -> Failed:
    match decide(Request.TOKEN, failed, 1, 0.0).action:
        case Action.REFUSED:
            failure = Failure.DENIED
        case _ if failed.failure is Failure.THROTTLED:
            failure = Failure.THROTTLED
        case _:
            failure = Failure.NOT_SENT
    return replace(failed, failure=failure, message=f"no token: {failed.failure}: {failed.message}")
