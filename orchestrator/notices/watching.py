"""Which entries of the journal a person must hear of while the run goes on. Law: the first at once, then seldom."""

from orchestrator.core.state.events import Entry
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.subjects import Subject, whose
from orchestrator.core.state.undecided import is_undecided

#: seconds between two notices that a person is needed
PAUSE = 600.0


class Watching:
    """Looks for what only a person can decide."""

    def __init__(self) -> None:
        #: subjects that are undecided and known to be
        self._known: set[Subject] = set()
        self._told_at = float("-inf")

    def heard(self, progress: Progress, entry: Entry) -> int:
        """How many wait for a person, where somebody must be told of it now; else 0."""
        subject = whose(entry.event)
        if subject is None or subject in self._known or not _is_undecided(progress, subject):
            return 0
        self._known.add(subject)
        if entry.at - self._told_at < PAUSE:
            return 0
        self._told_at = entry.at
        return sum(_is_undecided(progress, each) for each in self._known)


def _is_undecided(progress: Progress, subject: Subject) -> bool:
    life = progress.life_of(subject)
    return life is not None and is_undecided(life)
