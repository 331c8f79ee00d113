"""Conducts a fleet's components in this process, for `worker`. Law: whoever lost the leases leaves at that instant.

What can be refused is noted at the component, where a person finds it; what will pass is tried again by whichever
worker is free, and what this one could not reach is left to the others first.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.to_thread

from orchestrator.cli.context.error_boundary import defect_of, leaves, tell
from orchestrator.cli.context.observers import Observer, Observers
from orchestrator.cli.context.telling import Telling
from orchestrator.cli.context.wiring import Assembled, assemble
from orchestrator.cli.output.logs import Log
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.output.times import local
from orchestrator.core.plan.plan import Plan
from orchestrator.core.state.events import Entry
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.submissions import ComponentState, SubmittedComponent, Worker
from orchestrator.engine.components import conduct, runs_for
from orchestrator.engine.runs import Runs
from orchestrator.engine.runtime import Threads, utc_now
from orchestrator.errors import (
    ExitCode,
    HeldElsewhere,
    JournalInDoubt,
    JournalUnreachable,
    LeaseLost,
    OperatorError,
    RomaMigrateError,
)
from orchestrator.fleet.engine import BY_ITSELF, Cut, Leaving, Left, TryAgain
from orchestrator.fleet.unreached import Unreached, others_for
from orchestrator.storage.locks import Holder
from orchestrator.storage.planfile import plan_in
from orchestrator.storage.store import LocalStore

#: seconds before which what is not finished is not tried again, whatever it says itself
_SOONEST = 5.0
_DRAINED = "SIGTERM"


def agent_of(worker: Worker) -> str:
    """The User-Agent by which services tell this worker from others."""
    return f"roma-migrate/{worker.version} (worker {worker.id})"


@dataclass(slots=True)
class Conducting:
    """All components of one worker."""

    terminal: Terminal
    store: LocalStore
    #: this process
    me: Worker
    #: ends this process at once, with that error's code
    fall: Callable[[RomaMigrateError], None]
    #: told of an end that concerns this whole process (7)
    unfit: Callable[[str], None]
    #: who looks on while a component is conducted, beside those that its plan names
    watching: Callable[[SubmittedComponent, Plan], Sequence[Observer]] = lambda component, plan: ()
    _offload: Threads = field(default_factory=lambda: Threads(4))
    _unreached: Unreached = field(default_factory=Unreached)
    _holder: Holder = field(init=False)

    def __post_init__(self) -> None:
        self._holder = Holder(self.me.host, self.me.pid, local(utc_now().timestamp()))

    async def conduct(self, component: str, leaving: Leaving) -> Left:
        """One component, from its row to its row; raises TryAgain."""
        try:
            row = await self._offload(self.store.submissions.component, component)
            if row.state is ComponentState.WAITING and row.not_before <= utc_now().timestamp():
                await self._leave_to_others(row)
                row = await self._conducted(row, leaving)
                self._unreached.left(row, utc_now().timestamp())
        except TryAgain:
            raise
        except (HeldElsewhere, JournalUnreachable, JournalInDoubt) as error:
            raise TryAgain(error.message) from None
        except LeaseLost as error:
            self.fall(error)
            raise TryAgain(error.message) from None
        except Exception as error:  # noqa: BLE001 - a defect parks its component, and the others go on
            return self._defect(error)
        return _left(row)

    async def _leave_to_others(self, row: SubmittedComponent) -> None:
        """Raises TryAgain for what could not be reached from here, while another worker may reach it."""
        submissions = self.store.submissions
        if self._unreached.gave_up(row.id, utc_now().timestamp()):
            workers = await self._offload(submissions.workers)
            if others_for(row, self.me, workers, submissions.ttl):
                raise TryAgain("its services could not be reached from this worker: another one tries first")

    async def _conducted(self, row: SubmittedComponent, leaving: Leaving) -> SubmittedComponent:
        log = Log(self.terminal, lambda: utc_now().timestamp(), row.id)
        try:
            plan, assembled = await anyio.to_thread.run_sync(self._assembled, row, log)
        except OperatorError as error:
            return await self._refused(row, error)
        telling = [Telling(self.terminal, plan)] if plan.notify else []
        watching = Observers([*telling, *self.watching(row, plan)])
        one = _One(self.store, row, plan, assembled, log, watching)
        try:
            with anyio.CancelScope() as before_it_begins:
                leaving.heed = lambda cut: one.leave(cut, before_it_begins)
                if leaving.cut is not None:
                    one.leave(leaving.cut, before_it_begins)
                now = await conduct(one.runs, self.store, row, self._holder)
                one.left(now)
                if now.code == ExitCode.MEMORY:
                    self.unfit(now.why)
                return now
            raise TryAgain("left before it began")
        finally:
            with anyio.CancelScope(shield=True):
                await one.close()

    def _assembled(self, row: SubmittedComponent, log: Log) -> tuple[Plan, Assembled]:
        """The submitted plan with its secrets; commands that give them may take their time."""
        submission = self.store.submissions.submission(row.submission)
        plan = plan_in(submission.plan_text, Path(submission.plan_file))
        return plan, assemble(plan, self.terminal.redactor, log.say, agent=agent_of(self.me))

    async def _refused(self, row: SubmittedComponent, error: OperatorError) -> SubmittedComponent:
        """Its plan or its secrets cannot be had here: a person finds that at the component."""

        def noted() -> SubmittedComponent:
            with self.store.of_component(row).hold(row.plan, self._holder):
                return self.store.submissions.ended(row.id, int(error.exit_code), error.message, 0.0)

        self.terminal.warn(f"{row.id}: {error.message}")
        return await self._offload(noted)

    def _defect(self, error: BaseException) -> Left:
        for each in leaves(error):
            if isinstance(each, LeaseLost):
                self.fall(each)
        tell(self.terminal, defect_of(self.terminal, error))
        return Left(int(ExitCode.DEFECT))


class _One:
    """One component, while this process conducts it."""

    def __init__(
        self, store: LocalStore, row: SubmittedComponent, plan: Plan, assembled: Assembled, log: Log,
        watching: Observer,
    ) -> None:  # fmt: skip
        self._store, self._row, self._roma, self._log = store, row, assembled.roma, log
        self._closing = ExitStack()
        self._closing.callback(self._log.close)
        self._observing = watching
        self._closing.callback(self._observing.close)
        self._observing.attached(self._log.say)
        self._begun = False
        self.runs: Runs = runs_for(store, row, plan, assembled.roma, assembled.users, assembled.runtime)
        self.runs.listen = self._listen
        self.runs.announce = self._announce

    def leave(self, cut: Cut, before_it_begins: anyio.CancelScope) -> None:
        """Heed the engine: what it believes dead lives as long as its lease, and goes on."""
        if cut is Cut.LOST:
            self._log.say("engine-lost-it", text="the engine believes it lost: it goes on, since its lease is ours")
            return
        self.runs.signal = _DRAINED
        if self.runs.conductor is not None:
            self.runs.conductor.stop(_DRAINED)
        elif not self._begun:
            before_it_begins.cancel()

    def left(self, now: SubmittedComponent) -> None:
        """Tell how it stands now; one that another worker goes on with is no news to anybody else."""
        code = ExitCode.DEFECT if now.code is None else ExitCode(now.code)
        self._log.closed(int(code), now.why)
        words = {ComponentState.DONE: "done", ComponentState.PARKED: "waits for a person: continue"}
        told = words.get(now.state, "goes on later")
        self._log.say("component-left", code=int(code), state=now.state.value, text=f"{told} (code {int(code)})")
        if now.state is not ComponentState.WAITING:
            self._observing.left(int(code))

    async def close(self) -> None:
        """Its connections and what looked on."""
        await self._roma.aclose()
        await anyio.to_thread.run_sync(self._closing.close)

    def _announce(self, run: str, resumed: bool, progress: Progress) -> None:
        self._begun = True
        self._log.open(self._store.home.log(run))
        word = "goes on with" if resumed else "begins"
        self._log.say("run", run=run, plan=self._row.plan, resumed=resumed, text=f"{word} run {run}")
        self._observing.started(run, resumed, progress)

    def _listen(self, progress: Progress, entry: Entry) -> None:
        self._log.entry(entry, progress)
        self._observing.heard(progress, entry)


def _left(row: SubmittedComponent) -> Left:
    """What the engine is told of a component as it stands; raises TryAgain where it is simply not over."""
    if row.state is not ComponentState.WAITING:
        return Left(int(ExitCode.DEFECT if row.code is None else row.code))
    soonest = utc_now().timestamp() + _SOONEST
    if row.code in BY_ITSELF or row.not_before > soonest:
        code = row.code if row.code in BY_ITSELF else ExitCode.NOT_FINISHED
        return Left(int(code or ExitCode.NOT_FINISHED), max(row.not_before, soonest))
    raise TryAgain(row.why or "left in good order")
