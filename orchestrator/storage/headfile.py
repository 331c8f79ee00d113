"""How far a journal had come, in a file outside its database. Law: forced to the disk with each forced entry.

SQLite ends its write-ahead log at the first frame that it cannot verify, without a word: rot there, or a log that was
cut, would silently take back entries that somebody has acted upon. So each `append` notes its head here, after it, as
`storage.heads` says. A journal of an earlier version has no such file; it is given one by the next process that writes.
"""

import os
from pathlib import Path

from orchestrator.errors import JournalDamaged, MemoryFailed
from orchestrator.storage.chain import Head
from orchestrator.storage.disk import Disk
from orchestrator.storage.heads import PLACE, Heads, HeadsUnreadable, first_content, notes_of, reached
from orchestrator.storage.placing import place


def heads(path: Path, boot: str) -> list[Head]:
    """The heads that a journal must pass through; none where there is no such file. Raises JournalDamaged."""
    content = _content(path)
    if content is None:
        return []
    try:
        return reached(content, boot)
    except HeadsUnreadable:
        raise _damaged(path) from None


def _content(path: Path) -> bytes | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _failed(path, error) from None
    try:
        return b"".join(os.pread(handle, PLACE, begin).ljust(PLACE) for begin in (0, PLACE))
    except OSError as error:
        raise _failed(path, error) from None
    finally:
        os.close(handle)


class HeadFile:
    """The file, open for the one process that writes the journal, which has read it up to `head`."""

    def __init__(self, path: Path, disk: Disk, head: Head) -> None:
        self._path, boot = path, disk.boot()
        if disk.size(path) is None:
            place(disk, path, first_content(head, boot))
        try:
            self._heads = Heads(notes_of(_content(path) or b""), boot)
        except HeadsUnreadable:
            raise _damaged(path) from None
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise _failed(path, error) from None

    def note(self, head: Head, *, forced: bool) -> None:
        """The journal has come to this head, whose entries are committed, and on the disk where they were `forced`."""
        begin, content = self._heads.note(head, forced=forced)
        try:
            os.pwrite(self._handle, content, begin)
            if forced:
                os.fdatasync(self._handle)
        except OSError as error:
            raise _failed(self._path, error) from None

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _damaged(path: Path) -> JournalDamaged:
    return JournalDamaged(
        f"{path}: is damaged: it says how far the run's journal had come, and cannot be read",
        next_step="restore the home directory from a backup; do not start this plan anew before that",
    )


def _failed(path: Path, error: OSError) -> MemoryFailed:
    return MemoryFailed(
        f"{path}: cannot be written or read: {(error.strerror or 'failed').lower()}",
        next_step="free disk space or mend the disk, then run again",
    )
