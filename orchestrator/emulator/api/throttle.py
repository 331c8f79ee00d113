"""The gateway's limit of one user's writes. Law: a refused request uses up nothing, and the service never sees it."""

from orchestrator.emulator.protocol.errors import throttled
from orchestrator.emulator.world.options import Switches

#: of sums of times
_ROUNDING = 1e-6


class Throttle:
    """Counts the writes of each user: a bucket that fills evenly."""

    def __init__(self, switches: Switches) -> None:
        self._per_second, self._most = switches.writes_per_second, float(switches.writes_at_once)
        self._retry_after = switches.throttle_retry_after_seconds or -1.0
        #: user -> (when it was counted last, in seconds, how many writes were left then)
        self._left: dict[str, tuple[float, float]] = {}

    def admit(self, user: str, now: float) -> None:
        """Let a write of this user pass; raises Refusal where it is one too many."""
        if not self._per_second:
            return
        at, left = self._left.get(user, (now, self._most))
        left = min(left + max(now - at, 0.0) * self._per_second, self._most)
        passes = left >= 1.0 - _ROUNDING
        self._left[user] = (now, left - passes)
        if not passes:
            raise throttled(self._retry_after)
