"""A program that stops itself at one line of its own, as a debugger would: nothing of it is changed.

Law: it stops once, by SIGSTOP, right before that line; who started it lets it go on. Where it is to have no timer of
the kernel, the kernel refuses it one, as systems do that have none of this kind.
"""

import ctypes
import errno
import linecache
import os
import platform
import runpy
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

#: what `timer_create` is called by number
_TIMER_CREATE = {"x86_64": 222, "aarch64": 107}
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.ENOSYS


def stopping_at(function: str, line: str, *, timer: bool = True) -> tuple[str, ...]:
    """What stands before a command line `python -m MODULE ...` that stops before this line of this function."""
    return (sys.executable, "-m", __name__, function, line, "timer" if timer else "no-timer")


def is_stopped(pid: int) -> bool:
    """Whether this process stands still, or has ended meanwhile and waits for its parent."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] in {"T", "Z"}


def _stopper(function: str, line: str) -> Callable[[FrameType, str, Any], Any]:
    """A trace of the main thread that sees the lines of this function alone."""
    stopped = False

    def at_line(frame: FrameType, what: str, _: Any) -> Any:
        nonlocal stopped
        text = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        if what == "line" and text == line and not stopped:
            stopped = True
            os.kill(os.getpid(), signal.SIGSTOP)
        return at_line

    return lambda frame, what, _: at_line if frame.f_code.co_qualname == function and not stopped else None


class _Instruction(ctypes.Structure):
    """`struct sock_filter`."""

    _fields_ = (("code", ctypes.c_ushort), ("yes", ctypes.c_ubyte), ("no", ctypes.c_ubyte), ("k", ctypes.c_uint))


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("first", ctypes.POINTER(_Instruction)))


def _refuse_timers() -> None:
    """From now on the kernel answers `timer_create` of this process with ENOSYS."""
    steps = (_Instruction * 4)(
        _Instruction(_LOAD, 0, 0, 0), _Instruction(_EQUAL, 0, 1, _TIMER_CREATE[platform.machine()]),
        _Instruction(_RETURN, 0, 0, _REFUSE), _Instruction(_RETURN, 0, 0, _ALLOW),
    )  # fmt: skip
    library = ctypes.CDLL(None, use_errno=True)
    program = _Program(len(steps), steps)
    for words in ((_NO_NEW_PRIVILEGES, 1, 0), (_SECCOMP, _FILTER, ctypes.byref(program))):
        if library.prctl(words[0], ctypes.c_ulong(words[1]), words[2], 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "the kernel takes no filter of system calls")


def _main(words: Sequence[str]) -> None:
    function, line, timer, _python, _m, module, *arguments = words
    if timer == "no-timer":
        _refuse_timers()
    sys.argv = [module, *arguments]
    sys.settrace(_stopper(function, line))
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(sys.argv[1:])
