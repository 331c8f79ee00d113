"""Changes that are one request each, without a job: what `finish` does, and what takes that back (promise 16).

Law: both images are read right before; the intent is journaled before the write; a lost answer is settled by reading
when its quiet is over, and the request goes out again only where the object was read to be as before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import anyio

from orchestrator.core.finish.kinds import KINDS
from orchestrator.core.finish.looks import Look, Seen
from orchestrator.core.finish.lots import asked_together, open_lives
from orchestrator.core.finish.proof import after_writing, before_writing, confirmed, needs_two_reads
from orchestrator.core.model.change import Change
from orchestrator.core.model.failures import RequestFailed
from orchestrator.core.model.inventory import Reason
from orchestrator.core.model.retries import Action, Request, decide
from orchestrator.core.model.writes import Written
from orchestrator.core.plan.plan import Settings
from orchestrator.core.state import change_events as c
from orchestrator.core.state.changes import ChangeLife
from orchestrator.engine.change_contact import PATIENCE, PAUSE, Contact
from orchestrator.engine.change_loop import ChangeLoop
from orchestrator.engine.finish_reads import FinishReads
from orchestrator.engine.performer import words_of
from orchestrator.errors import ExitCode

#: the longest pause between two reads, seconds
LONGEST_PAUSE = 30.0
#: between two reads that must agree, seconds: some (Finishing 2.5), but no more than `settle_quiet`
APART = 5.0


@dataclass(slots=True)
class ByRequest:
    """Asks for single changes of one loop."""

    _loop: ChangeLoop
    _reads: FinishReads

    @property
    def _contact(self) -> Contact:
        return self._loop.contact

    def expects(self, instance: str, lives: Sequence[ChangeLife]) -> float:
        """It is done when it is answered: an open window is enough."""
        return 0.0

    async def carry(self, instance: str, lives: Sequence[ChangeLife]) -> None:
        """Ask for these, or take up what was asked for, and settle them."""
        if not asked_together(lives):
            await self._ask(instance, lives)
        while not self._loop.over(instance):
            unsure = asked_together(open_lives(self._loop.changes, instance))
            if not unsure:
                return
            await self._settle(instance, unsure)

    # --- to ask ------------------------------------------------------------------------------------------------------

    async def _ask(self, instance: str, lives: Sequence[ChangeLife]) -> None:
        seen = await self._look(instance, lives, writes=True)
        if seen is None:
            return
        settled = before_writing(lives, self._loop.changes.lives, seen)
        settled, waits = await self._confirmed(instance, lives, settled)
        if settled != c.ChangesSettled():
            await self._loop.remember(settled)
        over = {*settled.done, *waits, *(name for name, _ in (*settled.different, *settled.refused))}
        asked = [life for life in lives if life.change.id not in over]
        if asked and not self._loop.over(instance):
            await self._write(instance, asked, seen)

    async def _confirmed(
        self, instance: str, lives: Sequence[ChangeLife], settled: c.ChangesSettled
    ) -> tuple[c.ChangesSettled, frozenset[str]]:
        """What is done without a request, once a second read agrees; what does not agree waits for the next round."""
        first = c.ChangesSettled(tuple(n for n in settled.done if needs_two_reads(self._change_of(n))))
        if not first.done:
            return settled, frozenset()
        await self._loop.sleep(min(APART, self._settings.settle_quiet))
        seen = await self._look(instance, lives, writes=True)
        again = before_writing(lives, self._loop.changes.lives, seen) if seen is not None else c.ChangesSettled()
        unsure = frozenset(first.done) - frozenset(confirmed(first, again).done)
        return replace(settled, done=tuple(name for name in settled.done if name not in unsure)), unsure

    async def _write(self, instance: str, asked: Sequence[ChangeLife], seen: Seen) -> None:
        names = tuple(life.change.id for life in asked)
        kind, credentials = KINDS[asked[0].change.kind], asked[0].change.credentials
        client = self._loop.roma.client(self._loop.plan.instances[instance], credentials)
        write = kind.write([life.change for life in asked], seen)
        await self._loop.remember(c.ChangesRequested(names, credentials, ""))
        try:
            written = await client.write(write)
        except RequestFailed as error:
            await self._not_answered_well(instance, asked, error)
            return
        self._contact.accepted(instance)
        await self._loop.remember(*_answered(asked, written))

    async def _not_answered_well(self, instance: str, asked: Sequence[ChangeLife], error: RequestFailed) -> None:
        names, words = tuple(life.change.id for life in asked), words_of(error.failed)
        decision = decide(Request.CHANGE, error.failed, asked[0].attempts + 1, self._loop.runtime.draw())
        if decision.action is not Action.ASK_AGAIN:
            self._contact.not_throttled(instance)
        match decision.action:
            case Action.SETTLE:
                quiet = self._loop.runtime.now() + self._settings.settle_quiet
                await self._loop.remember(c.ChangesAnswerLost(names, words, quiet))
            case Action.SPLIT:
                # Certainly not done; where it was more than one, a smaller request tells which of them is meant.
                await self._loop.remember(c.ChangesEnded(names, str(words), failed=True))
            case Action.OUTAGE:
                await self._loop.remember(c.ChangesRefused(names, words, self._contact.outage(instance, error)))
            case Action.ASK_AGAIN | Action.WAIT_FOR_SLOT:
                wait = self._contact.throttled(instance, error, decision.wait)
                await self._loop.remember(c.ChangesRefused(names, words, wait))
            case _:
                await self._loop.remember(c.ChangesRefused(names, words))
                self._contact.end(instance, ExitCode.REFUSED, f"{error.request}: {words}")

    # --- to settle ---------------------------------------------------------------------------------------------------

    async def _settle(self, instance: str, lives: Sequence[ChangeLife]) -> None:
        """From the answer, or its loss, to what reads say became of them."""
        if not lives[0].ended:
            await self._loop.sleep(lives[0].quiet_until - self._loop.runtime.now())
        patience, pause = anyio.current_time() + PATIENCE, PAUSE
        while not self._loop.over(instance):
            settled = await self._read(instance, lives, anyio.current_time() >= patience)
            if settled is None:
                return
            if settled != c.ChangesSettled():
                await self._loop.remember(settled)
                return
            await self._loop.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _read(self, instance: str, lives: Sequence[ChangeLife], late: bool) -> c.ChangesSettled | None:
        """What one read, or two that agree, settle; None where nothing can be read in this process any more."""
        seen = await self._look(instance, lives)
        if seen is None:
            return None
        settled = after_writing(lives, seen, late, self._overdue(lives))
        twice = c.ChangesSettled(tuple(name for name in settled.done if needs_two_reads(self._change_of(name))))
        if twice.done:
            await self._loop.sleep(min(APART, self._settings.settle_quiet))
            if (again := await self._look(instance, lives)) is None:
                return None
            agreed = confirmed(twice, after_writing(lives, again, late, ""))
            sure = tuple(name for name in settled.done if name not in twice.done or name in agreed.done)
            settled = replace(settled, done=sure)
        return settled

    def _overdue(self, lives: Sequence[ChangeLife]) -> str:
        """Why what is under way is waited for no longer, "" where it is."""
        took = self._loop.runtime.now() - lives[0].asked_at
        return f"{took:.0f} s after it was asked for (settle_wait)" if took >= self._settings.settle_wait else ""

    @property
    def _settings(self) -> Settings:
        return self._loop.plan.settings

    def _change_of(self, name: str) -> Change:
        return self._loop.changes.lives[name].change

    async def _look(self, instance: str, lives: Sequence[ChangeLife], *, writes: bool = False) -> Seen | None:
        """What shows their objects and, where a write is to follow, what else that rests on."""
        looks: dict[Look, None] = {}
        for life in lives:
            kind = KINDS[life.change.kind]
            looks |= dict.fromkeys((*kind.looks(life.change), *(kind.needs(life.change) if writes else ())))
        return await self._reads.again(instance, tuple(looks), self._contact)


def _answered(asked: Sequence[ChangeLife], written: Written) -> list[c.ChangesEnded]:
    """The end of a request: as a whole good, or for some of its objects a refusal in the service's own words."""
    words = dict(written.refused)
    good, bad = [], []
    for life in asked:
        name = KINDS[life.change.kind].written_as(life.change)
        if name in words:
            reason = Reason("", life.change.name, "", words[name])
            bad.append(c.ChangesEnded((life.change.id,), words[name], failed=True, reasons=(reason,)))
        else:
            good.append(life.change.id)
    return [*([c.ChangesEnded(tuple(good), "answered")] if good else []), *bad]
