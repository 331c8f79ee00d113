"""Text measured in the cells of a terminal. Law: what lines up or wraps counts cells, never characters.

A Chinese, Japanese or Korean character takes two cells and a combining mark none. ROMA allows them in names.
"""

import re
from collections.abc import Iterator

from rich.cells import cell_len, split_graphemes

#: what no line may begin with, and what no line may end with, where text is broken between wide characters
_CLOSING = frozenset("，。、；：？！）》」』】〕〉”’…—～·,.;:?!)]}%％")
_OPENING = frozenset("（《「『【〔〈“‘([{")
_WORDS = re.compile(r"\s+|\S+")
_MARK = "…"


def cells(text: str) -> int:
    """How many cells a terminal needs for it."""
    return cell_len(text)


def padded(text: str, room: int, *, right: bool = False) -> str:
    """Filled with spaces to `room` cells, before it where it stands at the right."""
    blank = " " * max(0, room - cells(text))
    return blank + text if right else text + blank


def cut(text: str, room: int) -> str:
    """Cut at its end, where it needs more cells."""
    return text if cells(text) <= room else _head(text, max(0, room - 1)) + _MARK


def middle(text: str, room: int) -> str:
    """Cut in its middle, where it needs more cells: names differ at both ends."""
    if cells(text) <= room:
        return text
    head = _head(text, room // 2)
    return head + _MARK + _tail(text, room - cells(head) - 1)


def _head(text: str, room: int) -> str:
    end = taken = 0
    for _, stop, size in split_graphemes(text)[0]:
        taken += size
        if taken > room:
            break
        end = stop
    return text[:end]


def _tail(text: str, room: int) -> str:
    begin, taken = len(text), 0
    for start, _, size in reversed(split_graphemes(text)[0]):
        taken += size
        if taken > room:
            break
        begin = start
    return text[begin:]


def wrap(text: str, room: int, first: str, rest: str) -> list[str]:
    """Lines of at most `room` cells, the first behind `first`, the others behind `rest`.

    A line ends at a space or beside a wide character. A longer word of narrow characters stays whole, so that ids and
    paths can be copied; marks stay with what they close or open.
    """
    lines: list[str] = []
    line, held, blank = first, False, ""
    for part in _parts(text):
        if part.isspace():
            blank = part if held or not lines else ""
            continue
        if held and cells(line) + cells(blank) + cells(part) > room:
            lines.append(line)
            line, blank = rest, ""
        line, held, blank = line + blank + part, True, ""
    return [*lines, line] if held else lines


def _parts(text: str) -> Iterator[str]:
    """Spaces, and what stands between two places at which a line may end."""
    for word in _WORDS.findall(text):
        if word.isspace() or cells(word) == len(word):
            yield word
        else:
            yield from _units(word)


def _units(word: str) -> Iterator[str]:
    unit, wide_end = "", False
    for start, stop, size in split_graphemes(word)[0]:
        grapheme = word[start:stop]
        breaks = unit and (size > 1 or wide_end) and grapheme[0] not in _CLOSING and unit[-1] not in _OPENING
        if breaks:
            yield unit
            unit = ""
        unit += grapheme
        wide_end = size > 1 or (wide_end and grapheme[0] in _CLOSING)
    if unit:
        yield unit
