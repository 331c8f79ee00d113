"""A program that stops itself at one line of its own, as a debugger would: nothing of it is changed.

Law: it stops once, by SIGSTOP, right before that line; who started it lets it go on. What it is to do without, the
kernel withholds: it refuses a timer, as systems do that have none of this kind, and heeds no word on how a connection
ends, so that what it holds of one is delivered long after the process.
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

#: what `timer_create` and `setsockopt` are called by number
_TIMER_CREATE = {"x86_64": 222, "aarch64": 107}
_SETSOCKOPT = {"x86_64": 54, "aarch64": 208}
#: where a filter finds the number of a call, and the option that `setsockopt` is to set
_NUMBER, _OPTION = 0, 32
#: of sockets: SO_LINGER and TCP_USER_TIMEOUT, whose numbers no other option has that the program sets
_ENDINGS = (13, 18)
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _REFUSE, _IGNORE = 0x7FFF0000, 0x00050000 | errno.ENOSYS, 0x00050000


def stopping_at(function: str, line: str, *, timer: bool = True, resets: bool = True) -> tuple[str, ...]:
    """What stands before a command line `python -m MODULE ...` that stops before this line of this function.

    Without `timer` the kernel has none that ends it; without `resets` its connections end as all others do.
    """
    withheld = [name for name, given in (("timer", timer), ("resets", resets)) if not given]
    return (sys.executable, "-m", __name__, function, line, ",".join(withheld))


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


def _withheld(names: Sequence[str]) -> list[_Instruction]:
    """The kernel's answers to this process from now on."""
    here = platform.machine()
    steps = [_Instruction(_LOAD, 0, 0, _NUMBER)]
    if "timer" in names:
        steps += [_Instruction(_EQUAL, 0, 1, _TIMER_CREATE[here]), _Instruction(_RETURN, 0, 0, _REFUSE)]
    if "resets" in names:
        steps += [
            _Instruction(_EQUAL, 0, 4, _SETSOCKOPT[here]), _Instruction(_LOAD, 0, 0, _OPTION),
            *(_Instruction(_EQUAL, place, 1 - place, option) for place, option in zip((1, 0), _ENDINGS, strict=True)),
            _Instruction(_RETURN, 0, 0, _IGNORE),
        ]  # fmt: skip
    return [*steps, _Instruction(_RETURN, 0, 0, _ALLOW)]


def _filter(steps: Sequence[_Instruction]) -> None:
    program = _Program(len(steps), (_Instruction * len(steps))(*steps))
    library = ctypes.CDLL(None, use_errno=True)
    for words in ((_NO_NEW_PRIVILEGES, 1, 0), (_SECCOMP, _FILTER, ctypes.byref(program))):
        if library.prctl(words[0], ctypes.c_ulong(words[1]), words[2], 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "the kernel takes no filter of system calls")


def _main(words: Sequence[str]) -> None:
    function, line, withheld, _python, _m, module, *arguments = words
    if withheld:
        _filter(_withheld(withheld.split(",")))
    sys.argv = [module, *arguments]
    sys.settrace(_stopper(function, line))
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(sys.argv[1:])
