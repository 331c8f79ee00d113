"""What is said while a run goes on: on the screen, and always as JSON lines in the home. Law: no secret passes.

In JSON every line carries the event's name and fields in the journal's words, and a sentence as `text`; on a screen
stands the sentence. A log that cannot be written stops nothing.
"""

import json
import os
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

import structlog

from orchestrator.cli.output import event_lines
from orchestrator.cli.output.event_sentences import ids_of, sentence_of
from orchestrator.cli.output.terminal import LogLevel, Terminal
from orchestrator.cli.output.times import clock, utc
from orchestrator.core.model.checks import Check, Verdict
from orchestrator.core.model.escape import in_json, visible
from orchestrator.core.state.events import Entry, FindingsNoted
from orchestrator.core.state.progress import Progress

_RANK = {level: rank for rank, level in enumerate(LogLevel)}
#: what is said on the screen even while bars are drawn
_WARNINGS = frozenset({"gave-up", "no-answer", "answers-again", "list-disagrees", "verification-waits"})
#: fields that are epoch seconds
_MOMENTS = frozenset({"quiet_until"})
Line = MutableMapping[str, Any]
#: a pipe in the log's place is not waited for, a link is not followed
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Log:
    """One command's log."""

    def __init__(self, terminal: Terminal, now: Callable[[], float], component: str = "") -> None:
        """`component`: where several are conducted in this process, the one whose lines these are."""
        self._terminal = terminal
        self._now = now
        self._component = component
        self._file: int | None = None
        #: lines from before the run was known
        self._early: list[str] = []
        self.path: Path | None = None
        self._logger = structlog.wrap_logger(
            None, processors=[self._stamp, self._redact, self._deliver], wrapper_class=structlog.BoundLoggerBase
        )

    def open(self, path: Path) -> None:
        """From now on also into this file, 0600, behind what it holds."""
        self.path = path
        try:
            self._file = os.open(path, _APPEND, 0o600)
        except OSError as error:
            self._terminal.warn(f"the log {path} cannot be written: {error.strerror}")
        early, self._early = self._early, []
        for line in early:
            self._keep(line)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def say(self, event: str, **fields: object) -> None:
        """One line that is no event of the journal."""
        level = LogLevel.WARNING if event in _WARNINGS else LogLevel.INFO
        if isinstance(until := fields.get("until"), float):
            fields["until"] = utc(until)
        self._logger._proxy_to_logger(level.value, event, at=self._now(), **fields)

    def closed(self, code: int, why: str) -> None:
        """Why this process leaves a run that has not ended: for the file alone, as the terminal is told at length."""
        line = {"time": utc(self._now()), "level": "info", "event": "closed", "code": code, "why": why}
        self._keep(self._terminal.json(line))

    def entry(self, entry: Entry, progress: Progress) -> None:
        """One journal entry that is believed."""
        event = entry.event
        if isinstance(event, FindingsNoted):
            self._findings(entry, event, progress)
            return
        held = event_lines.fields_of(event)
        if sentence := sentence_of(event, progress):
            held |= {"text": sentence, "_ids": ids_of(event)}
        # The journal's word for a time would hide the log's own.
        self._logger._proxy_to_logger(
            event_lines.level_of(event).value, event_lines.name_of(event), at=entry.at, seq=entry.seq, **held
        )

    def _findings(self, entry: Entry, event: FindingsNoted, progress: Progress) -> None:
        """How many of which check for everybody, and each for the file."""
        warned = any(each.verdict is Verdict.WARNING for each in event.findings)
        level = LogLevel.WARNING if warned else LogLevel.INFO
        checks = sorted({each.id for each in event.findings})
        told = {"number": len(event.findings), "checks": checks, "text": sentence_of(event, progress)}
        self._logger._proxy_to_logger(level.value, "findings-noted", at=entry.at, seq=entry.seq, **told)
        for each in event.findings:
            held = {"check": each.id, "verdict": each.verdict.value, "where": each.where, "sentence": each.sentence,
                    "assets": list(each.assets), "remedy": each.remedy, "text": _finding(each)}  # fmt: skip
            known = {key: value for key, value in held.items() if value}
            self._logger._proxy_to_logger(LogLevel.DEBUG.value, "finding", at=entry.at, seq=entry.seq, **known)

    # --- processors ------------------------------------------------------------------------------------------------

    def _stamp(self, _: object, method: str, line: Line) -> Line:
        about = {"component": self._component} if self._component else {}
        return {"time": utc(line["at"]), "level": method, **about, **line}

    def _redact(self, _: object, __: str, line: Line) -> Line:
        return {key: self._terminal.redactor.value(value) for key, value in line.items()}

    def _deliver(self, _: object, method: str, line: Line) -> Line:
        at, ids = line.pop("at"), line.pop("_ids", "")
        text = in_json(json.dumps(line, ensure_ascii=False))
        self._keep(text)
        level = LogLevel(method)
        least = self._terminal.common.log_level
        if self._terminal.above is not None:
            # Under bars only what needs attention is said; the rest is in the file.
            least = max(least, LogLevel.WARNING, key=lambda each: _RANK[each])
        if _RANK[level] >= _RANK[least]:
            self._show(level, at, line, (text, ids))
        raise structlog.DropEvent

    def _keep(self, text: str) -> None:
        if self._file is None:
            self._early.append(text)
            return
        try:
            os.write(self._file, (text + "\n").encode())
        except OSError:
            # The journal is the memory; a log that is lost must not end the run that it tells of.
            return

    def _show(self, level: LogLevel, at: float, line: Line, told: tuple[str, str]) -> None:
        terminal, (document, ids) = self._terminal, told
        if terminal.common.json_log:
            terminal.err.write(document + "\n")
            return
        words = f"{line['text']}{ids}" if "text" in line else f"{line['event']} {_pairs(line)}".rstrip()
        whose = f"{self._component}: " if self._component else ""
        terminal.say(visible(f"{clock(at)} {level.value} {whose}{words}"))


def _finding(each: Check) -> str:
    where = f" {each.where}" if each.where else ""
    return f"{each.verdict.value}: {each.id}{where}: {each.sentence}" + (f"; {each.remedy}" if each.remedy else "")


def _pairs(line: Line) -> str:
    shown = {key: value for key, value in line.items() if key not in {"time", "level", "event", "seq", "component"}}
    return " ".join(f"{key}={clock(value) if key in _MOMENTS else _value(value)}" for key, value in shown.items())


def _value(value: object) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return json.dumps(text, ensure_ascii=False) if not text or any(c in text for c in ' "=\n') else text
