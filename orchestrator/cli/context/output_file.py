"""Files that an option asks for. Law: 0600, whole or not at all, and never over what somebody may need.

A file that is there already stays, and the command ends with 2; the only exception is an earlier one of the very same
thing (the page of the same run), which is replaced.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path

from orchestrator.errors import MemoryFailed, OperatorError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})
#: bytes of a file that tell what it is
_BEGINNING = 4096


def write_output(path: Path, content: bytes, option: str, same: Callable[[bytes], bool] | None = None) -> None:
    """Write it for its owner alone; raises OperatorError, MemoryFailed. `same` judges the beginning of a file there."""
    replaced = must_be_writable(path, option, same)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if replaced:
                temporary.replace(path)
            else:
                # A link, unlike a rename, fails where something has come into being meanwhile.
                os.link(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except FileExistsError:
        must_be_writable(path, option, None)
        raise OperatorError(f"{path} cannot be written: {temporary.name} is in the way") from None
    except OSError as error:
        raise _failed(path, error, option) from None


def must_be_writable(path: Path, option: str, same: Callable[[bytes], bool] | None) -> bool:
    """Whether an earlier one of the same is there; raises OperatorError where something else is, or no folder."""
    if os.path.lexists(path):
        if same is not None and path.is_file() and not path.is_symlink() and same(_beginning(path)):
            return True
        raise OperatorError(f"{path} exists already; it is never overwritten", next_step=f"choose another {option}")
    if not path.absolute().parent.is_dir():
        raise OperatorError(f"{path}: there is no folder {path.absolute().parent}")
    return False


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_BEGINNING)
    except OSError:
        return b""


def _failed(path: Path, error: OSError, option: str) -> OperatorError | MemoryFailed:
    words = f"{path} cannot be written: {(error.strerror or 'failed').lower()}"
    return MemoryFailed(words) if error.errno in _FULL else OperatorError(words, next_step=f"choose another {option}")
