"""Whole lists: complete, or refused."""

import json
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import ExitCode
from orchestrator.roma import shapes
from orchestrator.roma.pages import InventoryDisagrees, Listing, read_page, whole

LISTING = Listing("applications", "apps", 100, shapes.app, lambda x: x.id)
R = TypeVar("R")


class Shelf:
    """A far side with some applications, asked page by page."""

    def __init__(self, names: list[str], *, most: int = 100, by_page: bool = False) -> None:
        self.names = names
        self.most = most
        self.by_page = by_page
        self.total = len(names)
        self.asked: list[int] = []

    async def ask(self, offset: int, limit: int, read: Callable[[object], R]) -> R:
        self.asked.append(offset)
        size = min(limit, self.most)
        start = offset * size if self.by_page else offset
        apps = [{"id": name, "name": name} for name in self.names[start : start + size]]
        return read({"total": self.total, "size": len(apps), "apps": apps})


def names(count: int) -> list[str]:
    return [f"a{number}" for number in range(count)]


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (1, 1), (100, 1), (101, 2), (255, 3)])
async def test_a_list_takes_as_few_requests_as_pages(count: int, requests: int) -> None:
    shelf = Shelf(names(count))
    assert [app.id for app in await whole(LISTING, shelf.ask, "dev")] == names(count)
    assert len(shelf.asked) == requests


async def test_a_server_that_shortens_pages_does_no_harm() -> None:
    shelf = Shelf(names(45), most=20)
    assert len(await whole(LISTING, shelf.ask, "dev")) == 45
    assert shelf.asked == [0, 20, 40]


async def test_an_offset_that_is_a_page_index_is_refused_after_a_second_look() -> None:
    shelf = Shelf(names(150), by_page=True)
    with pytest.raises(InventoryDisagrees, match="applications at dev: the service lists 100 of the 150") as caught:
        await whole(LISTING, shelf.ask, "dev")
    assert caught.value.exit_code is ExitCode.UNREACHABLE
    assert caught.value.next_step
    assert shelf.asked == [0, 100, 0, 100]


async def test_a_list_that_changes_while_it_is_read_is_read_once_more() -> None:
    shelf = Shelf([*names(100), "a5", "b"])

    async def ask(offset: int, limit: int, read: Callable[[object], R]) -> R:
        if len(shelf.asked) == 2:
            shelf.names = names(102)
        return await shelf.ask(offset, limit, read)

    assert len(await whole(LISTING, ask, "dev")) == 102
    assert len(shelf.asked) == 4


async def test_a_server_that_always_gives_the_same_page_ends() -> None:
    async def ask(offset: int, limit: int, read: Callable[[object], R]) -> R:
        return read({"total": 10**9, "apps": [{"id": "a", "name": "a"}]})

    with pytest.raises(InventoryDisagrees):
        await whole(LISTING, ask, "dev")


def test_a_list_under_another_name_is_found_where_it_is_the_only_one() -> None:
    assert read_page(LISTING, {"total": 1, "applications": [{"id": "a", "name": "n"}]})[1] == 1
    assert read_page(LISTING, {"total": 0}) == ([], 0)


@pytest.mark.parametrize(
    "value",
    [
        {"apps": []},
        {"total": "1", "apps": []},
        {"total": True, "apps": []},
        {"total": -1, "apps": []},
        {"total": 1},
        {"total": 1, "x": [], "y": []},
        {"total": 1, "apps": [{"id": "a"}]},
        {"total": 1, "apps": ["a"]},
        [],
        None,
    ],
)
def test_a_page_that_is_not_as_documented_is_a_value_error(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_page(LISTING, value)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_any_json_is_a_page_or_a_value_error(value: object) -> None:
    try:
        read_page(LISTING, json.loads(json.dumps(value)))
    except ValueError:
        return
