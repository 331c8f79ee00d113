"""When a run of a plan last ended well. Law: by the journals, which tell it even where nobody was told."""

from collections.abc import Iterator
from contextlib import suppress

from orchestrator.cli.context.find_run import plan_of
from orchestrator.core.state.events import RunEnded
from orchestrator.errors import ExitCode, MemoryFailed
from orchestrator.storage.store import LocalStore


def last_success(store: LocalStore, plan: str) -> tuple[str, float]:
    """The run, and when it ended with 0, in epoch seconds; ("", 0) where the store remembers none.

    A run whose journal is damaged tells nothing of it.
    """
    for run in reversed(store.run_ids()):
        if plan_of(store, run) == plan and (at := max(_good_ends(store, run), default=0.0)):
            return run, at
    return "", 0.0


def _good_ends(store: LocalStore, run: str) -> Iterator[float]:
    if (ended := store.ended(run)) is not None:
        yield ended.ended_at if ended.code == ExitCode.DONE else 0.0
        return
    with suppress(MemoryFailed):
        for entry in store.read(run):
            if isinstance(entry.event, RunEnded) and entry.event.code == ExitCode.DONE:
                yield entry.at
