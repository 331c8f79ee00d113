"""Who becomes a member at a target: a CSV of `source user,target user`. Law: total; every problem with its line."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.plan.problems import quoted

#: what the first line may say
HEADER = ("source user", "target user")
#: lines of one file
MOST = 20_000
#: a user's name, as IAM has it
_USER = re.compile(r"[^\x00-\x1f\x7f,;]{1,64}")
_WANTED = f"allowed is {HEADER[0]},{HEADER[1]}"


@dataclass(frozen=True, slots=True)
class Members:
    """Who a user of the source is at the target."""

    #: name at the source -> name at the target
    users: Mapping[str, str]


def members_from(text: str) -> Members | tuple[tuple[int, str], ...]:
    """The users that the text names, or (line, message) for all that is wrong with it."""
    problems: list[tuple[int, str]] = []
    users: dict[str, str] = {}
    lines: dict[str, int] = {}
    for line, words in _rows(text, problems):
        if line == 1 and tuple(each.lower() for each in words) == HEADER:
            continue
        found = _one(words)
        if isinstance(found, str):
            problems.append((line, found))
            continue
        source, target = found
        if source in users:
            problems.append(
                (line, f"{quoted(source)} stands here twice, first on line {lines[source]}: keep one of them")
            )
            continue
        users[source], lines[source] = target, line
    if not users and not problems:
        problems.append((1, f"nobody is named here, {_WANTED} on each line"))
    return tuple(problems) if problems else Members(users)


def _rows(text: str, problems: list[tuple[int, str]]) -> list[tuple[int, list[str]]]:
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    found: list[tuple[int, list[str]]] = []
    try:
        for row in reader:
            words = [word.strip() for word in row]
            if any(words) and not words[0].startswith("#"):
                found.append((reader.line_num, words))
            if len(found) > MOST:
                problems.append((reader.line_num, f"more than {MOST} users stand here"))
                return []
    except csv.Error:
        problems.append((max(reader.line_num, 1), f"this is no CSV, is a quote missing? {_WANTED}"))
    return found


def _one(words: list[str]) -> tuple[str, str] | str:
    """One line's users, or what is wrong with it."""
    if len(words) == 1 and ";" in words[0]:
        return f"a semicolon stands between the users, {_WANTED}, with a comma"
    if len(words) != 2:
        return f"{len(words)} columns stand here, {_WANTED}"
    for column, word in zip(HEADER, words, strict=True):
        if not word:
            return f"the {column} is missing, {_WANTED}; leave the line out if there is none"
        if not _USER.fullmatch(word):
            return f"{quoted(word)} is no user's name: 1 to 64 characters, without comma and semicolon"
    return words[0], words[1]
