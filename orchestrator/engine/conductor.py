"""The loop of a run: ask the agenda, write the intent, perform the step, write the event, believe it.

Law: nothing is asked before its intent is on the disk, nothing is believed before it is journaled. The conductor keeps
no truth of its own: what it knows beyond the progress (who is silent, whose slot is busy) may be forgotten at any time.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from orchestrator.core.decisions import steps
from orchestrator.core.decisions.context import (
    Finished,
    Note,
    SchedulerContext,
    Start,
    WaitUntil,
)
from orchestrator.core.decisions.scheduler import Scheduler
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry, Event
from orchestrator.core.state.lifecycle import PackageState
from orchestrator.core.state.slots import lease_of
from orchestrator.core.state.subjects import Subject
from orchestrator.engine.performer import Answered, Performer
from orchestrator.engine.reachability import Reachability
from orchestrator.engine.resolutions import Operators
from orchestrator.engine.runtime import Runtime
from orchestrator.errors import PRECEDENCE, ExitCode, LeaseLost, MemoryFailed, RomaMigrateError
from orchestrator.storage.leases import Asking, Denied, Taken
from orchestrator.storage.store import Journal, SlotLeases
from orchestrator.storage.vault import Vault

#: how long a request other than a download may go on after a signal, seconds
REQUEST_GRACE = 10.0
#: leases are renewed at each so many beats
RENEWED_EVERY = 4
#: how long to wait for a slot that another process of this host holds, seconds
SLOT_HELD = 1.0
#: how soon to look again whether a slot was had, where that is still being asked, seconds
STILL_ASKING = 0.05

#: steps that only wait or read: a signal cuts them at once
_CUT_AT_ONCE = (
    steps.AwaitExport,
    steps.AwaitImport,
    steps.AwaitProbe,
    steps.ListTarget,
    steps.Verify,
    steps.CheckBeside,
)


#: ends of an attempt to bring a package: its reserved space is free again
_PACKAGE_OVER = (
    e.PackageStored, e.PackageLost, e.ExportRefused, e.ExportAnswerLost, e.ExportFailed, e.ExportVanished,
    e.ExportOverdue,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Done:
    """A step came to its end."""

    step: steps.Step
    answered: Answered
    cut: bool = False


async def _nothing_to_compare() -> Sequence[Event]:
    return ()


@dataclass(slots=True)
class Conductor:
    """Conducts one run in this process until nothing more can be done."""

    scheduler: Scheduler
    journal: Journal
    performer: Performer
    vault: Vault
    leases: SlotLeases
    runtime: Runtime
    operators: Operators
    #: stored packages that are no longer what their source holds, when a gate is opened
    compare: Callable[[], Awaitable[Sequence[Event]]] = _nothing_to_compare
    #: how rates of writes have changed meanwhile: journaled with whatever comes next
    learned: Callable[[], Sequence[Event]] = tuple
    #: hears every entry that is believed: progress bars, the log
    listeners: Sequence[Callable[[Entry], None]] = ()
    #: the signal that asked to stop, or ""
    signal: str = ""
    _done: MemoryObjectSendStream[_Done | None] = field(init=False)
    _news: MemoryObjectReceiveStream[_Done | None] = field(init=False)
    _scopes: dict[Subject, anyio.CancelScope] = field(default_factory=dict)
    _reachability: Reachability = field(init=False)
    _held: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._done, self._news = anyio.create_memory_object_stream[_Done | None](math.inf)
        self.scheduler.claim = self._claim
        self.performer.jobs.hears = self._hears
        self._reachability = Reachability(self.scheduler, self.runtime, self.remember)

    @property
    def context(self) -> SchedulerContext:
        """What this process knows of the run."""
        return self.scheduler.context

    async def run(self) -> None:
        """Go on until the agenda is finished; raises MemoryFailed and defects."""
        for slot in [each for each, subjects in self.context.progress.occupied.items() if subjects]:
            lease = lease_of(slot)  # of jobs of ours that a dead process left running
            if isinstance(await self.runtime.offload(self.leases.take, [lease]), Taken):
                self._held.add(lease)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(keep_leases, self.leases, self.runtime)
                group.start_soon(self._read_inbox)
                await self._loop(group)
                group.cancel_scope.cancel()
        except BaseExceptionGroup as problems:
            raise gravest(problems) from None
        finally:
            self._done.close()
            self._news.close()
            self._release(everything=True)

    def stop(self, signal: str) -> None:
        """Start nothing new; what only waits is cut now, requests within their grace."""
        if self.signal:
            return
        self.signal = signal
        self.context.stopping = True
        now = anyio.current_time()
        for subject, scope in self._scopes.items():
            scope.deadline = min(scope.deadline, now + self._grace(self.context.active.get(subject)))
        self._done.send_nowait(None)

    def _grace(self, step: steps.Step | None) -> float:
        if isinstance(step, _CUT_AT_ONCE):
            return 0.0
        return self.context.settings.shutdown_grace if isinstance(step, steps.Download) else REQUEST_GRACE

    # --- the loop --------------------------------------------------------------------------------------------------

    async def _loop(self, group: TaskGroup) -> None:
        while True:
            self.context.wall_ahead = self.runtime.wall_ahead()
            match self.scheduler.ready(self.runtime.now()):
                case Note(events=events):
                    await self.remember(events)
                case Start(steps=chosen):
                    await self._start(group, chosen)
                case WaitUntil(time=time):
                    await self._wait(time)
                case Finished(ends=ends):
                    self.context.ends |= ends
                    return
            self._release()

    async def _start(self, group: TaskGroup, chosen: Sequence[steps.Step]) -> None:
        intents = [
            step.intent for step in chosen
            if isinstance(step, steps.RequestExport | steps.RequestImport | steps.RequestProbe | steps.Download)
        ]  # fmt: skip
        if intents:
            await self.remember(intents)
        for step in chosen:
            scope = anyio.CancelScope()
            if self.signal:
                scope.deadline = anyio.current_time() + self._grace(step)
            self._scopes[step.subject] = scope
            group.start_soon(self._perform, step, scope)

    async def _perform(self, step: steps.Step, scope: anyio.CancelScope) -> None:
        answered = Answered()
        with scope:
            answered = await self.performer.perform(step)
        self._done.send_nowait(_Done(step, answered, cut=scope.cancelled_caught))

    async def _wait(self, time: float) -> None:
        """Until a step ends, somebody wakes us, or the moment has come."""
        first: list[_Done | None] = []
        with anyio.move_on_after(max(0.0, time - self.runtime.now())):
            first.append(await self._news.receive())
        for news in first:  # outside the scope: a deadline must never cut an answer that was received
            await self._believe(news)
        while True:
            try:
                news = self._news.receive_nowait()
            except anyio.WouldBlock:
                return
            await self._believe(news)

    async def _believe(self, done: _Done | None) -> None:
        if done is None:
            await self._reachability.believe_polls()
            return
        self._scopes.pop(done.step.subject, None)
        answered = self._cut_short(done) if done.cut else done.answered
        await self.remember(
            [event for event in (answered.event, answered.also) if event is not None and self._still_fits(event)]
        )
        await self._release_space(done.step, answered.event)
        self.scheduler.finish(done.step.subject)
        await self._reachability.note(done.step, answered)

    def _still_fits(self, event: Event) -> bool:
        """Two targets may find the same package damaged: it is told once."""
        if not isinstance(event, e.PackageDamaged):
            return True
        return self.context.progress.packages[event.batch].state is PackageState.STORED

    async def _release_space(self, step: steps.Step, event: Event | None) -> None:
        """Space is reserved from before an export until its package is stored or will never come (promise 4)."""
        over = isinstance(event, _PACKAGE_OVER)
        if over and isinstance(step, steps.RequestExport | steps.AwaitExport | steps.Download | steps.RecoverDownload):
            attempt = self.context.progress.packages[step.batch].attempt
            await self.runtime.offload(self.vault.release, step.batch, attempt)

    def _cut_short(self, done: _Done) -> Answered:
        """A signal cut this request: it is journaled as lost or unsure, never forgotten."""
        words = e.ErrorDetail("cut", message=f"cut by {self.signal or 'an interruption'}")
        quiet = self.runtime.now() + self.context.settings.settle_quiet
        match done.step:
            case steps.RequestExport(batch=batch):
                return Answered(e.ExportAnswerLost(batch, words, quiet))
            case steps.RequestImport(delivery=delivery):
                return Answered(e.ImportAnswerLost(delivery, words, quiet))
            case steps.RequestProbe(slot=slot):
                return Answered(e.ProbeAnswerLost(slot, words, quiet))
            case steps.Download(batch=batch):
                return Answered(e.PackageLost(batch, words))
            case _:
                return Answered()

    async def remember(self, events: Sequence[Event]) -> None:
        """Write, then believe."""
        events = (*self.learned(), *events)
        if not events:
            return
        self.believe(await self.runtime.offload(self.journal.append, events, self.runtime.now()))

    def believe(self, entries: Sequence[Entry]) -> None:
        """Take in what stands in the journal, and tell those who listen."""
        for entry in entries:
            self.scheduler.touch(self.context.progress.apply(entry))
            for listener in self.listeners:
                listener(entry)

    def _hears(self, instance: str) -> None:
        if self._reachability.hears(instance):
            self._done.send_nowait(None)

    # --- slots between processes -----------------------------------------------------------------------------------

    def _claim(self, slot: str) -> float:
        """0 where this process may use the slot now, else seconds to wait: two plans of one home take turns."""
        lease = lease_of(slot)
        if lease in self._held:
            return 0.0
        match self.leases.claim([lease]):
            case Taken():
                self._held.add(lease)
                return 0.0
            case Asking():
                return STILL_ASKING
            case Denied():
                return SLOT_HELD

    def _release(self, *, everything: bool = False) -> None:
        left = self._held if everything else {lease_of(slot) for slot in self.scheduler.left} & self._held
        self._reachability.slots_left(self.scheduler.left)
        self.scheduler.left.clear()
        free = sorted(lease for lease in left if everything or not self.context.occupants(lease))
        if free:
            self._held.difference_update(free)
            self.leases.give_back(free)

    async def _read_inbox(self) -> None:
        """What operators ask of the live run takes effect between steps."""
        while True:
            await anyio.sleep(self.runtime.beat)
            for number, event in await self.runtime.offload(self.journal.take_requests):
                # A request whose intent is written behind an order would be one asked against it.
                self.context.hearing = isinstance(event, e.OrderEvent)
                events, answer = self.operators.answer(self.context.progress, event)
                await self.remember(events)
                await self.runtime.offload(self.journal.answer, number, answer)
                if any(isinstance(each, e.RunContinued) and each.gate for each in events):
                    # It may have been waited for all day: what has changed at its source since is exported anew.
                    await self.remember(await self.compare())
                if self.context.hearing:
                    self.context.hearing, self.context.person_since = False, 0.0
                    self.scheduler.touch_all()
                self._done.send_nowait(None)


async def keep_leases(leases: SlotLeases, runtime: Runtime) -> None:
    """Renew what is held, over and over; raises LeaseLost where another has taken a slot: we end then (promise 21)."""
    while True:
        for _ in range(RENEWED_EVERY):
            await anyio.sleep(runtime.beat)
            leases.must_hold()
        if lost := await runtime.offload(leases.renew):
            raise LeaseLost(
                f"another process has taken a slot of this one: {', '.join(lost)}",
                next_step="run the same command again: it looks before it acts",
            )


def gravest(problems: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one that decides the exit code, out of what several tasks raised at once."""
    return min(_leaves(problems), key=_gravity)


def _gravity(problem: BaseException) -> int:
    if isinstance(problem, MemoryFailed):
        return 0  # a lost lease too: nothing that this process writes counts any more
    code = problem.exit_code if isinstance(problem, RomaMigrateError) else ExitCode.DEFECT
    return PRECEDENCE.index(code) if code in PRECEDENCE else len(PRECEDENCE)


def _leaves(problem: BaseException) -> list[BaseException]:
    if isinstance(problem, BaseExceptionGroup):
        return [leaf for each in problem.exceptions for leaf in _leaves(each)]
    return [problem]
