"""Hears SIGINT, SIGTERM and SIGHUP from the first line to the last. Law: none ends the program without a sentence.

Three phases follow one another without a gap, for a handler is only ever replaced by the next: before a run's loop a
signal leaves at once, since nothing was sent; while it is `told`, the first goes to the run and the second leaves;
when the code is known nothing changes it any more. Nothing heavy is imported here: it stands before all else.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event
from types import FrameType
from typing import NoReturn

#: what asks a program to leave
ASKING = (signal.SIGINT, signal.SIGTERM)
_EARLY, _AGAIN = "interrupted before anything was sent", "run the same command again"
#: commands that send nothing anyway: to look again needs no advice
_LOOKING = frozenset({"status", "runs", "report", "validate", "schema", "handover", "inventory", "preview", "verify"})
_AT_ONCE = "leaving at once; the journal is sound"
_SHOW_CURSOR = "\x1b[?25h"
_answered = Event()


def stand(words: list[str]) -> None:
    """From here on a signal leaves with a sentence; a lost terminal does not even stop a `run` that is starting."""
    for number in (*ASKING, signal.SIGHUP):
        # Who started us in the background, or under nohup, has decided that we do not hear it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave_early)
    if _command(words) == "run":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def answered() -> None:
    """The command's own document of `--json` is written from here on: a signal adds no second one."""
    _answered.set()


def fall_silent() -> None:
    """The code is known: the interpreter's own end is not worth another one."""
    for number in (*ASKING, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def told(hear: Callable[[signal.Signals], None]) -> Iterator[None]:
    """While the block runs the first signal is heard, the second leaves at once, and SIGHUP is nothing.

    `hear` is called between two instructions of the main thread, whatever that does: it may only leave word.
    """

    def first(number: int, _frame: FrameType | None) -> None:
        for each in ASKING:
            signal.signal(each, _leave_at_once)
        hear(signal.Signals(number))

    before = {number: signal.getsignal(number) for number in (*ASKING, signal.SIGHUP)}
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in ASKING:
        signal.signal(number, first)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _leave_early(number: int, _frame: FrameType | None) -> NoReturn:
    looks = _command(sys.argv[1:]) in _LOOKING
    _leave(number, *(("interrupted", "") if looks else (_EARLY, _AGAIN)))


def _command(words: list[str]) -> str:
    return next((word for word in words if not word.startswith("-")), "")


def _leave_at_once(number: int, _frame: FrameType | None) -> NoReturn:
    _leave(number, _AT_ONCE, _AGAIN)


def _leave(number: int, told: str, again: str) -> NoReturn:
    # Not through the streams: they may be in the middle of a line. The bars may have hidden the cursor.
    if "--json" in sys.argv:
        # Written whole or not at all, and only where the command itself has not begun to write its own.
        held = f'"code": {128 + number}, "error": "{told}", "who": "nobody", "next": "{again}"'
        if not _answered.is_set():
            _write(1, f"{{{held}}}\n")
        _write(2, f'{{"event": "failed", {held}}}\n')
    else:
        sentence = f"{told}; {again}" if again else told
        _write(2, f"{_SHOW_CURSOR if os.isatty(2) else ''}roma-migrate: {sentence}\n")
    os._exit(128 + number)


def _write(stream: int, text: str) -> None:
    with suppress(OSError):  # where nobody reads, the code still tells
        os.write(stream, text.encode())
