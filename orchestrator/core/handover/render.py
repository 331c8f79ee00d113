"""The handover list as rows, Markdown, CSV and JSON. Law: the same items in each, no cell that a spreadsheet runs."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from orchestrator.core.handover.items import by_owner
from orchestrator.core.model.escape import in_csv, in_markdown
from orchestrator.core.model.handover_item import Action, Item, Standing

#: item id -> where it stands
Standings = Mapping[str, Standing]
#: of a row; JSON uses the same words
COLUMNS = (
    "id", "done", "owner", "action", "asset", "kind", "where", "what", "proof", "seen", "run", "by", "at", "note",
)  # fmt: skip
_UNKNOWN: Standings = {}
_NOBODY = "nobody in particular"


def rows(items: Sequence[Item], known: Standings = _UNKNOWN) -> list[tuple[str, ...]]:
    """One row per item under COLUMNS, by owner; `done` is "yes", "no", or "" where nobody looked."""
    return [_row(item, known.get(item.id, Standing())) for held in by_owner(items).values() for item in held]


def to_csv(items: Sequence[Item], known: Standings = _UNKNOWN) -> str:
    """For a spreadsheet, in lines that end with CR LF."""
    return in_csv(COLUMNS, rows(items, known), "\r\n")


def to_markdown(items: Sequence[Item], known: Standings = _UNKNOWN) -> str:
    """For a ticket: a list of boxes, what is done ticked. First the tasks that must stop, then each owner's list."""
    first = [item for item in items if item.action == Action.STOP_TASK]
    rest = [item for item in items if item.action != Action.STOP_TASK]
    lines = [f"## First, before anything starts at a target: {_left(first, known)}", ""] if first else []
    for owner, held in by_owner(first).items():
        lines += [f"{_box(item, known)} ({in_markdown(owner) or _NOBODY})" for item in held]
    lines += [""] if first else []
    for owner, held in by_owner(rest).items():
        lines += [
            f"## {in_markdown(owner) or _NOBODY}: {_left(held, known)}",
            "",
            *(_box(item, known) for item in held),
            "",
        ]
    return "\n".join(lines)


def open_items(items: Sequence[Item], known: Standings) -> tuple[Item, ...]:
    """Those that nobody has ticked and no read has proved."""
    return tuple(item for item in items if not known.get(item.id, Standing()).done)


def _left(items: Sequence[Item], known: Standings) -> str:
    """`12`, or `9 of 12` where some are done."""
    left = len(open_items(items, known))
    return f"{left}" if left == len(items) else f"{left} of {len(items)}"


def _box(item: Item, known: Standings) -> str:
    stands = known.get(item.id, Standing())
    asset = f" **{in_markdown(item.asset)}**" if item.asset else ""
    told = (
        f"- [{'x' if stands.done else ' '}] `{item.id}` {in_markdown(item.where)}{asset}: {in_markdown(item.sentence)}"
    )
    if item.check and stands.seen:
        told += f" (seen: {in_markdown(stands.seen)})"
    if stands.by:
        told += f" (ticked by {in_markdown(stands.by)} at {_moment(stands.at)}: {in_markdown(stands.note)})"
    return told


def to_data(items: Sequence[Item], known: Standings = _UNKNOWN) -> list[Mapping[str, object]]:
    """For JSON: a mapping per item; `done` is true, false, or null where nobody looked."""
    made: list[Mapping[str, object]] = []
    for row in rows(items, known):
        told: dict[str, object] = dict(zip(COLUMNS, row, strict=True))
        told["done"] = {"yes": True, "no": False, "": None}[row[1]]
        made.append(told)
    return made


def _row(item: Item, stands: Standing) -> tuple[str, ...]:
    done = "" if stands.done is None else ("yes" if stands.done else "no")
    return (
        item.id, done, item.owner, str(item.action), item.asset, item.kind, item.where, item.sentence, item.check,
        stands.seen, stands.run, stands.by, _moment(stands.at), stands.note,
    )  # fmt: skip


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") if at else ""
