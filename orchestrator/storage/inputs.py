"""Reads what an operator names: plans, secrets, saved documents. Law: bounded in bytes and in time, whatever it is.

A pipe is taken, as `--approved <(decrypt FILE)` makes one, as long as somebody writes to it.
"""

import errno
import os
import select
import stat
import time
from pathlib import Path

#: how long a pipe or a terminal may say nothing, seconds
PATIENCE = 30.0
_CHUNK = 1 << 16


def read_input(path: Path, most: int, patience: float = PATIENCE) -> bytes:
    """At most `most` bytes of it; raises OSError, also where nobody writes to a pipe."""
    # Without O_NONBLOCK to open a pipe is to wait for whoever writes to it, for ever.
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        piped = not stat.S_ISREG(os.fstat(handle).st_mode)
        content, until = b"", time.monotonic() + patience
        while len(content) < most:
            try:
                piece = os.read(handle, min(_CHUNK, most - len(content)))
            except BlockingIOError:
                if not select.select([handle], [], [], max(0.0, until - time.monotonic()))[0]:
                    raise OSError(errno.ETIMEDOUT, f"nothing came from this pipe for {patience:.0f} s") from None
                continue
            if not piece:
                break
            content, until = content + piece, time.monotonic() + patience
        if piped and not content:
            raise OSError(errno.EPIPE, "it is a pipe that nobody writes to")
        return content
    finally:
        os.close(handle)
