"""Speaks to ROMA Connect and to IAM. Law: the only room that touches the network or knows ROMA's spellings.

transport   the seam: a request, an answer, and who carries them
sockets     the transport on aiohttp
signing     AK/SK signatures            auth       who asks: signatures, tokens
sessions    keys that end               temporary_keys  where they come from
contact     whether a host answers, and how long it is waited for
rates       client-side limits          wire       what an answer means
exchange    one question, its retries   shapes     JSON read as the core's values
pages       whole lists                 known      pages that were read before
multipart   the form around a package
client      Reader and Client: what can be asked of an instance
"""

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from urllib.parse import urlsplit

import anyio

from orchestrator.core.model.failures import Failed, Failure, RequestFailed
from orchestrator.core.model.redaction import Redactor, parts_of
from orchestrator.core.model.retries import FIRST_CONTACT
from orchestrator.core.model.secrets import (
    AccessKeySecret,
    AssumedAgency,
    CommandKey,
    IdToken,
    PasswordSecret,
    Secret,
    ServerAgency,
)
from orchestrator.core.plan.plan import Instance, Settings
from orchestrator.core.scheduling.write_rate import AdaptiveRate, rate_of, region_of
from orchestrator.core.state.events import WriteRate, WriteRateLearned
from orchestrator.roma import temporary_keys as keys
from orchestrator.roma.auth import BareIdentity, Identity, KeyIdentity, PasswordLine, TokenIdentity, Tokens
from orchestrator.roma.client import Client, Download, Reader, asking_for_files, fetching
from orchestrator.roma.contact import Contact, Told
from orchestrator.roma.exchange import Exchange
from orchestrator.roma.iam import asking_iam
from orchestrator.roma.known import KnownPages
from orchestrator.roma.pages import InventoryDisagrees
from orchestrator.roma.rates import Rates
from orchestrator.roma.sessions import FetchSession, Session, SessionIdentity, Sessions
from orchestrator.roma.sockets import AiohttpTransport
from orchestrator.roma.transport import UNGUARDED, Guard, Transport, TransportFactory

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

#: requests a second for temporary keys, of one source; their own reuse keeps them far below
_KEYS_PER_SECOND = 5.0


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
        #: asked before anything is changed: whoever conducts a run leases what it uses
        self.guard: Guard = UNGUARDED
        #: how many processes ask with the user of these credentials now
        self.sharers: Callable[[str], int] = lambda credentials: 1
        #: credentials -> the rate at which their writes begin; of others nothing is known
        self.write_rates: Mapping[str, WriteRate] = {}
        self._known = KnownPages()
        self._contacts: dict[str, Contact] = {}
        self._transports: dict[tuple[str, str], Transport] = {}
        self._rates: dict[str, Rates] = {}
        self._learned: list[WriteRateLearned] = []
        self._lines: dict[PasswordSecret, PasswordLine] = {}
        self._tokens: dict[tuple[PasswordSecret, str, str], Tokens] = {}
        self._sessions: dict[tuple[Secret, str], Sessions] = {}

    def reader(self, instance: Instance, credentials: str) -> Reader:
        """Reads `instance` with the secret of that name."""
        exchange = self._exchange(instance, credentials)
        seen = (lambda: exchange.clock_offset, lambda words: exchange.conceal(words))
        return Reader(instance, fetching(exchange), asking_for_files(exchange), *seen, self._known)

    def client(self, instance: Instance, credentials: str) -> Client:
        """Reads and writes `instance` with the secret of that name."""
        return Client(instance, self._exchange(instance, credentials), self._draw, self._known)

    def learn(self, secrets: Iterable[str]) -> None:
        """What was read, or is sent, and nobody may read in the service's words or in ours."""
        self._redactor.learn(secrets)

    def take_learned(self) -> tuple[WriteRateLearned, ...]:
        """How rates of writes have changed since this was asked last."""
        learned, self._learned = tuple(self._learned), []
        return learned

    async def aclose(self) -> None:
        """Close every connection."""
        transports, self._transports = self._transports, {}
        for transport in transports.values():
            await transport.aclose()

    def _exchange(self, instance: Instance, credentials: str) -> Exchange:
        rates = self._rates.get(credentials)
        if rates is None:
            rates = self._rates[credentials] = self._rates_of(credentials)
        identity = self.identity(instance, credentials)
        contact = self._contact(instance.endpoint)
        way = (self._transport(instance), identity, rates, contact)
        region = region_of(instance)
        return Exchange(*way, wall=self._wall, draw=self._draw, guard=lambda: self.guard, region=region)

    def _rates_of(self, credentials: str) -> Rates:
        def begins() -> AdaptiveRate:
            return AdaptiveRate.of(self.write_rates.get(credentials) or rate_of(self._settings, credentials))

        def changed(region: str, before: float) -> None:
            now = rates.writing
            self._learned.append(WriteRateLearned(region, credentials, now.per_second, before, now.refused))

        rates = Rates(self._settings.reads_per_second, begins, lambda: self.sharers(credentials), changed)
        return rates

    def _contact(self, endpoint: str) -> Contact:
        host = urlsplit(endpoint).netloc
        if host not in self._contacts:
            told = (self._told,) if self._told is not None else ()
            self._contacts[host] = Contact(host, lambda: self.patience, *told)
        return self._contacts[host]

    def identity(self, instance: Instance, credentials: str) -> Identity:
        """Who asks at `instance` with the secret of that name."""
        iam = self._iam_endpoints.get(credentials, "") or instance.iam_endpoint
        return self._identity(self._secrets[credentials], iam, instance, instance.project_id)

    def _identity(self, secret: Secret, iam: str, instance: Instance, project_id: str) -> Identity:
        match secret:
            case AccessKeySecret():
                return KeyIdentity(secret, project_id, self._wall, self._redactor)
            case PasswordSecret():
                return TokenIdentity(self._token(secret, iam, instance), self._redactor)
            case _:
                key = (secret, iam)
                if key not in self._sessions:
                    self._sessions[key] = self._sessions_of(secret, iam, instance)
                return SessionIdentity(self._sessions[key], project_id, self._wall, self._redactor)

    def _sessions_of(
        self, secret: CommandKey | ServerAgency | IdToken | AssumedAgency, iam: str, instance: Instance
    ) -> Sessions:
        fetch: FetchSession
        renewal, first = keys.iam_renewal(self._settings.job_timeout), None
        seconds = keys.seconds_asked_for(self._settings.job_timeout)
        bare = BareIdentity(self._redactor)
        match secret:
            case CommandKey():
                fetch, renewal = keys.of_command(secret), keys.COMMAND_RENEWAL
                first = Session(secret.first, math.inf, anyio.current_time())
            case ServerAgency(endpoint=endpoint):
                # Never through a proxy: the address means this very server (Finishing 7.1).
                near = self._asking(self._transport_by("", ""), endpoint, bare)
                fetch, renewal = keys.of_server(self._source(near), secret), keys.SERVER_RENEWAL
            case IdToken():
                asking = self._asking(self._transport(instance), iam, bare)
                fetch = keys.of_id_token(self._source(asking), iam, secret, seconds)
            case AssumedAgency(by=by):
                # IAM belongs to no project: no request to it is signed for one.
                asking = self._asking(self._transport(instance), iam, self._identity(by, iam, instance, ""))
                fetch = keys.of_agency(self._source(asking), iam, secret, seconds)
        return Sessions(fetch, renewal, first)

    def _asking(self, transport: Transport, endpoint: str, identity: Identity) -> Exchange:
        rates = Rates(_KEYS_PER_SECOND, lambda: AdaptiveRate(_KEYS_PER_SECOND))
        return Exchange(transport, identity, rates, self._contact(endpoint), wall=self._wall, draw=self._draw)

    def _source(self, exchange: Exchange) -> keys.Source:
        return keys.Source(exchange, self._wall, self._redactor)

    def _token(self, secret: PasswordSecret, iam: str, instance: Instance) -> Tokens:
        key = (secret, iam, instance.project_id or instance.region)
        if key not in self._tokens:
            line = self._lines.setdefault(secret, PasswordLine())
            way = (self._transport(instance), self._contact(iam))
            bare = BareIdentity(self._redactor)
            fetch = asking_iam(secret, bare, iam, instance, way, (self._wall, self._draw))
            self._tokens[key] = Tokens(line, fetch)
        return self._tokens[key]

    def _transport(self, instance: Instance) -> Transport:
        return self._transport_by(instance.ca_file, instance.proxy)

    def _transport_by(self, ca_file: str, proxy: str) -> Transport:
        key = (ca_file, proxy)
        if key not in self._transports:
            self._transports[key] = self._factory(*key)
        return self._transports[key]
