"""What failed at each side of each instance, for the breaker (promise 7). Law: counts, and decides nothing."""

from collections import defaultdict

from orchestrator.core.model.failures import Failure
from orchestrator.core.state import events as e

#: (instance, "export" or "import")
Side = tuple[str, str]


class Failures:
    """What failed at one side."""

    __slots__ = ("by_error", "by_parent", "stopped")

    def __init__(self) -> None:
        #: error -> subjects that failed with it and are no halves of an unexplained failure
        self.by_error: dict[str, list[str]] = defaultdict(list)
        #: (parent, error) -> halves that failed with it and named no asset
        self.by_parent: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.stopped: e.TargetStopped | None = None


class Breaker:
    """All sides of one run."""

    def __init__(self) -> None:
        self.failures: dict[Side, Failures] = defaultdict(Failures)
        #: sides that a retry has reopened and that have not succeeded since
        self.retrying: set[Side] = set()

    def is_stopped(self, instance: str, direction: str) -> bool:
        failures = self.failures.get((instance, direction))
        return failures is not None and failures.stopped is not None

    def stop(self, event: e.TargetStopped) -> None:
        self.failures[event.instance, event.direction].stopped = event

    def reopen(self, side: Side) -> None:
        self.failures[side] = Failures()
        self.retrying.add(side)

    def proved(self, side: Side) -> bool:
        """The one batch that a retry tried first went through; False where none was on trial."""
        on_trial = side in self.retrying
        self.retrying.discard(side)
        return on_trial

    def forget(self, side: Side) -> None:
        """What failed before a person mended it counts no more; a side that is stopped stays so."""
        if not self.is_stopped(*side):
            self.failures.pop(side, None)

    def count(self, side: Side, subject: str, event: e.ExportFailed | e.ImportFailed, parent: str | None) -> None:
        """One failure; `parent` is told where the subject is a half of an unexplained one."""
        if event.words.kind == Failure.TOO_LARGE.value:
            return  # its cause is the package's size, which splitting cures (promise 12)
        failures = self.failures[side]
        error = error_of(event)
        if parent is not None:
            if not event.reasons or not any(reason.resource_name for reason in event.reasons):
                failures.by_parent[parent, error].append(subject)
        elif subject not in failures.by_error[error]:
            failures.by_error[error].append(subject)


def error_of(event: e.ExportFailed | e.ImportFailed) -> str:
    """What makes two failures the same error: the service's code, else its words."""
    for reason in event.reasons:
        if reason.error_code or reason.error_msg:
            return reason.error_code or reason.error_msg
    return event.words.code or event.words.message or event.words.kind
