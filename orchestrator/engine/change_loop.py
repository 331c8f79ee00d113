"""The loop of changes, for `finish` and `undo` alike: every instance by itself, what is asked for settled by reading.

Law: nothing is asked for before its intent is on the disk; a change is done only when its object was read to be so.
Whoever carries a group of changes out (`change_jobs`, `change_requests`) is told which, and when.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import anyio

from orchestrator.core.decisions.permission import HAIR
from orchestrator.core.decisions.waiting import SOON
from orchestrator.core.finish.kinds import KINDS
from orchestrator.core.finish.lots import Behind, Wait, asked_together, next_lot, open_lives
from orchestrator.core.model.change import Change, Left, Proves
from orchestrator.core.model.parts import in_parts
from orchestrator.core.plan.hours import hours_of
from orchestrator.core.plan.plan import Plan
from orchestrator.core.plan.windows import Calendar
from orchestrator.core.state import change_events as c
from orchestrator.core.state.changes import ChangeLife, Changes, ChangeState
from orchestrator.core.state.ends import End
from orchestrator.core.state.events import Entry, Event
from orchestrator.core.state.progress import Progress
from orchestrator.engine.change_contact import Contact
from orchestrator.engine.conductor import gravest, keep_leases
from orchestrator.engine.poll_timing import PollTiming
from orchestrator.engine.runtime import Runtime, moment
from orchestrator.errors import ExitCode
from orchestrator.roma import Roma
from orchestrator.storage.store import Journal, SlotLeases
from orchestrator.storage.vault import Vault

#: changes that one journal entry holds at most
_MOST_PLANNED = 200


class Carrier(Protocol):
    """Asks for changes, and settles them."""

    def expects(self, instance: str, lives: Sequence[ChangeLife]) -> float:
        """Seconds that these will take at P90, for which a window must be open."""
        ...

    async def carry(self, instance: str, lives: Sequence[ChangeLife]) -> None:
        """Ask for these changes, or take up what was asked for, and settle as much as can be settled now."""
        ...


@dataclass(slots=True)
class ChangeLoop:
    """Carries out what was begun last of one run, in this process; the plan is held by the caller."""

    plan: Plan
    roma: Roma
    journal: Journal
    leases: SlotLeases
    progress: Progress
    users: Mapping[str, str]
    runtime: Runtime
    poll_timing: PollTiming
    #: of the run: it holds the backups
    vault: Vault
    #: told each entry as it is believed
    listen: Callable[[Entry], None] = lambda entry: None
    #: nothing new is asked for: what was asked for is settled, and the rest given up
    settle_only: bool = False
    #: the signal that asked to stop, or ""
    signal: str = ""
    contact: Contact = field(init=False)
    #: who carries out what jobs do, and what single requests do
    by_job: Carrier = field(init=False)
    by_request: Carrier = field(init=False)
    _stop: anyio.Event = field(default_factory=anyio.Event)
    #: set and renewed with each entry and each end
    _news: anyio.Event = field(default_factory=anyio.Event)
    _calendar: Calendar = field(default_factory=Calendar)

    def __post_init__(self) -> None:
        self.contact = Contact(self.plan, self.runtime, self.sleep, self.over, ended=self._tell)

    @property
    def changes(self) -> Changes:
        return self.progress.act

    @property
    def ends(self) -> Mapping[str, End]:
        """Instance -> why it went no further."""
        return self.contact.ends

    def stop(self, signal: str) -> None:
        """Ask for nothing new; what was asked for is settled by the next start."""
        self.signal = self.signal or signal
        self._stop.set()
        self._tell()

    async def begin(
        self, changes: Sequence[Change], left: Sequence[Left], began: Event, found: tuple[Proves, ...] = ()
    ) -> None:
        """Freeze what is to be done in the journal; `found` is what was read to be done already."""
        told = tuple((each.kind, each.id, each.name, each.target, each.why) for each in left)
        rows = [*in_parts(changes, _MOST_PLANNED)] or [()]
        first, *others = rows
        planned = [c.ChangesPlanned(first, told, found), *(c.ChangesPlanned(held) for held in others)]
        await self.remember(began, *planned)

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
        lives = self.changes.lives.values()
        given_up = self.settle_only and not self.signal and all(life.state is not ChangeState.UNSURE for life in lives)
        over = given_up or all(life.settled for life in lives)
        code = int(ExitCode.DONE if self.clean else ExitCode.INCOMPLETE)
        await self.remember(*((self._ended(code),) if over else ()))  # and what was learned since the last entry

    @property
    def clean(self) -> bool:
        """Everything that was planned is done, and nothing was left to people."""
        lives = self.changes.lives.values()
        return not self.changes.left and all(life.state is ChangeState.DONE for life in lives)

    def _ended(self, code: int) -> Event:
        return c.FinishEnded(code) if isinstance(self.changes.began, c.FinishBegan) else c.UndoEnded(code)

    # --- one instance ------------------------------------------------------------------------------------------------

    async def _instance(self, instance: str) -> None:
        while not self.over(instance):
            lives = open_lives(self.changes, instance)
            unsure = asked_together(lives)
            news = self._news
            lot = unsure or self._next(lives)
            match lot:
                case None:
                    return
                case Wait(until=until):
                    await self.sleep(until - self.runtime.now())
                case Behind(instances=instances):
                    await self._await_others(instance, instances, news)
                case held if not unsure and (closed := self._closed(instance, held)):
                    await self._wait_for_window(instance, closed)
                case held:
                    await self._carrier(held).carry(instance, held)

    def _next(self, lives: Sequence[ChangeLife]) -> list[ChangeLife] | Wait | Behind | None:
        if self.settle_only:
            return None
        return next_lot(lives, self.changes.lives, self._most, self.runtime.now())

    def _most(self, change: Change) -> int:
        return self.plan.settings.batch_size if change.by_job else KINDS[change.kind].lot

    def _carrier(self, lives: Sequence[ChangeLife]) -> Carrier:
        return self.by_job if lives[0].change.by_job else self.by_request

    async def _await_others(self, instance: str, others: frozenset[str], news: anyio.Event) -> None:
        """What comes before lies at other instances: until something becomes known, or they go no further."""
        if gone := sorted(others & self.ends.keys()):
            end = self.ends[gone[0]]
            told = f"{instance} waits for {gone[0]}, which went no further"
            self.contact.end(instance, ExitCode(end.code), told, end.not_before)
            return
        await news.wait()

    def _closed(self, instance: str, lives: Sequence[ChangeLife]) -> float:
        """Seconds until a window opens in which these have room; 0 where that is now, infinite where none does."""
        levels = hours_of(self.plan).of_instance(instance)
        wall = self.runtime.now() + self.runtime.wall_ahead()
        found = self._calendar.first(levels, wall, self._carrier(lives).expects(instance, lives))
        return found.begins - wall if found is not None else math.inf

    async def _wait_for_window(self, instance: str, seconds: float) -> None:
        """An opening that is near is waited for; any other is an end, with the moment of the opening."""
        if seconds <= SOON:
            await self.sleep(seconds + HAIR)
            return
        told = f"the window of {instance} is closed"
        if seconds == math.inf:
            self.contact.end(
                instance, ExitCode.STOPPED, f"{told}, and none opens any more in which a job that is left would end"
            )
        else:
            opens = round(self.runtime.now() + self.runtime.wall_ahead() + seconds, 3)
            self.contact.end(instance, ExitCode.NOT_FINISHED, f"{told}, it opens at {moment(opens)}", opens)

    # --- for who carries out -----------------------------------------------------------------------------------------

    def over(self, instance: str) -> bool:
        """Whether an instance goes no further in this process."""
        return self._stop.is_set() or instance in self.ends

    async def sleep(self, seconds: float) -> None:
        """A wait that a signal ends."""
        with anyio.move_on_after(max(0.0, seconds)):
            await self._stop.wait()

    async def remember(self, *events: Event) -> None:
        """Write, with how rates of writes have changed meanwhile, then believe."""
        events = (*self.roma.take_learned(), *events)
        if not events:
            return
        entries = await self.runtime.offload(self.journal.append, events, self.runtime.now())
        for entry in entries:
            self.progress.apply(entry)
            self.listen(entry)
        self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, anyio.Event()
        news.set()
