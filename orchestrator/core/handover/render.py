"""The handover list as rows, Markdown, CSV and JSON. Law: the same items in each, no cell that a spreadsheet runs."""

from collections.abc import Mapping, Sequence

from orchestrator.core.handover.items import Verification, by_owner
from orchestrator.core.model.escape import in_csv, in_markdown
from orchestrator.core.model.handover_item import Action, Item

#: of a row; JSON uses the same words
COLUMNS = ("id", "done", "owner", "action", "asset", "kind", "where", "what", "proof", "seen")
_NOBODY = "nobody in particular"


def rows(items: Sequence[Item], ticks: Sequence[Verification] = ()) -> list[tuple[str, ...]]:
    """One row per item under COLUMNS, by owner; `done` is "yes", "no", or "" where nobody looked."""
    seen = {each.item.id: each for each in ticks}
    return [_row(item, seen.get(item.id)) for held in by_owner(items).values() for item in held]


def to_csv(items: Sequence[Item], ticks: Sequence[Verification] = ()) -> str:
    """For a spreadsheet, in lines that end with CR LF."""
    return in_csv(COLUMNS, rows(items, ticks), "\r\n")


def to_markdown(items: Sequence[Item], ticks: Sequence[Verification] = ()) -> str:
    """For a ticket: a list of boxes, what is proved ticked. First the tasks that must stop, then each owner's list."""
    seen = {each.item.id: each for each in ticks}
    first = [item for item in items if item.action == Action.STOP_TASK]
    rest = [item for item in items if item.action != Action.STOP_TASK]
    lines = [f"## First, before anything starts at a target: {len(first)}", ""] if first else []
    for owner, held in by_owner(first).items():
        lines += [f"{_box(item, seen)} ({in_markdown(owner) or _NOBODY})" for item in held]
    lines += [""] if first else []
    for owner, held in by_owner(rest).items():
        lines += [f"## {in_markdown(owner) or _NOBODY}: {len(held)}", "", *(_box(item, seen) for item in held), ""]
    return "\n".join(lines)


def _box(item: Item, seen: Mapping[str, Verification]) -> str:
    tick = seen.get(item.id)
    box = "x" if tick is not None and tick.done else " "
    asset = f" **{in_markdown(item.asset)}**" if item.asset else ""
    told = f" (seen: {in_markdown(tick.why)})" if item.check and tick is not None else ""
    return f"- [{box}] `{item.id}` {in_markdown(item.where)}{asset}: {in_markdown(item.sentence)}{told}"


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
