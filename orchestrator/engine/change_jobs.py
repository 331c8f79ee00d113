"""Changes that jobs of ROMA carry out: what an undo removes and restores. Law: one job in a slot, judged by reading."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from orchestrator.core.finish.lots import asked_together, open_lives
from orchestrator.core.model.change import ChangeKind
from orchestrator.core.model.failures import Failure, RequestFailed
from orchestrator.core.model.inventory import Inventory, Job, JobStatus
from orchestrator.core.model.retries import Action, Request, decide
from orchestrator.core.plan.plan import Mode
from orchestrator.core.state import change_events as c
from orchestrator.core.state.changes import ChangeLife, ChangeState
from orchestrator.core.state.slots import JobKind, SlotRule, lease_of
from orchestrator.core.undo.removal import Undo, after_asking, before_asking
from orchestrator.engine.change_contact import PATIENCE, PAUSE, Contact
from orchestrator.engine.change_loop import ChangeLoop
from orchestrator.engine.conductor import SLOT_HELD
from orchestrator.engine.job_watch import GONE_AFTER
from orchestrator.engine.performer import words_of
from orchestrator.engine.reachability import BUSY_PAUSE
from orchestrator.engine.target_listings import TargetListings
from orchestrator.errors import ExitCode, PackageDamaged
from orchestrator.storage.leases import Taken


@dataclass(slots=True)
class ByJob:
    """Asks for the jobs of one loop."""

    _loop: ChangeLoop
    _listings: TargetListings
    _locks: dict[str, anyio.Lock] = field(default_factory=dict)

    @property
    def _contact(self) -> Contact:
        return self._loop.contact

    def expects(self, instance: str, lives: Sequence[ChangeLife]) -> float:
        """A job must end before the window closes."""
        return self._loop.poll_timing.predict(instance, _kind(lives[0]), len(lives)).p90

    async def carry(self, instance: str, lives: Sequence[ChangeLife]) -> None:
        """Ask for these, or take up what was asked for, and settle them while the slot is ours."""
        credentials = lives[0].change.credentials
        rule = SlotRule(self._loop.plan.settings.one_job_per, dict(self._loop.users))
        slot = lives[0].slot or rule.slot(self._loop.plan.instances[instance], credentials, _kind(lives[0]))
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
        while not self._loop.over(instance):
            unsure = asked_together(open_lives(self._loop.changes, instance))
            if not unsure:
                return
            await self._settle(instance, unsure)

    def _asked_elsewhere(self, slot: str, instance: str) -> str:
        """Another target, "" where there is none, whose request may still have a job in this slot.

        A process that died may have asked there.
        """
        lives = self._loop.changes.lives.values()
        unsure = (life.change.instance for life in lives if life.state is ChangeState.UNSURE and life.slot == slot)
        return next((other for other in unsure if other != instance), "")

    async def _wait_for_another(self, slot: str, instance: str) -> None:
        """Let that one go first; where it has gone no further, neither can this one (promise 2)."""
        other = self._asked_elsewhere(slot, instance)
        if other in self._loop.ends:
            told = f"the slot {slot} is not known to be free: {other} went no further"
            self._contact.end(instance, ExitCode.NOT_FINISHED, told, self._loop.runtime.now() + BUSY_PAUSE)
        else:
            await self._loop.sleep(SLOT_HELD)

    async def _ask(self, instance: str, lives: Sequence[ChangeLife], slot: str) -> None:
        inventory = await self._look(instance)
        if inventory is None:
            return
        settled = before_asking(lives, inventory, Undo(self._loop.changes, self._loop.progress))
        if settled.done or settled.different:
            await self._loop.remember(settled)
        over = {*settled.done, *(name for name, _ in settled.different)}
        asked = [life for life in lives if life.change.id not in over]
        if not asked:
            return
        names = tuple(life.change.id for life in asked)
        try:
            ask = await self._request(instance, asked)
        except PackageDamaged as error:
            await self._loop.remember(c.ChangesSettled(refused=tuple((name, error.message) for name in names)))
            return
        await self._loop.remember(c.ChangesRequested(names, asked[0].change.credentials, slot))
        try:
            job = await ask()
        except RequestFailed as error:
            await self._not_accepted(instance, slot, asked, error)
            return
        except PackageDamaged as error:
            await self._loop.remember(c.ChangesEnded(names, error.message, failed=True))
            return
        self._contact.accepted(instance, slot)
        await self._loop.remember(c.ChangesAccepted(names, job))

    async def _request(self, instance: str, asked: Sequence[ChangeLife]) -> Callable[[], Awaitable[str]]:
        """The one request for these changes; raises PackageDamaged where the backup is not what was stored."""
        client = self._loop.roma.client(self._loop.plan.instances[instance], asked[0].change.credentials)
        if not asked[0].change.restores:
            return lambda: client.delete(*_ids(asked))
        package = self._loop.progress.packages[asked[0].change.package]
        path = await self._loop.runtime.offload(self._loop.vault.open_path, package.sha256, package.size)
        return lambda: client.import_package(str(path), Mode.MERGE, "", False)

    async def _not_accepted(self, instance: str, slot: str, asked: Sequence[ChangeLife], error: RequestFailed) -> None:
        names, words = tuple(life.change.id for life in asked), words_of(error.failed)
        request = Request.IMPORT if asked[0].change.restores else Request.DELETE
        decision = decide(request, error.failed, asked[0].attempts + 1, self._loop.runtime.draw())
        if decision.action is not Action.ASK_AGAIN:
            self._contact.not_throttled(instance)
        match decision.action:
            case Action.SETTLE:
                quiet = self._loop.runtime.now() + self._loop.plan.settings.settle_quiet
                await self._loop.remember(c.ChangesAnswerLost(names, words, quiet))
            case Action.SPLIT | Action.EXPORT_AGAIN:
                # The service refuses the request as a whole: the job has failed before it began.
                await self._loop.remember(c.ChangesEnded(names, str(words), failed=True))
            case Action.WAIT_FOR_SLOT:
                lost = any(life.attempts and not life.ended for life in asked)
                wait = self._contact.busy(instance, slot, error, lost)
                await self._loop.remember(c.ChangesRefused(names, words, wait))
            case Action.OUTAGE:
                await self._loop.remember(c.ChangesRefused(names, words, self._contact.outage(instance, error)))
            case Action.REFUSED | Action.RENEW:
                await self._loop.remember(c.ChangesRefused(names, words))
                self._contact.end(instance, ExitCode.REFUSED, f"{error.request}: {words}")
            case _:
                wait = self._contact.throttled(instance, error, decision.wait)
                await self._loop.remember(c.ChangesRefused(names, words, wait))

    async def _settle(self, instance: str, lives: Sequence[ChangeLife]) -> None:
        """From the request to what a read says became of it."""
        first = lives[0]
        if first.job and not first.ended:
            await self._await_job(instance, lives)
            return
        if not first.ended:
            await self._loop.sleep(first.quiet_until - self._loop.runtime.now())
        patience, pause = anyio.current_time() + PATIENCE, PAUSE
        while not self._loop.over(instance):
            inventory = await self._look(instance)
            if inventory is None:
                return
            # What failed, or may never have begun, is judged by the first read; a success may show late.
            late = first.failed or not first.ended or anyio.current_time() >= patience
            settled = after_asking(lives, inventory, late)
            if settled is not None:
                await self._loop.remember(settled)
                return
            await self._loop.sleep(pause)
            pause *= 2

    async def _await_job(self, instance: str, lives: Sequence[ChangeLife]) -> None:
        first = lives[0]
        names = tuple(life.change.id for life in lives)
        client = self._loop.roma.client(self._loop.plan.instances[instance], first.change.credentials)
        poller = self._loop.poll_timing.poller(instance, _kind(first), len(lives))
        unknown_since = 0.0
        while not self._loop.over(instance):
            age = self._loop.runtime.now() - first.asked_at
            try:
                job = await client.job(first.job)
            except RequestFailed as error:
                if error.failed.failure is not Failure.GONE:
                    await self._contact.not_read(instance, error)
                    continue
                unknown_since = unknown_since or anyio.current_time()
                if anyio.current_time() - unknown_since >= GONE_AFTER:
                    await self._vanished(first, names, error)
                    return
                await self._loop.sleep(GONE_AFTER / 6)
                continue
            self._contact.answered(instance)
            if job.status is not JobStatus.RUNNING:
                poller.ended(age)
                await self._loop.remember(_ended(names, job))
                return
            if age > self._loop.plan.settings.job_timeout:
                told = f"the {_kind(first)} job {first.job} at {instance} has run for {age:.0f} s (job_timeout)"
                self._contact.end(instance, ExitCode.NOT_FINISHED, told)
                return
            poller.polled(age, job.progress)
            await self._loop.sleep(poller.wait(self._loop.runtime.now() - first.asked_at))

    async def _vanished(self, first: ChangeLife, names: tuple[str, ...], error: RequestFailed) -> None:
        """A deletion is judged by what is there; an import may run on, so that it is as good as lost."""
        if first.change.restores:
            quiet = self._loop.runtime.now() + self._loop.plan.settings.settle_quiet
            await self._loop.remember(c.ChangesAnswerLost(names, words_of(error.failed), quiet))
        else:
            await self._loop.remember(c.ChangesEnded(names, "the service no longer knows the job"))

    async def _look(self, instance: str) -> Inventory | None:
        """What the target holds now; None where that cannot be read in this process any more."""
        there = await self._contact.read(instance, lambda: self._listings.assets(instance))
        return there.inventory if there is not None else None

    @asynccontextmanager
    async def _held(self, slot: str, instance: str) -> AsyncIterator[bool]:
        """The slot, ours alone in this process and among the processes of this home; False where we stop first."""
        async with self._locks.setdefault(slot, anyio.Lock()):
            lease = lease_of(slot)
            while not self._loop.over(instance):
                if isinstance(await self._loop.runtime.offload(self._loop.leases.take, [lease]), Taken):
                    break
                await self._loop.sleep(SLOT_HELD)
            try:
                yield not self._loop.over(instance)
            finally:
                with anyio.CancelScope(shield=True):
                    await self._loop.runtime.offload(self._loop.leases.release, [lease])


def _kind(life: ChangeLife) -> JobKind:
    return JobKind.IMPORT if life.change.restores else JobKind.DELETE


def _ids(lives: Sequence[ChangeLife]) -> tuple[list[str], list[str]]:
    """Ids of applications, and of tasks."""
    apps = [life.change.object for life in lives if life.change.kind == ChangeKind.REMOVE_APP.value]
    return apps, [life.change.object for life in lives if life.change.kind == ChangeKind.REMOVE_TASK.value]


def _ended(names: tuple[str, ...], job: Job) -> c.ChangesEnded:
    return c.ChangesEnded(names, job.word, job.status is JobStatus.FAILED, job.reasons)
