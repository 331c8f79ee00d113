"""Where results and words go. Law: a closed pipe or a dead terminal loses words, never a run.

Results go to stdout, words to stderr. A write that fails silences its stream for good and nothing else happens.
Whatever is written passes here, and loses its secrets and each control character that is not ours.
"""

import io
import json
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from orchestrator.cli.output.colours import painted
from orchestrator.core.model.escape import in_json, visible_lines
from orchestrator.core.model.redaction import Redactor


class LogLevel(StrEnum):
    """How much is said on the screen."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How it is said."""

    #: JSON with --json, else console
    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


class Sheet(StrEnum):
    """Whether a table is wanted as comma-separated values."""

    NONE = ""
    CSV = "csv"
    #: behind a byte order mark, without which Excel takes UTF-8 for the code page of its host
    EXCEL = "excel"

    @classmethod
    def of(cls, csv: bool, excel: bool) -> "Sheet":
        """What `--csv` and `--excel` ask for."""
        return cls.EXCEL if excel else cls.CSV if csv else cls.NONE


@dataclass(frozen=True, slots=True)
class Common:
    """Options that every command takes."""

    home: Path | None = None
    #: the address of the database that keeps the journals, or ""
    journal: str = ""
    #: a folder that all hosts mount, which keeps the packages too, or ""
    packages: str = ""
    json: bool = False
    log_level: LogLevel = LogLevel.INFO
    log_format: LogFormat = LogFormat.AUTO
    no_progress: bool = False
    note: str = ""

    @property
    def json_log(self) -> bool:
        """Whether words on stderr are JSON lines."""
        return self.log_format is LogFormat.JSON or (self.log_format is LogFormat.AUTO and self.json)


class SteadyBytes(io.RawIOBase):
    """Passes bytes on; after the first failure they go nowhere."""

    def __init__(self, below: BinaryIO | None) -> None:
        self._below = below

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._below is not None and self._below.isatty()

    def fileno(self) -> int:
        if self._below is None:
            raise io.UnsupportedOperation("fileno")
        return self._below.fileno()

    def write(self, data: object) -> int:
        content = bytes(data)  # type: ignore[call-overload]  # whatever a text layer hands down is a buffer
        if self._below is not None:
            try:
                self._below.write(content)
                self._below.flush()
            except (OSError, ValueError):
                _silence(self._below)
                self._below = None
        return len(content)


def _silence(stream: BinaryIO) -> None:
    """Point the broken stream at nothing, or the interpreter's own flush at the end would fail and change the code."""
    with suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)


def steady(stream: io.TextIOBase | object) -> io.TextIOWrapper:
    """A text stream over `stream`'s bytes that never fails."""
    below = getattr(stream, "buffer", None)
    return io.TextIOWrapper(SteadyBytes(below), encoding="utf-8", errors="replace", write_through=True)  # type: ignore[arg-type]  # a raw stream serves, since nothing is buffered


class Terminal:
    """One command's face: results, words, and whether somebody watches."""

    def __init__(self, common: Common) -> None:
        self.common = common
        self.redactor = Redactor()
        self.out = steady(sys.stdout)
        self.err = steady(sys.stderr)
        #: the home, once known: where the details of a defect go
        self.home: Path | None = None
        #: the plan file and the run, once known: they stand in the commands that an error tells
        self.plan: Path | None = None
        self.run = ""
        #: what is closed when the command ends, however it does
        self.at_end = ExitStack()
        #: set while bars are on the screen: words must go above them
        self.above: Callable[[str], None] | None = None

    @property
    def watched(self) -> bool:
        """Whether a board may be drawn: `dumb` terminals get lines, as they cannot go back over one."""
        return (
            self.err.isatty()
            and os.environ.get("TERM", "") not in {"", "dumb"}
            and not self.common.no_progress
            and not self.common.json_log
        )

    @property
    def coloured(self) -> bool:
        """Whether words may be coloured."""
        return _coloured(self.err)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines of the terminal that words go to; 80 by 24 where nobody tells."""
        try:
            size = os.get_terminal_size(self.err.fileno())
        except (OSError, ValueError):
            return (80, 24)
        return (size.columns or 80, size.lines or 24)

    def shown(self, text: str) -> str:
        """Lines of text as a terminal may get them."""
        return visible_lines(self.redactor.clean(text))

    def painted(self, text: str) -> str:
        """The same for stdout, with its verdicts in colour where that is a terminal."""
        return painted(self.shown(text)) if _coloured(self.out) else self.shown(text)

    def result(self, text: str) -> None:
        """A line (or more) of the result, on stdout."""
        self.out.write(self.painted(text) + "\n")

    def page(self, text: str) -> None:
        """Markdown on stdout: as it is for a file or a pipe, wrapped between words where a terminal is."""
        from orchestrator.cli.output.tables import for_reading

        self.result(for_reading(text) if self.out.isatty() else text)

    def document(self, value: object) -> None:
        """The one JSON document of `--json`, on stdout."""
        self.out.write(self.json(value, indent=2) + "\n")

    def table(self, csv: str, sheet: Sheet) -> None:
        """A whole table for a spreadsheet, on stdout: text that `in_csv` made."""
        self.out.write(("\ufeff" if sheet is Sheet.EXCEL else "") + self.redactor.clean(csv))

    def json(self, value: object, indent: int | None = None) -> str:
        """A value as JSON that may be shown on a terminal."""
        return in_json(json.dumps(self.redactor.value(value), indent=indent, ensure_ascii=False))

    def say(self, text: str, /, **fields: object) -> None:
        """Words on stderr; `fields` are what a JSON line carries in their place."""
        if self.common.json_log:
            self.err.write(self.json(fields or {"event": "said", "text": text}) + "\n")
            return
        text = self.shown(text)
        text = painted(text) if self.coloured else text
        if self.above is not None:
            self.above(text)
        else:
            self.err.write(text + "\n")

    def name_home(self, path: Path) -> None:
        """The first line printed names the home (Contract 2)."""
        self.home = path
        self.say(f"home: {path}", event="home", path=str(path))

    def warn(self, text: str) -> None:
        self.say(f"warning: {text}", event="warning", text=text)


def _coloured(stream: io.TextIOBase) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
