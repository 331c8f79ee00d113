"""The file system as the vault sees it. Law: no link is followed, no file opened to others, no OSError let out.

Every touch of the disk is one call of `Disk.perform`, and every byte written passes `Disk.put`: a subclass that
overrides these two can fill the disk, cut a write, refuse a sync or stop the world before or after any operation.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TypeVar

from orchestrator.errors import MemoryFailed

T = TypeVar("T")

_FOLDER_MODE = 0o700
_FILE_MODE = 0o600
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Operation(StrEnum):
    """What can be asked of a disk; the word completes "cannot ...: PATH"."""

    #: a new folder, mode 0700
    MAKE_FOLDER = "make the folder"
    #: nobody but its owner enters a folder any more
    CHANGE_MODE = "change the mode of"
    #: a new file, mode 0600
    CREATE = "create"
    #: some bytes at the end of a new file
    WRITE = "write"
    #: a file's bytes onto the medium
    SYNC = "sync"
    #: a folder's names onto the medium
    SYNC_FOLDER = "sync the folder"
    #: another name, in one instant
    RENAME = "rename"
    #: one name less
    UNLINK = "remove"
    #: one empty folder less
    REMOVE_FOLDER = "remove the folder"
    #: the names in a folder
    LIST = "list"
    #: whether it is there, and how long it is
    STAT = "look at"
    #: an existing file, for reading
    OPEN = "open"
    #: some bytes of it
    READ = "read"
    #: bytes left for us
    FREE = "ask for the free space at"


@dataclass(frozen=True, slots=True)
class Handle:
    """An open file."""

    #: where it lies, for messages
    path: Path
    #: the system's number for it
    number: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A file open for reading at any offset; what `orchestrator.storage.zipcheck` calls a Source."""

    disk: "Disk"
    handle: Handle
    #: bytes
    size: int

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`; fewer only at the file's end. MemoryFailed if the disk fails."""
        return self.disk.read_at(self.handle, offset, length)


class Disk:
    """The real disk. All failures surface as MemoryFailed: which path, what happened, what to do."""

    def perform(self, operation: Operation, path: Path, act: Callable[[], T]) -> T:
        """The seam: one operation on one path. A subclass may raise before or after `act`, or instead of it."""
        return act()

    def put(self, number: int, data: memoryview) -> int:
        """The seam for writes: how many bytes of `data` the system took."""
        return os.write(number, data)

    def boot(self) -> str:
        """Names the time since this host started, or "" where that is unknown.

        Written bytes that were never synced survive the death of a process, but not of the host.
        """
        with suppress(OSError):
            return _BOOT_ID.read_text(encoding="ascii").strip()
        return ""

    def make_folder(self, path: Path) -> None:
        """Make `path` and what is missing above it, each for its owner alone, and durable."""
        if self.exists(path):
            return
        if path.parent != path:
            self.make_folder(path.parent)
        self._run(Operation.MAKE_FOLDER, path, partial(_make_folder, path))
        self.sync_folder(path.parent)

    def close_to_others(self, path: Path) -> None:
        """A folder of ours is for its owner alone; where the file system knows no modes, nothing happens."""
        if stat.S_IMODE(self._run(Operation.STAT, path, path.stat).st_mode) != _FOLDER_MODE:
            with suppress(MemoryFailed):
                self._run(Operation.CHANGE_MODE, path, partial(path.chmod, _FOLDER_MODE))

    def exists(self, path: Path) -> bool:
        """Whether anything has this name, be it a link that leads nowhere."""
        return self._run(Operation.STAT, path, partial(os.path.lexists, path))

    def create(self, path: Path) -> Handle:
        """A new file to write, which must not exist yet."""
        return Handle(path, self._run(Operation.CREATE, path, partial(os.open, path, _CREATE, _FILE_MODE)))

    def write(self, handle: Handle, data: bytes) -> None:
        """All of `data`; a short write is followed by the rest, and one that takes nothing is an error."""
        rest = memoryview(data)
        while len(rest):
            taken = self._run(Operation.WRITE, handle.path, partial(self.put, handle.number, rest))
            if taken <= 0:
                raise _failed(Operation.WRITE, handle.path, OSError(errno.EIO, "the disk took no byte"))
            rest = rest[taken:]

    def sync(self, handle: Handle) -> None:
        """All written bytes onto the medium."""
        self._run(Operation.SYNC, handle.path, partial(os.fsync, handle.number))

    def close(self, handle: Handle) -> None:
        """Never fails: what had to be durable was synced before."""
        with suppress(OSError):
            os.close(handle.number)

    def sync_folder(self, path: Path) -> None:
        """New, changed and removed names of one folder onto the medium."""
        self._run(Operation.SYNC_FOLDER, path, partial(_sync_folder, path))

    def rename(self, old: Path, new: Path) -> None:
        """In one instant, over whatever has the new name."""
        self._run(Operation.RENAME, new, partial(os.replace, old, new))

    def unlink(self, path: Path) -> bool:
        """Whether there was something to remove."""
        return self._run(Operation.UNLINK, path, partial(_unlink, path))

    def remove_folder(self, path: Path) -> None:
        """An empty folder goes."""
        self._run(Operation.REMOVE_FOLDER, path, partial(os.rmdir, path))

    def names(self, folder: Path) -> tuple[str, ...]:
        """Sorted names in a folder; none if there is no such folder."""
        return self._run(Operation.LIST, folder, partial(_names, folder))

    def size(self, path: Path) -> int | None:
        """Bytes of a regular file, or None if there is none of that name."""
        return self._run(Operation.STAT, path, partial(_size, path))

    def stamp(self, path: Path) -> tuple[int, int, int] | None:
        """Bytes, time of the last change and number of a regular file; None if there is none."""
        return self._run(Operation.STAT, path, partial(_stamp, path))

    @contextmanager
    def reading(self, path: Path) -> Iterator[Reading]:
        """An existing regular file, open while the block runs."""
        handle = Handle(path, self._run(Operation.OPEN, path, partial(os.open, path, _READ)))
        try:
            yield Reading(self, handle, self._run(Operation.STAT, path, partial(_open_size, handle.number)))
        finally:
            self.close(handle)

    def read_at(self, handle: Handle, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`; fewer only at the file's end."""
        pieces: list[bytes] = []
        while length > 0:
            piece = self._run(Operation.READ, handle.path, partial(os.pread, handle.number, length, offset))
            if not piece:
                break
            pieces.append(piece)
            offset, length = offset + len(piece), length - len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def free(self, path: Path) -> int:
        """Bytes that we may still write under `path`, which need not exist yet."""
        return self._run(Operation.FREE, path, partial(_free, path))

    def _run(self, operation: Operation, path: Path, act: Callable[[], T]) -> T:
        try:
            return self.perform(operation, path, act)
        except OSError as error:
            raise _failed(operation, path, error) from error


def _make_folder(path: Path) -> None:
    # Two runs of one home may make the same folder at the same moment.
    with suppress(FileExistsError):
        path.mkdir(mode=_FOLDER_MODE)
    if not path.is_dir():
        raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))


def _sync_folder(path: Path) -> None:
    number = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    except OSError as error:
        # Some network file systems have no such call; their names are durable by themselves.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(number)


def _unlink(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def _names(folder: Path) -> tuple[str, ...]:
    try:
        return tuple(sorted(os.listdir(folder)))
    except FileNotFoundError:
        return ()


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return (found.st_size, found.st_mtime_ns, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def _size(path: Path) -> int | None:
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _open_size(number: int) -> int:
    found = os.fstat(number)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    return found.st_size


def _free(path: Path) -> int:
    while not path.exists() and path.parent != path:
        path = path.parent
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def _failed(operation: Operation, path: Path, error: OSError) -> MemoryFailed:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            what, cure = "the disk is full", "free space there"
        case errno.EIO:
            what, cure = "the disk fails", "look at the disk's health (the kernel's log names the device)"
        case errno.EROFS:
            what, cure = "the disk is read-only", "mount it for writing"
        case errno.EACCES | errno.EPERM:
            what, cure = "the system does not allow it", "give this user the folder"
        case _:
            what, cure = error.strerror or "the disk refuses", "correct it"
    return MemoryFailed(
        f"cannot {operation} {path}: {what}", next_step=f"{cure}, then run the same command again: {path.parent}"
    )
