"""How a finish or an undo of one run is carried out in a process. Law: what it does is frozen in the journal first."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from orchestrator.core.scheduling.write_rate import rates_of
from orchestrator.core.state.ends import End
from orchestrator.core.state.folding import folded
from orchestrator.core.state.progress import Progress
from orchestrator.engine.change_jobs import ByJob
from orchestrator.engine.change_loop import ChangeLoop
from orchestrator.engine.change_requests import ByRequest
from orchestrator.engine.finish_reads import FinishReads
from orchestrator.engine.past_runs import learned
from orchestrator.engine.runs import Runs
from orchestrator.engine.target_listings import TargetListings
from orchestrator.errors import PRECEDENCE, ExitCode
from orchestrator.storage.store import Journal, SlotLeases


@dataclass(frozen=True, slots=True)
class Carried:
    """How a finish or an undo left this process."""

    run: str
    progress: Progress
    ends: Mapping[str, End]
    #: the signal that stopped it, or ""
    signal: str = ""

    @property
    def code(self) -> ExitCode:
        """The gravest of what stopped it; 1 where something is left."""
        if self.progress.act.ended is not None:
            return ExitCode(self.progress.act.ended.code)
        codes = {ExitCode(end.code) for end in self.ends.values()}
        if codes:
            return min(codes, key=PRECEDENCE.index)
        return {"SIGINT": ExitCode.INTERRUPTED, "SIGTERM": ExitCode.TERMINATED}.get(self.signal, ExitCode.NOT_FINISHED)


async def carried_out(runs: Runs, run: str, start: Callable[[ChangeLoop], Awaitable[None]]) -> ChangeLoop:
    """The loop of a run's changes at its end in this process; `start` journals its begin or that it goes on."""
    with runs.opened(run) as (journal, leases):
        progress = await runs.runtime.offload(lambda: folded(journal.read()))
        loop = loop_of(runs, run, (journal, leases), progress)
        await start(loop)
        if runs.announce is not None:
            runs.announce(run, True, progress)
        await conducted(runs, loop)
        return loop


async def conducted(runs: Runs, loop: ChangeLoop) -> None:
    """Run the loop, where a signal can stop it."""
    runs.changing = loop
    try:
        if runs.signal:
            loop.stop(runs.signal)
        await loop.run()
    finally:
        runs.changing = None


def loop_of(runs: Runs, run: str, opened: tuple[Journal, SlotLeases], progress: Progress) -> ChangeLoop:
    """A loop with all that carries changes out."""
    journal, leases = opened
    lessons, vault = learned(runs.store, run), runs.store.vault(run)
    runs.roma.write_rates = rates_of(runs.plan, lessons.rates.by_region)
    teaches = lessons.timing
    loop = ChangeLoop(runs.plan, runs.roma, journal, leases, progress, runs.users, runs.runtime, teaches, vault)
    loop.listen = lambda entry: runs.listen(progress, entry) if runs.listen is not None else None
    loop.by_job = ByJob(loop, TargetListings(runs.plan, runs.roma))
    loop.by_request = ByRequest(loop, reads_of(runs))
    return loop


def reads_of(runs: Runs) -> FinishReads:
    """What finishing reads, with the home's own digest of secrets."""
    return FinishReads(runs.plan, runs.roma, runs.digest, runs.runtime.offload, runs.files)
