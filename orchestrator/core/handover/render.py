"""The handover list as rows, Markdown, CSV and JSON. Law: the same items in each, no cell that a spreadsheet runs."""

import csv
import io
from collections.abc import Mapping, Sequence

from orchestrator.core.handover.items import Verification, by_owner
from orchestrator.core.model.handover_item import Action, Item

#: of a row; JSON uses the same words
COLUMNS = ("id", "done", "owner", "action", "asset", "kind", "where", "what", "proof", "seen")
_NOBODY = "nobody in particular"
#: what a spreadsheet takes for the beginning of a formula
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def rows(items: Sequence[Item], ticks: Sequence[Verification] = ()) -> list[tuple[str, ...]]:
    """One row per item under COLUMNS, by owner; `done` is "yes", "no", or "" where nobody looked."""
    seen = {each.item.id: each for each in ticks}
    return [_row(item, seen.get(item.id)) for held in by_owner(items).values() for item in held]


def to_csv(items: Sequence[Item], ticks: Sequence[Verification] = ()) -> str:
    """For a spreadsheet, in lines that end with CR LF."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([_safe(cell) for cell in row] for row in rows(items, ticks))
    return text.getvalue()


def to_markdown(items: Sequence[Item], ticks: Sequence[Verification] = ()) -> str:
    """For a ticket: a list of boxes, what is proved ticked. First the tasks that must stop, then each owner's list."""
    seen = {each.item.id: each for each in ticks}
    first = [item for item in items if item.action == Action.STOP_TASK]
    rest = [item for item in items if item.action != Action.STOP_TASK]
    lines = [f"## First, before anything starts at a target: {len(first)}", ""] if first else []
    for owner, held in by_owner(first).items():
        lines += [f"{_box(item, seen)} ({plain(owner) or _NOBODY})" for item in held]
    lines += [""] if first else []
    for owner, held in by_owner(rest).items():
        lines += [f"## {plain(owner) or _NOBODY}: {len(held)}", "", *(_box(item, seen) for item in held), ""]
    return "\n".join(lines)


def _box(item: Item, seen: Mapping[str, Verification]) -> str:
    tick = seen.get(item.id)
    box = "x" if tick is not None and tick.done else " "
    asset = f" **{plain(item.asset)}**" if item.asset else ""
    told = f" (seen: {plain(tick.why)})" if item.check and tick is not None else ""
    return f"- [{box}] `{item.id}` {item.where}{asset}: {plain(item.sentence)}{told}"


def to_data(items: Sequence[Item], ticks: Sequence[Verification] = ()) -> list[Mapping[str, object]]:
    """For JSON: a mapping per item; `done` is true, false, or null where nobody looked."""
    made: list[Mapping[str, object]] = []
    for row in rows(items, ticks):
        told: dict[str, object] = dict(zip(COLUMNS, row, strict=True))
        told["done"] = {"yes": True, "no": False, "": None}[row[1]]
        made.append(told)
    return made


def _row(item: Item, seen: Verification | None) -> tuple[str, ...]:
    done = "" if seen is None else ("yes" if seen.done else "no")
    why = "" if seen is None else seen.why
    return (
        item.id, done, item.owner, str(item.action), item.asset, item.kind, item.where, item.sentence, item.check, why,
    )  # fmt: skip


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def plain(text: str) -> str:
    """Text for Markdown. Names are other people's text: nothing in them may format the ticket or end its line."""
    for sign in ("\\", "`", "*", "_", "[", "]", "<", ">", "|", "#"):
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())
