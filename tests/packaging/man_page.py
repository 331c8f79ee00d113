"""The manual page, out of the commands themselves. Law: what `--help` says, and nothing that it does not say."""

import re
from collections.abc import Iterable, Iterator

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from orchestrator import __version__
from orchestrator.cli.app import build

NAME = "roma-migrate"
#: options that each command has: told once
_SHARED = frozenset({"home", "json", "log_level", "log_format", "no_progress", "note"})


def man_page() -> str:
    """`roma-migrate.1`, in the macros of man(7)."""
    group = typer.main.get_command(build())
    if not isinstance(group, TyperGroup):
        raise AssertionError("the program is a group of commands")
    commands = [
        (name, command)
        for name, command in group.commands.items()
        if isinstance(command, TyperCommand) and not command.hidden
    ]
    lines = [
        f'.TH ROMA\\-MIGRATE 1 "" "{NAME} {__version__}" "User Commands"',
        ".SH NAME", f"{_text(NAME)} \\- {_text(_unended(group.help or ''))}",
        ".SH SYNOPSIS", f".B {_text(NAME)}", ".I COMMAND", "[\\fIOPTION\\fR]...",
        ".SH COMMANDS", *_each(commands),
        ".SH OPTIONS OF EVERY COMMAND", *_options(commands[0][1], shared=True),
        *_behind(group.epilog or ""),
        ".SH FILES", ".TP", ".I .roma\\-migrate", "The home: journals, packages and logs of runs, beside the plan.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _each(commands: Iterable[tuple[str, TyperCommand]]) -> Iterator[str]:
    for name, command in commands:
        arguments = [param.metavar or str(param.name).upper() for param in _arguments(command)]
        yield f".SS {_text(' '.join([name, *arguments]))}"
        yield _text(command.help or "")
        yield from _options(command, shared=False)
        if command.epilog:
            yield ".PP"
            yield from _verbatim(command.epilog)


def _arguments(command: TyperCommand) -> list[TyperArgument]:
    return [param for param in command.params if isinstance(param, TyperArgument)]


def _options(command: TyperCommand, *, shared: bool) -> Iterator[str]:
    """As `--help` tells them; those of every command, or those of this one alone."""
    context = typer.Context(command)
    for param in command.params:
        if not isinstance(param, TyperOption) or param.hidden or (param.name in _SHARED) is not shared:
            continue
        if (told := param.get_help_record(context)) is not None:
            yield from (".TP", f".B {_text(told[0])}", _text(told[1]))


def _behind(epilog: str) -> Iterator[str]:
    """Each paragraph behind the list of commands: its first line is a heading."""
    for part in epilog.replace("\b\n", "").split("\n\n"):
        head, _, rest = part.partition("\n")
        yield f".SH {_text(head.rstrip(':').partition(',')[0].upper())}"
        yield from _verbatim(rest)


def _verbatim(text: str) -> Iterator[str]:
    yield ".nf"
    yield from map(_text, text.replace("\b\n", "").splitlines())
    yield ".fi"


def _text(words: str) -> str:
    """Words that roff reads as words: no escape, no request at the beginning of a line, hyphens that can be copied."""
    safe = re.sub(r"\s+", " ", words).rstrip() if "\n" in words else words.rstrip()
    safe = safe.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{safe}" if safe[:1] in {".", "'"} else safe


def _unended(sentence: str) -> str:
    return sentence.strip().removesuffix(".")
