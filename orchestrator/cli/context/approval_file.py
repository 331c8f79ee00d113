"""Saved previews as files. Law: 0600, whole or not at all, and never over something that is there."""

import errno
import os
from pathlib import Path

from orchestrator.core.plan.scalars import seconds_of
from orchestrator.core.preview.approval import MAX_AGE, Saved
from orchestrator.core.preview.approval_file import MOST, from_json, to_json
from orchestrator.errors import MemoryFailed, OperatorError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})


def must_be_free(path: Path) -> None:
    """Before anything is read: a board may have approved what lies there."""
    if os.path.lexists(path):
        raise OperatorError(
            f"{path} exists already; a saved preview is never overwritten", next_step="choose another --save FILE"
        )
    if not path.absolute().parent.is_dir():
        raise OperatorError(f"{path}: there is no folder {path.absolute().parent}")


def write_saved(path: Path, saved: Saved) -> None:
    """The file, for its owner alone; raises OperatorError, MemoryFailed."""
    write_new(path, to_json(saved))


def write_new(path: Path, text: str) -> None:
    """A new file of this text, for its owner alone; raises OperatorError, MemoryFailed."""
    must_be_free(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            # A link, unlike a rename, fails where something has come into being meanwhile.
            os.link(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except FileExistsError:
        must_be_free(path)
        raise OperatorError(f"{path} cannot be written: {temporary.name} is in the way") from None
    except OSError as error:
        raise _failed(path, error) from None


def _failed(path: Path, error: OSError) -> OperatorError | MemoryFailed:
    words = f"{path} cannot be written: {(error.strerror or 'failed').lower()}"
    return MemoryFailed(words) if error.errno in _FULL else OperatorError(words, next_step="choose another --save FILE")


def read_saved(path: Path) -> Saved:
    """What was saved there; raises OperatorError (2) with what is wrong."""
    try:
        with path.open("rb") as file:
            content = file.read(4 * MOST + 1)
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {(error.strerror or 'failed').lower()}") from None
    try:
        return from_json(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise OperatorError(f"{path}: not a saved preview: it is not UTF-8 text") from None
    except OperatorError as error:
        raise OperatorError(f"{path}: {error.message}", next_step=error.next_step) from None


def max_age_of(word: str) -> float:
    """`--max-age 2d` in seconds; the default where nothing is said."""
    if not word:
        return MAX_AGE
    seconds = seconds_of(word)
    if seconds is None or seconds <= 0:
        raise OperatorError(f"--max-age {word!r} is not a time", next_step="write it like 12h, 2d or 7d")
    return seconds
