"""How long to wait before looking again.

Law: every wait is a value, spread by a draw, so that waits never fall into step.
"""


def outage_wait(times: int, draw: float) -> float:
    """Seconds until a silent service is asked again."""
    base = float(min(15, 2 ** min(times - 1, 4)))
    return base * (0.75 + 0.5 * draw)
