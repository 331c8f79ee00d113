"""The ways a notice goes. Law: sent once; asked again only where it certainly did not arrive.

A lost answer leaves open whether people have read it: it is not sent again, and the log says so.
"""

import json
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from orchestrator.core.model.failures import Failure, RequestFailed
from orchestrator.core.model.secrets import Secret
from orchestrator.core.plan.containers import is_loopback
from orchestrator.core.plan.plan import Instance, NoticeForm, NoticeKind, Settings, SmnTopic
from orchestrator.notices.forms import body_of, cut, refused_in
from orchestrator.notices.notice import Notice
from orchestrator.roma import Roma
from orchestrator.roma.exchange import USER_AGENT
from orchestrator.roma.transport import Transport, TransportFactory, TransportFailed, WireRequest
from orchestrator.roma.wire import retry_after

#: seconds for one answer
TIMEOUT = 10.0
#: seconds before a message that certainly did not arrive is sent again
_PAUSES = (1.0, 3.0)
#: seconds of `Retry-After` that are waited for
_LONGEST_WAIT = 5.0
#: bytes of an answer that are read
_ANSWER = 65536
#: bytes of an SMN subject, and of a message (Finishing 6)
_SUBJECT, _MESSAGE = 512, 65536


class NotTold(Exception):
    """Why a notice did not arrive, or may not have; holds no address."""


class Channel(Protocol):
    """One way to tell."""

    @property
    def name(self) -> str:
        """For people: its place in the plan."""

    def wants(self, notice: Notice) -> bool:
        """Whether it is asked to tell this."""

    async def tell(self, notice: Notice) -> None:
        """Tell it; raises NotTold."""


def wanted(on: tuple[NoticeKind, ...], notice: Notice) -> bool:
    return NoticeKind.ALL in on or not notice.kinds.isdisjoint(on)


@dataclass(frozen=True, slots=True)
class WebhookChannel:
    """A POST to an address."""

    name: str
    address: str = field(repr=False)
    on: tuple[NoticeKind, ...]
    form: NoticeForm
    factory: TransportFactory = field(repr=False)

    def wants(self, notice: Notice) -> bool:
        return wanted(self.on, notice)

    async def tell(self, notice: Notice) -> None:
        body = json.dumps(body_of(self.form, notice), ensure_ascii=False).encode()
        answer = await _posted(self.factory, _request("POST", self.address, body))
        if refused := refused_in(self.form, _value(answer)):
            raise NotTold(f"the service refuses it: {refused[:200]}")


@dataclass(frozen=True, slots=True)
class HeartbeatChannel:
    """A GET after a good end."""

    name: str
    address: str = field(repr=False)
    factory: TransportFactory = field(repr=False)

    def wants(self, notice: Notice) -> bool:
        return NoticeKind.DONE in notice.kinds

    async def tell(self, notice: Notice) -> None:
        await _posted(self.factory, _request("GET", self.address, None))


@dataclass(frozen=True, slots=True)
class SmnChannel:
    """A message to a topic, signed as requests to ROMA are (Finishing 6)."""

    name: str
    topic: SmnTopic
    secret: Secret = field(repr=False)
    #: where IAM is asked, for credentials that need a token
    iam_endpoint: str
    wall: Callable[[], datetime] = field(repr=False)
    factory: TransportFactory = field(repr=False)

    def wants(self, notice: Notice) -> bool:
        return wanted(self.topic.on, notice)

    async def tell(self, notice: Notice) -> None:
        secrets = {self.topic.credentials: self.secret}
        roma = Roma(Settings(), secrets, wall=self.wall, draw=random.random, transport=self.factory)
        try:
            identity = roma.identity(self._instance(), self.topic.credentials)
            request = smn_request(self.topic, notice)
            try:
                headers = await identity.authorize(request)
            except RequestFailed as error:
                raise NotTold(f"no key: {error.failed.message}") from None
            signed = WireRequest(
                request.method, request.url, {**headers, "User-Agent": USER_AGENT}, request.body, TIMEOUT
            )
            await _posted(self.factory, signed)
        finally:
            await roma.aclose()

    def _instance(self) -> Instance:
        """The topic's project, as whatever asks for tokens knows projects."""
        topic = self.topic
        return Instance(
            "smn", endpoint_of(topic), self.iam_endpoint, topic.project_id, "smn", (topic.credentials,), topic.region
        )


def endpoint_of(topic: SmnTopic) -> str:
    return topic.endpoint or f"https://smn.{topic.region}.myhuaweicloud.com"


def smn_request(topic: SmnTopic, notice: Notice) -> WireRequest:
    """The message, not yet signed; the colons of the topic's name stay in the address (Finishing 6)."""
    url = f"{endpoint_of(topic)}/v2/{topic.project_id}/notifications/topics/{topic.urn}/publish"
    body = {"subject": cut(notice.title, _SUBJECT), "message": cut(notice.text, _MESSAGE)}
    return _request("POST", url, json.dumps(body, ensure_ascii=False).encode())


class LibraryChannel:
    """Whatever the notification library knows; the library is asked for only here, and need not be there."""

    def __init__(self, name: str, address: str, on: tuple[NoticeKind, ...]) -> None:
        """Raises NotTold where the library is absent, or does not know such an address."""
        self.name, self._on = name, on
        try:
            import apprise
        except ImportError:
            raise NotTold("it needs the extra `notify`: pip install 'roma-migrate[notify]'") from None
        # The library's own log would tell the address.
        logging.getLogger("apprise").disabled = True
        self._ways = apprise.Apprise()
        if not self._ways.add(address):
            raise NotTold("the notification library does not know such an address")
        self._plain = apprise.NotifyFormat.TEXT

    def wants(self, notice: Notice) -> bool:
        return wanted(self._on, notice)

    async def tell(self, notice: Notice) -> None:
        def notify() -> bool:
            return bool(self._ways.notify(body="\n".join(notice.lines), title=notice.title, body_format=self._plain))

        if not await anyio.to_thread.run_sync(notify, abandon_on_cancel=True):
            raise NotTold("the notification library could not deliver it")


def unusable(address: str) -> str:
    """Why an address cannot be called, or ""; plain http would show its secret to everybody on the way."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "is no address"
    if not address.isascii() or not address.isprintable() or " " in address or not host:
        return "is no address"
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        return "is no address that begins with https://"
    return ""


def _request(method: str, url: str, body: bytes | None) -> WireRequest:
    headers = {"Host": urlsplit(url).netloc.rpartition("@")[2], "User-Agent": USER_AGENT}
    if body is not None:
        headers["Content-Type"] = "application/json;charset=UTF-8"
    return WireRequest(method, url, headers, body, TIMEOUT, single_use=True)


async def _posted(factory: TransportFactory, request: WireRequest) -> bytes:
    """The answer to a request that is sent once, and again only where nothing of it had left; raises NotTold."""
    transport = factory("", "")
    try:
        for pause in (*_PAUSES, None):
            try:
                status, wait, body = await _answered(transport, request)
            except TransportFailed as failed:
                if failed.failure is Failure.NOT_SENT and pause is not None:
                    await anyio.sleep(pause)
                    continue
                open_end = "" if failed.failure is Failure.NOT_SENT else "; it may have arrived and is not sent again"
                raise NotTold(f"{failed.message}{open_end}") from None
            if status == 429 and pause is not None:
                await anyio.sleep(min(max(wait, pause), _LONGEST_WAIT))
                continue
            if not 200 <= status < 300:
                raise NotTold(f"the service answers HTTP {status}")
            return body
        raise NotTold("the service refuses it as one too many")
    finally:
        await transport.aclose()


async def _answered(transport: Transport, request: WireRequest) -> tuple[int, float, bytes]:
    with anyio.move_on_after(TIMEOUT):
        async with transport.send(request) as answer:
            wait = retry_after({**answer.headers, "date": ""}, datetime.now().astimezone())
            return answer.status, wait, await answer.read(_ANSWER)
    raise TransportFailed(Failure.HUNG, f"no whole answer within {TIMEOUT:g} s")


def _value(body: bytes) -> object:
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value
