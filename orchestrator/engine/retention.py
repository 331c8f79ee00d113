"""How long packages stay on our disk. Law: what a life still refers to stays, and nothing else does.

While a run lives its agenda drops each package when `keep_packages` has passed. What was still kept when a run ended
goes here, when a later run of the same plan begins: only the plan says how long, and an earlier run never goes on.
"""

from collections.abc import Collection, Sequence
from contextlib import closing

from orchestrator.core.model.counts import count
from orchestrator.core.state import events as e
from orchestrator.core.state.lifecycle import PackageState
from orchestrator.core.state.progress import Progress
from orchestrator.engine.past_runs import PastRun, history
from orchestrator.engine.runtime import Runtime
from orchestrator.errors import MemoryFailed
from orchestrator.storage.store import Store
from orchestrator.storage.vault import Vault


async def sweep(vault: Vault, progress: Progress, runtime: Runtime) -> None:
    """Remove what dead attempts left behind, and the suspects of batches whose package has been dropped."""
    downloading = any(life.state is PackageState.DOWNLOADING for life in progress.packages.values())
    if not downloading:
        await runtime.offload(vault.sweep, kept(progress))


def kept(progress: Progress, dropped: Collection[str] = ()) -> set[str]:
    """What a vault keeps: packages by their hash, suspects by their batch; not those of the batches `dropped`."""
    lives = [
        life for life in progress.packages.values()
        if life.state is not PackageState.DROPPED and life.batch not in dropped
    ]  # fmt: skip
    return {life.batch for life in lives} | {life.sha256 for life in lives if life.sha256}


async def drop_expired(store: Store, past: Sequence[PastRun], seconds: float, runtime: Runtime) -> None:
    """Drop the packages of ended runs that were stored more than `seconds` ago; told in one line of the log.

    No run waits for this: where the disk refuses, it is told, and the next run tries again.
    """
    due = {each.run: _due(each, runtime.now() - seconds) for each in past if each.ended_at}
    packages, runs = sum(map(len, due.values())), sum(map(bool, due.values()))
    try:
        for each in past:
            if batches := due.get(each.run):
                await runtime.offload(_drop, store, each, batches, runtime)
    except MemoryFailed as error:
        text = f"packages of earlier runs were not removed: {error.message}"
        runtime.say("packages-not-dropped", reason=error.message, text=text)
    else:
        if packages:
            text = f"{count(packages, 'package')} of {count(runs, 'earlier run')} removed (keep_packages)"
            runtime.say("packages-dropped", packages=packages, runs=runs, text=text)


def needed_by(past: PastRun) -> str:
    """What still needs an ended run's journal, in words; "" where nothing does.

    `undo` and `verify` read from it what the run brought, the next run of the plan what to skip, and a saved preview
    whether it was carried out.
    """
    if history((past,)).imported:
        return "undo, verify and the next run of the plan"
    began = past.progress.began
    return "the saved preview that it carried out, which is good for one run" if began and began.approved else ""


def drop_all(store: Store, past: PastRun, runtime: Runtime) -> int:
    """Drop every package of an ended run, suspects too; how many there were."""
    held = [life.batch for life in past.progress.packages.values() if life.state is PackageState.STORED]
    _drop(store, past, held, runtime)
    store.vault(past.run).sweep(())
    return len(held)


def _due(past: PastRun, before: float) -> list[str]:
    return [batch for batch, since in past.stored() if since <= before]


def _drop(store: Store, past: PastRun, batches: Sequence[str], runtime: Runtime) -> None:
    """The files first: a crash in between finds the packages stored, and drops them again."""
    store.vault(past.run).sweep(kept(past.progress, batches))
    if not batches:
        return
    with closing(store.journal(past.run, f"{runtime.host} {runtime.pid} retention")) as journal:
        journal.append([e.PackageDropped(batch) for batch in batches], runtime.now())
