"""Journals in files, as tests look at them."""

from contextlib import closing
from pathlib import Path

from orchestrator.core.state.events import Entry
from orchestrator.storage.journal import JournalReader


def read_all(path: Path, run: str) -> list[Entry]:
    """Every entry of a run; a live run is not disturbed."""
    with closing(JournalReader(path, run)) as journal:
        return list(journal.read())
