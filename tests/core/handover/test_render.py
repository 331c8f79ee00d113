"""The handover list on paper."""

import csv
import io

from orchestrator.core.handover.items import Now, handover
from orchestrator.core.handover.render import COLUMNS, rows, to_csv, to_data, to_markdown
from orchestrator.core.handover.verify import verified, with_reads
from orchestrator.core.model.handover_item import Action, Item, Standing
from orchestrator.core.model.inventory import Inventory
from tests.builders.inventories import PreviewCase, held_app, held_task, told

STAGE = PreviewCase(
    held={"dev": (held_app("=cmd|x"), held_app("core", owner="bob"), held_task("load", "core", running=True))},
    facts={"dev": told("dev"), "prod": told("prod")},
)
ITEMS: tuple[Item, ...] = handover(STAGE.preview().assets, STAGE.facts)
TICKS = with_reads({}, verified(ITEMS, Now({"dev": Inventory("dev", (), (held_task("load", "core"),))})))


def test_each_item_is_one_row_by_owner() -> None:
    made = rows(ITEMS)
    assert len(made) == len(ITEMS)
    owners = [row[2] for row in made]
    assert owners == [*sorted(owner for owner in owners if owner), *(owner for owner in owners if not owner)]
    assert {row[1] for row in made} == {""}


def test_csv_comes_back_and_no_cell_is_a_formula() -> None:
    read = list(csv.reader(io.StringIO(to_csv(ITEMS, TICKS))))
    assert tuple(read[0]) == COLUMNS
    assert len(read) == len(ITEMS) + 1
    assert not any(cell.startswith("=") for row in read for cell in row)
    assert any(cell == "'=cmd|x" for row in read for cell in row)


def test_markdown_ticks_what_is_proved_and_escapes_names() -> None:
    text = to_markdown(ITEMS, TICKS)
    ticked = [line for line in text.splitlines() if line.startswith("- [x]")]
    assert len(ticked) == 1
    assert "stop task load" in ticked[0]
    assert "seen: it is stopped at dev" in ticked[0]
    assert "=cmd\\|x" in text
    assert text.count("- [") == len(ITEMS)
    assert "## bob" in text


def test_json_tells_done_not_done_and_not_looked_at_apart() -> None:
    assert {row["done"] for row in to_data(ITEMS)} == {None}
    assert {row["done"] for row in to_data(ITEMS, TICKS)} == {True, False}
    assert all(tuple(row) == COLUMNS for row in to_data(ITEMS))


def test_a_tick_by_hand_tells_who_when_and_why_in_each_form() -> None:
    (secret,) = (item for item in ITEMS if item.action == Action.SECRET and item.asset == "core")
    known = {secret.id: Standing("run-1", True, by="olga on host-1", at=1_800_000_000.0, note="=told *them*")}
    (line,) = (line for line in to_markdown(ITEMS, known).splitlines() if line.startswith("- [x]"))
    assert "(ticked by olga on host-1 at 2027-01-15T08:00:00+00:00: =told \\*them\\*)" in line
    mine = sum(item.owner == "bob" and item.action != Action.STOP_TASK for item in ITEMS)
    assert f"## bob: {mine - 1} of {mine}" in to_markdown(ITEMS, known)
    (row,) = (row for row in to_data(ITEMS, known) if row["id"] == secret.id)
    assert (row["done"], row["run"], row["by"], row["note"]) == (True, "run-1", "olga on host-1", "=told *them*")
    assert "'=told *them*" in to_csv(ITEMS, known)
