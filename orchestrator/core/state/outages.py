"""When services were away, and when no process of the run lived. Law: times that count for no deadline (promise 9)."""


class Outages:
    """Every time for which one run could not ask."""

    def __init__(self) -> None:
        #: host -> since when it does not answer
        self.down: dict[str, float] = {}
        #: (host, begin, end) of those that are over
        self._over: list[tuple[str, float, float]] = []
        #: (begin, end) of the times in which no process of this run lived, by the wall clock
        self._gaps: list[tuple[float, float]] = []

    @property
    def watched_from(self) -> float:
        """When the present process took over; 0 where it is the first."""
        return self._gaps[-1][1] if self._gaps else 0.0

    def begin(self, host: str, at: float) -> None:
        self.down[host] = at

    def end(self, host: str, at: float) -> None:
        self._over.append((host, self.down.pop(host, at), at))

    def resume(self, earlier: float, at: float, back: float) -> None:
        """Another process goes on; `back` (0 or less): how far its clock stands behind what the journal told."""
        self.down.clear()
        self._over = [(host, began + back, ended + back) for host, began, ended in self._over]
        self._gaps = [(began + back, ended + back) for began, ended in self._gaps]
        self._gaps.append((earlier + back, at))

    def seconds(self, host: str, since: float, now: float) -> float:
        """Seconds after `since` that no other deadline counts: the service was away, or nobody lived."""
        spans = [*self._gaps, *((began, ended) for name, began, ended in self._over if name == host)]
        if host in self.down:
            spans.append((self.down[host], now))
        return sum(max(0.0, min(ended, now) - max(began, since)) for began, ended in spans)
