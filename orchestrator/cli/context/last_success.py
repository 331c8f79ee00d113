"""When a run of a plan last ended well. Law: by the journals, which tell it even where nobody was told."""

from collections.abc import Iterator
from contextlib import suppress

from orchestrator.cli.context.find_run import plan_of
from orchestrator.core.state.events import RunEnded
from orchestrator.core.state.submissions import ComponentState
from orchestrator.errors import ExitCode, MemoryFailed
from orchestrator.storage.store import LocalStore


def last_success(store: LocalStore, plan: str) -> tuple[str, float]:
    """The run, and when it ended with 0, in epoch seconds; ("", 0) where the store remembers none.

    A run whose journal is damaged tells nothing of it, nor does that of a component: all of its submission must have
    ended so, which is named in its place.
    """
    return max(_of_whole_plans(store, plan), _of_submissions(store, plan), key=lambda told: told[1])


def _of_submissions(store: LocalStore, plan: str) -> tuple[str, float]:
    for id_ in reversed(store.submissions.of_plan(plan)):
        components = store.submissions.components(id_)
        if all(each.state is ComponentState.DONE and each.code == ExitCode.DONE for each in components):
            runs = [each.run for each in components]
            told = store.all_ended(runs)
            ends = [told[run].ended_at if run in told else max(_good_ends(store, run), default=0.0) for run in runs]
            return id_, max(ends, default=0.0)
    return "", 0.0


def _of_whole_plans(store: LocalStore, plan: str) -> tuple[str, float]:
    for run in reversed(_whole_runs(store, plan)):
        if at := max(_good_ends(store, run), default=0.0):
            return run, at
    return "", 0.0


def _whole_runs(store: LocalStore, plan: str) -> list[str]:
    """In a home a damaged run of another plan must not stand against it; a database knows whose each is."""
    if store.address:
        return store.own_runs(plan)
    return [run for run in store.run_ids() if plan_of(store, run) == plan]


def _good_ends(store: LocalStore, run: str) -> Iterator[float]:
    if (ended := store.ended(run)) is not None:
        yield ended.ended_at if ended.code == ExitCode.DONE else 0.0
        return
    with suppress(MemoryFailed):
        for entry in store.read(run):
            if isinstance(entry.event, RunEnded) and entry.event.code == ExitCode.DONE:
                yield entry.at
