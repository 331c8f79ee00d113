"""A local ROMA Connect as seen on the wire, without a socket. Law: one request in, one reply out, never an exception.

Order: what is due happens; faults that come before the service; who asks; limits of the gateway; the service itself
(twisted by faults); faults that come after it.
"""

from collections import Counter, deque
from dataclasses import replace
from typing import NamedTuple

from orchestrator.emulator.api import fault_effects
from orchestrator.emulator.api.auth import Identity, Principal, expired, unauthorised
from orchestrator.emulator.api.changes import change
from orchestrator.emulator.api.fault_matcher import Strikes
from orchestrator.emulator.api.lists import Lists
from orchestrator.emulator.api.multipart import uploaded_package
from orchestrator.emulator.api.paging import PAGING, page
from orchestrator.emulator.api.reads import read
from orchestrator.emulator.api.routes import Route, route
from orchestrator.emulator.api.serialize import instance_json
from orchestrator.emulator.api.throttle import Throttle
from orchestrator.emulator.api.writes import chosen, write
from orchestrator.emulator.protocol.errors import JOB_GONE, Layer, Refusal, gateway, not_permitted, refused_reply, roma
from orchestrator.emulator.protocol.messages import (
    Body,
    Dropped,
    Hang,
    Json,
    Refused,
    Reply,
    Request,
    json_reply,
    json_text,
    text_reply,
)
from orchestrator.emulator.service import products
from orchestrator.emulator.service.imports import Poison
from orchestrator.emulator.service.jobs import JobType, Twist
from orchestrator.emulator.service.packages import read_package
from orchestrator.emulator.service.service import Caller, Service
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.operations import CHANGES, WRITES, Operation
from orchestrator.emulator.world.world import World, make_id

_JOB_TYPES = {
    Operation.EXPORT: JobType.EXPORT,
    Operation.IMPORT: JobType.IMPORT,
    Operation.DELETE: JobType.DELETE,
}
#: kinds that end a request before the service looks at it
_BEFORE = frozenset(
    {
        Kind.CONNECTION_REFUSED,
        Kind.RESET_BEFORE_SEND,
        Kind.OUTAGE,
        Kind.IAM_OUTAGE,
        Kind.HTML_502_BEFORE,
        Kind.GATEWAY_TIMEOUT_BEFORE,
        Kind.UNAVAILABLE,
        Kind.ERROR_BEFORE,
        Kind.THROTTLED,
        Kind.THROTTLED_RETRY_AFTER,
        Kind.RESET_AFTER_SEND_NOT_EXECUTED,
        Kind.HANG_NOT_EXECUTED,
        Kind.LATE_EXECUTION,
        Kind.UNAUTHORISED_ONCE,
        Kind.NOT_CREATED,
        Kind.REDIRECTED,
    }
)
_SKEW = frozenset({Kind.CLOCK_SKEW})
_TOO_LARGE = frozenset({Kind.TOO_LARGE})
_FOREIGN = frozenset({Kind.BUSY_FOREIGN_JOB})
_DOWNLOADS = frozenset({Kind.EXPORT_DENIED_DOWNLOAD, Kind.ARCHIVE_BURNED})
_TOKENS = frozenset({Kind.TOKEN_EXPIRED_EARLY, Kind.TOKEN_EXPIRES_DURING_UPLOAD})
_TWISTS = frozenset(
    {
        Kind.JOB_RUNS_FOREVER,
        Kind.SLOW_JOB,
        Kind.BUSY_AFTER_SUCCESS,
        Kind.READ_AFTER_WRITE_LAG,
        Kind.POISON_EXPORT,
        Kind.POISON_EXPORT_UNNAMED,
        Kind.POISON_IMPORT,
        Kind.POISON_IMPORT_UNNAMED,
        Kind.TASK_FAILS,
        Kind.API_FAILS,
        Kind.MEDDLED,
    }
)


class Seen(NamedTuple):
    """One request as the face saw it; it holds no secret. A tuple, since each request makes one."""

    #: epoch seconds
    time: float
    operation: Operation
    method: str
    path: str
    #: the instance's name, "" where the path names none
    instance: str
    #: DOMAIN/NAME, "" where nobody was recognised
    user: str
    #: status of the reply, whether or not it arrived
    status: int
    #: how the reply travelled: whole, dropped, ...
    how: str
    #: number of the temporary key that signed it, -1 for none
    session: int = -1
    #: its User-Agent
    agent: str = ""


class Api:
    """The wire of one service. `handle` is all that a transport needs."""

    def __init__(self, service: Service, seed: object = 0) -> None:
        self.service = service
        self.strikes = Strikes(service.world.faults, seed, lambda: service.time)
        self.identity = Identity(service.world, seed)
        #: requests per operation
        self.requests: Counter[Operation] = Counter()
        #: the last requests, oldest first
        self.seen: deque[Seen] = deque(maxlen=20000)
        self._told: dict[str, Json] = {}
        self._lists = Lists(service)
        self._throttle = Throttle(service.world.switches)
        #: (project, id) -> the instance's name
        self._names = {(one.project_id, one.id): one.name for one in reversed(service.world.instances)}
        self._count = 0
        self._user = ""
        self._session = -1

    def handle(self, request: Request) -> Reply:
        """Answers one request at the service's present time."""
        self.service.advance()
        found = route(request.method, request.path)
        instance = self._names.get((found.project_id, found.instance_id), "")
        self.requests[found.operation] += 1
        agent = request.headers.get("user-agent", "")
        self.service.ledger.request(agent, self.service.time)
        self._user, self._session = "", -1
        reply = self._before(request, found, instance) or self._answer(request, found, instance)
        how = type(reply.how).__name__.lower()
        what = (self.service.time, found.operation, request.method, request.path, instance, self._user)
        self.seen.append(Seen(*what, reply.status, how, self._session, agent))
        return reply

    # -- before the service -----------------------------------------------------------------------------------------

    def _before(self, request: Request, found: Route, instance: str) -> Reply | None:
        for rule in self.strikes.due(found.operation, instance, _BEFORE, first=True):
            self.strikes.reached(rule.kind)
            return self._refuse_before(rule, request, found, instance)
        return None

    def _refuse_before(self, rule: Rule, request: Request, found: Route, instance: str) -> Reply:
        match rule.kind:
            case Kind.CONNECTION_REFUSED | Kind.OUTAGE | Kind.IAM_OUTAGE:
                return Reply(0, how=Refused())
            case Kind.RESET_BEFORE_SEND:
                return Reply(0, how=Dropped(executed=False))
            case Kind.RESET_AFTER_SEND_NOT_EXECUTED | Kind.HANG_NOT_EXECUTED | Kind.LATE_EXECUTION:
                late = self._execute_late(rule, request, found, instance)
                hangs = rule.kind is Kind.HANG_NOT_EXECUTED
                return Reply(0, how=Hang(late) if hangs else Dropped(late))
            case Kind.UNAUTHORISED_ONCE:
                return self._refused(unauthorised())
            case Kind.NOT_CREATED:
                return self._refused(roma("ROMA.10010", "Failed to create the task."))
            case _:
                return fault_effects.gateway_fault(rule, self._request_id())

    def _execute_late(self, rule: Rule, request: Request, found: Route, instance: str) -> bool:
        """Plans the execution of a write whose caller is gone; whether it will be executed."""
        window = (
            rule.duration if rule.kind is Kind.LATE_EXECUTION else self.service.world.switches.late_execution_seconds
        )
        if found.operation not in WRITES | CHANGES or window <= 0:
            return False
        at = self.service.time + window * self.strikes.draw()
        self.service.agenda.at(at, lambda: self._late(request, found, instance))
        return True

    def _late(self, request: Request, found: Route, instance: str) -> None:
        """Executes a request that nobody waits for; how it ends stands in the ledger."""
        self._serve(request, found, instance, late=True)

    # -- the service ------------------------------------------------------------------------------------------------

    def _answer(self, request: Request, found: Route, instance: str) -> Reply:
        reply = self._serve(request, found, instance, late=False)
        for rule in self.strikes.due(found.operation, instance, fault_effects.AFTER, first=True):
            self.strikes.reached(rule.kind)
            reply = fault_effects.spoil(rule, reply, self._request_id())
        if found.operation is Operation.ARCHIVE and not self.service.world.switches.content_length:
            reply = fault_effects.without_length(reply)
        return reply

    def _serve(self, request: Request, found: Route, instance: str, late: bool) -> Reply:
        try:
            return self._served(request, found, instance, late)
        except Refusal as refusal:
            return self._refused(refusal)

    def _refused(self, refusal: Refusal) -> Reply:
        return refused_reply(refusal, self._request_id(), self.service.world.switches.error_http_status)

    def _served(self, request: Request, found: Route, instance: str, late: bool) -> Reply:
        now = self.service.time + self._skew(found, instance)
        if found.operation is Operation.TOKEN:
            return self.identity.issue(request, now)
        if found.operation is Operation.PROJECTS:
            return self.identity.projects(request, now)
        if found.operation is Operation.METADATA:
            return self.identity.sessions.metadata(request, now)
        if found.operation is Operation.ID_TOKEN:
            return self.identity.sessions.exchange(request, now)
        if found.operation is Operation.KEY:
            return self.identity.key(request, now)
        if found.operation is Operation.UNKNOWN:
            raise gateway(404, "APIGW.0101", "The API does not exist or has not been published in the environment")
        self._spoil_token(request, found, instance)
        principal = self.identity.recognise(request, found.project_id, now)
        self._user = f"{principal.user.domain}/{principal.user.name}"
        self._session = principal.session
        if found.operation in WRITES | CHANGES and not late:
            self._throttle.admit(self._user, self.service.time)
        self._check_size(request, found, instance, principal)
        if found.operation is Operation.INSTANCES:
            return text_reply(200, self._instances(request, found))
        if not instance:
            raise self._no_instance(found)
        return self._execute(request, found, Caller(principal.user, instance), late)

    def _execute(self, request: Request, found: Route, caller: Caller, late: bool) -> Reply:
        if found.operation is Operation.ARCHIVE:
            return self._download(found, caller)
        if found.operation in CHANGES:
            return change(self.service, caller, found, request, self._twist(found, caller, late))
        if found.operation in WRITES:
            twist = self._twist(found, caller, late)
            return json_reply(200, write(self.service, caller, found.operation, request, twist))
        if found.operation in PAGING:
            return text_reply(200, self._lists.told(caller, found, request))
        if found.operation is Operation.PRODUCT_EXPORT:
            ids = [part for key, value in request.query if key == "product_ids" for part in value.split(",")]
            content = products.export(self.service.looking(caller), ids)
            return Reply(200, {"content-type": "text/csv"}, Body((content,)))
        told = read(self.service, caller, found, request)
        return json_reply(200, self._job_fault(told, found, caller) if found.operation is Operation.JOB else told)

    def _download(self, found: Route, caller: Caller) -> Reply:
        for rule in self.strikes.due(found.operation, caller.instance, _DOWNLOADS):
            self.strikes.reached(rule.kind)
            archive = self.service.find_archive(caller, found.id)
            if rule.kind is Kind.EXPORT_DENIED_DOWNLOAD:
                raise roma(
                    "ROMA.1006", "You do not have the permissions required to perform this operation.", status=403
                )
            if archive is not None:
                archive.burned = True
        body = self.service.download(caller, found.id)
        return Reply(200, {"content-type": "application/octet-stream"}, body)

    # -- faults on the way ------------------------------------------------------------------------------------------

    def _skew(self, found: Route, instance: str) -> float:
        skew = 0.0
        for rule in self.strikes.due(found.operation, instance, _SKEW):
            self.strikes.reached(rule.kind)
            skew += rule.duration
        return skew

    def _spoil_token(self, request: Request, found: Route, instance: str) -> None:
        if "x-auth-token" not in request.headers:
            return
        for rule in self.strikes.due(found.operation, instance, _TOKENS, first=True):
            if self.identity.spoil(request):
                self.strikes.reached(rule.kind)
                raise expired()

    def _check_size(self, request: Request, found: Route, instance: str, principal: Principal) -> None:
        switches = self.service.world.switches
        limit = switches.token_body_limit if principal.by_token else switches.signed_body_limit
        if limit and len(request.body) > limit:
            raise too_large()
        for rule in self.strikes.due(found.operation, instance, _TOO_LARGE):
            if found.operation in WRITES and self._assets(request, found) > rule.amount:
                self.strikes.reached(rule.kind)
                raise too_large()

    def _assets(self, request: Request, found: Route) -> int:
        if found.operation is Operation.IMPORT:
            content_type = request.headers.get("content-type", "")
            return read_package(uploaded_package(content_type, request.body, strict_filename=False)).size
        return len(chosen(request.body, strict=False).ids)

    def _twist(self, found: Route, caller: Caller, late: bool) -> Twist:
        for rule in self.strikes.due(found.operation, caller.instance, _FOREIGN):
            kind = _JOB_TYPES.get(found.operation)
            if kind is not None and self.service.take_slot(caller, kind, rule.duration):
                self.strikes.reached(rule.kind)
        twist = Twist(late=late)
        for rule in self.strikes.due(found.operation, caller.instance, _TWISTS):
            twist = _twisted(twist, rule)
            self.strikes.reached(rule.kind)
        return twist

    def _job_fault(self, told: Json, found: Route, caller: Caller) -> Json:
        before = self._told.get(found.id)
        self._told[found.id] = told
        for rule in self.strikes.due(found.operation, caller.instance, fault_effects.JOB_VIEWS):
            if rule.kind is Kind.JOB_VANISHES:
                self.service.find_job(caller, found.id).vanished = True
            if rule.kind in {Kind.JOB_VANISHES, Kind.JOB_VANISHES_ONCE}:
                self.strikes.reached(rule.kind)
                raise roma(JOB_GONE, "The job does not exist.", status=404)
            changed = fault_effects.job_view(rule, told, before, self.service.world.switches.status_vocab)
            if changed != told:
                self.strikes.reached(rule.kind)
                told = changed
        return told

    # -- small answers ----------------------------------------------------------------------------------------------

    def _instances(self, request: Request, found: Route) -> str:
        world: World = self.service.world
        mine = [one for one in world.instances if one.project_id == found.project_id]
        return page(
            Operation.INSTANCES, mine, lambda one: json_text(instance_json(one)), request, world.switches.offset
        )

    def _no_instance(self, found: Route) -> Refusal:
        if found.layer is Layer.ROMA:
            return not_permitted()
        code = "FDI.3002" if found.layer is Layer.FDI else "APIG.1005"
        return Refusal(found.layer, 403, code, "No permissions to request this method")

    def _request_id(self) -> str:
        self._count += 1
        return make_id("request", self._count, self.service.began).replace("-", "")


def too_large() -> Refusal:
    """The body exceeds what the gateway takes (API 3.4)."""
    return gateway(413, "APIGW.0201", "Request entity too large")


def _twisted(twist: Twist, rule: Rule) -> Twist:
    match rule.kind:
        case Kind.JOB_RUNS_FOREVER:
            return replace(twist, runs=rule.duration)
        case Kind.SLOW_JOB:
            return replace(twist, longer=twist.longer + rule.duration)
        case Kind.BUSY_AFTER_SUCCESS:
            return replace(twist, slot_stays=twist.slot_stays + rule.duration)
        case Kind.READ_AFTER_WRITE_LAG:
            return replace(twist, lag=twist.lag + rule.duration)
        case Kind.MEDDLED:
            return replace(twist, meddled=True)
        case Kind.POISON_EXPORT | Kind.POISON_IMPORT:
            return replace(twist, poison=Poison(twist.poison.names | rule.names, named=True))
        case _:
            return replace(twist, poison=Poison(twist.poison.names | rule.names, named=False))
