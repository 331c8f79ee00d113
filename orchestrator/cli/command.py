"""Options that every command shares, and the door behind each. Law: a command's body returns a code, or raises."""

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from orchestrator.cli.context.error_boundary import tell, through
from orchestrator.cli.help_texts import epilog_of
from orchestrator.cli.output.terminal import Common, LogFormat, LogLevel, Terminal
from orchestrator.errors import ExitCode, OperatorError

_HOME = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="Where runs are kept (else ROMA_MIGRATE_HOME, .roma-migrate)."),
]
_JOURNAL = Annotated[
    str,
    typer.Option("--journal", metavar="ADDRESS", help="Journals in PostgreSQL (else ROMA_MIGRATE_JOURNAL, the home)."),
]
_PACKAGES = Annotated[
    str,
    typer.Option("--packages", metavar="DIR", help="Packages also there, or in s3://... (else ROMA_MIGRATE_PACKAGES)."),
]
_JSON = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, events as JSON lines on stderr.")]
_LEVEL = Annotated[LogLevel, typer.Option("--log-level", help="How much is said on stderr.")]
_FORMAT = Annotated[LogFormat, typer.Option("--log-format", help="How it is said.")]
_NO_PROGRESS = Annotated[bool, typer.Option("--no-progress", help="No progress bars, plain lines instead.")]
_NOTE = Annotated[str, typer.Option("--note", metavar="TEXT", help="Who approved, for the journal.")]

_SHARED = {
    "home": (_HOME, None),
    "journal": (_JOURNAL, ""),
    "packages": (_PACKAGES, ""),
    "json": (_JSON, False),
    "log_level": (_LEVEL, LogLevel.INFO),
    "log_format": (_FORMAT, LogFormat.AUTO),
    "no_progress": (_NO_PROGRESS, False),
    "note": (_NOTE, ""),
}

Body = Callable[..., int]


class Group(TyperGroup):
    """All commands. With `--json` a wrong command line is a document too, like any other error."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        words = list(sys.argv[1:] if args is None else args)
        if "--json" not in words:
            return super().main(words, prog_name, complete_var, standalone_mode, windows_expand_args, **extra)
        try:
            code = super().main(words, prog_name, complete_var, False, windows_expand_args, **extra)
        except TyperException as error:
            code = self._told(error, words)
        sys.exit(code)

    def _told(self, error: TyperException, words: Sequence[str]) -> int:
        name = next((word for word in words if word in self.commands), "")
        told = OperatorError(error.format_message(), next_step=" ".join(filter(None, ("roma-migrate", name, "--help"))))
        tell(Terminal(Common(json=True)), told)
        return int(ExitCode.USAGE)


class Commands:
    """Every command by name. Options are only built for the one that is called, so that the rest stays quick."""

    def __init__(self) -> None:
        self._bodies: dict[str, Body] = {}
        self._later: dict[str, Callable[[list[str]], int]] = {}

    def __call__(self, name: str) -> Callable[[Body], Body]:
        """Register `body(terminal, ...)` as a command that also takes the shared options."""

        def register(body: Body) -> Body:
            self._bodies[name] = body
            return body

        return register

    def reserve(self, name: str, answer: Callable[[list[str]], int]) -> None:
        """A name that stands for something later; `answer` gets the words behind it."""
        self._later[name] = answer

    def add_to(self, app: typer.Typer, called: str | None) -> None:
        """Add all to `app`; only the one that is called is more than its name. None: all are whole."""
        for name, body in self._bodies.items():
            whole = called in (None, name)
            app.command(name, epilog=epilog_of(name) if whole else None)(_whole(body) if whole else _listed(body))
        for name, answer in self._later.items():
            if called in (None, name):
                how = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
                app.command(name, hidden=True, context_settings=how)(_reserved(answer))


def _listed(body: Body) -> Callable[[], None]:
    def run() -> None:
        raise AssertionError("a command that is only listed was called")

    run.__doc__ = body.__doc__
    return run


def _reserved(answer: Callable[[list[str]], int]) -> Callable[[typer.Context], None]:
    def run(context: typer.Context) -> None:
        raise typer.Exit(answer(context.args))

    run.__doc__ = "Not yet."
    return run


def _must_be_text(name: str, value: object) -> None:
    """Journals, reports and logs are UTF-8, and so is every word and path that they keep."""
    if isinstance(value, list | tuple):
        for each in value:
            _must_be_text(name, each)
    text = str(value.absolute()) if isinstance(value, Path) else value
    if isinstance(text, str) and not _is_utf8(text):
        shown = text.encode("utf-8", "backslashreplace").decode()
        raise OperatorError(
            f"{name.replace('_', '-')} is not UTF-8 text: {shown}",
            next_step="write it in UTF-8; rename a file or folder whose name is not",
        )


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _whole(body: Body) -> Callable[..., None]:
    def run(**given: Any) -> None:
        common = Common(**{field.name: given.pop(field.name) for field in fields(Common)})
        terminal = Terminal(common)

        def checked() -> int:
            shared = {name: getattr(common, name) for name in ("note", "home", "journal", "packages")}
            for name, value in {**given, **shared}.items():
                _must_be_text(name, value)
            with terminal.at_end:
                return body(terminal, **given)

        raise typer.Exit(through(terminal, checked))

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
    return run
