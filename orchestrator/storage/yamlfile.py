"""Reads a YAML file that an operator wrote. Law: whatever it holds, what is wrong is told with its line, all at once.

Text becomes plain data in `yamltext`; what it means is told by whoever asked. Here the two lists of problems become
one, in the order of the file.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.core.plan.problems import MOST_PROBLEMS, Place, Problem
from orchestrator.errors import OperatorError, PlanInvalid
from orchestrator.storage.inputs import read_input
from orchestrator.storage.yamltext import Read, Unreadable, read_yaml

#: bytes
LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class YamlFile:
    """What one file holds."""

    name: str
    #: in a word: plan, values
    what: str
    content: bytes
    read: Read

    def line_of(self, place: Place) -> int:
        """The line of a value, or of the nearest part around it that stands in the file."""
        while place and place not in self.read.lines:
            place = place[:-1]
        return self.read.lines.get(place, 1)

    def invalid(self, problems: Iterable[Problem]) -> PlanInvalid:
        """Everything that is wrong with it, as `FILE:LINE: path: what is wrong, what is allowed`."""
        meaning = [(self.line_of(problem.path), str(problem)) for problem in problems]
        return invalid([*self.read.problems, *meaning], self.name, self.what)

    def must_be_sound(self) -> None:
        """Raises PlanInvalid where something is wrong with the YAML itself."""
        if self.read.problems:
            raise self.invalid(())


def read_yaml_file(path: Path, what: str) -> YamlFile:
    """The file; `what` it is, in a word: plan. Raises PlanInvalid, and OperatorError where it cannot be read."""
    content = content_of(path, what)
    return yaml_file(text_of(content, str(path), what), str(path), what, content)


def yaml_file(text: str, name: str, what: str, content: bytes = b"") -> YamlFile:
    """The same of a text; raises PlanInvalid where it is no YAML that could be read to its end."""
    try:
        return YamlFile(name, what, content, read_yaml(text))
    except Unreadable as fault:
        raise invalid(fault.problems, name, what) from None


def content_of(path: Path, what: str) -> bytes:
    """Its bytes, at most 1 MiB; raises OperatorError, PlanInvalid."""
    try:
        content = read_input(path, LARGEST + 1)
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else "not a path"
        raise OperatorError(
            f"the {what} file {path} cannot be read: {words.lower()}",
            next_step=f"name a {what} file that exists and is readable",
        ) from None
    if len(content) > LARGEST:
        raise invalid([(1, "the file is larger than 1 MiB, allowed is at most 1 MiB")], str(path), what)
    return content


def text_of(content: bytes, name: str, what: str) -> str:
    """Its text, which must be UTF-8; raises PlanInvalid."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise invalid([(line, "the file is not UTF-8 text, save it as UTF-8")], name, what) from None


def invalid(problems: Iterable[tuple[int, str]], name: str, what: str) -> PlanInvalid:
    """Problems by line, each once, as `FILE:LINE: message`; a long list is cut and says so."""
    told = sorted(dict.fromkeys(problems), key=lambda pair: pair[0])
    lines = [f"{name}:{line}: {message}" for line, message in told[:MOST_PROBLEMS]]
    if len(told) >= MOST_PROBLEMS:
        lines.append(f"{name}:{told[-1][0]}: there may be more: only the first {MOST_PROBLEMS} problems are listed")
    command = "validate --values FILE" if what == "values" else "validate PLAN"
    return PlanInvalid(lines, f"correct the {what} file, then run: roma-migrate {command}")
