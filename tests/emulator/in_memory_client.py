"""Drives a local ROMA Connect in virtual time, for tests. Law: its clock moves only when told, and nothing here waits.

bench = InMemoryClient(generate(4, 6, durations=SHORT))
package = bench.package(apps=("orders-web",))
bench.now += 10
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import quote

from orchestrator.emulator.api.api import Api
from orchestrator.emulator.protocol.messages import Json, Reply, Request
from orchestrator.emulator.service.exports import Chosen
from orchestrator.emulator.service.jobs import Outcome
from orchestrator.emulator.service.service import Caller, Service
from orchestrator.emulator.world.options import Duration, Durations
from orchestrator.emulator.world.world import User, World

#: epoch seconds at which a bench's clock begins: 2027-01-15T08:00:00Z
BEGIN = 1_800_000_000.0
#: exports 10 s, imports 20 s, deletes 5 s, whatever their size
SHORT = Durations(Duration(10.0), Duration(20.0), Duration(5.0))
_BOUNDARY = "edge"
#: headers of a request whose body `form` made
FORM = {"content-type": f"multipart/form-data; boundary={_BOUNDARY}"}


@dataclass(frozen=True, slots=True)
class Ask:
    """Who asks at which instance, and what goes along."""

    instance: str = "dev"
    user: str = "dev-migrator"
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class InMemoryClient:
    """A service, its face, and a clock."""

    def __init__(self, world: World, seed: object = 0) -> None:
        #: epoch seconds; add to it to let time pass
        self.now = BEGIN
        self.world = world
        self.service = Service(world, lambda: self.now, seed)
        self.api = Api(self.service, seed)
        self._tokens: dict[tuple[str, str], str] = {}

    def caller(self, instance: str = "dev", user: str = "dev-migrator") -> Caller:
        """Somebody who may ask the service itself."""
        return Caller(self.world.user(user), instance)

    def chosen(self, apps: tuple[str, ...] = (), tasks: tuple[str, ...] = (), instance: str = "dev") -> Chosen:
        """Ids of assets that were there from the start, by name."""
        one = self.world.instance(instance)
        return Chosen(tuple(one.app(x).id for x in apps), tuple(one.task(x).id for x in tasks))

    def package(self, apps: tuple[str, ...] = (), tasks: tuple[str, ...] = ()) -> bytes:
        """A package of `dev`: exported, waited for, downloaded."""
        caller = self.caller()
        job_id = self.service.export(caller, self.chosen(apps, tasks))
        self.wait(job_id)
        archive = self.service.find_job(caller, job_id).archive
        if archive is None:
            raise AssertionError("the export failed")
        return bytes(self.service.download(caller, archive.id))

    def wait(self, job_id: str) -> Outcome:
        """Lets time pass until that job has ended; AssertionError for one that never will."""
        jobs = self.service.ledger.jobs
        while jobs[job_id].outcome == "running":
            due = self.service.agenda.next_due()
            if due is None or due == float("inf"):
                raise AssertionError("the job never ends")
            self.now = max(self.now, due)
            self.service.advance()
        return Outcome(jobs[job_id].outcome)

    def names(self, instance: str = "prod") -> tuple[list[str], list[str]]:
        """Sorted names of the applications and tasks that are really there."""
        holding = self.service.holding(instance)
        return sorted(x.name for x in holding.apps.all()), sorted(x.name for x in holding.tasks.all())

    # -- on the wire ------------------------------------------------------------------------------------------------

    def path(self, rest: str, instance: str = "dev", kind: str = "") -> str:
        """A path below an instance; `kind` is "" or "fdi" or "apic"."""
        one = self.world.instance(instance)
        return f"/v2/{one.project_id}/{kind + '/' if kind else ''}instances/{one.id}{rest}"

    def token(self, user: str = "dev-migrator", instance: str = "dev") -> str:
        """A token of the user for the instance's project; one is kept for each."""
        if (user, instance) not in self._tokens:
            reply = self.api.handle(token_request(self.world.user(user), self.world.instance(instance).project_id))
            self._tokens[user, instance] = reply.headers["x-subject-token"]
        return self._tokens[user, instance]

    def ask(self, method: str, path: str, ask: Ask | None = None) -> Reply:
        """One request with a token."""
        ask = ask or Ask()
        headers = {"x-auth-token": self.token(ask.user, ask.instance), "content-type": "application/json"}
        return self.api.handle(Request(method, path, ask.query, headers | dict(ask.headers), ask.body))

    def get(self, rest: str, kind: str = "", ask: Ask | None = None) -> Reply:
        """One GET below an instance."""
        ask = ask or Ask()
        return self.ask("GET", self.path(rest, ask.instance, kind), ask)

    def export(self, apps: tuple[str, ...] = (), tasks: tuple[str, ...] = ()) -> Reply:
        """POST assets/export at `dev`."""
        return self.ask("POST", self.path("/assets/export"), Ask(body=named(self.chosen(apps, tasks))))

    def import_(self, package: bytes, query: tuple[tuple[str, str], ...] = (), user: str = "dev-migrator") -> Reply:
        """POST assets/import at `prod`."""
        ask = Ask("prod", user, query, FORM, form(package))
        return self.ask("POST", self.path("/assets/import", "prod"), ask)

    def job(self, job_id: str, instance: str = "dev") -> Json:
        """The job as told on the wire."""
        return self.get(f"/assets/jobs/{job_id}", ask=Ask(instance)).json


def named(chosen: Chosen) -> bytes:
    """The body of an export or delete (API 1.2)."""
    return json.dumps({"apps": [{"id": x} for x in chosen.apps], "tasks": [{"id": x} for x in chosen.tasks]}).encode()


def form(package: bytes, filename: str = "batch-1.zip", field_name: str = "ImportAssetRequestBody") -> bytes:
    """The body of an import (API 1.3)."""
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{field_name}"; filename="{filename}"\r\n\r\n'
    return head.encode() + package + f"\r\n--{_BOUNDARY}--\r\n".encode()


def token_request(user: User, project_id: str, password: str | None = None) -> Request:
    """POST /v3/auth/tokens (API 1.11)."""
    who = {"name": user.name, "password": password or user.password, "domain": {"name": user.domain}}
    auth = {"identity": {"methods": ["password"], "password": {"user": who}}, "scope": {"project": {"id": project_id}}}
    return Request("POST", "/v3/auth/tokens", (("nocatalog", "true"),), {}, json.dumps({"auth": auth}).encode())


def signed(request: Request, user: User, at: float) -> Request:
    """The request with a signature over all its headers (API 1.12), for ASCII paths."""
    date = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {**request.headers, "x-sdk-date": date, "host": request.host}
    if not headers.get("content-type", "application/json").startswith("application/json"):
        headers["x-sdk-content-sha256"] = "UNSIGNED-PAYLOAD"
    names = ";".join(sorted(headers))
    query = "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in sorted(request.query))
    digest = hashlib.sha256(request.body).hexdigest()
    payload = headers.get("x-sdk-content-sha256", digest) if request.body else digest
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = "\n".join([request.method, request.path + "/", query, lines, names, payload])
    text = f"SDK-HMAC-SHA256\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(user.sk.encode(), text.encode(), hashlib.sha256).hexdigest()
    value = f"SDK-HMAC-SHA256 Access={user.ak}, SignedHeaders={names}, Signature={signature}"
    return replace(request, headers={**headers, "authorization": value})
