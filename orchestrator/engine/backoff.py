"""How long to wait before looking again.

Law: every wait is a value, spread by a draw, so that waits never fall into step.
"""


def busy_wait(times: int, draw: float) -> float:
    """Seconds until the next try at a slot in which somebody else's job runs, after `times` refusals."""
    base = float(min(30, 2 ** min(times, 5)))
    return base * (0.75 + 0.5 * draw)


def outage_wait(times: int, draw: float) -> float:
    """Seconds until a silent service is asked again."""
    base = float(min(15, 2 ** min(times - 1, 4)))
    return base * (0.75 + 0.5 * draw)
