"""How a plan's problems are spoken of: what is wrong, and where. Law: nothing that may be a secret is ever spelled out.

A place is the way from the top of the plan to a value: keys are text, positions in a list are whole numbers. Below
`credentials`, and in the connections of a values file, no value is ever quoted, and a key only when it is (nearly) a
known one: who forgets a colon or a blank has a secret for a key. So every message here can be printed and logged.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from itertools import islice

from orchestrator.core.model.connections import ADDRESS_FIELDS, FIELDS, LOGIN_FIELDS, is_secret

Place = tuple[str | int, ...]

#: keys whose value is a secret
SECRET_KEYS = ("ak", "sk", "security_token", "password", "webhook", "heartbeat")
#: every key that credentials know
CREDENTIAL_KEYS = (
    *SECRET_KEYS, "user", "username", "domain", "iam_endpoint", "profile", "agency", "oidc", "assume", "idp",
    "token_file", "token_env", "project", "by",
)  # fmt: skip
#: every key of a values file below a data source's name
CONNECTION_KEYS = (
    "type", "name", "app", "content", "other_fields", "optional", *FIELDS, *LOGIN_FIELDS, *ADDRESS_FIELDS,
)  # fmt: skip

_SIMPLE_KEY = re.compile(r"[\w.-]+")
_RUN_TOGETHER = re.compile(r"\s*([A-Za-z_]+)\s*[:=\s]")
_LONGEST_QUOTE = 60
_LONGEST_LIST = 40
#: names among which "did you mean" looks: beyond it the search would take longer than it helps
_MOST_KNOWN = 300
#: problems after which reading stops: whoever sees these has enough to do
MOST_PROBLEMS = 100


class Bad(Enum):
    """What stands for a value that could not be read; its problem has been told."""

    BAD = "bad"


BAD = Bad.BAD


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a plan."""

    path: Place
    #: what is wrong and what is allowed; never holds a secret
    message: str

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {self.message}" if self.path else self.message


@dataclass(frozen=True, slots=True)
class At:
    """A place being read, and where its problems are told."""

    path: Place
    #: in the order in which they were told, each once
    problems: dict[Problem, None]

    @property
    def full(self) -> bool:
        """Whether enough is wrong to stop reading, so that a hostile file cannot keep us busy."""
        return len(self.problems) >= MOST_PROBLEMS

    def child(self, part: str | int) -> "At":
        return At((*self.path, part), self.problems)

    def wrong(self, message: str) -> Bad:
        """Tells one problem, once."""
        self.problems[Problem(self.path, message)] = None
        return BAD

    def shown(self, text: str) -> str:
        """The text in quotes, or words in its place where it may be a secret."""
        if secretive(self.path) or ("://" in text and "@" in text):
            return "what stands here (not shown)"
        return quoted(text)


def secretive(path: Place) -> bool:
    """Whether a value at this place may be a secret: all of `credentials`, any connection, any key named like one."""
    if path[:1] == ("datasources",):
        return len(path) > 2 and (path[2] in ("content", "other_fields") or is_secret(str(path[2])))
    return path[:1] == ("credentials",) or any(part in SECRET_KEYS for part in path)


def quoted(text: str) -> str:
    """The text in quotes on one line, shortened, without characters that would command a terminal."""
    cut = text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "..."
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in cut)
    return f'"{plain}"'


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is meant, most likely, or ""."""
    spelled = {k.lower().replace("-", "_"): k for k in islice(known, _MOST_KNOWN)}
    found = get_close_matches(word[:100].lower().replace("-", "_"), list(spelled), n=1, cutoff=0.6)
    return spelled[found[0]] if found else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "X"?`, or "" where nothing is near."""
    meant = nearest(word, known)
    return f'; did you mean "{meant}"?' if meant else ""


def listed(words: Iterable[str]) -> str:
    """`a, b, c`, or "none" where there is nothing to list; a long list is cut."""
    every = list(words)
    rest = f" and {len(every) - _LONGEST_LIST} more" if len(every) > _LONGEST_LIST else ""
    return ", ".join(every[:_LONGEST_LIST]) + rest or "none"


def dotted(path: Place) -> str:
    """`migrations[0].target`, as people write it; masked where a key may hold a secret."""
    text = ""
    for depth, part in enumerate(path):
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            key = key_shown(path[:depth], part)
            text += f".{key}" if text and not key.startswith("[") else key
    return text


def key_shown(parent: Place, key: str) -> str:
    """One key for people: as it is, in brackets and quotes where it is no simple word, or [not shown]."""
    if len(parent) >= 2 and not _near(key, _DISCREET.get(parent[0])):
        return "[not shown]"
    if any(part in SECRET_KEYS for part in parent):
        return "[not shown]"
    if (run := _RUN_TOGETHER.match(key)) and (run[1].lower() in SECRET_KEYS or is_secret(run[1])):
        return f"{run[1]}[not shown]"
    return key if len(key) <= _LONGEST_QUOTE and _SIMPLE_KEY.fullmatch(key) else f"[{quoted(key)}]"


#: part of the file -> the only keys below a name in it that are shown
_DISCREET: Mapping[str | int, Sequence[str]] = {"credentials": CREDENTIAL_KEYS, "datasources": CONNECTION_KEYS}


def _near(key: str, known: Sequence[str] | None) -> bool:
    """Whether the key is, or nearly is, a known one; anything is where none are given."""
    if known is None or key in known:
        return True
    # A near miss of at most two letters cannot smuggle a secret that stands behind a known word.
    close = [k for k in known if abs(len(k) - len(key)) <= 2]
    return bool(re.fullmatch("[A-Za-z_-]+", key)) and bool(get_close_matches(key.lower(), close, n=1, cutoff=0.8))


def unknown_key(key: str, known: Sequence[str], place: Place) -> str:
    """What to say of a key that this part of the plan does not have."""
    head, colon, _ = key.partition(":")
    if colon and head.strip() in known:
        return f'a blank is missing after the colon of "{head.strip()}": write "{head.strip()}: ..."'
    # A hint is a known word, so that it tells nothing of a key which is not shown.
    hint = did_you_mean(key, known)
    return f"unknown key, allowed are {listed(known)}{hint}"
