"""ROMA's JSON read as the core's values. Law: what is needed must be there (ValueError), all else is optional.

Both dialects of a job (API 1.4) end here. A data source's `content`, which carries secrets, is never looked at here
(`withheld_shapes`).
"""

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from itertools import zip_longest
from typing import TypeVar

from orchestrator.core.model.gateway import RELEASE
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
    JobStatus,
    ProjectConfig,
    Reason,
    Task,
)
from orchestrator.roma.limits import (
    CODE_LENGTH,
    DETAIL_LENGTH,
    MESSAGE_LENGTH,
    MOST_REASONS,
    NAME_LENGTH,
    TEXT_LENGTH,
    is_id,
)
from orchestrator.roma.wire import clean

T = TypeVar("T")

#: the words of every edition, in lower case (API 1.4)
_STATUS = {
    **dict.fromkeys(("success", "succeeded", "finished"), JobStatus.SUCCEEDED),
    **dict.fromkeys(("failed", "fail"), JobStatus.FAILED),
}


def mapping(value: object) -> Mapping[str, object]:
    """The JSON object; raises ValueError for anything else."""
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def text(value: object) -> str:
    """A JSON string or number as text that can always be encoded; "" for anything else."""
    if isinstance(value, str):
        # Only a half of a surrogate pair cannot be encoded, and no ASCII text holds one.
        value = value[:TEXT_LENGTH]
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    return str(value)[:TEXT_LENGTH] if isinstance(value, int | float) and not isinstance(value, bool) else ""


def needed(value: Mapping[str, object], key: str) -> str:
    """A text that must be there; raises ValueError where it is absent, empty or longer than any that is documented."""
    found = text(value.get(key))
    if not found:
        raise ValueError(f"{key} is missing")
    if len(found) >= TEXT_LENGTH:
        raise ValueError(f"{key} is longer than {TEXT_LENGTH} characters")
    return found


def identifier(value: Mapping[str, object], key: str) -> str:
    """An id that must be there; raises ValueError where it is none (`limits.is_id`)."""
    found = needed(value, key)
    if not is_id(found):
        raise ValueError(f"{key} is no id")
    return found


def job_id(value: object) -> str:
    """Of the answer to export, import and delete (API 1.1)."""
    return identifier(mapping(value), "job_id")


def job(value: object, asked: str, conceal: Callable[[str], str] = str) -> Job:
    """One look at a job, in either dialect (API 1.4; API 7, 4 to 7); `asked` is the id where it does not tell.

    `conceal` takes out secrets: a service may give what was sent to it as the reason of a failure.
    """
    found = mapping(value)
    word = clean(conceal(needed(found, "status")), CODE_LENGTH)
    return Job(
        id=asked,
        status=_STATUS.get(word.strip().lower(), JobStatus.RUNNING),
        progress=_progress(found.get("progress_percent")),
        archive_id=_archive_id(found) or _archive_id(_inner(found, "entities")),
        reasons=_reasons(found.get("reasons"), conceal) or _reasons(found.get("reason"), conceal),
        begin_time=text(found.get("begin_time")),
        end_time=text(found.get("end_time")),
        word=word,
    )


def app(value: object) -> App:
    """One application, from the list or alone (API 1.8)."""
    found = mapping(value)
    return App(
        id=identifier(found, "id"),
        name=needed(found, "name"),
        key=text(found.get("key")),
        update_time=text(found.get("update_time")),
        owner=text(_inner(found, "created_user").get("user_name")),
        roles=_texts(found.get("roles")),
        create_time=text(found.get("create_time")),
    )


def task(value: object) -> Task:
    """One task, from the list or as `task` of its details (API 1.8)."""
    found = mapping(value)
    sources = (text(found.get("source_datasource_id")), text(found.get("target_datasource_id")))
    return Task(
        id=identifier(found, "task_id"),
        name=needed(found, "task_name"),
        source_app_id=text(found.get("source_app_id")),
        target_app_id=text(found.get("target_app_id")),
        running=text(found.get("status")).lower() in ("1", "running"),
        execute_status=text(found.get("execute_status")),
        update_time=moment(found.get("last_modified_time") or found.get("last_modified_date")),
        owner=text(_inner(found, "created_user").get("user_name")) or text(found.get("created_user")),
        datasource_ids=tuple(dict.fromkeys(filter(None, sources))),
        create_time=moment(found.get("created_date")),
    )


def task_details(value: object) -> Task:
    """The answer about one task: `{task: {...}, task_detail: "..."}` (API 1.8)."""
    return task(mapping(value).get("task"))


def datasource(value: object) -> DataSource:
    """One data source, without its `content` (API 1.8)."""
    found = mapping(value)
    return DataSource(
        id=identifier(found, "datasource_id"),
        name=needed(found, "datasource_name"),
        type=text(found.get("datasource_type")),
        app_id=text(found.get("app_id")),
        update_time=moment(found.get("update_time")),
    )


def api(value: object) -> Api:
    """One API; `run_env_id` joins several environments with `|` (API 1.8)."""
    found = mapping(value)
    return Api(
        id=identifier(found, "id"),
        name=text(found.get("name")),
        app_id=text(found.get("roma_app_id")),
        method=text(found.get("req_method")),
        path=text(found.get("req_uri")),
        backend_type=text(found.get("backend_type")),
        released=RELEASE in text(found.get("run_env_id")).split("|"),
        group_id=text(found.get("group_id")),
        group=text(found.get("group_name")),
        published=_published(found),
        remark=text(found.get("remark")),
        auth_type=text(found.get("auth_type")),
    )


def _published(found: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """(environment, publication): both texts join several with `|` (API 1.8)."""
    both = zip_longest(*(text(found.get(key)).split("|") for key in ("run_env_id", "publish_id")), fillvalue="")
    return tuple((environment, publication) for environment, publication in both if environment)


def api_group(value: object) -> ApiGroup:
    """One group of APIs (API 1.8)."""
    found = mapping(value)
    return ApiGroup(identifier(found, "id"), text(found.get("name")), text(found.get("roma_app_id")))


def feature(value: object) -> tuple[str, bool]:
    """The name of a feature and whether it is on (API 1.10)."""
    found = mapping(value)
    enabled = found.get("enable")
    return needed(found, "name"), enabled is True or text(enabled).lower() in ("true", "on", "1")


def project_config(value: object) -> ProjectConfig:
    """One quota or switch (API 1.10)."""
    found = mapping(value)
    used = found.get("used")
    return ProjectConfig(
        needed(found, "config_name"), text(found.get("config_value")), used if isinstance(used, int) else -1
    )


def dictionary_entry(value: object) -> DictionaryEntry:
    """One entry of the data dictionary; its order is in no schema of a read (API 1.10, Finishing 2.1)."""
    found = mapping(value)
    words = ("name", "parent_code", "id", "remark", "extend_one", "extend_two")
    told = {word: text(found.get(word)) for word in words}
    return DictionaryEntry(needed(found, "code"), system=text(found.get("type")).lower() == "system", **told)


def topic(value: object) -> Belonging:
    """One topic; its `app_id` is the application's key where it was made by one (Finishing 2.11)."""
    found = mapping(value)
    name, app, app_name = needed(found, "name"), text(found.get("app_id")), text(found.get("app_name"))
    return Belonging(f"{name} of {app}", name, app, app_name)  # its name is unique unless it is masked


def product(value: object) -> Belonging:
    """One product; its `authentication`, which may hold a password, is never looked at (Finishing 2.12)."""
    found = mapping(value)
    return Belonging(needed(found, "id"), needed(found, "name"), text(found.get("app_id")), text(found.get("app_name")))


def backend(value: object) -> Belonging:
    """One custom back end (API 1.8)."""
    found = mapping(value)
    app, name = text(found.get("roma_app_id")), text(found.get("roma_app_name"))
    return Belonging(needed(found, "id"), needed(found, "name"), app, name)


def authorisation(value: object) -> Belonging:
    """One API that an application may call in one environment, named alike at every instance (Finishing 2.8)."""
    found = mapping(value)
    where = text(found.get("env_name")) or text(found.get("env_id"))
    key = f"{needed(found, 'api_id')}@{text(found.get('env_id'))}"
    return Belonging(key, f"{needed(found, 'api_name')} in {where}", text(found.get("app_id")))


def schedule(value: object) -> str:
    """When a task runs: a Quartz expression, or every so many of a period (Finishing 2.5)."""
    found = mapping(value)
    if cron := text(found.get("cron")):
        return cron
    return f"every {needed(found, 'dispatch_interval')} {needed(found, 'period')}"


def position(value: object) -> tuple[str, ...] | Unread:
    """Of the answer about one task: where its increments stand; `task_detail` is JSON in a text (Finishing 2.5)."""
    detail = mapping(value).get("task_detail")
    if not isinstance(detail, str) or len(detail) > DETAIL_LENGTH:
        return Unread("the details of tasks do not tell it")
    try:
        found = mapping(json.loads(detail or "{}")).get("sourceSelectedDatasource")
    except (ValueError, RecursionError):
        return Unread("the details of tasks are not JSON")
    source = found if isinstance(found, dict) else {}
    told = ((key, text(source.get(key))) for key in ("dataTimestamp", "reset_incr_begin_time"))
    return tuple(f"{key}={word}" for key, word in told if word)


def instance_details(value: object, instance_id: str) -> InstanceDetails:
    """What an instance says about itself (API 1.10)."""
    found = mapping(value)
    return InstanceDetails(
        id=text(found.get("id")) or text(found.get("instance_id")) or instance_id,
        name=text(found.get("instance_name")) or text(found.get("name")),
        status=text(found.get("status")),
        spec=text(found.get("spec")),
        version=text(found.get("instance_version")),
        supported_features=_texts(found.get("supported_features")),
        maintain_begin=text(found.get("maintain_begin")),
        maintain_end=text(found.get("maintain_end")),
    )


def instance_summary(value: object) -> InstanceSummary:
    """One instance in the list of a project (API 1.10)."""
    found = mapping(value)
    return InstanceSummary(
        identifier(found, "id"), text(found.get("name")), text(found.get("status")), text(found.get("flavor_type"))
    )


def project_ids(value: object) -> tuple[str, ...]:
    """Of IAM's list of projects (API 1.11)."""
    projects = mapping(value).get("projects")
    if not isinstance(projects, list):
        raise ValueError("projects is missing")
    return tuple(identifier(mapping(project), "id") for project in projects)


def moment(value: object) -> str:
    """Milliseconds since 1970 as ISO UTC text; a text stays as it is; "" for anything else."""
    if isinstance(value, str):
        return text(value)
    return _iso(value) if isinstance(value, int) and not isinstance(value, bool) else ""


@lru_cache(maxsize=4096)
def _iso(milliseconds: int) -> str:
    """Each look at a list reads the same moments again."""
    try:
        when = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parsed_time(value: object) -> datetime | None:
    """A time as IAM writes it, such as 2020-01-04T09:08:49.965000Z (API 1.11)."""
    try:
        when = datetime.fromisoformat(text(value))
    except ValueError:
        return None
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)


def each(read: Callable[[object], T], values: list[object]) -> list[T]:
    """Every element read; raises ValueError where one is not as documented."""
    return [read(value) for value in values]


def _archive_id(value: Mapping[str, object]) -> str:
    """ "" where it is absent; raises ValueError where it is no id."""
    return identifier(value, "archive_id") if text(value.get("archive_id")) else ""


def _progress(value: object) -> float | None:
    """A fraction; what is above 1 means percent (API 7, 6)."""
    try:
        number = float(text(value))
    except ValueError:
        return None
    if not math.isfinite(number) or number < 0:
        return None
    return min(number / 100 if number > 1 else number, 1.0)


def _reasons(value: object, conceal: Callable[[str], str]) -> tuple[Reason, ...]:
    """A list, a single object or nothing."""
    found = value if isinstance(value, list) else [value]
    return tuple(_reason(x, conceal) for x in found[:MOST_REASONS] if isinstance(x, dict) and x)


def _reason(value: Mapping[str, object], conceal: Callable[[str], str]) -> Reason:
    def kept(key: str) -> str:
        said = value.get(key)
        return conceal(said if isinstance(said, str) else text(said))

    return Reason(
        clean(kept("resource_type"), CODE_LENGTH),
        text(kept("resource_name"))[:NAME_LENGTH],  # as it is: it is compared with names
        clean(kept("error_code"), CODE_LENGTH),
        clean(kept("error_msg"), MESSAGE_LENGTH),
    )


def _inner(value: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _texts(value: object) -> tuple[str, ...]:
    return tuple(filter(None, map(text, value))) if isinstance(value, list) else ()
