"""What a run waits for a person with: its gates, and what operators have ordered (promise 18).

Law: folded from the events; only a person's word, journaled, ends such a wait.
"""

from orchestrator.core.plan.hours import Hours
from orchestrator.core.plan.plan import Gate
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry


class Orders:
    """The words that hold for a run now."""

    def __init__(self) -> None:
        self.hours = Hours()
        #: the order to ask for nothing, and when it was given, epoch seconds; at most one of both holds
        self.paused: e.RunPaused | None = None
        self.stopped: e.RunStopped | None = None
        self.since = 0.0
        #: gate -> who opened it
        self.opened: dict[str, e.RunContinued] = {}
        #: gate -> when nothing was left before it, epoch seconds
        self.reached: dict[str, float] = {}

    @property
    def halt(self) -> e.RunPaused | e.RunStopped | None:
        """The order under which nothing is asked for, None where none holds."""
        return self.paused or self.stopped

    @property
    def waits_at(self) -> str:
        """The gate that was reached and is not open, "" where there is none."""
        return next((gate for gate in self.reached if gate not in self.opened and self.hours.gated), "")

    def is_gated(self, migration: str) -> bool:
        """Whether its imports wait for a person."""
        return migration in self.hours.gated and Gate.IMPORTS.value not in self.opened

    def apply(self, entry: Entry) -> bool:
        """Believe one event; True where it may have changed what can be asked for."""
        match entry.event:
            case e.RunBegan(hours=hours) | e.RunResumed(hours=hours):
                self.hours = hours
            case e.GateReached(gate=gate):
                self.reached.setdefault(gate, entry.at)
                return False
            case e.RunPaused() as event:
                self.paused, self.stopped, self.since = event, None, entry.at
            case e.RunStopped() as event:
                self.paused, self.stopped, self.since = None, event, entry.at
            case e.RunContinued(gate="") as event:
                self.paused, self.stopped = None, None
            case e.RunContinued(gate=gate) as event:
                self.opened[gate] = event
            case _:
                return False
        return True
