"""How far a journal had come, kept outside its database. Law: never ahead of what a power cut may leave of it.

SQLite ends its write-ahead log at the first frame that it cannot verify, without a word: rot there, or a log that was
cut, would silently take back entries that somebody has acted upon. So each `append` notes its head here, after it:

- `forced`: the head behind the last entries that were forced to the disk. It holds for good, and is forced as well.
- `written`: the head behind the last entries of all. A power cut may take these, so it holds until the host is started
  anew; a process that dies takes nothing.

The file has two places that are written in turn, each with a digest of its own, so that a write that was cut leaves the
other. A journal of an earlier version has no such file; it is given one by the next process that writes.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import JournalDamaged, MemoryFailed
from orchestrator.storage.chain import Head
from orchestrator.storage.disk import Disk
from orchestrator.storage.placing import place

#: bytes of one of the two places: a sector, which a disk writes whole
_PLACE = 512


@dataclass(frozen=True, slots=True)
class _Note:
    """What one place says."""

    turn: int
    forced: Head
    written: Head
    #: names the time since the host was started
    boot: str

    def content(self) -> bytes:
        fields = (self.turn, self.forced.seq, self.forced.chain, self.written.seq, self.written.chain, self.boot or "-")
        text = " ".join(map(str, fields))
        return f"{text} {_digest(text)}\n".encode().ljust(_PLACE)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _note(content: bytes) -> _Note | None:
    """What a place says, or None where that is not what was written."""
    try:
        text, _, digest = content.decode("ascii").rstrip().rpartition(" ")
        turn, forced, forced_chain, written, written_chain, boot = text.split(" ")
        found = _Note(int(turn), Head(int(forced), forced_chain), Head(int(written), written_chain), boot)
    except ValueError:
        return None
    return found if digest == _digest(text) else None


def first_content(head: Head, boot: str) -> bytes:
    """The file of a journal that comes into being whole, forced to the disk."""
    return _Note(0, head, head, boot).content().ljust(2 * _PLACE)


def heads(path: Path, boot: str) -> list[Head]:
    """The heads that a journal must pass through; none where there is no such file. Raises JournalDamaged."""
    notes = _notes(path)
    return [note.forced for note in notes] + [note.written for note in notes if note.boot == boot]


def _notes(path: Path) -> list[_Note]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _failed(path, error) from None
    try:
        places = [os.pread(handle, _PLACE, place * _PLACE) for place in (0, 1)]
    except OSError as error:
        raise _failed(path, error) from None
    finally:
        os.close(handle)
    found = [note for note in map(_note, places) if note is not None]
    if not found:
        raise JournalDamaged(
            f"{path}: is damaged: it says how far the run's journal had come, and cannot be read",
            next_step="restore the home directory from a backup; do not start this plan anew before that",
        )
    return found


class HeadFile:
    """The file, open for the one process that writes the journal, which has read it up to `head`."""

    def __init__(self, path: Path, disk: Disk, head: Head) -> None:
        self._path, self._boot = path, disk.boot()
        if disk.size(path) is None:
            place(disk, path, first_content(head, self._boot))
        notes = _notes(path)
        self._turn = max((note.turn for note in notes), default=0)
        self._forced = max((note.forced for note in notes), key=lambda head: head.seq, default=head)
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise _failed(path, error) from None

    def note(self, head: Head, *, forced: bool) -> None:
        """The journal has come to this head, whose entries are committed, and on the disk where they were `forced`."""
        self._turn += 1
        self._forced = head if forced else self._forced
        content = _Note(self._turn, self._forced, head, self._boot).content()
        try:
            os.pwrite(self._handle, content, self._turn % 2 * _PLACE)
            if forced:
                os.fdatasync(self._handle)
        except OSError as error:
            raise _failed(self._path, error) from None

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _failed(path: Path, error: OSError) -> MemoryFailed:
    return MemoryFailed(
        f"{path}: cannot be written or read: {(error.strerror or 'failed').lower()}",
        next_step="free disk space or mend the disk, then run again",
    )
