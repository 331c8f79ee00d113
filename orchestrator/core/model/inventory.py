"""What an instance holds, as read once. Law: values only; how they were read is `orchestrator.roma`'s business."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property


class Kind(StrEnum):
    """The two kinds of asset."""

    APP = "app"
    TASK = "task"


@dataclass(frozen=True, slots=True)
class App:
    """One integration application (API 1.8)."""

    id: str
    #: unique in its instance
    name: str
    #: the integration key, unique in its instance; "" where the list did not tell
    key: str = ""
    #: ISO UTC text, as ROMA wrote it; "" where unknown
    update_time: str = ""
    #: `created_user.user_name`; "" where unknown
    owner: str = ""
    #: the caller's roles on it: read, access, delete, modify, admin
    roles: tuple[str, ...] = ()
    #: ISO UTC text, as ROMA wrote it; "" where unknown
    create_time: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """One FDI task (API 1.8)."""

    id: str
    #: unique in its instance
    name: str
    #: id of the application at either end; "" where there is none
    source_app_id: str = ""
    target_app_id: str = ""
    #: list `status` 1, or detail `status` "running" (API 1.8)
    running: bool = False
    #: `execute_status` as ROMA wrote it, "" where unknown
    execute_status: str = ""
    #: `last_modified_time` in ISO UTC text; "" where unknown
    update_time: str = ""
    #: `created_user`-like text where the list tells, else ""
    owner: str = ""
    #: ids of data sources where the list tells them (usually it does not, API 1.8)
    datasource_ids: tuple[str, ...] = ()
    #: `created_date`: a date from the list, ISO UTC text from the details; "" where unknown
    create_time: str = ""

    @property
    def app_ids(self) -> tuple[str, ...]:
        """The applications it touches, without repetition."""
        return tuple(dict.fromkeys(x for x in (self.source_app_id, self.target_app_id) if x))


@dataclass(frozen=True, slots=True)
class DataSource:
    """One data source (API 1.8), without its `content`, which carries secrets."""

    id: str
    name: str
    type: str = ""
    app_id: str = ""
    update_time: str = ""


@dataclass(frozen=True, slots=True)
class Api:
    """One API of service integration (API 1.8)."""

    id: str
    name: str
    app_id: str = ""
    method: str = ""
    path: str = ""
    #: HTTP, FUNCTION or MOCK
    backend_type: str = ""
    #: `run_env_id` holds DEFAULT_ENVIRONMENT_RELEASE_ID: only these travel (API 2.4)
    released: bool = False
    #: id and name of its group
    group_id: str = ""
    group: str = ""
    #: (environment, publication) of each environment in which it is published
    published: tuple[tuple[str, str], ...] = ()
    remark: str = ""
    auth_type: str = ""


@dataclass(frozen=True)  # without slots, so that what many ask of one listing is worked out once
class Inventory:
    """What one instance holds, as the union over its credentials."""

    instance: str
    apps: tuple[App, ...]
    tasks: tuple[Task, ...]
    #: asset id -> names of the credentials that see it
    seen_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def assets(self) -> "tuple[App | Task, ...]":
        """Applications, then tasks."""
        return (*self.apps, *self.tasks)

    @cached_property
    def by_id(self) -> "Mapping[str, App | Task]":
        """Asset id -> the asset."""
        return {asset.id: asset for asset in self.assets}

    @cached_property
    def named(self) -> "Mapping[tuple[str, str], tuple[App | Task, ...]]":
        """(kind, name) -> who bears it."""
        app, task = Kind.APP.value, Kind.TASK.value
        held: dict[tuple[str, str], tuple[App | Task, ...]] = {(app, each.name): (each,) for each in self.apps}
        held |= {(task, each.name): (each,) for each in self.tasks}
        if len(held) == len(self.apps) + len(self.tasks):
            return held
        several: dict[tuple[str, str], list[App | Task]] = {}  # names are unique in an instance, as it says (API 1.8)
        for each in self.assets:
            several.setdefault((app if isinstance(each, App) else task, each.name), []).append(each)
        return {key: tuple(bearers) for key, bearers in several.items()}

    @cached_property
    def app_names(self) -> Mapping[str, str]:
        """Application -> its name."""
        return {app.id: app.name for app in self.apps}


@dataclass(frozen=True, slots=True)
class Belonging:
    """A topic, a product, a custom back end or an authorisation of an application (API 1.8)."""

    #: tells those of one list apart
    id: str
    #: what it is called at every instance
    name: str
    #: the application's id, or its key: topics tell that (Finishing 2.11)
    app: str = ""
    app_name: str = ""


class JobStatus(StrEnum):
    """Both vocabularies read as three (API 1.4); an unknown word is RUNNING until the deadline."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Reason:
    """One failure cause of a job (API 1.4), texts as ROMA wrote them (likely cut at 64 characters)."""

    resource_type: str
    resource_name: str
    error_code: str
    error_msg: str


@dataclass(frozen=True, slots=True)
class Job:
    """One look at a remote job (API 1.4)."""

    id: str
    status: JobStatus
    #: 0..1, or None; may go backwards, is never used to decide completion (API 7, 6)
    progress: float | None = None
    #: of a successful export whose package was not yet downloaded, else ""
    archive_id: str = ""
    reasons: tuple[Reason, ...] = ()
    begin_time: str = ""
    end_time: str = ""
    #: the word ROMA used
    word: str = ""


@dataclass(frozen=True, slots=True)
class InstanceDetails:
    """What an instance says about itself (API 1.10), texts as ROMA wrote them, "" where it did not tell."""

    id: str
    name: str
    #: such as Running
    status: str = ""
    #: ROMA_BASIC, ROMA_PROFESSIONAL, ROMA_ENTERPRISE or ROMA_PLATINUM
    spec: str = ""
    version: str = ""
    supported_features: tuple[str, ...] = ()
    #: the maintenance window, such as 22:00:00 and 02:00:00
    maintain_begin: str = ""
    maintain_end: str = ""


@dataclass(frozen=True, slots=True)
class InstanceSummary:
    """One instance in the list of a project (API 1.10)."""

    id: str
    name: str
    #: as ROMA wrote it
    status: str = ""
    #: basic, professional, enterprise or platinum
    flavor: str = ""


@dataclass(frozen=True, slots=True)
class ApiGroup:
    """One group of APIs (API 1.8)."""

    id: str
    name: str
    app_id: str = ""


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """One quota or switch of service integration (API 1.10)."""

    name: str
    #: text, even where it is a number
    value: str
    #: how much is used, -1 where not told
    used: int = -1


@dataclass(frozen=True, slots=True)
class DictionaryEntry:
    """One entry of the data dictionary (API 1.10, Finishing 2.1)."""

    code: str
    name: str = ""
    #: "" for a dictionary itself
    parent_code: str = ""
    id: str = ""
    remark: str = ""
    extend_one: str = ""
    extend_two: str = ""
    #: the service's own, which is never deleted
    system: bool = False


def moment_of(text: str) -> float | None:
    """Epoch seconds of an ISO text; None where it cannot be read."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
