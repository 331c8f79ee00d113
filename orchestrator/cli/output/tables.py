"""Plain tables. Law: what does not fit a terminal is cut, in words, never in numbers; elsewhere nothing is cut."""

import shutil
import sys
from collections.abc import Iterable, Sequence

from orchestrator.cli.output.cells import cells, middle, padded, wrap
from orchestrator.core.model.escape import in_markdown, visible

#: where nobody tells the width
USUAL_WIDTH = 80
#: for tables that are searched and cut by programs: nothing is shortened
UNLIMITED = 1_000_000


def width() -> int:
    """Columns of the terminal, or 80."""
    return max(40, shutil.get_terminal_size((USUAL_WIDTH, 24)).columns)


def _room() -> int:
    return width() if sys.stdout.isatty() else UNLIMITED


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, indent: str = "  ", fit: int | None = None) -> str:
    """Columns under a head; the widest column of words shrinks where a line would be longer than `fit`."""
    every = [list(head), *([visible(cell) for cell in row] for row in rows)]
    widths = [max(cells(row[at]) for row in every) for at in range(len(head))]
    numeric = [
        bool(rows) and all(row[at].strip("-").isdigit() or not row[at] for row in rows) for at in range(len(head))
    ]
    room = (fit or _room()) - len(indent) - 2 * (len(head) - 1)
    while sum(widths) > room:
        words = [at for at in range(len(head)) if not numeric[at] and widths[at] > 8]
        if not words:
            break
        widest = max(words, key=lambda at: widths[at])
        widths[widest] = max(8, widths[widest] - (sum(widths) - room))
    return "\n".join((indent + "  ".join(_cell(c, w, n) for c, w, n in zip(row, widths, numeric, strict=True))).rstrip()
                     for row in every)  # fmt: skip


def _cell(text: str, room: int, numeric: bool) -> str:
    text = middle(text, room)
    return padded(text, room, right=numeric)


def wrapped(label: str, sentence: str) -> str:
    """`label` and a sentence behind it, wrapped and hanging; a line break in it is spelled out, as it is not ours."""
    return "\n".join(wrap(visible(sentence), width(), label, " " * cells(label))) or label.rstrip()


def commands(label: str, text: str) -> str:
    """`label` and lines of ours behind it; one that is a command is not broken, so that it can be pasted."""
    made: list[str] = []
    for line in text.split("\n"):
        lead = " " * cells(label) if made else label
        made.append(lead + visible(line) if line.lstrip().startswith("roma-migrate ") else wrapped(lead, line))
    return "\n".join(made)


def for_reading(page: str) -> str:
    """Markdown with its sentences and list items wrapped; tables and blocks of code stay as they are."""
    made: list[str] = []
    within = False
    for line in page.split("\n"):
        within ^= line.startswith("```")
        if within or line.startswith(("```", "|", "#")):
            made.append(line)
        else:
            mark = "- " if line.startswith("- ") else ""
            made += wrap(line.removeprefix(mark), width(), mark, " " * len(mark)) or [line]
    return "\n".join(made)


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """The same for a ticket, a line each; what a cell holds can neither end it nor format anything."""

    def line(cells: Iterable[object]) -> str:
        return "| " + " | ".join(in_markdown(str(cell)) for cell in cells) + " |"

    return [line(head), "|" + " --- |" * len(head), *(line(row) for row in rows)]
