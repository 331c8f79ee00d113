"""Takes a run back: the changes of its undo, asked for and proved at every target side by side.

Law: nothing is asked for before its intent is on the disk; a change is done only when its object was read to be gone.
"""

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from orchestrator.core.decisions.permission import HAIR
from orchestrator.core.decisions.waiting import SOON
from orchestrator.core.model.change import ChangeKind
from orchestrator.core.model.failures import Failure, RequestFailed
from orchestrator.core.model.inventory import Inventory, Job, JobStatus
from orchestrator.core.model.parts import in_parts
from orchestrator.core.model.retries import LONGEST_RETRY_AFTER, READ_ATTEMPTS, Action, Request, decide
from orchestrator.core.plan.hours import hours_of
from orchestrator.core.plan.plan import Mode, Plan
from orchestrator.core.plan.windows import Calendar
from orchestrator.core.state import change_events as c
from orchestrator.core.state.changes import ChangeLife, Changes, ChangeState
from orchestrator.core.state.ends import End
from orchestrator.core.state.events import Entry, Event
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import JobKind, SlotRule, host_of, lease_of
from orchestrator.core.undo.provenance import Asked, UndoPlan, undo_plan
from orchestrator.core.undo.removal import (
    Undo,
    Wait,
    after_asking,
    asked_together,
    before_asking,
    next_group,
    open_lives,
)
from orchestrator.core.undo.restoration import Held
from orchestrator.engine.backoff import outage_wait
from orchestrator.engine.conductor import SLOT_HELD, gravest, keep_leases
from orchestrator.engine.foreign_jobs import ForeignJobs
from orchestrator.engine.job_watch import GONE_AFTER
from orchestrator.engine.performer import words_of
from orchestrator.engine.poll_timing import PollTiming
from orchestrator.engine.reachability import BUSY_PAUSE
from orchestrator.engine.runtime import Runtime, moment
from orchestrator.engine.target_listings import TargetListings
from orchestrator.errors import ExitCode, PackageDamaged, ServiceRefuses, ServiceUnreachable
from orchestrator.roma import InventoryDisagrees, Roma
from orchestrator.storage.leases import Taken
from orchestrator.storage.store import Journal, SlotLeases
from orchestrator.storage.vault import Vault

#: how long a read may go on showing what a successful job has removed, seconds [I: undocumented]
PATIENCE = 120.0
#: before the second read after a job, seconds; each further pause is twice as long
PAUSE = 2.0
#: changes that one journal entry holds at most
_MOST_PLANNED = 200


async def look_at(plan: Plan, roma: Roma, progress: Progress, users: Mapping[str, str], asked: Asked) -> UndoPlan:
    """What an undo of this run would do now; reads only. Raises ServiceRefuses (3), ServiceUnreachable (9)."""
    listings = TargetListings(plan, roma)
    held: dict[str, Held] = {}
    for instance in sorted({life.target for life in progress.deliveries.values()}):
        try:
            there = await listings.assets(instance)
        except RequestFailed as error:
            raise _as_sentence(instance, error) from None
        except InventoryDisagrees as error:
            raise ServiceUnreachable(f"{instance}: {error.message}", next_step="run the same command again") from None
        held[instance] = Held(there.inventory, there.ahead)
    return undo_plan(progress, held, users, asked, plan.settings.keep_backups)


def _as_sentence(instance: str, error: RequestFailed) -> ServiceRefuses | ServiceUnreachable:
    failed = error.failed
    told = f"{instance}: {error.request}: {failed.code} {failed.message}".replace("  ", " ").strip()
    if decide(Request.READ, failed, READ_ATTEMPTS, 0.0).action in {Action.OUTAGE, Action.REPEAT}:
        return ServiceUnreachable(told, next_step="check the endpoint and the network, then run the same command again")
    return ServiceRefuses(told, next_step="check the credentials in the plan and the user's permissions")


@dataclass(slots=True)
class Undoing:
    """Carries out one run's undo in this process; the plan is held by the caller."""

    plan: Plan
    roma: Roma
    journal: Journal
    leases: SlotLeases
    progress: Progress
    users: Mapping[str, str]
    runtime: Runtime
    poll_timing: PollTiming
    #: of the run that is taken back: it holds the backups
    vault: Vault
    #: told each entry as it is believed
    listen: Callable[[Entry], None] = lambda entry: None
    #: the signal that asked to stop, or ""
    signal: str = ""
    #: instance -> why it went no further
    ends: dict[str, End] = field(default_factory=dict)
    _stop: anyio.Event = field(default_factory=anyio.Event)
    _locks: dict[str, anyio.Lock] = field(default_factory=dict)
    #: host -> (since when it does not answer, how often it was asked)
    _silent: dict[str, tuple[float, int]] = field(default_factory=dict)
    #: slot -> since when somebody else's job is in it
    _busy: dict[str, float] = field(default_factory=dict)
    _foreign: ForeignJobs = field(default_factory=ForeignJobs)
    #: instance -> since when nothing but throttling answers its deletions
    _throttled: dict[str, float] = field(default_factory=dict)
    _listings: TargetListings = field(init=False)
    _calendar: Calendar = field(default_factory=Calendar)

    def __post_init__(self) -> None:
        self._listings = TargetListings(self.plan, self.roma)

    @property
    def changes(self) -> Changes:
        return self.progress.changes

    def stop(self, signal: str) -> None:
        """Ask for nothing new; what was asked for is settled by the next start."""
        self.signal = self.signal or signal
        self._stop.set()

    async def begin(self, undo: UndoPlan, began: c.UndoBegan) -> None:
        """Freeze the plan of the undo in the journal."""
        left = tuple((each.kind, each.id, each.name, each.target, each.why) for each in undo.left)
        rows = [*in_parts(undo.changes, _MOST_PLANNED)] or [()]
        planned = [c.ChangesPlanned(held, left if not place else ()) for place, held in enumerate(rows)]
        await self._remember(began, *planned)

    async def resume(self, resumed: c.UndoResumed) -> None:
        """Another process has begun it."""
        await self._remember(resumed)

    async def run(self) -> None:
        """Go on until every change is settled, or nothing more can be done; raises MemoryFailed."""
        instances = sorted({life.change.instance for life in self.changes.lives.values()})
        try:
            async with anyio.create_task_group() as keeping:
                keeping.start_soon(keep_leases, self.leases, self.runtime)
                async with anyio.create_task_group() as group:
                    for instance in instances:
                        group.start_soon(self._instance, instance)
                keeping.cancel_scope.cancel()
        except BaseExceptionGroup as problems:
            raise gravest(problems) from None
        if all(life.settled for life in self.changes.lives.values()):
            code = ExitCode.DONE if self.clean else ExitCode.INCOMPLETE
            await self._remember(c.UndoEnded(int(code)))

    @property
    def clean(self) -> bool:
        """Everything that the run made is gone."""
        lives = self.changes.lives.values()
        return not self.changes.left and all(life.state is ChangeState.DONE for life in lives)

    # --- one target --------------------------------------------------------------------------------------------------

    async def _instance(self, instance: str) -> None:
        while not self._over(instance):
            lives = open_lives(self.changes, instance)
            unsure = asked_together(lives)
            group = unsure or next_group(lives, self.plan.settings.batch_size, self.runtime.now())
            match group:
                case None:
                    return
                case Wait(until=until):
                    await self._sleep(until - self.runtime.now())
                case held if not unsure and (closed := self._closed(instance, held)):
                    await self._wait_for_window(instance, closed)
                case held:
                    await self._in_slot(instance, held)

    def _closed(self, instance: str, lives: Sequence[ChangeLife]) -> float:
        """Seconds until a window opens in which this job has room; 0 where that is now, infinite where none does."""
        levels = hours_of(self.plan).of_instance(instance)
        wall = self.runtime.now() + self.runtime.wall_ahead()
        expected = self.poll_timing.predict(instance, _kind(lives[0]), len(lives))
        found = self._calendar.first(levels, wall, expected.p90)
        return found.begins - wall if found is not None else math.inf

    async def _wait_for_window(self, instance: str, seconds: float) -> None:
        """An opening that is near is waited for; any other is an end, with the moment of the opening."""
        if seconds <= SOON:
            await self._sleep(seconds + HAIR)
            return
        told = f"the window of {instance} is closed"
        if seconds == math.inf:
            self._end(
                instance, ExitCode.STOPPED, f"{told}, and none opens any more in which a job that is left would end"
            )
        else:
            opens = round(self.runtime.now() + self.runtime.wall_ahead() + seconds, 3)
            self._end(instance, ExitCode.NOT_FINISHED, f"{told}, it opens at {moment(opens)}", opens)

    async def _in_slot(self, instance: str, lives: Sequence[ChangeLife]) -> None:
        """Ask for these changes, or take up what was asked for, and settle them while the slot is ours."""
        credentials = lives[0].change.credentials
        rule = SlotRule(self.plan.settings.one_job_per, dict(self.users))
        slot = lives[0].slot or rule.slot(self.plan.instances[instance], credentials, _kind(lives[0]))
        async with self._held(slot, instance) as ours:
            if not ours:
                return
            if free := bool(asked_together(lives)) or not self._asked_elsewhere(slot, instance):
                await self._asked_and_settled(instance, lives, slot)
        if not free:
            await self._wait_for_another(slot, instance)

    async def _asked_and_settled(self, instance: str, lives: Sequence[ChangeLife], slot: str) -> None:
        if not asked_together(lives):
            await self._ask(instance, lives, slot)
        while not self._over(instance):
            unsure = asked_together(open_lives(self.changes, instance))
            if not unsure:
                return
            await self._settle(instance, unsure)

    def _asked_elsewhere(self, slot: str, instance: str) -> str:
        """Another target, "" where there is none, whose request may still have a job in this slot.

        A process that died may have asked there.
        """
        lives = self.changes.lives.values()
        unsure = (life.change.instance for life in lives if life.state is ChangeState.UNSURE and life.slot == slot)
        return next((other for other in unsure if other != instance), "")

    async def _wait_for_another(self, slot: str, instance: str) -> None:
        """Let that one go first; where it has gone no further, neither can this one (promise 2)."""
        other = self._asked_elsewhere(slot, instance)
        if other in self.ends:
            told = f"the slot {slot} is not known to be free: {other} went no further"
            self._end(instance, ExitCode.NOT_FINISHED, told, self.runtime.now() + BUSY_PAUSE)
        else:
            await self._sleep(SLOT_HELD)

    def _over(self, instance: str) -> bool:
        return self._stop.is_set() or instance in self.ends

    async def _ask(self, instance: str, lives: Sequence[ChangeLife], slot: str) -> None:
        inventory = await self._look(instance)
        if inventory is None:
            return
        settled = before_asking(lives, inventory, Undo(self.changes, self.progress))
        if settled.done or settled.different:
            await self._remember(settled)
        over = {*settled.done, *(name for name, _ in settled.different)}
        asked = [life for life in lives if life.change.id not in over]
        if not asked:
            return
        names = tuple(life.change.id for life in asked)
        try:
            ask = await self._request(instance, asked)
        except PackageDamaged as error:
            await self._remember(c.ChangesSettled(refused=tuple((name, error.message) for name in names)))
            return
        await self._remember(c.ChangesRequested(names, asked[0].change.credentials, slot))
        try:
            job = await ask()
        except RequestFailed as error:
            await self._not_accepted(instance, slot, asked, error)
            return
        except PackageDamaged as error:
            await self._remember(c.ChangesEnded(names, error.message, failed=True))
            return
        self._busy.pop(slot, None)
        self._foreign.accepted(slot, self.runtime.now())
        self._silent.pop(self._host(instance), None)
        self._throttled.pop(instance, None)
        await self._remember(c.ChangesAccepted(names, job))

    async def _request(self, instance: str, asked: Sequence[ChangeLife]) -> Callable[[], Awaitable[str]]:
        """The one request for these changes; raises PackageDamaged where the backup is not what was stored."""
        client = self.roma.client(self.plan.instances[instance], asked[0].change.credentials)
        if not asked[0].change.restores:
            return lambda: client.delete(*_ids(asked))
        package = self.progress.packages[asked[0].change.package]
        path = await self.runtime.offload(self.vault.open_path, package.sha256, package.size)
        return lambda: client.import_package(str(path), Mode.MERGE, "", False)

    async def _not_accepted(self, instance: str, slot: str, asked: Sequence[ChangeLife], error: RequestFailed) -> None:
        names, words = tuple(life.change.id for life in asked), words_of(error.failed)
        request = Request.IMPORT if asked[0].change.restores else Request.DELETE
        decision = decide(request, error.failed, asked[0].attempts + 1, self.runtime.draw())
        if decision.action is not Action.ASK_AGAIN:
            self._throttled.pop(instance, None)
        match decision.action:
            case Action.SETTLE:
                quiet = self.runtime.now() + self.plan.settings.settle_quiet
                await self._remember(c.ChangesAnswerLost(names, words, quiet))
            case Action.SPLIT | Action.EXPORT_AGAIN:
                # The service refuses the request as a whole: the job has failed before it began.
                await self._remember(c.ChangesEnded(names, str(words), failed=True))
            case Action.WAIT_FOR_SLOT:
                lost = any(life.attempts and not life.ended for life in asked)
                wait = self._busy_wait(instance, slot, error, lost)
                await self._remember(c.ChangesRefused(names, words, wait))
            case Action.OUTAGE:
                await self._remember(c.ChangesRefused(names, words, self._outage_wait(instance, error)))
            case Action.REFUSED | Action.RENEW:
                await self._remember(c.ChangesRefused(names, words))
                self._end(instance, ExitCode.REFUSED, f"{error.request}: {words}")
            case _:
                wait = self._throttled_wait(instance, error, decision.wait)
                await self._remember(c.ChangesRefused(names, words, wait))

    async def _settle(self, instance: str, lives: Sequence[ChangeLife]) -> None:
        """From the request to what a read says became of it."""
        first = lives[0]
        if first.job and not first.ended:
            await self._await_job(instance, lives)
            return
        if not first.ended:
            await self._sleep(first.quiet_until - self.runtime.now())
        patience, pause = anyio.current_time() + PATIENCE, PAUSE
        while not self._over(instance):
            inventory = await self._look(instance)
            if inventory is None:
                return
            # What failed, or may never have begun, is judged by the first read; a success may show late.
            late = first.failed or not first.ended or anyio.current_time() >= patience
            settled = after_asking(lives, inventory, late)
            if settled is not None:
                await self._remember(settled)
                return
            await self._sleep(pause)
            pause *= 2

    async def _await_job(self, instance: str, lives: Sequence[ChangeLife]) -> None:
        first = lives[0]
        names = tuple(life.change.id for life in lives)
        client = self.roma.client(self.plan.instances[instance], first.change.credentials)
        poller = self.poll_timing.poller(instance, _kind(first), len(lives))
        unknown_since = 0.0
        while not self._over(instance):
            age = self.runtime.now() - first.asked_at
            try:
                job = await client.job(first.job)
            except RequestFailed as error:
                if error.failed.failure is not Failure.GONE:
                    await self._not_read(instance, error)
                    continue
                unknown_since = unknown_since or anyio.current_time()
                if anyio.current_time() - unknown_since >= GONE_AFTER:
                    await self._vanished(first, names, error)
                    return
                await self._sleep(GONE_AFTER / 6)
                continue
            self._silent.pop(self._host(instance), None)
            if job.status is not JobStatus.RUNNING:
                poller.ended(age)
                await self._remember(_ended(names, job))
                return
            if age > self.plan.settings.job_timeout:
                told = f"the {_kind(first)} job {first.job} at {instance} has run for {age:.0f} s (job_timeout)"
                self._end(instance, ExitCode.NOT_FINISHED, told)
                return
            poller.polled(age, job.progress)
            await self._sleep(poller.wait(self.runtime.now() - first.asked_at))

    async def _vanished(self, first: ChangeLife, names: tuple[str, ...], error: RequestFailed) -> None:
        """A deletion is judged by what is there; an import may run on, so that it is as good as lost."""
        if first.change.restores:
            quiet = self.runtime.now() + self.plan.settings.settle_quiet
            await self._remember(c.ChangesAnswerLost(names, words_of(error.failed), quiet))
        else:
            await self._remember(c.ChangesEnded(names, "the service no longer knows the job"))

    # --- the way to ROMA -------------------------------------------------------------------------------------------

    async def _look(self, instance: str) -> Inventory | None:
        """What the target holds now; None where that cannot be read in this process any more."""
        while not self._over(instance):
            try:
                there = await self._listings.assets(instance)
            except (RequestFailed, InventoryDisagrees) as error:
                await self._not_read(instance, error)
                continue
            self._silent.pop(self._host(instance), None)
            return there.inventory
        return None

    async def _not_read(self, instance: str, error: RequestFailed | InventoryDisagrees) -> None:
        """Wait and try again, or end with why."""
        if isinstance(error, RequestFailed):
            action = decide(Request.READ, error.failed, READ_ATTEMPTS, 0.0).action
            if action not in {Action.OUTAGE, Action.REPEAT}:
                self._end(instance, ExitCode.REFUSED, f"{error.request}: {words_of(error.failed)}")
                return
        await self._sleep(self._outage_wait(instance, error))

    def _outage_wait(self, instance: str, error: RequestFailed | InventoryDisagrees) -> float:
        now, host = self.runtime.now(), self._host(instance)
        since, times = self._silent.get(host, (now, 0))
        self._silent[host] = since, times + 1
        told = str(words_of(error.failed)) if isinstance(error, RequestFailed) else error.message
        if not times:
            self.runtime.say("outage", host=host, reason=told, text=f"{host} does not answer: {told}")
        if now - since >= self.plan.settings.outage_timeout:
            self._end(instance, ExitCode.UNREACHABLE, f"{host} has not answered for {now - since:.0f} s: {told}")
        return outage_wait(times + 1, self.runtime.draw())

    def _busy_wait(self, instance: str, slot: str, error: RequestFailed, lost: bool) -> float:
        """Seconds to the next try; `lost`: an earlier request of ours for the same was not seen to end."""
        now = self.runtime.now()
        since = self._busy.setdefault(slot, now)
        left = since + self.plan.settings.busy_timeout - now
        if left <= 0:
            whose = "our own lost removal may still run: a job has" if lost else "somebody else's job has"
            told = f"{whose} held the slot {slot} for {now - since:.0f} s (busy_timeout)"
            self._end(instance, ExitCode.NOT_FINISHED, told, now + BUSY_PAUSE)
        asked = min(error.failed.retry_after, LONGEST_RETRY_AFTER)
        return min(max(asked, self._foreign.refused(slot, now, self.runtime.draw())), max(left, 0.0))

    def _throttled_wait(self, instance: str, error: RequestFailed, wait: float) -> float:
        """Certainly not done, but a service that does nothing else is out of reach too."""
        now = self.runtime.now()
        since = self._throttled.setdefault(instance, now)
        left = since + self.plan.settings.outage_timeout - now
        if left <= 0:
            told = f"{error.request}: refused as one too many for {now - since:.0f} s (outage_timeout)"
            self._end(instance, ExitCode.UNREACHABLE, f"{told}: {error.failed.message}")
        return min(wait, max(left, 0.0))

    def _end(self, instance: str, code: ExitCode, sentence: str, not_before: float = 0.0) -> None:
        self.ends[instance] = End(code, sentence, not_before)
        self.runtime.say("gave-up", what=instance, reason=sentence, text=f"gave up: {sentence}")

    def _host(self, instance: str) -> str:
        return host_of(self.plan.instances[instance].endpoint)

    # --- slots, time, memory -----------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _held(self, slot: str, instance: str) -> AsyncIterator[bool]:
        """The slot, ours alone in this process and among the processes of this home; False where we stop first."""
        async with self._locks.setdefault(slot, anyio.Lock()):
            lease = lease_of(slot)
            while not self._over(instance):
                if isinstance(await self.runtime.offload(self.leases.take, [lease]), Taken):
                    break
                await self._sleep(SLOT_HELD)
            try:
                yield not self._over(instance)
            finally:
                with anyio.CancelScope(shield=True):
                    await self.runtime.offload(self.leases.release, [lease])

    async def _sleep(self, seconds: float) -> None:
        """A wait that a signal ends."""
        with anyio.move_on_after(max(0.0, seconds)):
            await self._stop.wait()

    async def _remember(self, *events: Event) -> None:
        """Write, then believe."""
        entries = await self.runtime.offload(self.journal.append, events, self.runtime.now())
        for entry in entries:
            self.progress.apply(entry)
            self.listen(entry)


def _kind(life: ChangeLife) -> JobKind:
    return JobKind.IMPORT if life.change.restores else JobKind.DELETE


def _ids(lives: Sequence[ChangeLife]) -> tuple[list[str], list[str]]:
    """Ids of applications, and of tasks."""
    apps = [life.change.object for life in lives if life.change.kind == ChangeKind.REMOVE_APP.value]
    return apps, [life.change.object for life in lives if life.change.kind == ChangeKind.REMOVE_TASK.value]


def _ended(names: tuple[str, ...], job: Job) -> c.ChangesEnded:
    return c.ChangesEnded(names, job.word, job.status is JobStatus.FAILED, job.reasons)
