"""When to try a slot again in which somebody else's job runs (ROMA.10012, API 1.3).

Law: it only listens and advises; all of it may be forgotten. A try costs a refused request, a late one costs the slot's
time: the same question as when to poll a job of ours, and so the same answer (`core/scheduling/polling`). A foreign job
began between our own last job's end in that slot and the first refusal. How long such jobs last is learned from one to
the next, by slot, and is not mixed with what our own jobs take.
"""

from dataclasses import dataclass, field

from orchestrator.core.scheduling.estimates import Estimates, Observation, Prediction
from orchestrator.core.scheduling.polling import LATEST, Watch, next_poll
from orchestrator.core.state.slots import JobKind

#: refused requests that a foreign job may cost, on average
TRIES = 12.0
#: shortest and longest wait between two tries, seconds
SHORTEST, LONGEST = 2.0, 60.0
#: waits are spread by up to this share either way, so that two who wait never fall into step
SPREAD = 0.1
#: nothing tells how many assets a foreign job has, and whether it exports or imports
_ASSETS, _KIND = 100, JobKind.IMPORT


@dataclass(slots=True)
class ForeignJobs:
    """Other people's jobs in the slots of one run."""

    _estimates: Estimates = field(default_factory=Estimates)
    #: slot -> when a job of ours was last seen to have left it, epoch seconds
    _left: dict[str, float] = field(default_factory=dict)
    #: slot -> when the foreign job in it is taken to have begun
    _began: dict[str, float] = field(default_factory=dict)

    def left(self, slot: str, now: float) -> None:
        """A job of ours has ended there."""
        self._left[slot] = now

    def refused(self, slot: str, now: float, draw: float) -> float:
        """A request met a foreign job: seconds until the next try. `draw` is a number from 0 to 1."""
        began = self._began.setdefault(slot, (self._left.get(slot, now) + now) / 2)
        alike = self._estimates.alike(slot, _KIND, _ASSETS, LATEST)
        wait = next_poll(Watch(now - began, self._expected(slot), aim=TRIES, alike=alike))
        return max(SHORTEST, min(wait, LONGEST)) * (1.0 + SPREAD * (2.0 * draw - 1.0))

    def accepted(self, slot: str, now: float) -> None:
        """A request of ours has the slot: the foreign job, if there was one, is over."""
        began = self._began.pop(slot, None)
        if began is not None and now > began:
            self._estimates.observe(Observation(slot, _KIND, _ASSETS, now - began))

    def _expected(self, slot: str) -> Prediction:
        return self._estimates.predict(slot, _KIND, _ASSETS)
