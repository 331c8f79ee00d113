"""Words from outside, made harmless for the medium they enter. Law: one function for each medium; nobody else escapes.

An asset's name, an owner, a reason of the service: other people wrote them, and they may hold anything. On a terminal
an ESC clears the screen or sets its title, a line break forges a line of ours, a mark for right-to-left text reorders
one; in Markdown a name formats the ticket; in CSV a cell becomes a formula or another row. A log line and a document
in JSON are also read on terminals, so that `json.dumps` alone is not enough: it leaves C1 and marks as they are.
"""

import re
from collections.abc import Iterable, Sequence

#: what a spreadsheet takes for the beginning of a formula; the wide forms count where wide characters are usual
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_FORMATS = re.compile(r"[\\`*\[\]<>|#&~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_USUAL = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    """For a line on a terminal, and before any other escape: what does not print is spelled out (`\\x1b`, `\\n`)."""
    return text if text.isprintable() else "".join(map(_spelled, text))


def visible_lines(text: str) -> str:
    """For text that is made of lines of ours: the line breaks stay, nothing else that does not print."""
    return text if text.isprintable() else "\n".join(map(visible, text.split("\n")))


def in_markdown(text: str) -> str:
    """For one line of Markdown: nothing in it formats, links, is HTML, or ends the line."""
    return " ".join(_FORMATS.sub(r"\\\g<0>", visible(text)).split())


def in_json(document: str) -> str:
    """For a whole JSON document: what `json.dumps` left unescaped and does not print; it can only stand in strings."""
    return document if document.isprintable() else "".join(map(_json_spelled, document))


def in_csv(head: Sequence[str], rows: Iterable[Sequence[str]], line_end: str = "\n") -> str:
    """A whole table for a spreadsheet: no cell is a formula, and each row is one line."""
    import csv  # not for whoever only asks for help
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator=line_end)
    writer.writerow(head)
    writer.writerows([_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def _cell(text: str) -> str:
    text = visible(text)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def _spelled(char: str) -> str:
    if char.isprintable() or char in "\u00a0\u3000":  # spaces that people type
        return char
    number = ord(char)
    if number < 0x100:
        return _USUAL.get(char, f"\\x{number:02x}")
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _json_spelled(char: str) -> str:
    if char == "\n" or char.isprintable() or char in "\u00a0\u3000":
        return char
    return "".join(f"\\u{unit:04x}" for unit in _utf16(char))


def _utf16(char: str) -> list[int]:
    number = ord(char)
    if number < 0x10000:
        return [number]
    return [0xD800 + ((number - 0x10000) >> 10), 0xDC00 + ((number - 0x10000) & 0x3FF)]
