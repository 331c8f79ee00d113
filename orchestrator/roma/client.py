"""What can be asked of one instance. Law: a Reader has no method that writes, and no way to one.

A Reader holds pages that were read before, and two functions: one only ever sends GETs, the other asks for a file of
API definitions, by the one POST that changes nothing (Finishing 2.6). The Client adds the exchange that can also write.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, Protocol, TypeVar, cast

import anyio

from orchestrator.core.model.failures import Failed, Failure, RequestFailed
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import (
    Api,
    ApiGroup,
    App,
    Belonging,
    DataSource,
    DictionaryEntry,
    InstanceDetails,
    InstanceSummary,
    Job,
    ProjectConfig,
    Task,
)
from orchestrator.core.model.retries import Request
from orchestrator.core.model.withheld import AppCode, HeldConnection, HeldSecret, Member
from orchestrator.core.model.writes import Write, Written
from orchestrator.core.plan.plan import Instance, Mode
from orchestrator.roma import shapes, withheld_shapes
from orchestrator.roma.devices import Devices
from orchestrator.roma.exchange import SLOWEST, Exchange, Question, unsigned
from orchestrator.roma.gateway import Gateway
from orchestrator.roma.known import KnownPages
from orchestrator.roma.messaging import Messaging
from orchestrator.roma.multipart import package_form
from orchestrator.roma.pages import Listing, ReadPage, whole
from orchestrator.roma.signing import encode, encode_query
from orchestrator.roma.transport import Answer, FileBody, TransportFailed
from orchestrator.roma.wire import parse, unknown_job
from orchestrator.roma.writes import parsed, spelled, written

T = TypeVar("T")
Query = list[tuple[str, str]]

#: assets in one job (API 1.2): the last wall behind `batch_size`
MOST_ASSETS = 100
#: entries of the data dictionary that are asked for what lies below them, at most [I: no limit is documented]
MOST_DICTIONARY = 300
#: a task without a schedule is answered by 404 and this (Finishing 2.5)
NO_SCHEDULE = "FDI.3083"
#: seconds; the gateway gives its backends 30 (API 4)
READ_TIMEOUT = 60.0
WRITE_TIMEOUT = 120.0
_JSON = "application/json"
_JSON_POST = "application/json;charset=UTF-8"

#: page sizes are the largest that every edition takes; of more than 999 tasks one of them gives 999 (API 1.8, 1.9)
_APPS = Listing("applications", "apps", 100, shapes.app, lambda x: x.id)
_TASKS = Listing("tasks", "entities", 1000, shapes.task, lambda x: x.id)
_DATASOURCES = Listing("data sources", "entities", 500, shapes.datasource, lambda x: x.id)
_APIS = Listing("APIs", "apis", 500, shapes.api, lambda x: x.id)
_API_GROUPS = Listing("API groups", "groups", 500, shapes.api_group, lambda x: x.id)
_FEATURES = Listing("features", "features", 500, shapes.feature, lambda x: x[0])
_CONFIGS = Listing("configurations", "configs", 500, shapes.project_config, lambda x: x.name)
_DICTIONARIES = Listing("dictionaries", "dictionaries", 100, shapes.dictionary_entry, lambda x: (x.parent_code, x.code))
_TOPICS = Listing("topics", "topics", 500, shapes.topic, lambda x: x.id)
_PRODUCTS = Listing("products", "items", 500, shapes.product, lambda x: x.id)
_BACKENDS = Listing("custom back ends", "apis", 500, shapes.backend, lambda x: x.id)
_AUTHORISATIONS = Listing("API authorisations", "auths", 500, shapes.authorisation, lambda x: x.id)
_APP_CODES = Listing("AppCodes", "app_codes", 100, withheld_shapes.app_code, lambda x: x.id)
_INSTANCES = Listing("instances", "instances", 100, shapes.instance_summary, lambda x: x.id)


class Fetch(Protocol):
    """Sends one GET, repeated as the retry table says; raises RequestFailed."""

    async def __call__(
        self,
        url: str,
        label: str,
        read: Callable[[object], T],
        *,
        reconsider: Callable[[Failed], Failed] = ...,
        of: str = "",
        parsed: Callable[[bytes], object] = ...,
    ) -> T:
        """The answer as `read` understands it, of what `parsed` makes of its body."""


def fetching(exchange: Exchange) -> Fetch:
    """The function that a Reader holds: whatever is passed to it, it asks by GET."""

    async def fetch(
        url: str,
        label: str,
        read: Callable[[object], T],
        *,
        reconsider: Callable[[Failed], Failed] = lambda failed: failed,
        of: str = "",
        parsed: Callable[[bytes], object] = parse,
    ) -> T:
        request = unsigned("GET", url, _JSON, None, READ_TIMEOUT)
        question = Question(Request.READ, request, label, "as documented", reconsider, of, _archive_of, parsed)
        return await exchange.ask(question, lambda received: read(received.value))

    return fetch


class AskFile(Protocol):
    """Asks for a file of API definitions, repeated as the retry table says; raises RequestFailed."""

    async def __call__(self, instance_url: str, body: bytes, label: str, read: Callable[[object], T]) -> T:
        """The file as `read` understands it."""


def asking_for_files(exchange: Exchange) -> AskFile:
    """The one POST of a Reader: whatever is passed to it, it asks for definitions, which changes nothing."""

    async def ask(instance_url: str, body: bytes, label: str, read: Callable[[object], T]) -> T:
        url = f"{instance_url}/openapi/export"
        request = unsigned("POST", url, _JSON_POST, body, READ_TIMEOUT)
        question = Question(Request.READ, request, label, "a file of API definitions")
        return await exchange.ask(question, lambda received: read(received.value))

    return ask


class Reader:
    """Reads one instance with one credentials. Every method raises RequestFailed, lists also InventoryDisagrees."""

    def __init__(
        self,
        instance: Instance,
        fetch: Fetch,
        ask_file: AskFile,
        clock_offset: Callable[[], float | None],
        conceal: Callable[[str], str],
        known: KnownPages,
    ) -> None:
        """`conceal` takes secrets out of the service's words; `known` are pages that others have read as well."""
        self._instance = instance
        self._fetch = fetch
        self._ask_file = ask_file
        self._clock_offset = clock_offset
        self._conceal = conceal
        self._known = known

    @property
    def clock_offset(self) -> float | None:
        """Seconds by which ROMA's clock was ahead of ours in its last answer, to the second; None before one."""
        return self._clock_offset()

    async def apps(self) -> tuple[App, ...]:
        """Every application that these credentials see (API 1.8)."""
        return await self._list(_APPS, "instances", "apps")

    async def app(self, app_id: str) -> App:
        """One application (API 1.8)."""
        return await self._one(shapes.app, "instances", "apps", app_id)

    async def tasks(self) -> tuple[Task, ...]:
        """Every task that these credentials see (API 1.8)."""
        return await self._list(_TASKS, "fdi/instances", "tasks")

    async def task(self, task_id: str) -> Task:
        """One task, with the data sources at its two ends (API 1.8)."""
        return await self._one(shapes.task_details, "fdi/instances", "tasks", task_id)

    async def datasources(self) -> tuple[DataSource, ...]:
        """Every data source, without its contents (API 1.8)."""
        return await self._list(_DATASOURCES, "fdi/instances", "datasources")

    async def apis(self) -> tuple[Api, ...]:
        """Every API of service integration (API 1.8)."""
        return await self._list(_APIS, "apic/instances", "apis")

    async def api_groups(self) -> tuple[ApiGroup, ...]:
        """Every group of APIs (API 1.8)."""
        return await self._list(_API_GROUPS, "apic/instances", "api-groups")

    async def features(self) -> Mapping[str, bool]:
        """Which features of service integration are on (API 1.10)."""
        return dict(await self._list(_FEATURES, "apic/instances", "features"))

    async def project_configs(self) -> tuple[ProjectConfig, ...]:
        """Quotas and switches of service integration (API 1.10)."""
        return await self._list(_CONFIGS, "apic/instances", "project", "configs")

    async def dictionaries(self) -> tuple[DictionaryEntry, ...]:
        """The whole data dictionary: the list gives one level, and that below an entry by its code (Finishing 2.1)."""
        found = list(await self._list(_DICTIONARIES, "instances", "dictionaries"))
        if any(entry.parent_code for entry in found):
            return tuple(found)  # this service lists every level at once
        known = {entry.code for entry in found}
        above = list(found)
        while above:
            entry = above.pop(0)
            query = [("parent_code", entry.code)]
            for child in await self._list(_DICTIONARIES, "instances", "dictionaries", query=query):
                if child.code in known:
                    continue  # codes are unique in an instance: a service that ignores `parent_code` ends here
                known.add(child.code)
                found.append(child)
                above.append(child)
            if len(found) > MOST_DICTIONARY:
                told = f"the data dictionary has more than {MOST_DICTIONARY} entries, each of which is a request"
                raise RequestFailed(Failed(Failure.INVALID, message=told), request=self._label("GET", "dictionaries"))
        return tuple(found)

    @property
    def gateway(self) -> Gateway:
        """What service integration holds beside its APIs (Finishing 2.6 to 2.8)."""
        return Gateway(self._list, self._one, self._definitions)

    @property
    def messaging(self) -> Messaging:
        """What the message service holds (Finishing 2.11)."""
        return Messaging(self._list, self._one)

    @property
    def devices(self) -> Devices:
        """What device integration holds (Finishing 2.12)."""
        return Devices(self._list, self._one, self._file)

    async def _file(
        self, read: Callable[[bytes], T], room: str, *rest: str, query: Sequence[tuple[str, str]] = ()
    ) -> T:
        """A file of the instance as it is."""
        url, label = self._url(room, *rest, query=query), self._label("GET", "/".join(rest))
        return await self._fetch(url, label, lambda found: cast("T", found), parsed=read)

    async def _definitions(self, asked: Mapping[str, object], read: Callable[[object], T]) -> T:
        label = self._label("POST", "openapi/export")
        return await self._ask_file(self._url("apic/instances"), json.dumps(asked).encode(), label, read)

    async def topics(self) -> tuple[Belonging, ...]:
        """Every topic of the message service (Finishing 2.11)."""
        return await self._list(_TOPICS, "mqs/instances", "topics")

    async def products(self) -> tuple[Belonging, ...]:
        """Every product of the devices, without its authentication (Finishing 2.12)."""
        return await self._list(_PRODUCTS, "link/instances", "products")

    async def backends(self) -> tuple[Belonging, ...]:
        """Every custom back end (API 1.8, Finishing 2.6)."""
        return await self._list(_BACKENDS, "apic/instances", "livedata-apis")

    async def authorisations(self, app_id: str) -> tuple[str, ...]:
        """Which APIs an application may call, each as `NAME in ENVIRONMENT` (Finishing 2.8)."""
        query = [("app_id", app_id)]
        found = await self._list(_AUTHORISATIONS, "apic/instances", "app-auths", "binded-apis", query=query)
        return tuple(each.name for each in found)

    async def schedule(self, task_id: str) -> str:
        """When a task runs, "" where it has no schedule (Finishing 2.5)."""
        try:
            return await self._one(shapes.schedule, "fdi/instances", "tasks", task_id, "dispatches")
        except RequestFailed as error:
            if error.failed.code != NO_SCHEDULE:
                raise
            return ""

    async def position(self, task_id: str) -> tuple[str, ...] | Unread:
        """Up to where a task has read its source, as `FIELD=VALUE`; none where it tells none (Finishing 2.5)."""
        return await self._one(shapes.position, "fdi/instances", "tasks", task_id)

    async def connection(self, source_id: str) -> HeldConnection:
        """One data source with its content (Finishing 2.4)."""
        return await self._one(withheld_shapes.connection, "fdi/instances", "datasources", source_id)

    async def app_secret(self, app_id: str) -> HeldSecret:
        """An application's secret (Finishing 2.3)."""
        return await self._one(withheld_shapes.secret, "instances", "apps", app_id, "secret")

    async def app_codes(self, app_id: str) -> tuple[AppCode, ...]:
        """Every AppCode of an application (Finishing 2.9)."""
        return await self._list(_APP_CODES, "apic/instances", "apps", app_id, "app-codes")

    async def members(self, app_id: str) -> tuple[Member, ...]:
        """Who may do something with an application (Finishing 2.3)."""
        return await self._one(withheld_shapes.members, "instances", "apps", app_id, "users")

    async def candidates(self, app_id: str) -> tuple[Member, ...]:
        """Who could, those that do among them (Finishing 2.3)."""
        return await self._one(withheld_shapes.members, "instances", "apps", app_id, "candidates")

    async def instance(self) -> InstanceDetails:
        """What the instance says about itself (API 1.10)."""
        instance_id = self._instance.instance_id
        return await self._one(lambda value: shapes.instance_details(value, instance_id), "apic/instances")

    async def instances(self) -> tuple[InstanceSummary, ...]:
        """Every instance of the project (API 1.10)."""
        url = address(self._instance.endpoint, "v2", self._instance.project_id, "instances")
        return await self._pages(_INSTANCES, url, "instances")

    async def job(self, job_id: str) -> Job:
        """One look at a job, in either dialect (API 1.4); GONE where ROMA does not know it."""
        url = self._url("instances", "assets", "jobs", job_id)
        label = self._label("GET", f"assets/jobs/{job_id}")
        return await self._fetch(
            url, label, lambda value: shapes.job(value, job_id, self._conceal), reconsider=unknown_job, of=job_id
        )

    async def project_ids(self, region: str = "") -> tuple[str, ...]:
        """Ids of a region's projects, or of all of them, from IAM (API 1.11); GONE where there is none."""
        query = [("name", region)] if region else []
        url = address(self._instance.iam_endpoint, "v3", "projects", query=query)
        label = f"GET projects at {self._instance.iam_endpoint}"
        found = await self._fetch(url, label, shapes.project_ids)
        if not found:
            told = f"no project is named {region}" if region else "no project is visible"
            raise RequestFailed(Failed(Failure.GONE, message=told), request=label)
        return found

    async def _list(
        self, listing: Listing[T], room: str, *rest: str, query: Sequence[tuple[str, str]] = ()
    ) -> tuple[T, ...]:
        return await self._pages(listing, self._url(room, *rest), "/".join(rest), query)

    async def _pages(
        self, listing: Listing[T], url: str, what: str, more: Sequence[tuple[str, str]] = ()
    ) -> tuple[T, ...]:
        label = self._label("GET", what)

        async def ask(offset: int, limit: int, read: ReadPage[T]) -> tuple[list[T], int]:
            query = encode_query([("limit", str(limit)), ("offset", str(offset)), *more])

            def parsed(body: bytes) -> object:
                return self._known.page(listing.name, body, read)

            return await self._fetch(f"{url}?{query}", label, _as_page, parsed=parsed)

        return await whole(listing, ask, self._instance.name)

    async def _one(
        self, read: Callable[[object], T], room: str, *rest: str, query: Sequence[tuple[str, str]] = ()
    ) -> T:
        url = self._url(room, *rest, query=query)
        return await self._fetch(url, self._label("GET", "/".join(rest) or "instance"), read)

    def _url(self, room: str, *rest: str, query: Sequence[tuple[str, str]] = ()) -> str:
        project, instance = self._instance.project_id, self._instance.instance_id
        return address(self._instance.endpoint, "v2", project, *room.split("/"), instance, *rest, query=query)

    def _label(self, method: str, what: str) -> str:
        return f"{method} {what} at {self._instance.name}"


class Download:
    """A package on its way, whose bytes can be had once (API 1.5)."""

    def __init__(self, answer: Answer, label: str) -> None:
        self._answer = answer
        self._label = label

    @property
    def length(self) -> int | None:
        """Bytes announced by Content-Length; None where the service does not tell."""
        text = self._answer.headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() else None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes as they come; raises RequestFailed when they end early, fall silent or only trickle."""
        received = 0
        begun = anyio.current_time()
        try:
            async for chunk in self._answer.chunks():
                received += len(chunk)
                if anyio.current_time() - begun > WRITE_TIMEOUT + received / (SLOWEST / 8):
                    raise TransportFailed(Failure.HUNG, f"only {received} bytes came in time")
                yield chunk
        except TransportFailed as error:
            raise self._failed(error.failure, f"{error.message}, after {received} bytes") from None
        if self.length is not None and received != self.length:
            raise self._failed(Failure.DROPPED, f"{received} of {self.length} bytes came")

    def _failed(self, failure: Failure, message: str) -> RequestFailed:
        return RequestFailed(Failed(failure, message=message, status=self._answer.status), request=self._label)


class Client(Reader):
    """A Reader that can also write. A write is never repeated, but for one new token (API 1.11)."""

    def __init__(self, instance: Instance, exchange: Exchange, draw: Callable[[], float], known: KnownPages) -> None:
        asks = fetching(exchange), asking_for_files(exchange)
        super().__init__(instance, *asks, lambda: exchange.clock_offset, exchange.conceal, known)
        self._exchange = exchange
        self._draw = draw

    async def write(self, write: Write) -> Written:
        """Ask for a change that is done at once (Finishing 1); what it did is known by a read alone (promise 16)."""
        spelt = spelled(write)
        url = self._url(spelt.room, *spelt.path)
        request = unsigned(spelt.method, url, spelt.content_type, spelt.bytes, WRITE_TIMEOUT)
        label = self._label(spelt.method, "/".join(spelt.path))
        question = Question(Request.CHANGE, request, label, "as documented", parsed=parsed)
        return await self._exchange.ask(question, lambda received: written(write, received.value))

    async def export(self, apps: Sequence[str], tasks: Sequence[str]) -> str:
        """Ask for an export of these ids, 1 to 100 in all; its job id (API 1.2)."""
        return await self._post(Request.EXPORT, "export", [], _JSON_POST, _selection(apps, tasks))

    async def delete(self, apps: Sequence[str], tasks: Sequence[str]) -> str:
        """Ask for the deletion of these ids, 1 to 100 in all; its job id (API 1.6)."""
        return await self._post(Request.DELETE, "delete", [], _JSON_POST, _selection(apps, tasks))

    async def import_package(self, path: str, mode: Mode, prefix: str, datasource_overwrite: bool) -> str:
        """Ask for an import of the package at `path`; its job id (API 1.3). PackageDamaged: it cannot be read."""
        query = [("type", str(mode))]
        if prefix:
            query.append(("prefix", prefix))
        if mode is Mode.MERGE:  # with AddNew its effect is not documented (API 7, 16)
            query.append(("datasource_overwrite", "true" if datasource_overwrite else "false"))
        boundary = f"roma-migrate-{int(self._draw() * 2**52):013x}{int(self._draw() * 2**52):013x}"
        content_type, body = package_form(path, boundary)
        return await self._post(Request.IMPORT, "import", query, content_type, body)

    def download(self, archive_id: str) -> AbstractAsyncContextManager[Download]:
        """Fetch a package, which can be done once (API 1.5): one GET on a connection of its own."""
        return self._download(archive_id)

    @asynccontextmanager
    async def _download(self, archive_id: str) -> AsyncIterator[Download]:
        url = self._url("instances", "assets", "archives", archive_id)
        request = replace(unsigned("GET", url, _JSON, None, WRITE_TIMEOUT), single_use=True)
        label = self._label("GET", f"assets/archives/{archive_id}")
        async with self._exchange.open(
            Question(Request.DOWNLOAD, request, label, "a package", of=archive_id)
        ) as answer:
            yield Download(answer, label)

    async def _post(self, kind: Request, verb: str, query: Query, content_type: str, body: bytes | FileBody) -> str:
        timeout = WRITE_TIMEOUT + (body.length / SLOWEST if isinstance(body, FileBody) else 0.0)
        request = unsigned("POST", self._url("instances", "assets", verb, query=query), content_type, body, timeout)
        question = Question(kind, request, self._label("POST", f"assets/{verb}"), "a job id", leads_to=str)
        return await self._exchange.ask(question, lambda received: shapes.job_id(received.value))


def _as_page(page: object) -> tuple[list[Any], int]:
    """What `KnownPages` has made of it."""
    return cast("tuple[list[Any], int]", page)


def _archive_of(answer: object) -> str:
    """A job that has ended names its archive, which is fetched as the job was asked for (Finishing 7.3)."""
    return answer.archive_id if isinstance(answer, Job) else ""


def address(endpoint: str, *segments: str, query: Sequence[tuple[str, str]] = ()) -> str:
    """An absolute address, encoded as it is signed and sent (API 1.12, 9)."""
    path = "/".join(map(encode, segments))
    return f"{endpoint}/{path}" + (f"?{encode_query(list(query))}" if query else "")


def _selection(apps: Sequence[str], tasks: Sequence[str]) -> bytes:
    """The body of export and delete: always both arrays, never both empty (API 7, 2 and 3)."""
    if not 1 <= len(apps) + len(tasks) <= MOST_ASSETS:
        raise ValueError(f"a job takes 1 to {MOST_ASSETS} assets, not {len(apps) + len(tasks)}")
    return json.dumps({"apps": [{"id": x} for x in apps], "tasks": [{"id": x} for x in tasks]}).encode()
