"""Plain tables that fit a terminal. Law: what does not fit is cut with an ellipsis, in words, never in numbers."""

import shutil
from collections.abc import Iterable, Sequence

#: where nobody tells the width
USUAL_WIDTH = 80
#: for tables that are searched and cut by programs: nothing is shortened
UNLIMITED = 1_000_000


def width() -> int:
    """Columns of the terminal, or 80."""
    return max(40, shutil.get_terminal_size((USUAL_WIDTH, 24)).columns)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, indent: str = "  ", fit: int | None = None) -> str:
    """Columns under a head; the widest column of words shrinks where a line would be longer than `fit`."""
    every = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[at]) for row in every) for at in range(len(head))]
    numeric = [
        bool(rows) and all(row[at].strip("-").isdigit() or not row[at] for row in rows) for at in range(len(head))
    ]
    room = (fit or width()) - len(indent) - 2 * (len(head) - 1)
    while sum(widths) > room:
        words = [at for at in range(len(head)) if not numeric[at] and widths[at] > 8]
        if not words:
            break
        widest = max(words, key=lambda at: widths[at])
        widths[widest] = max(8, widths[widest] - (sum(widths) - room))
    return "\n".join((indent + "  ".join(_cell(c, w, n) for c, w, n in zip(row, widths, numeric, strict=True))).rstrip()
                     for row in every)  # fmt: skip


def _cell(text: str, room: int, numeric: bool) -> str:
    text = text.replace("\n", " ")
    if len(text) > room:
        text = text[: room - 1] + "…"
    return text.rjust(room) if numeric else text.ljust(room)


def wrapped(label: str, text: str) -> str:
    """`label` and the words behind it, wrapped and hanging; a command is not broken, so that it can be pasted."""
    import textwrap

    indent = " " * len(label)
    out: list[str] = []
    for line in text.splitlines() or [""]:
        first = label if not out else indent
        if line.strip().startswith("roma-migrate "):
            out.append(first + line)
        else:
            out += textwrap.wrap(
                line, width(), initial_indent=first, subsequent_indent=indent, break_long_words=False,
                break_on_hyphens=False,
            ) or [first.rstrip()]  # fmt: skip
    return "\n".join(out)


def count(number: int, thing: str) -> str:
    """`1 asset`, `2 assets`, `3 batches`."""
    plural = {"batch": "batches", "delivery": "deliveries"}.get(thing, f"{thing}s")
    return f"{number:,} {thing if number == 1 else plural}"


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """The same for a ticket, a line each; what a cell holds cannot end it."""

    def line(cells: Iterable[object]) -> str:
        return "| " + " | ".join(str(c).replace("|", "\\|").replace("\n", " ") for c in cells) + " |"

    return [line(head), line("---" for _ in head), *(line(row) for row in rows)]
