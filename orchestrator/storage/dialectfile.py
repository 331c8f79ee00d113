"""What a home remembers of services' undocumented behaviour, as a file. Law: bounded, whole, and never fatal."""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path

from orchestrator.core.comparison.dialect import MOST_ENDPOINTS, Dialect, Lesson
from orchestrator.core.model.undocumented import Thing
from orchestrator.errors import MemoryFailed
from orchestrator.storage.disk import Disk
from orchestrator.storage.home import Home
from orchestrator.storage.locks import held_briefly
from orchestrator.storage.placing import place

#: version of the file's form; a reader of this one takes no other
FORM = 1
#: bytes: `MOST_ENDPOINTS` endpoints with every thing, and why, take less
MOST_BYTES = 1024 * 1024
#: characters of a text in it
MOST_TEXT = 600


def read_dialect(home: Home) -> tuple[Dialect, str]:
    """What is known, and why it could not be read, "" where it could; an absent file is an empty one."""
    try:
        return _parsed(_content(home.dialect)), ""
    except FileNotFoundError:
        return Dialect(), ""
    except (OSError, ValueError) as error:
        return Dialect(), (
            f"what this home has learned of services cannot be read, and is left out: {home.dialect}: "
            f"{error.strerror if isinstance(error, OSError) else error}; the next comparison writes it anew"
        )


def keep_dialect(home: Home, learn: Callable[[Dialect], Dialect]) -> str:
    """Learn something more, alone among the home's processes; why that failed or what was damaged, else ""."""
    try:
        with held_briefly(home.lock):
            known, damaged = read_dialect(home)
            place(Disk(), home.dialect, _text(learn(known)).encode())
    except MemoryFailed as error:
        return f"what was learned of the service could not be kept: {error.message}"
    return damaged


def _content(path: Path) -> object:
    with path.open("rb") as file:
        held = file.read(MOST_BYTES + 1)
    if len(held) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES:,} bytes")
    try:
        return json.loads(held)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None


def _text(dialect: Dialect) -> str:
    endpoints = {
        endpoint: {
            thing.value: {
                "travelled": each.travelled, "did_not_travel": each.stayed, "not_readable": each.unread,
                "why": each.why[:MOST_TEXT], "at": each.at, "run": each.run,
            }
            for thing, each in held.items()
        }
        for endpoint, held in dialect.lessons.items()
    }  # fmt: skip
    return json.dumps({"form": FORM, "endpoints": endpoints}, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _parsed(value: object) -> Dialect:
    held = _mapping(value)
    if held.get("form") != FORM:
        raise ValueError(f"its form is {held.get('form')!r:.40}, and this version reads {FORM}")
    endpoints = _mapping(held.get("endpoints"))
    if len(endpoints) > MOST_ENDPOINTS:
        raise ValueError(f"it holds more than {MOST_ENDPOINTS} endpoints")
    return Dialect({_short(name): _lessons(_mapping(each)) for name, each in endpoints.items()})


def _lessons(held: Mapping[str, object]) -> dict[Thing, Lesson]:
    """A thing that only a later version knows is left out."""
    known = {each.value: each for each in Thing}
    return {known[name]: _lesson(_mapping(each)) for name, each in held.items() if name in known}


def _lesson(held: Mapping[str, object]) -> Lesson:
    travelled, stayed, unread = (int(_number(held.get(key))) for key in ("travelled", "did_not_travel", "not_readable"))
    return Lesson(
        travelled, stayed, unread, _short(held.get("why")), _number(held.get("at")), _short(held.get("run"))
    )  # fmt: skip


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ValueError("it is not as this program writes it")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError("it holds a number that is none")
    return min(float(value), 1e11)


def _short(value: object) -> str:
    if not isinstance(value, str) or len(value) > MOST_TEXT:
        raise ValueError("it holds a text that is none, or too long")
    return value
