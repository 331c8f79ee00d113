"""The chain of a journal's entries. Law: what does not match what was written is found, whatever keeps the entries.

Each entry's `chain` is the SHA-256 of the entry before it and of its own content. A *head* is a place in that chain
which was reached: a journal that does not pass through every head that is remembered of it has been changed or cut.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_START = "0" * 64
#: of a row's time, kind, body and chain
_TYPES = (float | int, str, str, str)


@dataclass(frozen=True, slots=True)
class Head:
    """How far a journal had come; the default is before the first entry."""

    seq: int = 0
    chain: str = _START

    def after(self, at: float, kind: str, body: str) -> "Head":
        """The head behind one more entry."""
        seq = self.seq + 1
        return Head(seq, hashlib.sha256(f"{self.chain}\n{seq}\n{at!r}\n{kind}\n{body}".encode()).hexdigest())


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as it is kept."""

    seq: int
    at: float
    kind: str
    body: str
    chain: str


#: before the first entry
BEGIN = Head()


class ChainBroken(ValueError):
    """Entry `seq` is not what was written."""

    def __init__(self, seq: int, why: str) -> None:
        super().__init__(f"entry {seq} is not what was written: {why}")
        self.seq = seq


def checked(rows: Iterable[Row], reached: Iterable[Head], head: Head = BEGIN) -> Iterator[tuple[Row, Head]]:
    """Each row with the head behind it; raises ChainBroken where they do not pass through every head `reached`.

    The rows are those behind `head`, which was checked before; nothing is said of what lies before it.
    """
    wanted: dict[int, set[str]] = {}
    for each in reached:
        wanted.setdefault(each.seq, set()).add(each.chain)
    if not wanted.get(head.seq, {head.chain}) == {head.chain}:
        raise ChainBroken(head.seq, "the chain is broken")
    for row in rows:
        fields: tuple[object, ...] = (row.at, row.kind, row.body, row.chain)
        if not all(isinstance(field, kind) for field, kind in zip(fields, _TYPES, strict=True)):
            raise ChainBroken(head.seq + 1, "a field has another type")
        head = head.after(row.at, row.kind, row.body)
        if row.seq != head.seq or not {row.chain, *wanted.get(head.seq, ())} == {head.chain}:
            raise ChainBroken(head.seq, "the chain is broken")
        yield row, head
    last = max(wanted, default=0)
    if last > head.seq:
        raise ChainBroken(last, f"the journal ends at entry {head.seq}")
