"""Finds what a planted break changes, by name and not by place. Law: one definition fits, or nothing is changed.

A break names a function, class or constant (`Scheduler.ready`, `move_package`, `READ_ATTEMPTS`), wherever it lies in
the program; the text that it changes is compared without its indentation. So a move costs the breaks nothing.
"""

import ast
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """Where a definition lies."""

    file: Path
    #: first and last line, from 0, the last one excluded
    first: int
    last: int

    def text(self) -> str:
        return "".join(self.file.read_text(encoding="utf-8").splitlines(keepends=True)[self.first : self.last])


def plant(program: Path, edit: Mapping[str, str]) -> None:
    """Change what `anchored` finds; raises SyntaxError where what would come of it is no program."""
    old, new = edit["old"], edit["new"]
    place, indent = anchored(program, edit)
    lines = place.file.read_text(encoding="utf-8").splitlines(keepends=True)
    changed = _changed(place.text(), old, new, indent)
    broken = "".join([*lines[: place.first], changed, *lines[place.last :]])
    ast.parse(broken)  # a break that is no program would be noticed by everything
    place.file.write_text(broken, encoding="utf-8")


def anchored(program: Path, edit: Mapping[str, str]) -> tuple[Place, str]:
    """The one definition `edit["in"]` below `program` that holds `edit["old"]` once, and how far that is indented.

    Raises LookupError where there is none, or more than one.
    """
    old = edit["old"]
    found = [
        (place, indent) for place in places(program, edit["in"]) if (indent := _indent(place.text(), old)) is not None
    ]
    if len(found) != 1:
        raise LookupError(f"{len(found)} definitions of {edit['in']} hold this text once: {old}")
    return found[0]


def places(program: Path, name: str) -> list[Place]:
    """Every definition of that qualified name below a folder."""
    found = []
    for file in sorted(program.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if name.rpartition(".")[2] in text:
            found += [Place(file, *lines) for known, *lines in _defined(text) if known == name]
    return found


@cache
def _defined(text: str) -> tuple[tuple[str, int, int], ...]:
    return tuple(_definitions(ast.parse(text), ""))


def _definitions(node: ast.AST, within: str) -> Iterator[tuple[str, int, int]]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                first = min([child.lineno, *(each.lineno for each in child.decorator_list)])
                yield within + name, first - 1, child.end_lineno or first
                yield from _definitions(child, f"{within}{name}.")
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield within + name, child.lineno - 1, child.end_lineno or child.lineno
            case _:
                pass


def _changed(text: str, old: str, new: str, indent: str) -> str:
    """The text with `new` in place of `old`, as far indented as what it replaces."""
    if indent:
        return text.replace(textwrap.indent(old, indent), textwrap.indent(new, indent))
    line = text[text.rfind("\n", 0, text.index(old)) + 1 :]
    first, *rest = new.splitlines(keepends=True) or [""]
    return text.replace(old, first + textwrap.indent("".join(rest), line[: len(line) - len(line.lstrip())]))


def _indent(text: str, old: str) -> str | None:
    """The indentation at which `old` stands exactly once in `text`; None where it does not."""
    if "\n" not in old.rstrip("\n"):  # a part of one line may stand anywhere in it
        return "" if text.count(old) == 1 else None
    fits = [
        indent
        for indent in (" " * width for width in range(0, 40, 4))
        if ("\n" + text).count("\n" + textwrap.indent(old, indent)) == 1
    ]
    return fits[0] if len(fits) == 1 else None
