"""Runs the command behind `${command:...}`. Law: no shell, a bounded time, and whatever it prints is never told.

The command is a process group of its own, so that a hanging one ends with all that it has started. Its standard error
goes nowhere: helpers like to print there what they should not.
"""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

#: seconds
PATIENCE = 30.0


class CommandFailed(Exception):
    """Why a command gave nothing; never holds what it printed."""


def output_of(
    argv: Sequence[str], folder: Path, environ: Mapping[str, str], most: int, patience: float = PATIENCE
) -> bytes:
    """What the command prints, of which at most `most` bytes are read; raises CommandFailed."""
    try:
        process = subprocess.Popen(  # noqa: S603 - the plan owner wrote it, and no shell reads it
            list(argv), cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else "not a command"
        raise CommandFailed(f"cannot be started: {words.lower()}") from None
    deadline = time.monotonic() + patience
    try:
        assert process.stdout is not None  # noqa: S101 - asked for above
        content = _read(process.stdout, most, deadline)
        process.wait(max(0.0, deadline - time.monotonic()))
    except (TimeoutError, subprocess.TimeoutExpired):
        raise CommandFailed(f"did not end within {patience:g} s and was stopped") from None
    finally:
        _end(process)
    if process.returncode:
        how = f"code {process.returncode}" if process.returncode > 0 else f"signal {-process.returncode}"
        raise CommandFailed(f"ended with {how}; run it by hand to see why, for what it prints is not shown here")
    return content


def _read(stream: IO[bytes], most: int, deadline: float) -> bytes:
    """Until its end, `most` bytes or the deadline, which raises TimeoutError."""
    content = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while len(content) < most:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            piece = os.read(stream.fileno(), most - len(content))
            if not piece:
                return content
            content += piece
    raise CommandFailed("prints too much for a secret")


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()
    process.wait()
