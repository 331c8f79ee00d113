"""Why the process of an unfinished run ended, as its log tells. Law: the log informs; only the journal decides."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

#: how much of the log's end is looked through
TAIL = 256 * 1024


@dataclass(frozen=True, slots=True)
class LastWords:
    """How one process left a run."""

    #: UTC, "" where nobody told
    at: str
    #: its exit code, 0 where nobody told
    code: int
    why: str


#: what is told where the log says nothing after the run was taken up
SILENT = LastWords("", 0, "without a word: it was killed, or its host went down")


def last_words(log: Path) -> LastWords | None:
    """The latest; SILENT where there are none, None where there is no log."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        with suppress(ValueError, KeyError, TypeError):
            said = json.loads(line)
            if said["event"] == "closed":
                return LastWords(str(said["time"]), int(said["code"]), str(said["why"]))
            if said["event"] in {"run-began", "run-resumed"}:
                return SILENT
    return SILENT
