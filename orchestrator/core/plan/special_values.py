"""The shapes that only one key has: credentials, a window, a target, a check's id, `keep_packages`, `version`."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.core.model.checks import CHECKS, NOT_WAIVABLE
from orchestrator.core.plan.containers import NAME, MapOf, Section, kind_of
from orchestrator.core.plan.plan import FilePerTarget, KeepPackages, SecretRef
from orchestrator.core.plan.problems import BAD, At, Bad, did_you_mean, listed
from orchestrator.core.plan.scalars import Reference, Schema, Text, TimeSpan, as_text, read_word, seconds_of
from orchestrator.core.plan.windows import DAYS, Window, is_ever_open, moment_of, of_week, zone_of, zones_like

_WAYS = (
    "either ak and sk, or username, domain and password, or profile: sdk, or agency: ecs, or oidc: {...}, or "
    "assume: {...}"
)


@dataclass(frozen=True, slots=True)
class CredentialsShape:
    """One of the kinds of credentials, told apart by their keys."""

    access_key: Section
    password: Section
    sdk_profile: Section
    #: those without a stored key, each with the key it is told by first
    keyless: tuple[Section, ...] = ()

    def read(self, data: object, at: At) -> dict[str, Any] | Bad:
        if not isinstance(data, Mapping):
            return at.wrong(f"{kind_of(data)}, allowed is a mapping with {_WAYS}")
        kind = self._kind(data)
        others = {name for section in self._all() for name in section.keys} - set(kind.keys)
        refused = {name: f'"{name}" does not go with the other keys: write {_WAYS}' for name in others}
        return Section(kind.keys, refused).read(data, at)

    def _all(self) -> tuple[Section, ...]:
        return (self.access_key, self.password, self.sdk_profile, *self.keyless)

    def _kind(self, data: Mapping[Any, object]) -> Section:
        if "profile" in data:
            return self.sdk_profile
        for section in self.keyless:
            if next(iter(section.keys)) in data:
                return section
        if not any(name in data for name in ("ak", "sk", "security_token")) and any(
            k in data for k in self.password.keys
        ):
            return self.password
        return self.access_key

    def schema(self) -> Schema:
        return {"oneOf": [section.schema() for section in self._all()]}


@dataclass(frozen=True, slots=True)
class NotifyShape:
    """One entry of `notify`, told by its first key."""

    ways: tuple[Section, ...]

    def read(self, data: object, at: At) -> dict[str, Any] | Bad:
        names = [next(iter(section.keys)) for section in self.ways]
        wanted = f"a mapping with one of {listed(names)}"
        if not isinstance(data, Mapping):
            return at.wrong(f"{kind_of(data)}, allowed is {wanted}")
        told = [name for name in names if name in data]
        if len(told) != 1:
            return at.wrong(f"{'several of these' if told else 'none of these'} stand here, allowed is {wanted}")
        return self.ways[names.index(told[0])].read(data, at)

    def schema(self) -> Schema:
        return {"oneOf": [section.schema() for section in self.ways]}


#: a part of an address that nobody could remember: a key or a token
_TOKEN = re.compile(r"(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{16,}")
_ADDRESS_REFERENCE = 'a reference to an address such as "${env:HOOK}"'


@dataclass(frozen=True, slots=True)
class LibraryAddressShape:
    """An address of the notification library. Law: it is never repeated, and none that holds a secret is taken."""

    def read(self, data: object, at: At) -> SecretRef | str | Bad:
        text = as_text(data, at, _ADDRESS_REFERENCE)
        if text is BAD or "$" in text:
            return Reference().read(data, at)
        scheme, found, rest = text.partition("://")
        if not found or not re.fullmatch("[A-Za-z][A-Za-z0-9+.-]*", scheme):
            return at.wrong(f"this is no address, allowed is {_ADDRESS_REFERENCE}")
        if "@" in rest or _TOKEN.search(rest):
            return at.wrong(
                "an address that holds a password or a token stands here in the open (not shown): put it into an "
                "environment variable or a file, and write a reference to it"
            )
        return text

    def schema(self) -> Schema:
        return {"type": "string", "pattern": r"^([A-Za-z][A-Za-z0-9+.-]*://|\$\{)"}


@dataclass(frozen=True, slots=True)
class WallTime:
    """One end of a window."""

    #: a time of each week, not one of the calendar
    weekly: bool

    def read(self, data: object, at: At) -> str | Bad:
        wanted = (
            'a day and a time of each week such as "Sat 02:00"' if self.weekly
            else "a day and a time such as 2026-03-07T02:00, without an offset: the zone has a key of its own"
        )  # fmt: skip
        text = as_text(data, at, wanted)
        if text is BAD:
            return BAD
        found = of_week(text) if self.weekly else moment_of(text)
        hint = did_you_mean(text[:3].title(), DAYS) if self.weekly and found is None else ""
        return found or at.wrong(f"{at.shown(text)} is not allowed, allowed is {wanted}{hint}")

    def schema(self) -> Schema:
        if self.weekly:
            return {"type": "string", "pattern": f"^({'|'.join(DAYS)}) ([01]?[0-9]|2[0-3]):[0-5][0-9]$"}
        return {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?$"}


@dataclass(frozen=True, slots=True)
class ZoneName:
    """A named time zone."""

    def read(self, data: object, at: At) -> str | Bad:
        wanted = "the name of a time zone such as Asia/Shanghai"
        text = as_text(data, at, wanted)
        if text is BAD or zone_of(text) is not None:
            return text
        return at.wrong(f"{at.shown(text)} is no time zone, allowed is {wanted}{did_you_mean(text, zones_like(text))}")

    def schema(self) -> Schema:
        return {"type": "string", "examples": ["Asia/Shanghai", "Europe/Berlin", "UTC"]}


@dataclass(frozen=True, slots=True)
class WindowShape:
    """One window: of each week, or once."""

    weekly: Section
    once: Section

    def read(self, data: object, at: At) -> Window | Bad:
        wanted = "a mapping with opens, closes and timezone, or with from, to and timezone"
        if not isinstance(data, Mapping):
            return at.wrong(f"{kind_of(data)}, allowed is {wanted}")
        once, weekly = {"from", "to"} & data.keys(), {"opens", "closes"} & data.keys()
        if once and weekly:
            told = f"{listed(sorted(weekly))} and {listed(sorted(once))}"
            return at.wrong(f"{told} exclude each other, allowed is {wanted}")
        kind = self.once if once else self.weekly
        values = kind.read(data, at)
        if values is BAD or BAD in values.values() or values.keys() < data.keys():
            return BAD
        opens, closes, zone = (values[key] for key in kind.keys)
        window = Window(opens, closes, zone)
        if not is_ever_open(window):
            return at.wrong(f"it closes at {at.shown(closes)}, and opens at {at.shown(opens)}: it is never open")
        return window

    def schema(self) -> Schema:
        return {"oneOf": [self.weekly.schema(), self.once.schema()]}


@dataclass(frozen=True, slots=True)
class TargetShape:
    """One entry of `targets`: an instance's name, or a mapping that also says how; reads into a mapping."""

    section: Section

    def read(self, data: object, at: At) -> dict[str, Any] | Bad:
        if isinstance(data, str):
            name = NAME.read(data, at)
            return BAD if name is BAD else {"instance": name}
        return self.section.read(data, at)

    def schema(self) -> Schema:
        return {"oneOf": [NAME.schema(), self.section.schema()]}


@dataclass(frozen=True, slots=True)
class FilesShape:
    """The path of a file for the only target, or a mapping from targets to paths."""

    path: Text
    #: what stands in the files, in words
    what: str

    def read(self, data: object, at: At) -> FilePerTarget | Bad:
        if isinstance(data, Mapping):
            read = MapOf(NAME, self.path, f"{self.what} by target").read(data, at)
            good = () if read is BAD else tuple((name, path) for name, path in read.items() if path is not BAD)
            return good if read is not BAD and len(good) == len(read) else BAD
        path = self.path.read(data, at)
        return BAD if path is BAD else (("", path),)

    def schema(self) -> Schema:
        return {"oneOf": [self.path.schema(), MapOf(NAME, self.path, self.what).schema()]}


@dataclass(frozen=True, slots=True)
class CheckId:
    """The id of a preflight check that may be waived."""

    def read(self, data: object, at: At) -> str | Bad:
        word = read_word(data, at, CHECKS)
        if word in NOT_WAIVABLE:
            return at.wrong(f"nobody can waive {word}: it must be put right")
        return word

    def schema(self) -> Schema:
        return {"type": "string", "enum": [check for check in CHECKS if check not in NOT_WAIVABLE]}


_KEEP_AGE = TimeSpan(1, 3650 * 86400)


@dataclass(frozen=True, slots=True)
class KeepShape:
    """`keep_packages`: until-verified, always, or a time."""

    def read(self, data: object, at: At) -> KeepPackages | Bad:
        words = ("until-verified", "always")
        wanted = "until-verified, always, or a time such as 30d"
        text = as_text(data, at, wanted)
        if text is BAD:
            return BAD
        if text in words:
            return KeepPackages(math.inf if text == "always" else 0.0)
        if seconds_of(text) is None:
            return at.wrong(f"{at.shown(text)} is not allowed, allowed is {wanted}{did_you_mean(text, words)}")
        seconds = _KEEP_AGE.read(text, at)
        return BAD if seconds is BAD else KeepPackages(seconds)

    def schema(self) -> Schema:
        return {"oneOf": [{"enum": ["until-verified", "always"]}, _KEEP_AGE.schema()]}


@dataclass(frozen=True, slots=True)
class Version:
    """The version of the plan's form."""

    def read(self, data: object, at: At) -> int | Bad:
        text = as_text(data, at, "1")
        if text is BAD:
            return BAD
        return 1 if text == "1" else at.wrong(f"{at.shown(text)} is not a version this program reads, allowed is 1")

    def schema(self) -> Schema:
        return {"enum": [1, "1"]}
