"""The connections of data sources (Finishing 2.4). Law: only `told` writes a content, as the switch says.

A connection works where it names an address and no secret in it is blank or a mask: so a mask that is sent back as a
password shows at once, and an imported data source, whose content is blank, does not work before somebody enters it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from orchestrator.emulator.protocol.errors import Layer, Refusal
from orchestrator.emulator.protocol.messages import Json
from orchestrator.emulator.service.changing import Change, Done
from orchestrator.emulator.service.instance_store import Holding, sees_app, sees_datasource
from orchestrator.emulator.world.finishing_readings import ConnectFailure, ConnectTested, DatasourcePut, SecretRead
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.world import DataSource

_NAME = re.compile(r"[^&<>\"'()]{1,255}")
_TYPE = re.compile(r"[A-Za-z0-9_]{1,64}")
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_DESCRIPTION = re.compile(r"(?s).{4,1024}")
_SECRET = re.compile(r"(?:.*_)?(?:password|secret|access_token|authorization|config_file_content|sk)", re.IGNORECASE)
#: fields of which one says where the source is (Finishing 2.4)
_ADDRESSES = ("host", "url", "address", "broker", "multi_oracle_address", "hdfs_path", "connector_params")
_MASK = "******"
_MOST_FIELDS = 200


def read(holding: Holding, seen: Iterable[DataSource], source_id: str, switches: Switches) -> Json:
    """One data source of those that the reader sees."""
    for each in seen:
        if each.id == source_id:
            return told(each, holding, switches.datasource_secret_read)
    raise _gone()


def told(one: DataSource, holding: Holding, secrets: SecretRead) -> Json:
    """One data source as lists, details and changes tell it."""
    app = holding.apps.get(one.app_id)
    return {
        "datasource_id": one.id,
        "datasource_name": one.name,
        "datasource_type": one.type,
        "app_id": one.app_id,
        "app_name": app.name if app else "",
        "instance_id": holding.instance.id,
        "create_time": round(one.update_time * 1000),
        "update_time": round(one.update_time * 1000),
        "content": _shown(dict(one.content), secrets),
        "description": one.description,
        "app_permission": ["read", "modify", "delete"],
    }


def change(asked: Change) -> Done:
    """Another name, application or content; what is left out is refused or stays, as the switch says."""
    before = _found(asked)
    after = replace(_given(asked, before), update_time=asked.now)
    asked.holding.datasources.put(after, asked.shown_from)
    return Done(200, told(after, asked.holding, asked.switches.datasource_secret_read))


def create(asked: Change) -> Done:
    """A new data source, whose name is free; no document tells the code where it is not."""
    partial = asked.switches.datasource_put is DatasourcePut.PARTIAL
    made = DataSource(asked.holding.new_id("datasource"), "", "", "")
    after = replace(_given(asked, made), update_time=asked.now)
    if partial and not (after.name and after.app_id):
        raise asked.wrong("datasource_name or app_id is missing.")
    if asked.holding.datasources.named(after.name):
        raise asked.wrong("The name of the data source exists.")
    if len(asked.holding.datasources) >= asked.holding.instance.quotas.datasources:
        raise asked.wrong("The quota of data sources is used up.")
    asked.holding.datasources.put(after, asked.shown_from)
    return asked.made(told(after, asked.holding, asked.switches.datasource_secret_read), after.id)


def delete(asked: Change) -> Done:
    """The data source is gone; refused while a task uses it."""
    one = _found(asked)
    tasks = asked.holding.tasks.all()
    if any(one.id in {task.source_datasource_id, task.target_datasource_id} for task in tasks):
        raise asked.wrong("A task uses the data source.")
    asked.holding.datasources.remove(one.id, asked.shown_from)
    return Done(200)


def meddle(asked: Change) -> bool:
    """Somebody else gives the data source another description."""
    one = asked.holding.datasources.get(asked.id)
    if one is not None:
        asked.holding.datasources.put(replace(one, description="changed by somebody else", update_time=asked.now))
    return one is not None


def try_out(asked: Change) -> Done:
    """Whether the connection of the body, or the stored one, works; nothing is stored."""
    stored = _found(asked)
    given = _given(asked, stored)
    tried = given if asked.switches.test_connect_uses is ConnectTested.BODY else stored
    if _works(dict(tried.content)):
        return Done(200, {"result": True})
    if asked.switches.test_connect_failure is ConnectFailure.FALSE:
        return Done(200, {"result": False})
    raise Refusal(Layer.FDI, 400, "FDI.3016", "Failed to test the connectivity of the data source.")


def _given(asked: Change, before: DataSource) -> DataSource:
    """The data source as the body wants it."""
    partial = asked.switches.datasource_put is DatasourcePut.PARTIAL

    def text(key: str, shape: re.Pattern[str], present: str) -> str:
        return present if partial and asked.body.get(key) is None else asked.text(key, shape)

    app_id = text("app_id", _ID, before.app_id)
    app = asked.holding.apps.get(app_id)
    if app is None or not sees_app(app, asked.user, asked.switches.visibility):
        raise asked.wrong("The application of app_id does not exist.")
    described = text("description", _DESCRIPTION, before.description) if asked.body.get("description") else ""
    return replace(
        before,
        name=text("datasource_name", _NAME, before.name),
        type=text("datasource_type", _TYPE, before.type),
        app_id=app_id,
        content=_content(asked, before, partial),
        description=before.description if partial and not described else described,
    )


def _content(asked: Change, before: DataSource, partial: bool) -> tuple[tuple[str, object], ...]:
    value = asked.body.get("content")
    if partial and value is None:
        return before.content
    if not isinstance(value, dict) or len(value) > _MOST_FIELDS:
        raise asked.wrong(f"content is missing, or no object of at most {_MOST_FIELDS} fields.")
    given = {str(key): each for key, each in value.items()}
    return tuple(({**dict(before.content), **given} if partial else given).items())


def _shown(content: Mapping[str, object], secrets: SecretRead) -> Json:
    """A content whose secrets, also those of a nested object, are told as the switch says."""
    shown: Json = {}
    for key, value in content.items():
        if isinstance(value, dict):
            shown[key] = _shown(value, secrets)
        elif secrets is SecretRead.CLEAR or not _SECRET.fullmatch(key):
            shown[key] = value
        elif secrets is not SecretRead.ABSENT:
            shown[key] = _MASK if secrets is SecretRead.MASKED and value else ""
    return shown


def _works(content: Mapping[str, object]) -> bool:
    return any(content.get(key) for key in _ADDRESSES) and _has_secrets(content)


def _has_secrets(content: Mapping[str, object]) -> bool:
    """No secret is blank or a mask."""
    for key, value in content.items():
        if isinstance(value, dict) and not _has_secrets(value):
            return False
        if _SECRET.fullmatch(key) and (not value or set(str(value)) == {"*"}):
            return False
    return True


def _found(asked: Change) -> DataSource:
    one = asked.holding.datasources.get(asked.id)
    if one is None or not sees_datasource(one, asked.user, asked.holding, asked.switches.visibility):
        raise _gone()
    return one


def _gone() -> Refusal:
    """No document names the code for an unknown data source: this one is that of wrong parameters."""
    return Refusal(Layer.FDI, 404, "FDI.3002", "The data source does not exist.")
