"""The files that a plan's `finish:` names, as answers to what finishing asks. Law: each is read once in a command.

A secret is resolved when it is needed first, stays in memory, and is told to whoever takes secrets out of words.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.core.finish.looks import Read, content_of, members_of, values_of
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.plan.plan import Plan
from orchestrator.core.plan.problems import Place, dotted
from orchestrator.core.values.values import Content, Given, resolved
from orchestrator.errors import OperatorError, PlanInvalid
from orchestrator.storage.planfile import line_of
from orchestrator.storage.valuesfile import ValuesFile, read_members, read_values, resolve_values


@dataclass(slots=True)
class FinishFiles:
    """The files of one plan."""

    environ: Mapping[str, str]
    #: told each secret
    learn: Callable[[Iterable[str]], None]
    _values: dict[str, ValuesFile] = field(default_factory=dict)
    _kept: dict[Read[Any], object] = field(default_factory=dict)

    def answers(self, read: Read[Any]) -> bool:
        return read.what in {values_of("").what, members_of("").what} or read.what.startswith(_CONTENT)

    def answer(self, read: Read[Any]) -> object:
        if read not in self._kept:
            self._kept[read] = self._answer(read)
        return self._kept[read]

    def _answer(self, read: Read[Any]) -> object:
        if read.what == members_of("").what:
            return read_members(Path(read.of))
        if read.what == values_of("").what:
            file = self._file(read.of)
            places = {key: file.where(("datasources", key)) for key in file.values.connections}
            return Given(read.of, file.values, places)
        return self._content(self._file(read.what.removeprefix(_CONTENT)), read.of)

    def _file(self, path: str) -> ValuesFile:
        if path not in self._values:
            self._values[path] = read_values(Path(path))
        return self._values[path]

    def _content(self, file: ValuesFile, key: str) -> Content | Unread:
        connection = file.values.connections.get(key)
        if connection is None:
            return Unread(f"{file.file.name} says nothing of it any more")
        try:
            secrets = resolve_values(file, key, self.environ)
        except OperatorError as error:
            return Unread(error.message)
        self.learn(secrets.values())
        return Content(connection, resolved(connection, secrets))


#: what the name of such a read begins with
_CONTENT = content_of("", "").what


def files_must_be_sound(plan: Plan, path: Path) -> None:
    """Raises PlanInvalid with the problems of every file that the `finish:` of the plan in `path` names.

    No secret is resolved. A file that cannot be read is told with the line of the plan that names it.
    """
    problems: list[str] = []
    for (key, named), place in _named(plan).items():
        try:
            _READERS[key](Path(named))
        except PlanInvalid as error:
            problems += error.lines
        except OperatorError as error:
            problems.append(f"{path}:{line_of(path, place)}: {dotted(place)}: {error.message}")
    if problems:
        raise PlanInvalid(problems, "correct these files, then run: roma-migrate validate PLAN")


#: key of `finish:` -> what reads the file that stands there
_READERS: dict[str, Callable[[Path], object]] = {"datasources": read_values, "members": read_members}


def _named(plan: Plan) -> dict[tuple[str, str], Place]:
    """Key and path of each file -> where the plan names it first."""
    named: dict[tuple[str, str], Place] = {}
    for number, migration in enumerate(plan.migrations):
        for key, files in (("datasources", migration.finish.datasources), ("members", migration.finish.members)):
            for target, path in files:
                within = (target,) if target else ()
                named.setdefault((key, path), ("migrations", number, "finish", key, *within))
    return named
