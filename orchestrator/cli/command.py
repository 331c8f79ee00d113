"""Options that every command shares, and the door behind each. Law: a command's body returns a code, or raises."""

import inspect
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.cli.door import through
from orchestrator.cli.terminal import Common, LogFormat, LogLevel, Terminal

_HOME = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="Where runs are kept (else ROMA_MIGRATE_HOME, .roma-migrate)."),
]
_JSON = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, events as JSON lines on stderr.")]
_LEVEL = Annotated[LogLevel, typer.Option("--log-level", help="How much is said on stderr.")]
_FORMAT = Annotated[LogFormat, typer.Option("--log-format", help="How it is said.")]
_NO_PROGRESS = Annotated[bool, typer.Option("--no-progress", help="No progress bars, plain lines instead.")]
_NOTE = Annotated[str, typer.Option("--note", metavar="TEXT", help="Who approved, for the journal.")]

_SHARED = {
    "home": (_HOME, None),
    "json": (_JSON, False),
    "log_level": (_LEVEL, LogLevel.INFO),
    "log_format": (_FORMAT, LogFormat.AUTO),
    "no_progress": (_NO_PROGRESS, False),
    "note": (_NOTE, ""),
}

Body = Callable[..., int]


def command(app: typer.Typer, name: str, **how: Any) -> Callable[[Body], Body]:
    """Register `body(terminal, ...)` as a command that also takes the shared options."""

    def register(body: Body) -> Body:
        def run(**given: Any) -> None:
            common = Common(**{field.name: given.pop(field.name) for field in fields(Common)})
            terminal = Terminal(common)
            raise typer.Exit(through(terminal, lambda: body(terminal, **given)))

        own = list(inspect.signature(body).parameters.values())[1:]
        shared = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for key, (annotation, default) in _SHARED.items()
        ]
        parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own] + shared
        # typer reads a command's parameters from its signature and its annotations.
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # functions take attributes
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        run.__doc__ = body.__doc__
        app.command(name, **how)(run)
        return body

    return register
