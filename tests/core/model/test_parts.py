"""Long lists in parts."""

import pytest

from orchestrator.core.model.parts import in_parts


@pytest.mark.parametrize(
    ("items", "parts"),
    [("", []), ("a", [("a",)]), ("abc", [("a", "b", "c")]), ("abcd", [("a", "b", "c"), ("d",)])],
)
def test_the_parts_in_their_order_are_the_list(items: str, parts: list[tuple[str, ...]]) -> None:
    assert list(in_parts(items, 3)) == parts
