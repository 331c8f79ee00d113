"""Who looks on while a run is conducted: notices, metrics, traces. Law: whatever an observer does, the run goes on."""

from collections.abc import Callable, Sequence

from orchestrator.core.report.outcome import Outcome
from orchestrator.core.state.events import Entry
from orchestrator.core.state.progress import Progress
from orchestrator.engine.runtime import Say


class Observer:
    """Hears what happens; each method does nothing unless it is overridden."""

    def attached(self, say: Say) -> None:
        """A run's log is open from now on."""

    def started(self, run: str, resumed: bool, progress: Progress) -> None:
        """A run has begun, or goes on."""

    def heard(self, progress: Progress, entry: Entry) -> None:
        """One entry of the journal, which the progress holds already."""

    def ended(self, run: str, outcome: Outcome, progress: Progress) -> None:
        """The run has left this process."""

    def left(self, code: int) -> None:
        """The command ends with that code."""

    def failed(self, error: BaseException) -> None:
        """The command ends with that error."""

    def close(self) -> None:
        """Nothing more comes."""


class Observers(Observer):
    """Several at once; one that fails is left out from then on, and the log says so."""

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._observers = list(observers)
        self._say: Say | None = None

    def attached(self, say: Say) -> None:
        self._say = say
        self._each(lambda one: one.attached(say))

    def started(self, run: str, resumed: bool, progress: Progress) -> None:
        self._each(lambda one: one.started(run, resumed, progress))

    def heard(self, progress: Progress, entry: Entry) -> None:
        if self._observers:
            self._each(lambda one: one.heard(progress, entry))

    def ended(self, run: str, outcome: Outcome, progress: Progress) -> None:
        self._each(lambda one: one.ended(run, outcome, progress))

    def left(self, code: int) -> None:
        self._each(lambda one: one.left(code))

    def failed(self, error: BaseException) -> None:
        self._each(lambda one: one.failed(error))

    def close(self) -> None:
        self._each(lambda one: one.close())

    def _each(self, act: Callable[[Observer], None]) -> None:
        for one in list(self._observers):
            try:
                act(one)
            except Exception as error:  # noqa: BLE001 - whoever only looks on must not end a run
                self._observers.remove(one)
                if self._say is not None:
                    what = type(one).__name__.lower()
                    text = f"{what} are given up for this run: {type(error).__name__}"
                    self._say("observer-failed", what=what, text=text)
