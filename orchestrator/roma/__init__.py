"""Speaks to ROMA Connect and to IAM. Law: the only room that touches the network or knows ROMA's spellings.

transport   the seam: a request, an answer, and who carries them
sockets     the transport on aiohttp
signing     AK/SK signatures            auth       who asks: signatures, tokens
contact     whether a host answers, and how long it is waited for
rates       client-side limits          wire       what an answer means
exchange    one question, its retries   shapes     JSON read as the core's values
pages       whole lists                 multipart  the form around a package
client      Reader and Client: what can be asked of an instance
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import urlsplit

from orchestrator.core.model.failures import Failed, Failure, RequestFailed
from orchestrator.core.model.redaction import Redactor, parts_of
from orchestrator.core.model.retries import FIRST_CONTACT
from orchestrator.core.model.secrets import AccessKeySecret, PasswordSecret, Secret
from orchestrator.core.plan.plan import Instance, Settings
from orchestrator.roma.auth import Identity, KeyIdentity, PasswordIdentity, PasswordLine, TokenIdentity, Tokens
from orchestrator.roma.client import Client, Download, Reader, fetching
from orchestrator.roma.contact import Contact, Told
from orchestrator.roma.exchange import Exchange
from orchestrator.roma.iam import asking_iam
from orchestrator.roma.pages import InventoryDisagrees
from orchestrator.roma.rates import Rates
from orchestrator.roma.sockets import AiohttpTransport
from orchestrator.roma.transport import Transport, TransportFactory

__all__ = [
    "AiohttpTransport",
    "Client",
    "Download",
    "Failed",
    "Failure",
    "InventoryDisagrees",
    "Reader",
    "RequestFailed",
    "Roma",
    "TransportFactory",
]


class Roma:
    """All clients of one command: shares connections, the rates per credentials, and the tokens."""

    def __init__(
        self,
        settings: Settings,
        secrets: Mapping[str, Secret],
        *,
        wall: Callable[[], datetime],
        draw: Callable[[], float],
        transport: TransportFactory = AiohttpTransport,
        iam_endpoints: Mapping[str, str] | None = None,
        told: Told | None = None,
        redactor: Redactor | None = None,
    ) -> None:
        """`wall` is the time of day, with its zone; `draw` is in [0, 1); `iam_endpoints` overrides by credentials.

        `told` hears of each host that does not answer from the beginning, at once. `redactor` learns every secret, and
        each token when it comes.
        """
        self._settings = settings
        self._secrets = secrets
        self._wall = wall
        self._draw = draw
        self._factory = transport
        self._iam_endpoints = iam_endpoints or {}
        self._told = told
        self._redactor = redactor or Redactor()
        for secret in secrets.values():
            self._redactor.learn(parts_of(secret))
        #: seconds for which a host that has answered may be silent; `outage_timeout` once a run has begun
        self.patience = FIRST_CONTACT
        self._contacts: dict[str, Contact] = {}
        self._transports: dict[tuple[str, str], Transport] = {}
        self._rates: dict[str, Rates] = {}
        self._lines: dict[PasswordSecret, PasswordLine] = {}
        self._tokens: dict[tuple[PasswordSecret, str, str], Tokens] = {}

    def reader(self, instance: Instance, credentials: str) -> Reader:
        """Reads `instance` with the secret of that name."""
        exchange = self._exchange(instance, credentials)
        seen = (lambda: exchange.clock_offset, lambda words: exchange.conceal(words))
        return Reader(instance, fetching(exchange), *seen)

    def client(self, instance: Instance, credentials: str) -> Client:
        """Reads and writes `instance` with the secret of that name."""
        return Client(instance, self._exchange(instance, credentials), self._draw)

    async def aclose(self) -> None:
        """Close every connection."""
        transports, self._transports = self._transports, {}
        for transport in transports.values():
            await transport.aclose()

    def _exchange(self, instance: Instance, credentials: str) -> Exchange:
        rates = self._rates.get(credentials)
        if rates is None:
            rates = Rates(self._settings.reads_per_second, self._settings.writes_per_second)
            self._rates[credentials] = rates
        identity = self._identity(instance, credentials)
        contact = self._contact(instance.endpoint)
        return Exchange(self._transport(instance), identity, rates, contact, wall=self._wall, draw=self._draw)

    def _contact(self, endpoint: str) -> Contact:
        host = urlsplit(endpoint).netloc
        if host not in self._contacts:
            told = (self._told,) if self._told is not None else ()
            self._contacts[host] = Contact(host, lambda: self.patience, *told)
        return self._contacts[host]

    def _identity(self, instance: Instance, credentials: str) -> Identity:
        secret = self._secrets[credentials]
        match secret:
            case AccessKeySecret():
                return KeyIdentity(secret, instance.project_id, self._wall, self._redactor)
            case PasswordSecret():
                iam = self._iam_endpoints.get(credentials, "") or instance.iam_endpoint
                return TokenIdentity(self._token(secret, iam, instance), self._redactor)

    def _token(self, secret: PasswordSecret, iam: str, instance: Instance) -> Tokens:
        key = (secret, iam, instance.project_id or instance.region)
        if key not in self._tokens:
            line = self._lines.setdefault(secret, PasswordLine())
            way = (self._transport(instance), self._contact(iam))
            fetch = asking_iam(PasswordIdentity(secret, self._redactor), iam, instance, way, (self._wall, self._draw))
            self._tokens[key] = Tokens(line, fetch)
        return self._tokens[key]

    def _transport(self, instance: Instance) -> Transport:
        key = (instance.ca_file, instance.proxy)
        if key not in self._transports:
            self._transports[key] = self._factory(*key)
        return self._transports[key]
