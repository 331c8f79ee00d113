"""Pages of lists as they were understood last. Law: equal bytes mean the same, and nothing else is ever reused.

A list is asked for again and again, whole (promise 11), and little of it changes. A page whose elements come back byte
for byte as they were needs neither its JSON nor its elements read once more: only the number that says how long the
whole list is may differ. Whether a page has changed is told by the answer itself, so none is older for being known.
"""

import re
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import Any, TypeVar

from orchestrator.roma.wire import parse

T = TypeVar("T")

#: elements of all pages that are kept, each some 600 bytes of memory
MOST_KNOWN = 50_000
#: within a text its quotation marks would be escaped
_TOTAL = re.compile(rb'"total"\s*:\s*(\d+)\s*[,}]')


class KnownPages:
    """What was made of the latest pages; the one that was asked for longest ago goes first."""

    def __init__(self, most: int = MOST_KNOWN) -> None:
        self._most = most
        #: (list, digest of a page without its total) -> its elements
        self._held: OrderedDict[tuple[str, bytes], list[Any]] = OrderedDict()
        self._elements = 0

    def page(self, listing: str, body: bytes, read: Callable[[object], tuple[list[T], int]]) -> tuple[list[T], int]:
        """What `read` makes of a page of that list. Nobody changes the answer. Raises ValueError, as `parse` does."""
        if (total := _total_in(body)) is None:
            return read(parse(body))
        key = (listing, _digest_beside(body, total))
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key], int(total[1])
        elements, told = read(parse(body))
        if elements and told == int(total[1]):
            self._keep(key, elements)
        return elements, told

    def _keep(self, key: tuple[str, bytes], elements: list[Any]) -> None:
        self._held[key] = elements
        self._elements += len(elements)
        while self._elements > self._most:
            self._elements -= len(self._held.popitem(last=False)[1])


def _total_in(body: bytes) -> re.Match[bytes] | None:
    """Where a page tells its list's length; None where that is not told once and plainly."""
    return _TOTAL.search(body) if body.count(b'"total"') == 1 else None


def _digest_beside(body: bytes, part: re.Match[bytes]) -> bytes:
    """Of all but that number."""
    whole = memoryview(body)
    digest = sha256(whole[: part.start(1)])
    digest.update(b" ")  # no number holds one, so that the two sides cannot be mistaken for each other
    digest.update(whole[part.end(1) :])
    return digest.digest()
