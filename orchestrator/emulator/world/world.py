"""What a local ROMA Connect holds at its start. Law: a World is a frozen value; running it never changes it.

Tests build worlds with `generate(...)`; `default_world()` is what the command `roma-migrate emulator` serves;
`orchestrator.emulator.world.worldfile` reads one from YAML.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol, TypeVar

from orchestrator.emulator.world.faults import Rule
from orchestrator.emulator.world.gateway import (
    GENESIS,
    RELEASE,
    Binding,
    Definition,
    Environment,
    Policy,
    Publication,
    Version,
)
from orchestrator.emulator.world.options import Durations, Switches
from orchestrator.emulator.world.readings import TaskIds


@dataclass(frozen=True, slots=True)
class User:
    """One IAM user; an access key and a password name the same user, and so the same slot (API 2.1)."""

    name: str
    domain: str
    ak: str
    sk: str = field(repr=False)
    password: str = field(repr=False)
    #: sees everything also where `visibility` is `owner` (API 1.8)
    admin: bool = False
    #: where set, signed requests must carry it as X-Security-Token
    security_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Agency:
    """An IAM agency: whoever takes it on acts as its user (Finishing 7)."""

    name: str
    user: User
    #: names of users that may take it on
    trusts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class App:
    """One application of an instance (API 1.8)."""

    id: str
    name: str
    key: str
    secret: str = field(repr=False)
    #: name of the user that owns it
    owner: str
    #: name and roles of each user it is shared with; what belongs to it is shared too (Finishing 2.3)
    members: tuple[tuple[str, tuple[str, ...]], ...] = ()
    #: ids of applications whose APIs its scheduled API tasks call (API 2.3)
    calls: tuple[str, ...] = ()
    #: epoch seconds
    create_time: float = GENESIS
    #: epoch seconds
    update_time: float = GENESIS
    #: id it had at the instance it was imported from, "" for a native one
    source_id: str = ""
    #: a content mark: changes with each change of the application
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """One FDI task of an instance (API 1.8)."""

    id: str
    name: str
    source_app_id: str
    target_app_id: str
    source_datasource_id: str
    target_datasource_id: str
    #: name of the user that owns it
    owner: str
    running: bool = False
    #: it was stopped, and the run in progress ends then, epoch seconds; 0 = none is in progress
    draining_until: float = 0.0
    #: REALTIME or TIMING
    task_type: str = "TIMING"
    #: when it runs, as Quartz writes it, "" where it has no schedule (Finishing 2.5)
    cron: str = ""
    #: up to where it has read its source, epoch milliseconds, "" where it never ran (Finishing 2.5)
    position: str = ""
    #: epoch seconds
    create_time: float = GENESIS
    #: epoch seconds
    update_time: float = GENESIS
    #: id it had at the instance it was imported from, "" for a native one
    source_id: str = ""
    #: a content mark: changes with each change of the task
    revision: int = 0


@dataclass(frozen=True, slots=True)
class DataSource:
    """One data source; its id travels with it (API 2.3)."""

    id: str
    name: str
    type: str
    app_id: str
    #: host, port, user_name, password: blank after an import (API 2.4)
    content: tuple[tuple[str, object], ...] = field(default=(), repr=False)
    description: str = ""
    #: epoch seconds
    update_time: float = GENESIS
    #: name of the instance an import brought it from, "" for a native one
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Api:
    """One API of service integration (API 1.8)."""

    id: str
    name: str
    app_id: str
    group_id: str
    method: str
    path: str
    #: HTTP, FUNCTION or MOCK
    backend_type: str = "HTTP"
    #: where its back end listens, HOST:PORT
    address: str = ""
    remark: str = ""
    #: one for each environment in which it is or was published
    publications: tuple[Publication, ...] = ()

    @property
    def definition(self) -> Definition:
        """What its next publication would publish."""
        return Definition(self.method, self.path, self.backend_type, self.address, self.remark)

    @property
    def released(self) -> bool:
        """Published in RELEASE: only these travel (API 2.4)."""
        return self.published(RELEASE) is not None

    def published(self, env_id: str) -> Publication | None:
        """Its publication in an environment; None where it is offline or was never there."""
        return next((one for one in self.publications if one.env_id == env_id and one.online), None)


class BelongingKind(StrEnum):
    """What belongs to an application and is neither an asset nor an API."""

    #: of the message service (Finishing 2.11)
    TOPIC = "topic"
    #: of devices (Finishing 2.12)
    PRODUCT = "product"
    #: a custom back end (Finishing 2.6)
    BACKEND = "backend"


@dataclass(frozen=True, slots=True)
class Belonging:
    """Something that belongs to one application; its name is unique among its kind in the instance."""

    id: str
    kind: BelongingKind
    name: str
    app_id: str
    #: of a topic: what its own application may do with it, all, pub or sub
    access: str = "all"
    #: of a topic: (application, what it may do with it), of others
    others: tuple[tuple[str, str], ...] = ()
    #: of a topic
    partition: int = 3
    #: of a topic, hours
    retention: int = 72
    description: str = ""
    #: how many messages are in a topic: they never travel
    messages: int = 0
    #: how many devices are of a product: they never travel
    devices: int = 0


@dataclass(frozen=True, slots=True)
class AppCode:
    """One AppCode of an application: a secret that its callers send (Finishing 2.9)."""

    id: str
    app_id: str
    code: str = field(repr=False)
    #: epoch seconds
    create_time: float = GENESIS

    @property
    def name(self) -> str:
        """It has none of its own."""
        return self.id


@dataclass(frozen=True, slots=True)
class Group:
    """One API group; a group with an application is of version V2 (API 1.8)."""

    id: str
    name: str
    app_id: str = ""


@dataclass(frozen=True, slots=True)
class DictionaryEntry:
    """One entry of the data dictionary; code and name are unique in the instance (Finishing 2.1)."""

    id: str
    code: str
    name: str
    #: "" for an entry of the top level
    parent_code: str = ""
    remark: str = ""
    order: int = 1
    extend_one: str = ""
    extend_two: str = ""
    #: it may be changed, and never deleted
    system: bool = False
    #: epoch seconds
    create_time: float = GENESIS
    #: epoch seconds
    update_time: float = GENESIS


@dataclass(frozen=True, slots=True)
class Quotas:
    """How much an instance may hold (API 2.2); no document tells how many entries its data dictionary may have."""

    apps: int = 100
    tasks: int = 1000
    datasources: int = 500
    dictionaries: int = 10_000


#: features of an instance that is not told otherwise (API 1.10)
FEATURES: Mapping[str, bool] = {"app_route": False, "api_task": True, "livedata_config": True, "multi_auth": False}


@dataclass(frozen=True, slots=True)
class Instance:
    """One ROMA Connect instance and what it holds at the start."""

    name: str
    id: str
    project_id: str
    region: str = "local-1"
    version: str = "2.6.0"
    spec: str = "ROMA_PROFESSIONAL"
    status: str = "Running"
    #: feature name -> enabled
    features: Mapping[str, bool] = field(default_factory=lambda: dict(FEATURES))
    #: project configuration name -> value; APIC's own quotas (API 1.10)
    configs: Mapping[str, str] = field(
        default_factory=lambda: {"API_NUM_LIMIT": "5000", "APP_NUM_LIMIT": "100", "APP_ROUTE_SWITCH": "off"}
    )
    #: code of a data dictionary, or codes from the top down such as COUNTRY/DE -> name
    dictionaries: Mapping[str, str] = field(default_factory=lambda: {"COUNTRY": "Country", "CURRENCY": "Currency"})
    quotas: Quotas = field(default_factory=Quotas)
    #: it has device integration, without which there is no data dictionary (Finishing 2.1)
    link: bool = True
    apps: tuple[App, ...] = ()
    tasks: tuple[Task, ...] = ()
    datasources: tuple[DataSource, ...] = ()
    apis: tuple[Api, ...] = ()
    groups: tuple[Group, ...] = ()
    belongings: tuple[Belonging, ...] = ()
    #: beside RELEASE, which every instance has
    environments: tuple[Environment, ...] = ()
    policies: tuple[Policy, ...] = ()
    bindings: tuple[Binding, ...] = ()

    def app(self, name: str) -> App:
        """The application of that name; KeyError where there is none."""
        return _named(self.apps, name)

    def task(self, name: str) -> Task:
        """The task of that name; KeyError where there is none."""
        return _named(self.tasks, name)


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_N = TypeVar("_N", bound=_Named)


def _named(values: Iterable[_N], name: str) -> _N:
    for value in values:
        if value.name == name:
            return value
    raise KeyError(name)


@dataclass(frozen=True, slots=True)
class World:
    """Instances, users, and how the service behaves."""

    instances: tuple[Instance, ...]
    users: tuple[User, ...]
    switches: Switches = field(default_factory=Switches)
    durations: Durations = field(default_factory=Durations)
    #: seconds that an IAM token lives (API 1.11: 24 h)
    token_lifetime: float = 86400.0
    #: wrong passwords before a user is locked (API 1.11)
    password_attempts: int = 5
    #: characters of a token; real ones are long (API 1.11)
    token_length: int = 1500
    agencies: tuple[Agency, ...] = ()
    #: name of the agency of the server that asks the metadata service, "" where it has none
    server_agency: str = ""
    #: whether the metadata service has its token mode
    metadata_tokens: bool = True
    #: "IDP/ID-TOKEN" -> name of the user it stands for
    id_tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: seconds that a temporary key lives at most (Finishing 7.1: one hour)
    session_lifetime: float = 3600.0
    faults: tuple[Rule, ...] = ()

    def instance(self, name: str) -> Instance:
        """The instance of that name; KeyError where there is none."""
        return _named(self.instances, name)

    def user(self, name: str) -> User:
        """The user of that name; KeyError where there is none."""
        return _named(self.users, name)


def publish(api: Api, env_id: str = RELEASE) -> Api:
    """The API with its first publication in an environment, as from the start."""
    publish_id, version_id = hex_id("publish", api.id, env_id), hex_id("version", api.id, env_id)
    first = Publication(env_id, publish_id, (Version(version_id, api.definition),), in_force=version_id)
    return replace(api, publications=(*api.publications, first))


def make_id(*parts: object) -> str:
    """36 characters that look like a UUID and depend on nothing but `parts`."""
    text = hex_id(*parts)
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def hex_id(*parts: object) -> str:
    """32 hex characters that depend on nothing but `parts`."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:32]


def task_id(switches: Switches, *parts: object) -> str:
    """A task id in the form the switch asks for (API 1.2)."""
    return make_id(*parts) if switches.task_ids is TaskIds.DASHED else hex_id(*parts)
