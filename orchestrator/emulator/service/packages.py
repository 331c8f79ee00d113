"""What a package of a local ROMA Connect carries.

Law: the layout is this emulator's own; clients treat it as opaque (API 6).

The zip holds `roma-emulator-manifest.json` and, where asked, `padding.bin`.
"""

import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any, TypeVar

from orchestrator.emulator.protocol.errors import roma
from orchestrator.emulator.protocol.messages import Body, Filler, Upload
from orchestrator.emulator.service.zip_writer import read_entry, write_zip
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import Carried
from orchestrator.emulator.world.world import Api, App, Belonging, BelongingKind, DataSource, Group, Task

MANIFEST = "roma-emulator-manifest.json"
#: bytes of a package that is kept with its manifest
_SMALL = 1 << 18
_FORMAT = "roma-connect-emulator-package"

#: which fields of a manifest hold frozen values
_KINDS: Mapping[str, type] = {
    "apps": App, "tasks": Task, "datasources": DataSource, "apis": Api, "groups": Group, "belongings": Belonging,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of one package, as of the moment its export began."""

    #: the archive id it was downloaded under
    package_id: str
    source_instance: str
    #: features of the source, for the comparison at import (API 2.3)
    features: Mapping[str, bool]
    #: without secrets
    apps: tuple[App, ...]
    tasks: tuple[Task, ...]
    #: without content
    datasources: tuple[DataSource, ...]
    #: released ones of `apps`, without their publications (API 2.4)
    apis: tuple[Api, ...]
    groups: tuple[Group, ...]
    belongings: tuple[Belonging, ...]
    #: id -> name of every application that is referred to
    app_names: Mapping[str, str]

    @property
    def size(self) -> int:
        """Applications and tasks."""
        return len(self.apps) + len(self.tasks)

    @property
    def asset_ids(self) -> tuple[str, ...]:
        """Source ids of all its assets."""
        return (*(app.id for app in self.apps), *(task.id for task in self.tasks))


_FIELDS = {kind: tuple(one.name for one in fields(kind)) for kind in (Manifest, *_KINDS.values())}


def collect(manifest: Manifest, datasources: Iterable[DataSource], carried: Carried) -> tuple[DataSource, ...]:
    """The data sources that travel with the manifest's assets, their content blanked (API 2.4)."""
    apps = {app.id for app in manifest.apps}
    used = {x for task in manifest.tasks for x in (task.source_datasource_id, task.target_datasource_id) if x}
    found = []
    for one in datasources:
        with_app = carried is not Carried.TASK and one.app_id in apps
        with_task = carried is not Carried.APP and one.id in used
        if with_app or with_task:
            found.append(
                replace(one, content=tuple((key, "") for key, _ in one.content), origin=manifest.source_instance)
            )
    return tuple(found)


def write_package(manifest: Manifest, switches: Switches) -> Body:
    """The package as the switches say; the same bytes each time."""
    told = {**_plain(manifest), **{key: [_plain(one) for one in getattr(manifest, key)] for key in _KINDS}}
    text = json.dumps({"format": _FORMAT, "version": 1, **told}, sort_keys=True, ensure_ascii=False)
    entries: list[tuple[str, bytes | Filler]] = [(MANIFEST, text.encode())]
    if switches.package_padding:
        entries.append(("padding.bin", Filler(switches.package_padding)))
    return write_zip(tuple(entries), switches.package_kind)


def _plain(value: object) -> dict[str, object]:
    """The fields of a frozen value as they are, since JSON writes tuples as lists."""
    return {name: getattr(value, name) for name in _FIELDS[type(value)]}


def read_package(data: Upload) -> Manifest:
    """The manifest of an uploaded package; ROMA.10011 for anything that is not one (API 3.1)."""
    # One package goes into several targets, and is asked for again: a small one is read once.
    return _read_small(data) if isinstance(data, bytes) and len(data) <= _SMALL else _read_any(data)


@lru_cache(maxsize=64)
def _read_small(data: bytes) -> Manifest:
    return _read_any(data)


def _read_any(data: Upload) -> Manifest:
    try:
        value = json.loads(read_entry(data, MANIFEST))
        return _manifest(value)
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, EOFError, NotImplementedError, OSError) as error:
        raise roma("ROMA.10011", "Failed to decompress the file.") from error


def _manifest(value: Mapping[str, object]) -> Manifest:
    if value["format"] != _FORMAT:
        raise ValueError("not a package of this emulator")
    features, names = value["features"], value["app_names"]
    if not isinstance(features, dict) or not isinstance(names, dict):
        raise ValueError("not a package of this emulator")
    return Manifest(
        str(value["package_id"]),
        str(value["source_instance"]),
        features,
        _read(App, value["apps"]),
        _read(Task, value["tasks"]),
        _read(DataSource, value["datasources"]),
        _read(Api, value["apis"]),
        _read(Group, value["groups"]),
        tuple(replace(each, kind=BelongingKind(each.kind)) for each in _read(Belonging, value["belongings"])),
        names,
    )


_T = TypeVar("_T", App, Task, DataSource, Api, Group, Belonging)


def _read(kind: type[_T], values: object) -> tuple[_T, ...]:
    if not isinstance(values, list):
        raise ValueError("not a list")
    return tuple(_one(kind, one) for one in values)


def _one(kind: type[_T], given: Mapping[str, Any]) -> _T:
    return kind(**{key: _frozen(one) if isinstance(one, list) else one for key, one in given.items()})


def _frozen(value: Any) -> Any:
    """JSON lists as tuples, since frozen values hold tuples."""
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value
