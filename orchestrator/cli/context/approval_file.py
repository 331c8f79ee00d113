"""Saved previews as files. Law: 0600, whole or not at all, and never over something that is there."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from orchestrator.cli.context.output_file import write_output
from orchestrator.cli.context.signature import signer_of
from orchestrator.core.plan.scalars import seconds_of
from orchestrator.core.preview.approval import MAX_AGE, Saved
from orchestrator.core.preview.approval_file import MOST, from_json, to_json
from orchestrator.engine.admission import Approval
from orchestrator.errors import OperatorError
from orchestrator.storage.inputs import read_input

T = TypeVar("T")


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
    write_output(path, text.encode(), "--save FILE")


def read_signed(path: Path, signers: Path | None) -> tuple[Saved, str]:
    """What was saved there, and who of `signers` signed these very bytes; "" where no signature is demanded.

    Raises OperatorError (2) with what is wrong, and PreflightBlocked (4) where nobody of them signed it.
    """
    content = content_of(path, 4 * MOST)
    return understood(path, content, "a saved preview", from_json), signer_of(
        path, content, signers
    ) if signers is not None else ""


def content_of(path: Path, most: int) -> bytes:
    """What a saved document holds, cut one byte behind `most`; raises OperatorError."""
    try:
        return read_input(path, most + 1)
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {(error.strerror or 'failed').lower()}") from None


def understood(path: Path, content: bytes, what: str, read: Callable[[str], T]) -> T:
    """The document as `read` understands it; raises OperatorError, which names the file and `what` it should be."""
    try:
        return read(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise OperatorError(f"{path}: not {what}: it is not UTF-8 text") from None
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


@dataclass(frozen=True, slots=True)
class Gated:
    """What the command line says of a saved preview."""

    approved: Path | None = None
    hold_drifted: bool = False
    accept_changed: bool = False
    max_age: str = ""
    #: who may sign the saved preview, as `ssh-keygen` reads it; its signature must be one of theirs
    signers: Path | None = None

    def approval(self) -> Approval | None:
        """The saved preview, read, and who signed it; raises OperatorError, PreflightBlocked."""
        max_age = max_age_of(self.max_age)
        if self.approved is not None:
            saved, signed_by = read_signed(self.approved, self.signers)
            return Approval(saved, max_age, self.hold_drifted, self.accept_changed, signed_by)
        if self.hold_drifted or self.accept_changed or self.max_age or self.signers:
            raise OperatorError("--hold-drifted, --accept-changed, --max-age and --signers need --approved FILE")
        return None
