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
from orchestrator.core.values.values import Content, Given, resolved
from orchestrator.errors import OperatorError, PlanInvalid
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


def files_must_be_sound(plan: Plan) -> None:
    """Raises PlanInvalid with the problems of every file that the plan's `finish:` names; resolves no secret."""
    values = dict.fromkeys(path for each in plan.migrations for _, path in each.finish.datasources)
    members = dict.fromkeys(path for each in plan.migrations for _, path in each.finish.members)
    problems: list[str] = []
    for read, paths in ((read_values, values), (read_members, members)):
        for path in paths:
            try:
                read(Path(path))
            except OperatorError as error:
                problems += error.lines
    if problems:
        raise PlanInvalid(problems, "correct these files, then run: roma-migrate validate PLAN")
