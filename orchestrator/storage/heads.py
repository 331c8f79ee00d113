"""How far a journal had come, in two places of bytes. Law: never ahead of what a power cut may leave of the journal.

- `forced`: the head behind the last entries that were forced to the disk. It holds for good.
- `written`: the head behind the last entries of all. A power cut may take these, so it holds until the host is started
  anew; a process that dies takes nothing.

The places are written in turn, each with a digest of its own, so that a write that was cut leaves the other. Where the
bytes lie is the store's concern (`storage.headfile` keeps them in a file).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.core.state.events import INTENTS, ORDERS, Event
from orchestrator.storage.chain import Head

#: bytes of one of the two places: a sector, which a disk writes whole
PLACE = 512


@dataclass(frozen=True, slots=True)
class Note:
    """What one place says."""

    turn: int
    forced: Head
    written: Head
    #: names the time since the host was started
    boot: str

    def content(self) -> bytes:
        fields = (self.turn, self.forced.seq, self.forced.chain, self.written.seq, self.written.chain, self.boot or "-")
        text = " ".join(map(str, fields))
        return f"{text} {_digest(text)}\n".encode().ljust(PLACE)


class HeadsUnreadable(ValueError):
    """Neither place says what was written."""


def must_be_forced(events: Sequence[Event]) -> bool:
    """Whether these entries are forced to the disk whatever the power does."""
    return any(isinstance(event, (*INTENTS, *ORDERS)) for event in events)


def first_content(head: Head, boot: str) -> bytes:
    """Both places of a journal that comes into being whole, forced to the disk."""
    return Note(0, head, head, boot).content().ljust(2 * PLACE)


def reached(content: bytes, boot: str) -> list[Head]:
    """The heads that a journal must pass through; raises HeadsUnreadable."""
    notes = notes_of(content)
    return [note.forced for note in notes] + [note.written for note in notes if note.boot == boot]


def notes_of(content: bytes) -> list[Note]:
    """What the two places say; raises HeadsUnreadable where neither can be read."""
    places = [content[begin : begin + PLACE] for begin in (0, PLACE)]
    found = [note for note in map(_note, places) if note is not None]
    if not found:
        raise HeadsUnreadable("neither place says what was written")
    return found


class Heads:
    """What is noted by the one process that writes the journal, which found these notes."""

    def __init__(self, notes: Sequence[Note], boot: str) -> None:
        self._boot = boot
        self._turn = max(note.turn for note in notes)
        self._forced = max((note.forced for note in notes), key=lambda head: head.seq)

    def note(self, head: Head, *, forced: bool) -> tuple[int, bytes]:
        """Where to write what, once the journal has come to this head and its entries are on the disk if `forced`."""
        self._turn += 1
        self._forced = head if forced else self._forced
        return self._turn % 2 * PLACE, Note(self._turn, self._forced, head, self._boot).content()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _note(content: bytes) -> Note | None:
    """What a place says, or None where that is not what was written."""
    try:
        text, _, digest = content.decode("ascii").rstrip().rpartition(" ")
        turn, forced, forced_chain, written, written_chain, boot = text.split(" ")
        found = Note(int(turn), Head(int(forced), forced_chain), Head(int(written), written_chain), boot)
    except ValueError:
        return None
    return found if digest == _digest(text) else None
