"""Words from outside: each medium gets them harmless, and readable."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model.escape import in_csv, in_json, in_markdown, visible, visible_lines

#: what a terminal obeys, and what reorders or hides text
ANY = st.text(st.characters(codec=None))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("orders-web", "orders-web"),
        ("订单 é ü\u3000", "订单 é ü\u3000"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\tc\r\x00\x7f\x9b", "a\\nb\\tc\\r\\x00\\x7f\\x9b"),
        ("\u202eevil\u2028\ufeff\U000e0041\udcff", "\\u202eevil\\u2028\\ufeff\\U000e0041\\udcff"),
    ],
)
def test_what_does_not_print_is_spelled_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(ANY)
def test_no_line_holds_what_does_not_print(text: str) -> None:
    assert visible(text).replace("\u00a0", "").replace("\u3000", "").isprintable()
    assert visible_lines(text).count("\n") == text.count("\n")


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("dev_migrator a-b", "dev_migrator a-b"),
        ("_x_ __init__", "\\_x\\_ \\_\\_init\\_\\_"),
        ("x\n\n## Done", "x\\\\n\\\\n\\#\\# Done"),
        ("<img src=x onerror=alert(1)>", "\\<img src=x onerror=alert(1)\\>"),
        ("&#x202e; [a](b) `c` *d* | ~~e~~", "\\&\\#x202e; \\[a\\](b) \\`c\\` \\*d\\* \\| \\~\\~e\\~\\~"),
    ],
)
def test_nothing_formats_a_ticket(text: str, escaped: str) -> None:
    assert in_markdown(text) == escaped


@given(st.lists(st.lists(ANY, min_size=2, max_size=2), max_size=5))
def test_each_row_of_a_spreadsheet_is_one_line_and_no_cell_a_formula(rows: list[list[str]]) -> None:
    made = in_csv(("a", "b"), rows)
    assert made.count("\n") == len(rows) + 1
    assert [len(row) for row in csv.reader(io.StringIO(made))] == [2] * (len(rows) + 1)
    cells = [cell for row in list(csv.reader(io.StringIO(made)))[1:] for cell in row]
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)


@given(ANY)
def test_a_json_document_is_the_same_document_and_prints(text: str) -> None:
    made = in_json(json.dumps({"name": text}, indent=2, ensure_ascii=False))
    assert json.loads(made) == {"name": text}
    assert all(line.replace("\u00a0", "").replace("\u3000", "").isprintable() for line in made.split("\n"))
