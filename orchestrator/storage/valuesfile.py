"""Reads what a plan's `finish` names: a values file, a list of members. Law: all problems at once, each with its line.

No secret is resolved before a command needs it; then every reference that gives none is told, with its line.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.core.plan.problems import Place, dotted
from orchestrator.core.values.members import Members, members_from
from orchestrator.core.values.parse import values_from
from orchestrator.core.values.values import Values, references
from orchestrator.storage.secrets import resolve_beside
from orchestrator.storage.yamlfile import YamlFile, content_of, invalid, read_yaml_file, text_of


@dataclass(frozen=True, slots=True)
class ValuesFile:
    """The values of one target, and where each stands."""

    values: Values
    file: YamlFile

    def where(self, place: Place) -> str:
        """`FILE:LINE: path`, for sentences."""
        return f"{self.file.name}:{self.file.line_of(place)}: {dotted(place)}"


def read_values(path: Path) -> ValuesFile:
    """The values in this file; raises PlanInvalid with every problem, OperatorError where it cannot be read."""
    file = read_yaml_file(path, "values")
    values = values_from(file.read.data)
    if not isinstance(values, Values):
        raise file.invalid(values)
    file.must_be_sound()
    return ValuesFile(values, file)


def resolve_values(file: ValuesFile, key: str, environ: Mapping[str, str]) -> Mapping[Place, str]:
    """What the references of one data source stand for; raises one OperatorError for all that give nothing."""
    held = {place: found for place, found in references(file.values).items() if place[1] == key}
    told = {place: file.where(place) for place in held}
    found = resolve_beside({told[place]: each for place, each in held.items()}, environ, Path(file.file.name).parent)
    return {place: found[told[place]] for place in held}


def read_members(path: Path) -> Members:
    """Who becomes whom; raises PlanInvalid with every problem, OperatorError where it cannot be read."""
    content = content_of(path, "members")
    members = members_from(text_of(content, str(path), "members"))
    if not isinstance(members, Members):
        raise invalid(members, str(path), "members")
    return members
