"""Seconds since this host was started. Law: no step of the wall clock touches them."""

import time


def seconds_since_boot() -> float:
    """Seconds that no change of the wall clock touches; those of a suspended machine count where that is known."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)
