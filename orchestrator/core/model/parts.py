"""Long lists in parts. Law: the parts in their order are the list."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def in_parts(items: Sequence[T], size: int) -> Iterator[tuple[T, ...]]:
    """Up to `size` items at once; nothing for an empty list."""
    for begin in range(0, len(items), size):
        yield tuple(items[begin : begin + size])
