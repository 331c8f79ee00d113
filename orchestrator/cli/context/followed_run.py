"""One run, followed while it goes on. Law: a look costs what is new; nobody is disturbed, and nothing is written.

Only the journal is read: neither the engine nor the network is imported, so that a look is cheap.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from orchestrator.cli.context.find_run import Found
from orchestrator.cli.output.lane_status import LaneStatuses
from orchestrator.core.scheduling.outlook import Look, Outlook, Played, StatedEnd, outlook, play
from orchestrator.core.scheduling.run_times import RunTimes
from orchestrator.core.state.events import Entry
from orchestrator.core.state.folding import believed
from orchestrator.core.state.progress import Progress
from orchestrator.errors import OperatorError
from orchestrator.storage.locks import Holder

#: what is left is played again after so many seconds at the soonest, and after so many times what playing it took
EVERY, SPARING = 2.0, 50.0

#: the end that somebody states, as soon as the run's begin is known
Until = Callable[[Progress], StatedEnd | None]


@dataclass(frozen=True, slots=True)
class RunStatus:
    """One look at a run."""

    found: Found
    progress: Progress
    statuses: LaneStatuses
    times: RunTimes
    #: the process that conducts it now, or None
    holder: Holder | None
    outlook: Outlook
    #: when it was taken, epoch seconds
    now: float

    @property
    def live(self) -> bool:
        return self.holder is not None

    @property
    def ended(self) -> bool:
        return self.progress.ended is not None


@dataclass(slots=True)
class FollowedRun:
    """Believes what a run's journal tells anew at each look."""

    found: Found
    _news: Callable[[], Iterator[Entry]]
    _until: Until
    #: seconds before which what is left is not played again
    _every: float = EVERY
    _progress: Progress = field(default_factory=Progress)
    _times: RunTimes = field(default_factory=RunTimes)
    _statuses: LaneStatuses | None = None
    _played: Played | None = None
    _next_play: float = 0.0

    def look(self) -> RunStatus:
        """How it stands now; raises JournalDamaged, and OperatorError where it never began."""
        self._believe()
        if self._progress.began is None:
            raise OperatorError(
                f"run {self.found.run} never began: it is an empty shell", next_step="roma-migrate runs"
            )
        if self._statuses is None:
            self._statuses = LaneStatuses.of(self._progress, self._times.predict)
        holder, now = self.found.holder(self._progress), time.time()
        look = Look(self._progress, self._times, holder is not None, now, self._until(self._progress))
        told = outlook(look, self._play(look))
        return RunStatus(self.found, self._progress, self._statuses, self._times, holder, told, now)

    def _believe(self) -> None:
        for entry in believed(self._progress, self._news()):
            self._times.hear(entry)
            if self._statuses is not None:
                self._statuses.take(self._progress, entry)
            if self._progress.ended is not None:
                self._played = None

    def _play(self, look: Look) -> Played:
        began = time.monotonic()
        if self._played is None or began >= self._next_play:
            self._played = play(look)
            cost = time.monotonic() - began
            self._next_play = time.monotonic() + max(self._every, SPARING * cost)
        return self._played


@contextmanager
def followed(found: Found, until: Until, every: float = EVERY) -> Iterator[FollowedRun]:
    """Follow a run while the block runs; what is left is played again `every` so many seconds at the soonest."""
    with found.store.followed(found.run) as news:
        yield FollowedRun(found, news, until, every)
