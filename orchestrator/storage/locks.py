"""Files that one process holds at a time. Law: the kernel lets go when the process dies; nobody waits without end."""

import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import HeldElsewhere, MemoryFailed

#: seconds between two tries
_BETWEEN = 0.02
#: how long another process may look at a plan's lock, and how long it may make something in a home, seconds
_LOOKING, _MAKING = 0.25, 30.0
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a plan's run."""

    host: str
    pid: int
    #: ISO time with offset
    since: str


@contextmanager
def held_briefly(path: Path) -> Iterator[None]:
    """Alone among all processes that make something in this home."""
    handle = _opened(path, os.O_RDWR | os.O_CREAT)
    try:
        if not _locked(handle, _MAKING):
            raise MemoryFailed(
                f"{path}: another process has held it for {_MAKING:.0f} s",
                next_step="find the process that hangs (fuser names it), then run the same command again",
            )
        yield
    finally:
        os.close(handle)


@contextmanager
def held_plan(path: Path, plan: str, holder: Holder) -> Iterator[None]:
    """Hold this plan's run in this process; raises HeldElsewhere."""
    handle = _opened(path, os.O_RDWR | os.O_CREAT)
    try:
        if not _locked(handle, _LOOKING):
            raise HeldElsewhere(f"plan {plan} is run by {_told(who_holds(path))}", next_step="roma-migrate status")
        _write(handle, path, json.dumps({"host": holder.host, "pid": holder.pid, "since": holder.since}).encode())
        yield
        _write(handle, path, b"")
    finally:
        os.close(handle)


def who_holds(path: Path) -> Holder | None:
    """The process that holds this lock of a plan now, or None; disturbs nobody."""
    if not os.path.lexists(path):
        return None
    handle = _opened(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _parse_holder(os.pread(handle, 4096, 0))
        return None
    finally:
        os.close(handle)


def _opened(path: Path, flags: int) -> int:
    """A pipe or a link in a lock's place is neither waited for nor followed."""
    try:
        handle = os.open(path, flags | _FLAGS, 0o600)
    except OSError as error:
        raise _failed(path, error) from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise MemoryFailed(
            f"{path} is no regular file, which a lock is",
            next_step="find out who put it there, remove it, then run the same command again",
        )
    return handle


def _locked(handle: int, patience: float) -> bool:
    """Take the lock; another process may be in the way for an instant."""
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(_BETWEEN)
        else:
            return True


def _write(handle: int, path: Path, content: bytes) -> None:
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, content, 0)
    except OSError as error:
        raise _failed(path, error) from None


def _failed(path: Path, error: OSError) -> MemoryFailed:
    return MemoryFailed(
        f"{path}: cannot be locked: {(error.strerror or 'failed').lower()}",
        next_step="free disk space and make the home writable for this user, then run the same command again",
    )


def _told(holder: Holder | None) -> str:
    return f"process {holder.pid} on {holder.host} since {holder.since}" if holder else "another process"


def _parse_holder(content: bytes) -> Holder:
    try:
        read = json.loads(content)
        return Holder(str(read["host"]), int(read["pid"]), str(read["since"]))
    except (ValueError, KeyError, TypeError):
        return Holder("this host", 0, "a moment ago")
