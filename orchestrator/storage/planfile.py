"""Reads a plan file. Law: whatever the file holds, the outcome is a Plan or every problem, each with its line.

`yamlfile` reads the text; `orchestrator.core.plan.parse` gives it meaning.
"""

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from orchestrator.core.plan.parse import notify_from, plan_from
from orchestrator.core.plan.plan import FilePerTarget, Migration, NotifyBy, Plan
from orchestrator.core.plan.problems import Place
from orchestrator.errors import OperatorError
from orchestrator.storage.yamlfile import LARGEST, YamlFile, content_of, read_yaml_file, text_of, yaml_file
from orchestrator.storage.yamltext import Data

__all__ = ["LARGEST", "Document", "line_of", "parse", "plan_in", "plan_text", "read_notify", "read_plan"]

#: digits of a plan file's digest that are told
DIGITS = 16


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML text as plain data: every scalar is text."""

    data: Data
    #: the line, from 1, on which each value's key (or item) stands
    lines: dict[Place, int]


def parse(text: str, file_name: str) -> Document:
    """Plain data and its lines. Raises PlanInvalid with all that is wrong with the YAML itself."""
    file = yaml_file(text, file_name, "plan")
    file.must_be_sound()
    return Document(file.read.data, file.read.lines)


def read_plan(path: Path) -> Plan:
    """The plan in this file.

    Raises PlanInvalid with every problem as `FILE:LINE: path: what is wrong, what is allowed`, and OperatorError where
    the file cannot be read at all.
    """
    return _understood(read_yaml_file(path, "plan"), path)


def plan_text(path: Path) -> str:
    """A plan file's text, for whoever understands it elsewhere; raises OperatorError, PlanInvalid."""
    return text_of(content_of(path, "plan"), str(path), "plan")


def plan_in(text: str, path: Path) -> Plan:
    """The plan in the text of this file, which need not be here; raises PlanInvalid."""
    return _understood(yaml_file(text, str(path), "plan", text.encode()), path)


def _understood(file: YamlFile, path: Path) -> Plan:
    plan = plan_from(file.read.data, path=file.name)
    if not isinstance(plan, Plan):
        raise file.invalid(plan)
    file.must_be_sound()
    return _beside(replace(plan, digest=sha256(file.content).hexdigest()[:DIGITS]), path.parent)


def read_notify(path: Path) -> tuple[NotifyBy, ...]:
    """Who is to be told that this plan cannot be read: as much as can be understood, and no error."""
    try:
        return notify_from(read_yaml_file(path, "plan").read.data)
    except OperatorError:
        return ()


def line_of(path: Path, place: Place) -> int:
    """The line on which something stands in a plan that could be read."""
    return read_yaml_file(path, "plan").line_of(place)


def _beside(plan: Plan, folder: Path) -> Plan:
    """Files named in a plan lie beside it, wherever the command was started."""
    instances = {
        name: replace(instance, ca_file=str(folder / instance.ca_file)) if instance.ca_file else instance
        for name, instance in plan.instances.items()
    }
    return replace(plan, instances=instances, migrations=tuple(_with_files(each, folder) for each in plan.migrations))


def _with_files(migration: Migration, folder: Path) -> Migration:
    def beside(files: FilePerTarget) -> FilePerTarget:
        return tuple((target, str(folder / path)) for target, path in files)

    asked = migration.finish
    finish = replace(asked, datasources=beside(asked.datasources), members=beside(asked.members))
    return replace(migration, finish=finish)
