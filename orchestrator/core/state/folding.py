"""A journal's entries, believed one after another. Law: an impossible entry means that the journal is damaged."""

from collections.abc import Iterable, Iterator

from orchestrator.core.state.events import Entry
from orchestrator.core.state.lifecycle import IllegalMove
from orchestrator.core.state.progress import Progress
from orchestrator.errors import JournalDamaged


def folded(entries: Iterable[Entry]) -> Progress:
    """Believe every entry; raises JournalDamaged."""
    progress = Progress()
    for _ in believed(progress, entries):
        pass
    return progress


def believed(progress: Progress, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Each entry once `progress` believes it; raises JournalDamaged."""
    for entry in entries:
        try:
            progress.apply(entry)
        except (IllegalMove, LookupError, ValueError) as error:
            raise JournalDamaged(f"entry {entry.seq} cannot follow what was before: {error}") from None
        yield entry
