"""Rot between two lives of a run. Law: what is spoiled here must be found, for somebody may have acted upon it.

The journal loses its end, as a log does in which one frame cannot be verified, or one bit of an entry flips; what is
noted of how far it had come stays as it was. Drawn from a stream of its own, so that nothing else of a night changes.
"""

import random
import struct
from dataclasses import replace
from typing import Any

from orchestrator.storage.chain import Row
from tests.simulation.memory import Record

#: the part of deaths after which the journal rots
ROTTEN = 0.15
_FIELDS = ("seq", "at", "kind", "body", "chain")


def rots(draw: random.Random) -> bool:
    """Whether the journal rots after this death."""
    return draw.random() < ROTTEN


def spoil(record: Record, draw: random.Random, *, power: bool) -> str:
    """Lose its end or flip a bit; what was done, in words."""
    lost = may_not_be_lost(record, power=power)
    if not lost or draw.random() < 0.3:
        place = draw.randrange(len(record.rows))
        field = draw.choice(_FIELDS)
        record.rows[place] = flipped(record.rows[place], field, draw)
        return f"a bit of {field} of entry {place + 1} flipped"
    kept = draw.choice(lost)
    del record.rows[kept:]
    return f"all behind entry {kept} was lost"


def may_not_be_lost(record: Record, *, power: bool) -> list[int]:
    """After which commits the journal must not end: behind each of them stands one that nothing may take.

    A process that dies takes nothing; a power cut takes what was not forced.
    """
    sure = record.forced if power else len(record.rows)
    return [commit for commit in record.commits if commit < sure]


def flipped(row: Row, field: str, draw: random.Random) -> Row:
    """One bit of one field is another."""
    value: Any = getattr(row, field)
    match value:
        case int():
            value ^= 1 << draw.randrange(16)
        case float():
            raw = bytearray(struct.pack(">d", value))
            raw[draw.randrange(8)] ^= 1 << draw.randrange(8)
            (value,) = struct.unpack(">d", raw)
        case _:
            place = draw.randrange(len(value))
            other = chr(ord(value[place]) ^ 1 << draw.randrange(7))
            value = value[:place] + other + value[place + 1 :]
    return replace(row, **{field: value})
