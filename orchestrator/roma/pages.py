"""The loop that reads a whole list (API 1.9). Law: what it returns is complete, or it raises.

Pages are advanced by the records received, so a server that shortens them does no harm; elements are told apart by
id; and the number of ids must be what the server says, else the list is read once more, and then refused. That also
catches an offset that turns out to be a page index, and a list that changes while it is read.
"""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from orchestrator.errors import ExitCode, FarSideError
from orchestrator.roma.limits import MOST_ENTRIES, MOST_PAGES
from orchestrator.roma.shapes import each, mapping

T = TypeVar("T")


class InventoryDisagrees(FarSideError):
    """A list whose distinct ids are not as many as its `total`, twice in a row (promise 11). A restart is safe."""

    exit_code = ExitCode.UNREACHABLE
    who = "whoever runs the service, or changes assets right now"

    def __init__(self, what: str, *, distinct: int, total: int) -> None:
        said = f"{distinct} of the {total} that it says there are, twice in a row"
        super().__init__(
            f"{what}: the service lists {said if distinct <= MOST_ENTRIES else f'more than {MOST_ENTRIES}'}",
            next_step="run the same command again when nobody changes this instance",
        )
        #: ids that were listed
        self.distinct = distinct
        #: as the service said
        self.total = total


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """How one list is asked for and read."""

    #: for people: "applications"
    name: str
    #: the field of the envelope that holds the elements
    field: str
    #: elements asked for at once
    limit: int
    #: raises ValueError where an element is not as documented
    read: Callable[[object], T]
    #: tells elements apart
    key: Callable[[T], Hashable]


#: a page's elements, and the `total`, of its JSON
ReadPage = Callable[[object], tuple[list[T], int]]
#: asks for one page and passes it through the reader given: (offset, limit, reader); raises RequestFailed
AskPage = Callable[[int, int, ReadPage[T]], Awaitable[tuple[list[T], int]]]


async def whole(listing: Listing[T], ask: AskPage[T], where: str) -> tuple[T, ...]:
    """Every element once; raises RequestFailed or InventoryDisagrees. `where` names the instance."""
    found: dict[Hashable, T] = {}
    total = 0
    for _ in range(2):
        found, total = await _once(listing, ask, f"{listing.name} at {where}")
        if len(found) == total:
            return tuple(found.values())
    raise InventoryDisagrees(f"{listing.name} at {where}", distinct=len(found), total=total)


async def _once(listing: Listing[T], ask: AskPage[T], where: str) -> tuple[dict[Hashable, T], int]:
    found: dict[Hashable, T] = {}
    received = total = 0
    for _ in range(MOST_PAGES):
        items, total = await ask(received, listing.limit, lambda value: read_page(listing, value))
        page = dict(zip(map(listing.key, items), items, strict=True))
        if len(page) == len(items) and found.keys().isdisjoint(page):
            found |= page
        else:
            for item in items:
                found.setdefault(listing.key(item), item)
        received += len(items)
        if received > MOST_ENTRIES:
            raise InventoryDisagrees(where, distinct=received, total=total)
        if not items or received >= total:
            break
    return found, total


def read_page(listing: Listing[T], value: object) -> tuple[list[T], int]:
    """The elements of one page and the `total`; raises ValueError where it is not as documented."""
    envelope = mapping(value)
    total = envelope.get("total")
    if not isinstance(total, int) or isinstance(total, bool) or total < 0:
        raise ValueError("total is missing")
    return each(listing.read, _items(listing.field, envelope)), total


def _items(field: str, envelope: Mapping[str, object]) -> list[object]:
    """The list under its documented name, else the only list there is: names vary between editions (API 1.9)."""
    named = envelope.get(field)
    if isinstance(named, list):
        return named
    lists = [value for value in envelope.values() if isinstance(value, list)]
    if named is None and envelope.get("total") == 0 and not lists:
        return []
    if len(lists) != 1:
        raise ValueError(f"{field} is missing")
    return lists[0]
