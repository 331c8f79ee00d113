"""Reads a plan file. Law: whatever the file holds, the outcome is a Plan or every problem, each with its line.

Text becomes plain data in `yamltext`; `orchestrator.core.plan.parse` gives it meaning. Here the two lists of problems
become one, in the order of the file.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from orchestrator.core.plan.parse import notify_from, plan_from
from orchestrator.core.plan.plan import NotifyBy, Plan
from orchestrator.core.plan.problems import MOST_PROBLEMS, Place, Problem
from orchestrator.errors import OperatorError, PlanInvalid
from orchestrator.storage.inputs import read_input
from orchestrator.storage.yamltext import Data, Read, Unreadable, read_yaml

#: digits of a plan file's digest that are told
DIGITS = 16
#: bytes
LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML text as plain data: every scalar is text."""

    data: Data
    #: the line, from 1, on which each value's key (or item) stands
    lines: dict[Place, int]


def parse(text: str, file_name: str) -> Document:
    """Plain data and its lines. Raises PlanInvalid with all that is wrong with the YAML itself."""
    read = _read(text, file_name)
    if read.problems:
        raise PlanInvalid(_report(read, (), file_name))
    return Document(read.data, read.lines)


def read_plan(path: Path) -> Plan:
    """The plan in this file.

    Raises PlanInvalid with every problem as `FILE:LINE: path: what is wrong, what is allowed`, and OperatorError where
    the file cannot be read at all.
    """
    file_name = str(path)
    content = _bytes_of(path)
    read = _read(_decode(content, file_name), file_name)
    plan = plan_from(read.data, path=file_name)
    if not isinstance(plan, Plan):
        raise PlanInvalid(_report(read, plan, file_name))
    if read.problems:
        raise PlanInvalid(_report(read, (), file_name))
    return _beside(replace(plan, digest=sha256(content).hexdigest()[:DIGITS]), path.parent)


def read_notify(path: Path) -> tuple[NotifyBy, ...]:
    """Who is to be told that this plan cannot be read: as much as can be understood, and no error."""
    try:
        return notify_from(_read(_decode(_bytes_of(path), str(path)), str(path)).data)
    except OperatorError:
        return ()


def line_of(path: Path, place: Place) -> int:
    """The line on which something stands in a plan that could be read."""
    return _line_of(place, _read(_decode(_bytes_of(path), str(path)), str(path)).lines)


def _read(text: str, file_name: str) -> Read:
    try:
        return read_yaml(text)
    except Unreadable as fault:
        raise PlanInvalid(_told(fault.problems, file_name)) from None


def _bytes_of(path: Path) -> bytes:
    try:
        content = read_input(path, LARGEST + 1)
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else "not a path"
        raise OperatorError(
            f"the plan {path} cannot be read: {words.lower()}", next_step="name a plan file that exists and is readable"
        ) from None
    if len(content) > LARGEST:
        raise PlanInvalid([f"{path}:1: the file is larger than 1 MiB, allowed is at most 1 MiB"])
    return content


def _decode(content: bytes, file_name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PlanInvalid([f"{file_name}:{line}: the file is not UTF-8 text, save it as UTF-8"]) from None


def _report(read: Read, problems: tuple[Problem, ...], file_name: str) -> list[str]:
    """All problems as lines, in the order of the file."""
    meaning = [(_line_of(problem.path, read.lines), str(problem)) for problem in problems]
    return _told([*read.problems, *meaning], file_name)


def _told(problems: Iterable[tuple[int, str]], file_name: str) -> list[str]:
    told = sorted(dict.fromkeys(problems), key=lambda pair: pair[0])
    lines = [f"{file_name}:{line}: {message}" for line, message in told[:MOST_PROBLEMS]]
    if len(told) >= MOST_PROBLEMS:
        lines.append(
            f"{file_name}:{told[-1][0]}: there may be more: only the first {MOST_PROBLEMS} problems are listed"
        )
    return lines


def _line_of(path: Place, lines: dict[Place, int]) -> int:
    """The line of a value, or of the nearest part around it that stands in the file."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _beside(plan: Plan, folder: Path) -> Plan:
    """Files named in a plan lie beside it, wherever the command was started."""
    instances = {
        name: replace(instance, ca_file=str(folder / instance.ca_file)) if instance.ca_file else instance
        for name, instance in plan.instances.items()
    }
    return replace(plan, instances=instances)
