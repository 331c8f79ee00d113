"""Names and sentences in Chinese, Japanese and Korean line up and wrap by cells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.cli.output.cells import cells, cut, middle, padded, wrap
from orchestrator.cli.output.tables import table, wrapped
from tests.builders.chinese import NAMES
from tests.cli.captures import must_be_as_captured

#: what people and services really write: wide and narrow characters, marks of both, spaces, combining accents
_TEXTS = st.text(st.sampled_from("订单中心網関ア주문ab-1 ，。（）“e\u0301😀"), max_size=40)
_REASON = (
    "任务“客户主数据同步与对账服务（华北四区）”导入失败：目标实例中已存在同名应用，请先删除或重命名，再重新提交；"
    "request id 5f0e1c2d-77aa-4b1c-9d3e-0123456789ab, see https://support.huaweicloud.com/roma。"
)


def test_a_wide_character_takes_two_cells_and_a_combining_mark_none() -> None:
    assert [cells(text) for text in ("订单", "orders", "주문-web", "e\u0301", "")] == [4, 6, 8, 1, 0]


@given(_TEXTS, st.integers(3, 50))
def test_what_is_cut_fits_and_keeps_its_ends(text: str, room: int) -> None:
    for made in (cut(text, room), middle(text, room)):
        assert cells(made) <= room
        assert made == text or "…" in made
    assert cells(padded(middle(text, room), room)) == room
    if "…" in middle(text, room):
        head, _, tail = middle(text, room).partition("…")
        assert text.startswith(head)
        assert text.endswith(tail)


@given(_TEXTS, st.integers(12, 50))
def test_wrapped_lines_fit_and_lose_nothing_but_spaces(text: str, room: int) -> None:
    lines = wrap(text, room, "why: ", "     ")
    assert "".join("".join(lines).removeprefix("why: ").split()) == "".join(text.split())
    for line in lines:
        assert cells(line) <= room or " " not in line.strip().removeprefix("why:").strip()


def test_no_line_begins_with_a_closing_mark_or_ends_with_an_opening_one() -> None:
    for room in range(20, 80):
        lines = wrap(_REASON, room, "", "")
        assert all(line[0] not in "，。：；”）" for line in lines)
        assert all(line[-1] not in "“（" for line in lines)


@pytest.mark.parametrize("fit", [60, 80, 1000])
def test_the_columns_of_a_table_line_up(fit: int) -> None:
    lines = table(["kind", "name", "n"], [["app", name, str(n)] for n, name in enumerate(NAMES)], fit=fit).splitlines()
    assert len({cells(line) for line in lines[1:]}) == 1
    assert all(cells(line) <= fit for line in lines)


def test_a_screen_with_chinese_names_is_as_it_was_looked_at() -> None:
    rows = [["app", name, "c280b355-c28d-3501-cff6-5a969b192765", str(n * 100)] for n, name in enumerate(NAMES)]
    told = [table(["kind", "name", "id", "calls"], rows, indent="", fit=80), "", wrapped("why: ", _REASON)]
    must_be_as_captured("chinese_names_80.txt", "\n".join(told))
