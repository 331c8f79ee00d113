"""The shapes that one value of a plan can have. Law: each reads text into a typed value or says what is allowed.

A shape both reads (`read`) and describes itself for editors (`schema`, in JSON Schema's words), so the two cannot
differ. Every scalar of a plan is text when it comes here; durations become seconds.
"""

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from orchestrator.core.plan.plan import SecretRef, SecretSource
from orchestrator.core.plan.problems import BAD, At, Bad, did_you_mean, listed

T_co = TypeVar("T_co", covariant=True)
E = TypeVar("E", bound=StrEnum)

Schema = dict[str, Any]


class Shape(Protocol[T_co]):
    """What a value of the plan must look like."""

    def read(self, data: object, at: At) -> T_co | Bad:
        """The typed value, or BAD after the problem was told."""
        ...

    def schema(self) -> Schema:
        """The same in JSON Schema's words."""
        ...


def as_text(data: object, at: At, wanted: str) -> str | Bad:
    """The text that stands here, or a problem where a list, a mapping or nothing stands."""
    match data:
        case "":
            return at.wrong(f"nothing is written here, allowed is {wanted}")
        case str():
            return data
        case list():
            return at.wrong(f"a list stands here, allowed is {wanted}")
        case _:
            return at.wrong(f"a mapping stands here, allowed is {wanted}")


@dataclass(frozen=True, slots=True)
class Text:
    """Text of a given form."""

    #: a regular expression for the whole text
    pattern: str
    #: the form in words, for people
    wanted: str
    #: whether nothing at all is allowed too
    may_be_empty: bool = False

    def read(self, data: object, at: At) -> str | Bad:
        if data == "" and self.may_be_empty:
            return ""
        text = as_text(data, at, self.wanted)
        if text is BAD or re.fullmatch(self.pattern, text):
            return text
        if "${" in text:
            return at.wrong(f"a reference ${{...}} is for secrets only, allowed here is {self.wanted}")
        return at.wrong(f"{at.shown(text)} is not allowed, allowed is {self.wanted}")

    def schema(self) -> Schema:
        pattern = f"^({self.pattern})?$" if self.may_be_empty else f"^({self.pattern})$"
        return {"type": ["string", "number"], "pattern": pattern}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number."""

    low: int
    high: int

    def read(self, data: object, at: At) -> int | Bad:
        wanted = f"a whole number from {self.low} to {self.high}"
        text = as_text(data, at, wanted)
        if text is BAD:
            return BAD
        if not re.fullmatch("[0-9]{1,9}", text) or not self.low <= int(text) <= self.high:
            return at.wrong(f"{at.shown(text)} is not allowed, allowed is {wanted}")
        return int(text)

    def schema(self) -> Schema:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class Number:
    """A positive number with at most nine digits on either side of the point."""

    low: float
    high: float

    def read(self, data: object, at: At) -> float | Bad:
        wanted = f"a number from {self.low:g} to {self.high:g}"
        text = as_text(data, at, wanted)
        if text is BAD:
            return BAD
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or not self.low <= float(text) <= self.high:
            return at.wrong(f"{at.shown(text)} is not allowed, allowed is {wanted}")
        return float(text)

    def schema(self) -> Schema:
        return {"type": "number", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false, and no other spelling: `no` means too many things."""

    def read(self, data: object, at: At) -> bool | Bad:
        text = as_text(data, at, "true or false")
        if text is BAD:
            return BAD
        if text in ("true", "false"):
            return text == "true"
        meant = {"yes": "true", "on": "true", "y": "true", "1": "true", "no": "false", "off": "false", "0": "false"}
        word = meant.get(text.lower(), text.lower())
        hint = did_you_mean(word, ("true", "false"))
        return at.wrong(f"{at.shown(text)} is not allowed, allowed is true or false{hint}")

    def schema(self) -> Schema:
        return {"type": "boolean"}


_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_AMOUNT = r"[0-9]{1,6}(?:\.[0-9]{1,3})?"
_DURATION = "".join(f"(?:({_AMOUNT}){unit})?" for unit in _UNITS)


def seconds_of(text: str) -> float | None:
    """Seconds of `30s`, `5m`, `1h30m`, `2d`; None where it is not a duration."""
    found = re.fullmatch(_DURATION, text) if text else None
    if found is None:
        return None
    return float(sum(float(part) * size for part, size in zip(found.groups(), _UNITS.values(), strict=True) if part))


def spelled(seconds: float) -> str:
    """A duration as a plan writes it: 5400 is `1h30m`."""
    text, rest = "", seconds
    for unit, size in _UNITS.items():
        count = rest // size if size > 1 else rest
        rest -= count * size
        text += f"{count:g}{unit}" if count else ""
    return text or "0s"


def _duration_meant(text: str) -> str:
    """What somebody meant who wrote `30`, `5 min` or `2 hours`: `30s`, `5m`, `2h`, or ""."""
    found = re.fullmatch(rf"\s*({_AMOUNT})\s*([A-Za-z]*)\s*", text)
    if found is None:
        return ""
    word = found[2].lower() or "s"
    full = ("days", "hours", "minutes", "mins", "hrs", "seconds", "secs")
    return f"{found[1]}{word[0]}" if any(name.startswith(word) for name in full) else ""


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """A time such as `90s`, read as seconds."""

    #: both in seconds
    low: float
    high: float

    def read(self, data: object, at: At) -> float | Bad:
        wanted = f"a time such as 30s, 5m or 1h30m, from {spelled(self.low)} to {spelled(self.high)}"
        text = as_text(data, at, wanted)
        if text is BAD:
            return BAD
        seconds = seconds_of(text)
        if seconds is not None and self.low <= seconds <= self.high:
            return seconds
        meant = _duration_meant(text) if seconds is None else ""
        hint = f'; did you mean "{meant}"?' if meant else ""
        return at.wrong(f"{at.shown(text)} is not allowed, allowed is {wanted}{hint}")

    def schema(self) -> Schema:
        return {"type": "string", "pattern": f"^(?=.){_DURATION}$", "examples": ["30s", "5m", "1h30m", "2d"]}


@dataclass(frozen=True, slots=True)
class Choice(Generic[E]):
    """One word out of few."""

    words: type[E]

    def read(self, data: object, at: At) -> E | Bad:
        word = read_word(data, at, [w.value for w in self.words])
        return BAD if word is BAD else self.words(word)

    def schema(self) -> Schema:
        return {"type": "string", "enum": [w.value for w in self.words]}


def read_word(data: object, at: At, words: Iterable[str]) -> str | Bad:
    """One of the words, with a "did you mean" for any other."""
    known = list(words)
    text = as_text(data, at, f"one of {listed(known)}")
    if text is BAD or text in known:
        return text
    return at.wrong(f"{at.shown(text)} is not allowed, allowed is one of {listed(known)}{did_you_mean(text, known)}")


@dataclass(frozen=True, slots=True)
class Day:
    """A day, as 2027-04-01."""

    def read(self, data: object, at: At) -> date | Bad:
        wanted = "a day such as 2027-04-01"
        text = as_text(data, at, wanted)
        if text is BAD:
            return BAD
        try:
            if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
                return date.fromisoformat(text)
        except ValueError:
            pass
        return at.wrong(f"{at.shown(text)} is not a day, allowed is {wanted}")

    def schema(self) -> Schema:
        return {"type": "string", "format": "date"}


_ENV_REFERENCE = r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}"
_FILE_REFERENCE = r"\$\{file:([^{}\x00-\x1f]+)\}"
_COMMAND_REFERENCE = r"\$\{command:([^\x00-\x1f]*[^\x00-\x20][^\x00-\x1f]*)\}"
_REFERENCES = {
    SecretSource.ENV: _ENV_REFERENCE, SecretSource.FILE: _FILE_REFERENCE, SecretSource.COMMAND: _COMMAND_REFERENCE,
}  # fmt: skip


def reference_of(text: str) -> SecretRef | None:
    """The reference to a secret that this text is, or None."""
    for source, pattern in _REFERENCES.items():
        if found := re.fullmatch(pattern, text):
            return SecretRef(source, found[1])
    return None


def words_of_command(text: str) -> list[str] | None:
    """A command's program and arguments, by the shell's rules of quoting alone; None where a quote is left open."""
    try:
        return shlex.split(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to a secret. Law: what stands here is never repeated, for it may be the secret."""

    def read(self, data: object, at: At) -> SecretRef | Bad:
        wanted = '"${env:NAME}", "${file:PATH}" or "${command:PROGRAM ARGUMENTS}"'
        text = as_text(data, at, wanted)
        if text is BAD:
            return BAD
        reference = reference_of(text)
        if reference is not None and reference.source is SecretSource.COMMAND and not words_of_command(reference.name):
            return at.wrong("a quote is left open in this command, or it names no program")
        if reference is not None:
            return reference
        if "$" in text or re.match("(env|file|command):", text):
            return at.wrong(f"this is not a reference to a secret, allowed is {wanted}")
        return at.wrong(
            "a secret stands here in the open (not shown): put it into an environment variable or a file, "
            f"and write {wanted}"
        )

    def schema(self) -> Schema:
        return {
            "type": "string",
            "pattern": f"^({_ENV_REFERENCE}|{_FILE_REFERENCE}|{_COMMAND_REFERENCE})$",
            "examples": ["${env:DEV_SK}", "${file:/run/secrets/sk}", "${command:vault kv get -field=sk roma/prod}"],
        }
