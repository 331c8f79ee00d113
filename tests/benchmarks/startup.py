"""(g) How long the program takes to say its help, against an empty Python: the median of alternating starts."""

import subprocess
import sys
import time
from collections.abc import Sequence
from statistics import median

STARTS = 9


def _seconds(command: Sequence[str]) -> float:
    before = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return time.perf_counter() - before


def report(_plans: int) -> list[str]:
    """The table."""
    empty = [sys.executable, "-c", "pass"]
    ours = [sys.executable, "-m", "orchestrator", "--help"]
    _seconds(ours)
    pairs = [(_seconds(empty), _seconds(ours)) for _ in range(STARTS)]
    ratio = median(second for _, second in pairs) / median(first for first, _ in pairs)
    return [f"(g) roma-migrate --help : python -c pass = {ratio:.1f}   (target: at most 8)"]
