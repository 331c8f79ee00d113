"""The loop of a run: ask the agenda, write the intent, perform the step, write the event, believe it.

Law: nothing is asked before its intent is on the disk, nothing is believed before it is journaled. The conductor keeps
no truth of its own: what it knows beyond the progress (who is silent, whose slot is busy) may be forgotten at any time.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from orchestrator.core.decisions import steps
from orchestrator.core.decisions.context import (
    Busy,
    Finished,
    Note,
    SchedulerContext,
    Silence,
    Start,
    WaitUntil,
    lists_of,
)
from orchestrator.core.decisions.scheduler import Scheduler
from orchestrator.core.model.failures import Failure
from orchestrator.core.model.retries import LONGEST_RETRY_AFTER, Action
from orchestrator.core.state import events as e
from orchestrator.core.state.ends import End
from orchestrator.core.state.events import Entry, Event
from orchestrator.core.state.holders import lost_request_in
from orchestrator.core.state.lifecycle import PackageState
from orchestrator.core.state.slots import host_of, lease_of
from orchestrator.core.state.subjects import Subject
from orchestrator.engine.backoff import busy_wait, outage_wait
from orchestrator.engine.performer import Answered, Performer, Trouble
from orchestrator.engine.resolutions import Operators
from orchestrator.engine.runtime import Runtime, moment
from orchestrator.errors import PRECEDENCE, ExitCode, MemoryFailed, RomaMigrateError
from orchestrator.storage.leases import Taken
from orchestrator.storage.store import Journal, SlotLeases
from orchestrator.storage.vault import Vault

#: how long a request other than a download may go on after a signal, seconds
REQUEST_GRACE = 10.0
#: leases are renewed at each so many beats
RENEWED_EVERY = 4
#: how long to wait for a slot that another process of this host holds, seconds
SLOT_HELD = 1.0

#: before another start, seconds: who has held a slot for all of `busy_timeout` will hardly have left it sooner
BUSY_PAUSE = 300.0

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
    #: hears every entry that is believed: progress bars, the log
    listeners: Sequence[Callable[[Entry], None]] = ()
    #: the signal that asked to stop, or ""
    signal: str = ""
    _done: MemoryObjectSendStream[_Done | None] = field(init=False)
    _news: MemoryObjectReceiveStream[_Done | None] = field(init=False)
    _scopes: dict[Subject, anyio.CancelScope] = field(default_factory=dict)
    #: slot, or "credentials@instance" for downloads -> since when every request is refused as one too many
    _throttled: dict[str, float] = field(default_factory=dict)
    #: silent hosts that have answered a poll since: the job goes on, but the silence is over
    _back: set[str] = field(default_factory=set)
    _held: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._done, self._news = anyio.create_memory_object_stream[_Done | None](math.inf)
        self.scheduler.claim = self._claim
        self.performer.hears = self._hears

    @property
    def context(self) -> SchedulerContext:
        """What this process knows of the run."""
        return self.scheduler.context

    async def run(self) -> None:
        """Go on until the agenda is finished; raises MemoryFailed and defects."""
        for slot in [each for each, subjects in self.context.progress.occupied.items() if subjects]:
            self._claim(slot)  # jobs of ours that a dead process left running
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._keep_leases)
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
            while self._back:
                await self._heard_from(self._back.pop())
            return
        self._scopes.pop(done.step.subject, None)
        answered = self._cut_short(done) if done.cut else done.answered
        await self.remember(
            [event for event in (answered.event, answered.also) if event is not None and self._still_fits(event)]
        )
        await self._release_space(done.step, answered.event)
        self.scheduler.finish(done.step.subject)
        await self._note_reachability(done.step, answered)

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
        if not events:
            return
        self.believe(await self.runtime.offload(self.journal.append, tuple(events), self.runtime.now()))

    def believe(self, entries: Sequence[Entry]) -> None:
        """Take in what stands in the journal, and tell those who listen."""
        for entry in entries:
            self.scheduler.touch(self.context.progress.apply(entry))
            for listener in self.listeners:
                listener(entry)

    # --- the way to ROMA -------------------------------------------------------------------------------------------

    async def _note_reachability(self, step: steps.Step, answered: Answered) -> None:
        """Learn from an answer who is silent, who refuses and whose slot is busy."""
        if answered.local or isinstance(step, steps.RecoverDownload | steps.DropPackage):
            return
        host = host_of(self.context.plan.instances[step.instance].endpoint)
        trouble = answered.trouble
        if answered.disagrees:
            await self._heard_from(host)
            self._disagrees(step, answered.disagrees)
        if trouble is None:
            if answered.event is not None:
                await self._heard_from(host)
                self._unhindered(step)
            return
        if trouble.failed.failure is not Failure.THROTTLED:
            self._throttled.pop(_way_of(step), None)
        match trouble.decision.action:
            case Action.OUTAGE:
                await self._silent(host, trouble)
            case Action.WAIT_FOR_SLOT if isinstance(step, steps.ASKING):
                await self._heard_from(host)
                self._busy(step.slot, host, trouble)
            case Action.ASK_AGAIN if trouble.failed.failure is Failure.THROTTLED:
                await self._heard_from(host)
                self._throttle(_way_of(step), trouble)
            case Action.REFUSED | Action.RENEW:
                self._refused(step, trouble)
            case Action.SETTLE:
                pass
            case _:
                await self._heard_from(host)

    def _hears(self, instance: str) -> None:
        """An answer that ends no step, such as a poll of a job that still runs."""
        host = host_of(self.context.plan.instances[instance].endpoint)
        if host in self.context.silent:
            self._back.add(host)
            self._done.send_nowait(None)

    def _unhindered(self, step: steps.Step) -> None:
        """A step has got what it asked for."""
        self._throttled.pop(_way_of(step), None)
        if isinstance(step, steps.ASKING):
            self.context.busy.pop(step.slot, None)
        if isinstance(step, steps.LISTING):
            self.context.silent.pop(lists_of(step.instance), None)

    async def _heard_from(self, host: str) -> None:
        silence = self.context.silent.pop(host, None)
        if silence is not None:
            await self.remember([e.OutageEnded(host, round(self.runtime.now() - silence.since, 1))])
            self.scheduler.touch_all()

    async def _silent(self, host: str, trouble: Trouble) -> None:
        now, unheard = self.runtime.now(), trouble.unanswered
        silence = self.context.silent.get(host)
        if silence is None:
            silence = self.context.silent[host] = Silence(now - unheard.seconds, now)
            words = e.ErrorDetail(trouble.failed.failure.value, trouble.failed.code, trouble.failed.message)
            await self.remember([e.OutageBegan(host, words)])
        left = min(unheard.left, silence.since + unheard.seconds + unheard.left - now)
        self._ask_later(silence, left)
        if left <= 0:
            throttled = trouble.failed.failure is Failure.THROTTLED
            how = "has refused every request as one too many" if throttled else "has given no usable answer"
            told = f"{host} {how} for {now - silence.since:.0f} s (outage_timeout): {trouble.failed.message}"
            self._end(host, End(ExitCode.UNREACHABLE, told))

    def _ask_later(self, silence: Silence, left: float) -> None:
        """After a pause that grows, but never beyond the moment at which it would be given up."""
        silence.asking = None
        pause = outage_wait(silence.times, self.runtime.draw())
        silence.retry_at = self.runtime.now() + min(pause, max(left, 0.0))
        silence.times += 1

    def _disagrees(self, step: steps.Step, told: str) -> None:
        """A list that contradicts itself: whoever needs it waits, and then this target alone goes no further."""
        now, limit = self.runtime.now(), self.context.settings.outage_timeout
        silence = self.context.silent.get(lists_of(step.instance))
        if silence is None:
            silence = self.context.silent[lists_of(step.instance)] = Silence(now, now)
            until = now + limit
            text = f"{told}; it is listed again until {moment(until)}, and everything else goes on"
            self.runtime.say("list-disagrees", instance=step.instance, until=until, text=text)
        left = silence.since + limit - now
        self._ask_later(silence, left)
        if left <= 0:
            waited = f"{told}, and so on for {now - silence.since:.0f} s (outage_timeout)"
            self._end(f"{step.credentials}@{step.instance}", End(ExitCode.UNREACHABLE, waited))

    def _throttle(self, what: str, trouble: Trouble) -> None:
        """Certainly not done, but a service that does nothing else is out of reach too."""
        now = self.runtime.now()
        since = self._throttled.setdefault(what, now)
        if now - since >= self.context.settings.outage_timeout:
            told = f"{trouble.request}: refused as one too many for {now - since:.0f} s (outage_timeout)"
            self._end(what, End(ExitCode.UNREACHABLE, f"{told}: {trouble.failed.message}"))

    def _busy(self, slot: str, host: str, trouble: Trouble) -> None:
        now = self.runtime.now()
        busy = self.context.busy.setdefault(slot, Busy(now, now, 0))
        busy.times += 1
        waited = now - busy.since - self.context.progress.outages.seconds(host, busy.since, now)
        left = self.context.settings.busy_timeout - waited
        asked = min(trouble.failed.retry_after, LONGEST_RETRY_AFTER)
        busy.until = now + min(max(asked, busy_wait(busy.times, self.runtime.draw())), max(left, 0.0))
        if left <= 0:
            told = f"{self._holder_of(slot)} the slot {slot} for {waited:.0f} s (busy_timeout)"
            self._end(slot, End(ExitCode.NOT_FINISHED, told, now + BUSY_PAUSE))

    def _holder_of(self, slot: str) -> str:
        """Whose job it is that ROMA says is running, as far as we can know."""
        lost = lost_request_in(self.context.progress, slot)
        if not lost:
            return "somebody else's job has held"
        kind = "import" if lost in self.context.progress.deliveries else "export"
        return f"our own lost {kind} {lost} may still run: a job has held"

    def _refused(self, step: steps.Step, trouble: Trouble) -> None:
        failed = trouble.failed
        said = " ".join(part for part in (failed.code, failed.message) if part)
        told = f"{trouble.request}: {said}" + (f" (request_id {failed.request_id})" if failed.request_id else "")
        self._end(f"{step.credentials}@{step.instance}", End(ExitCode.REFUSED, told))

    def _end(self, what: str, end: End) -> None:
        self.context.ends[what] = end
        self.runtime.say("gave-up", what=what, reason=end.sentence, text=f"gave up: {end.sentence}")
        self.scheduler.touch_all()

    # --- slots between processes -----------------------------------------------------------------------------------

    def _claim(self, slot: str) -> float:
        """0 where this process may use the slot now, else seconds to wait: two plans of one home take turns."""
        lease = lease_of(slot)
        if lease in self._held:
            return 0.0
        if isinstance(self.leases.take([lease]), Taken):
            self._held.add(lease)
            return 0.0
        return SLOT_HELD

    def _release(self, *, everything: bool = False) -> None:
        left = self._held if everything else {lease_of(slot) for slot in self.scheduler.left} & self._held
        self.scheduler.left.clear()
        free = sorted(lease for lease in left if everything or not self.context.occupants(lease))
        if free:
            self._held.difference_update(free)
            self.leases.release(free)

    async def _keep_leases(self) -> None:
        while True:
            await anyio.sleep(RENEWED_EVERY * self.runtime.beat)
            self._held.difference_update(self.leases.renew())

    async def _read_inbox(self) -> None:
        """What operators ask of the live run takes effect between steps."""
        while True:
            await anyio.sleep(self.runtime.beat)
            for number, event in await self.runtime.offload(self.journal.take_requests):
                # A request whose intent is written behind an order would be one asked against it.
                self.context.hearing = isinstance(event, e.OrderEvent)
                events, answer = self.operators.answer(self.context.progress, event)
                await self.remember(events)
                if self.context.hearing:
                    self.context.hearing, self.context.person_since = False, 0.0
                    self.scheduler.touch_all()
                await self.runtime.offload(self.journal.answer, number, answer)
                self._done.send_nowait(None)


def _way_of(step: steps.Step) -> str:
    """What ends where the service refuses everything: the slot, or where there is none the credentials' way."""
    return step.slot if isinstance(step, steps.ASKING) else f"{step.credentials}@{step.instance}"


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
