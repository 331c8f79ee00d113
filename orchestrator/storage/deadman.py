"""Ends this process at the end of its lease, whatever it is doing then. Law: the kernel does it, and asks nobody.

A guard looks before each piece that is sent, and a process can be frozen between the look and the piece. The kernel's
timer goes on meanwhile, on the clock that counts while the host sleeps, and its signal ends even a stopped process
(exit 137). Only a paused virtual machine may not count: therefore the guard also confirms before the last piece.
"""

import ctypes
import math
import signal
from typing import Any

_CLOCK_BOOTTIME = 7
_SIGEV_SIGNAL = 0


class _Time(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Setting(ctypes.Structure):
    _fields_ = (("interval", _Time), ("value", _Time))


class _Event(ctypes.Structure):
    """`struct sigevent`: 64 bytes on Linux."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_byte * (64 - ctypes.sizeof(ctypes.c_void_p) - 2 * ctypes.sizeof(ctypes.c_int))),
    )


class Deadman:
    """One timer of the kernel. Where the system has none of this kind, the guard is alone."""

    def __init__(self) -> None:
        self._timer: ctypes.c_void_p | None = None
        self._calls: Any = _calls()

    def arm(self, seconds: float) -> None:
        """This process ends so many seconds from now, unless it is armed anew; infinity disarms."""
        if self._calls is None or (self._timer is None and math.isinf(seconds)):
            return
        if self._timer is None:
            timer, event = ctypes.c_void_p(), _Event(signal=signal.SIGKILL, notify=_SIGEV_SIGNAL)
            if self._calls.timer_create(_CLOCK_BOOTTIME, ctypes.byref(event), ctypes.byref(timer)) != 0:
                self._calls = None
                return
            self._timer = timer
        # A timer of 0 would be off: what has ended already ends at once.
        whole, part = divmod(0.0 if math.isinf(seconds) else max(seconds, 0.001), 1.0)
        setting = _Setting(_Time(0, 0), _Time(int(whole), int(part * 1e9)))
        self._calls.timer_settime(self._timer, 0, ctypes.byref(setting), None)


def _calls() -> Any:
    """The library that has `timer_create`, or None."""
    for name in (None, "librt.so.1"):
        try:
            library = ctypes.CDLL(name)
            if hasattr(library, "timer_create"):
                return library
        except OSError:
            continue
    return None
