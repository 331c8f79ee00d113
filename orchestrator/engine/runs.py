"""Which run a command means, and how one begins, goes on and ends.

Law: a run is begun once, its schedule frozen with it.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

from orchestrator.core.decisions.context import SchedulerContext
from orchestrator.core.decisions.scheduler import Scheduler
from orchestrator.core.finish.looks import Files, NoFiles, without_digest
from orchestrator.core.model.counts import agreed, count
from orchestrator.core.plan.hours import hours_of
from orchestrator.core.plan.plan import Plan, what_moves
from orchestrator.core.preflight.waivers import waived_told
from orchestrator.core.preview.identity import places_of
from orchestrator.core.preview.preview import Preview
from orchestrator.core.preview.resumed import changes
from orchestrator.core.report.acts import ABANDONED
from orchestrator.core.report.outcome import Outcome, outcome
from orchestrator.core.scheduling.timetable import Predict
from orchestrator.core.scheduling.write_rate import rates_of
from orchestrator.core.selection.only import Only
from orchestrator.core.selection.retries import retries
from orchestrator.core.state import events as e
from orchestrator.core.state.ends import End
from orchestrator.core.state.events import Entry, Event
from orchestrator.core.state.folding import folded
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import SlotRule
from orchestrator.engine.admission import Admission, Admitted, Approval
from orchestrator.engine.conductor import Conductor
from orchestrator.engine.past_runs import PastRun, history, keep_briefs, learned, own_of, read_run, runs_of
from orchestrator.engine.performer import Performer
from orchestrator.engine.poll_timing import PollTiming
from orchestrator.engine.resolutions import Operators
from orchestrator.engine.retention import drop_expired, sweep
from orchestrator.engine.runtime import Runtime
from orchestrator.errors import (
    ExitCode,
    OperatorError,
    RomaMigrateError,
)
from orchestrator.roma import Roma
from orchestrator.roma.transport import UNGUARDED
from orchestrator.storage.store import Journal, SlotLeases, Store

#: seconds: the same command given so soon after an end that nobody was told tells that end, and begins nothing
TELL_AGAIN = 600.0
#: codes with which an abandoned run still has something that nobody knows: it is not ended
_UNSETTLED = frozenset({ExitCode.REFUSED, ExitCode.UNREACHABLE, ExitCode.NOT_FINISHED, ExitCode.MEMORY})


@dataclass(frozen=True, slots=True)
class Wish:
    """What the operator asked of `run`."""

    only: Only = field(default_factory=Only)
    note: str = ""
    #: only go on, never begin
    resume: bool = False
    #: quarantined, blocked and stopped ones once more
    retry: bool = False
    #: end the unfinished run first
    abandon: bool = False
    #: carry out exactly this saved preview
    approval: Approval | None = None
    #: epoch seconds from which no job is asked for; 0 where that was not asked
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run left this process."""

    run: str
    outcome: Outcome
    progress: Progress
    #: it had ended before this process, which did nothing
    before: bool = False


class Prepare(Protocol):
    """What comes before a run asks for its first job."""

    async def __call__(self, run: str, opened: tuple[Journal, SlotLeases], progress: Progress) -> Mapping[str, End]:
        """Do it, journaled; what stands against going on with the run in this process, by instance."""
        ...


class Stoppable(Protocol):
    """What a signal can stop in good order."""

    def stop(self, signal: str) -> None:
        """Start nothing new."""
        ...


@dataclass(slots=True)
class Runs:
    """Everything a command needs to preview or conduct one plan's run."""

    plan: Plan
    store: Store
    roma: Roma
    #: credentials -> the user that owns them, as slots count users
    users: Mapping[str, str]
    runtime: Runtime
    #: told each entry as it is believed, with the progress
    listen: Callable[[Progress, Entry], None] | None = None
    #: set while a run is conducted, for signals
    conductor: Conductor | None = None
    #: set while a run is finished or taken back, for signals
    changing: "Stoppable | None" = None
    #: how long jobs take, as far as it is learned: set once a run is known
    predict: Predict | None = None
    #: told once a run is known
    announce: Callable[[str, bool, Progress], None] | None = None
    #: done once a run is known and before it asks for anything: (run, what is opened, progress) -> why that is an end
    prepare: "Prepare | None" = None
    #: whether somebody was told how a run ended: after a kill in its last instant nobody was
    end_is_told: Callable[[str], bool] = lambda run: True
    #: seconds in which an end that nobody was told is told by the same command
    tell_again: float = TELL_AGAIN
    #: of a secret, under a key that only this home has: it stands for the secret wherever something is kept or told
    digest: Callable[[str], str] = without_digest
    #: what the operator wrote into files that the plan's `finish:` names
    files: Files = field(default_factory=NoFiles)
    #: the signal that came before anything was conducted
    signal: str = ""

    @property
    def admission(self) -> Admission:
        """What stands before a run; it can only read."""
        return Admission(self.plan, self.store, self.roma, self.users, self.runtime)

    async def preview(self, wish: Wish, past: Sequence[PastRun]) -> Preview:
        """What a new run would do; reads only."""
        return await self.admission.preview(wish.only, past)

    async def run(self, wish: Wish) -> Ended:
        """Go on with the unfinished run of this plan, or begin one; the plan is held by the caller."""
        past = runs_of(self.store, self.plan.name)
        own = own_of(self.store, self.plan.name, past)
        await self.runtime.offload(keep_briefs, self.store, past)
        latest = own[-1] if own else None
        if latest is not None and self._is_untold(latest, wish):
            return Ended(latest.run, outcome(latest.progress, {}), latest.progress, before=True)
        if wish.approval is not None:
            self.admission.must_be_usable(wish.approval, past, wish.abandon)
        if latest is not None and latest.unfinished and wish.abandon:
            ended = await self.end(latest, wish.note)
            if ended.progress.ended is None or self.signal:
                return ended
            past = runs_of(self.store, self.plan.name)
            own = own_of(self.store, self.plan.name, past)
            latest = None
        wish = replace(wish, abandon=False)
        over = self._cleared(past, own[-1:] if wish.retry else ())
        await drop_expired(self.store, over, self.plan.settings.keep_packages.seconds, self.runtime)
        if latest is not None and (latest.unfinished or wish.retry):
            self.admission.must_agree(latest, wish.only)
            return await self._conduct(latest.run, latest, self._going_on(latest, wish), wish)
        if wish.resume or wish.retry:
            raise OperatorError(f"plan {self.plan.name} has no run to go on with", next_step="roma-migrate run PLAN")
        admitted = await self.admission.admit(wish.only, wish.approval, past)
        run = await self._begin((self._began(wish, admitted), *admitted.preview.schedule))
        return await self._conduct(run, None, (), wish)

    def _cleared(self, past: Sequence[PastRun], but: Sequence[PastRun]) -> list[PastRun]:
        """No others: an append to the journal of another's run would end whoever writes there."""
        cleared = set(self.store.cleared_runs(self.plan.name)) - {each.run for each in but}
        return [each for each in past if each.run in cleared]

    def _is_untold(self, latest: PastRun, wish: Wish) -> bool:
        """Whether it is this very command's run, which ended a moment ago without anybody being told."""
        began, ended = latest.progress.began, latest.progress.ended
        if began is None or ended is None or ended.reason == ABANDONED or wish.retry or wish.abandon:
            return False
        if self.end_is_told(latest.run) or not self._is_told_again(self.runtime.now() - latest.progress.ended_at):
            return False
        if wish.approval is None:
            same = not began.approved and began.only == wish.only.words
        else:
            same = began.approved == wish.approval.saved.id
        return same and not changes(began, self.plan, ())

    def _is_told_again(self, since: float) -> bool:
        """Whether an end is no news yet, by seconds since then: less than 0 by the clock of another host."""
        return math.isinf(self.tell_again) or 0.0 <= since < self.tell_again

    async def end(self, latest: PastRun, note: str = "") -> Ended:
        """Wait for that run's jobs and settle its unsure imports, ask for nothing new, and end it."""
        gone = {b.source for b in latest.progress.batches.values()} | {
            d.target for d in latest.progress.deliveries.values()
        }
        if missing := sorted(gone - set(self.plan.instances)):
            raise OperatorError(
                f"run {latest.run} moved things at {', '.join(missing)}, which the plan no longer names",
                next_step="put these instances back into the plan until the run is ended",
            )
        wish = Wish(note=note, abandon=True)
        return await self._conduct(latest.run, latest, self._going_on(latest, wish), wish)

    def _began(self, wish: Wish, admitted: Admitted) -> e.RunBegan:
        moves = json.dumps(what_moves(self.plan), sort_keys=True, ensure_ascii=False)
        runtime, draft = self.runtime, admitted.preview
        return e.RunBegan(
            self.plan.name, self.plan.path, moves, runtime.user, runtime.host, runtime.pid, runtime.version, wish.note,
            admitted.only, draft.digest, admitted.approved, admitted.accepted, waived_told(draft.checks), admitted.held,
            self.plan.settings.one_job_per.value, *_approval(wish.approval), users=tuple(sorted(self.users.items())),
            busy_timeout=self.plan.settings.busy_timeout,
            keep_backups=self.plan.settings.keep_backups,
            plan_digest=self.plan.digest,
            places=places_of(self.plan, draft.facts, self.users),
            hours=hours_of(self.plan, wish.until),
        )  # fmt: skip

    def _going_on(self, latest: PastRun, wish: Wish) -> tuple[Event, ...]:
        runtime = self.runtime
        resumed = e.RunResumed(
            runtime.user,
            runtime.host,
            runtime.pid,
            runtime.version,
            wish.note,
            self.plan.settings.settle_quiet,
            self.plan.settings.one_job_per.value,
            "retry" if wish.retry else "abandon" if wish.abandon else "",
            tuple(sorted(self.users.items())),
            self.plan.settings.busy_timeout,
            hours_of(self.plan, wish.until),
        )
        return (resumed, *(self._retries(latest.progress) if wish.retry else ()))

    def _retries(self, progress: Progress) -> list[Event]:
        """Close the breakers, and give quarantined and blocked deliveries one more try."""
        found: list[Event] = [
            e.TargetReopened(instance, direction)
            for (instance, direction), failures in sorted(progress.breaker.failures.items())
            if failures.stopped is not None
        ]
        return found + retries(progress, self.plan.settings.batch_size)

    def _new_id(self) -> str:
        """Ids sort by time, also those of one second: the latest run is the last one."""
        stamp = self.runtime.wall().strftime("%Y%m%d-%H%M%S")
        taken = [run for run in self.store.run_ids() if run.startswith(f"{stamp}-")]
        least = max((int(run.rpartition("-")[2], 16) for run in taken), default=-1) + 1
        return f"{stamp}-{least + int(self.runtime.draw() * (16**4 - least)):04x}"

    async def _begin(self, first: Sequence[Event]) -> str:
        """A run that holds its first entries from the start; its id."""
        while True:
            run = self._new_id()
            if await self.runtime.offload(self.store.create, run, self.plan.name, tuple(first), self.runtime.now()):
                return run

    async def _conduct(self, run: str, past: PastRun | None, first: Sequence[Event], wish: Wish) -> Ended:
        with self.opened(run) as (journal, leases):
            entries = await self.runtime.offload(lambda: list(journal.read()))
            progress = Progress() if past is None else folded(iter(entries))
            vault = self.store.vault(run)
            lessons = learned(self.store, run)
            poll_timing = lessons.timing
            poll_timing.follow(entries if past is not None else ())
            self.predict = poll_timing.predict
            scheduler = self._scheduler(progress, poll_timing)
            performer = Performer(self.plan, self.roma, vault, progress, self.runtime, poll_timing)
            performer.users = self.users
            conductor = Conductor(scheduler, journal, performer, vault, leases, self.runtime, Operators())
            conductor.compare = lambda: self.admission.stale(progress)
            self.roma.write_rates = rates_of(self.plan, lessons.rates.by_region)
            conductor.learned = self.roma.take_learned
            conductor.listeners = (poll_timing.hear, self._told(progress))
            scheduler.context.abandoning = wish.abandon
            if past is None:
                conductor.believe(entries)
            await conductor.remember(first)
            if past is not None and not wish.abandon:
                await conductor.remember(await self.admission.stale(progress))
            await sweep(vault, progress, self.runtime)
            scheduler.touch_all()
            if self.announce is not None:
                self.announce(run, past is not None, progress)
            self.conductor = conductor
            if self.signal:
                conductor.stop(self.signal)
            try:
                if await self._prepared(run, (journal, leases), conductor, wish):
                    await conductor.run()
            finally:
                self.conductor = None  # a signal that comes now finds nothing to stop: the end is told as it is
            # Before the end is journaled: nobody would come back to an ended run for what it left.
            await sweep(vault, progress, self.runtime)
            return Ended(run, await self._close(conductor, progress, wish), progress)

    async def _prepared(self, run: str, opened: tuple[Journal, SlotLeases], conductor: Conductor, wish: Wish) -> bool:
        """Whether the run may ask for its jobs now."""
        if self.prepare is None or wish.abandon:
            return True
        conductor.context.ends |= await self.prepare(run, opened, conductor.context.progress)
        return not conductor.context.ends and not conductor.signal

    async def _close(self, conductor: Conductor, progress: Progress, wish: Wish) -> Outcome:
        """Judge how it ended; a run whose deliveries are all settled is ended in the journal too."""
        ended = outcome(progress, conductor.context.ends, conductor.signal)
        await conductor.remember(())  # what was learned since the last entry
        if wish.abandon and not conductor.signal and (ended.stalled or ended.code not in _UNSETTLED):
            await conductor.remember([e.RunEnded(int(ExitCode.INCOMPLETE), ABANDONED)])
        elif ended.final:
            await conductor.remember([e.RunEnded(int(ended.code), "; ".join(why.sentence for why in ended.whys))])
        elif conductor.signal:
            me = self.runtime
            await conductor.remember([e.RunInterrupted(conductor.signal, me.user, me.host, me.version)])
        elif ended.stalled:
            raise RomaMigrateError(
                f"stalled: {count(len(progress.open), 'delivery')} {agreed(len(progress.open), 'is')} open and nothing "
                f"is left to wait for: {', '.join(sorted(progress.open)[:5])}",
                next_step="the journal is sound; run the same command again and send the run's log to the developers",
            )
        return ended

    def _scheduler(self, progress: Progress, poll_timing: PollTiming) -> Scheduler:
        rule = SlotRule(self.plan.settings.one_job_per, dict(self.users))
        context = SchedulerContext(
            self.plan, rule, progress, lambda life, asset: progress.names_of(life, asset.kind, asset.name)
        )
        context.expect = lambda instance, kind, assets: poll_timing.predict(instance, kind, assets).p50
        context.longest = lambda instance, kind, assets: poll_timing.predict(instance, kind, assets).p90
        return Scheduler(context)

    def _told(self, progress: Progress) -> Callable[[Entry], None]:
        def tell(entry: Entry) -> None:
            if self.listen is not None:
                self.listen(progress, entry)

        return tell

    @contextmanager
    def opened(self, run: str) -> Iterator[tuple[Journal, SlotLeases]]:
        """A run's journal and slots, for this process alone."""
        self.roma.patience = self.plan.settings.outage_timeout
        journal = self.store.journal(run, f"{self.runtime.host} {self.runtime.pid} {run}")
        try:
            # By the run's name alone: its journal is ours now, so what the name still holds is a dead process's.
            leases = self.store.leases(run)
            self.roma.guard = leases
            self.roma.sharers = lambda credentials: leases.sharers(self.users.get(credentials, ""))
            try:
                leases.share(set(self.users.values()))
                yield journal, leases
            finally:
                self.roma.guard, self.roma.sharers = UNGUARDED, lambda credentials: 1
                leases.close()
        finally:
            journal.close()


def _approval(approval: Approval | None) -> tuple[str, float, str, str]:
    """Who saved the preview that was approved, when, with which note, and who signed it."""
    if approval is None:
        return "", 0.0, "", ""
    return approval.saved.by, approval.saved.saved_at, approval.saved.note, approval.signed_by


__all__ = ["Ended", "PastRun", "Runs", "Wish", "history", "read_run", "runs_of"]
