"""The life of a worker: it shows that it lives, starts what the rows show missing, and has its engine hand it work.

Law: no outage of the engine ends what is being conducted, and the rows say what is to be conducted, never the engine.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import anyio

from orchestrator.core.model.counts import count
from orchestrator.core.state.submissions import SubmittedComponent, Worker
from orchestrator.engine.runtime import Offload, Say
from orchestrator.errors import EngineUnreachable, ExitCode, JournalUnreachable
from orchestrator.fleet.engine import Conduct, Engine, Placed, Word
from orchestrator.storage.submissions import Submissions

#: part of the leases' `ttl` between two signs of life
SEEN = 0.25
#: seconds between two looks at the rows, and between two tries to reach the engine
LOOK_EVERY, AGAIN = 5.0, 2.0
#: components that one look starts at most, and seconds after which one that still waits is started once more
AT_A_TIME, STARTED_FOR = 100, 60.0
#: Ends after which only a person's word makes a component due again: the engine must hear of it.
_SPOKEN_FOR = frozenset({
    ExitCode.USAGE, ExitCode.REFUSED, ExitCode.BLOCKED, ExitCode.UNDECIDED, ExitCode.MEMORY, ExitCode.NOT_FINISHED,
    ExitCode.UNREACHABLE, ExitCode.STOPPED, ExitCode.DEFECT,
})  # fmt: skip


@dataclass(slots=True)
class Station:
    """One worker in this process."""

    me: Worker
    submissions: Submissions
    connect: Callable[[], Awaitable[Engine]]
    conduct: Conduct
    at_once: int
    say: Say
    offload: Offload
    #: called after each sign of life, on the thread that gave it: it waits for nobody
    beaten: Callable[[], None] = lambda: None
    #: looks at the rows for monitors, again and again on a thread of its own; None where nobody asked
    look: Callable[[], None] | None = None
    #: the engine, while it can be reached
    _engine: Engine | None = None
    _draining: anyio.Event = field(default_factory=anyio.Event)
    _starter: "Starter" = field(init=False)

    def __post_init__(self) -> None:
        self._starter = Starter()

    async def work(self) -> None:
        """Until it has drained; raises OperatorError where the engine refuses this worker."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._be_seen)
            tasks.start_soon(self._start_again)
            tasks.start_soon(self._drain)
            if self.look is not None:
                tasks.start_soon(self._look_on, self.look)
            await self._serve()
            tasks.cancel_scope.cancel()
        await self._tell_rows(lambda: self.submissions.left(self.me.id))

    def drain(self) -> None:
        """Take nothing more, and leave what is conducted in good order; safe within the loop."""
        self._draining.set()

    async def _drain(self) -> None:
        await self._draining.wait()
        self.me = replace(self.me, draining=True)
        self.say("draining", text="nothing more is taken; what is conducted is left in good order")
        await self._tell_rows(lambda: self.submissions.seen(self.me))
        if self._engine is not None:
            await self._engine.drain()

    async def _serve(self) -> None:
        """Work for the engine, again and again where it cannot be reached."""
        away = False
        while not self._draining.is_set():
            try:
                self._engine = await self.connect()
                if away:
                    self.say("engine-answers", text="the workers' engine answers again")
                    away = False
                await self._engine.work(self.me.group, self.at_once, self.conduct)
            except EngineUnreachable as error:
                if not away:
                    self.say("engine-away", text=f"{error.message}; it is tried until it answers")
                away = True
            if not self._draining.is_set():
                with anyio.move_on_after(AGAIN):
                    await self._draining.wait()

    async def _be_seen(self) -> None:
        while True:
            await self._tell_rows(self._beat)
            await anyio.sleep(SEEN * self.submissions.ttl)

    def _beat(self) -> None:
        self.submissions.seen(self.me)
        self.beaten()

    async def _tell_rows(self, work: Callable[[], None]) -> None:
        try:
            await self.offload(work)
        except JournalUnreachable as error:
            self.say("journal-away", text=error.message)

    async def _look_on(self, look: Callable[[], None]) -> None:
        """Apart from the signs of life, which no long look may delay."""
        while True:
            await self.offload(look)
            await anyio.sleep(LOOK_EVERY)

    async def _start_again(self) -> None:
        """What a submitter that died did not start, and what the engine has forgotten."""
        while True:
            await anyio.sleep(LOOK_EVERY)
            if self._engine is None:
                continue
            try:
                due = await self.offload(self.submissions.due, self.me.group, AT_A_TIME)
                begun = await self._starter.start(due, self._engine, anyio.current_time())
            except (EngineUnreachable, JournalUnreachable):
                continue  # told by those who need them more
            if begun:
                self.say("started", number=begun, text=f"{count(begun, 'component')} that waited: started")


class Starter:
    """Starts what is due, each once in a while: what the engine knows already is not started twice by that.

    What was not due at the last look is news: it has been conducted meanwhile, or a person has said a word again.
    """

    def __init__(self) -> None:
        #: (component, code) -> when it was started last
        self._at: dict[tuple[str, int | None], float] = {}

    async def start(self, due: Sequence[SubmittedComponent], engine: Engine, now: float) -> int:
        """How many were started for the first time; raises EngineUnreachable."""
        begun, before = 0, self._at
        self._at = {key: before[key] for each in due if (key := (each.id, each.code)) in before}
        for each in due:
            key = (each.id, each.code)
            if now - self._at.get(key, -STARTED_FOR) >= STARTED_FOR:
                await begin(engine, each)
                begun += key not in before
                self._at[key] = now
        return begun


async def say_to(engine: Engine, components: Iterable[SubmittedComponent], word: Word) -> None:
    """Say a person's word, which their rows hold already, to components that nobody conducts."""
    for each in components:
        await engine.signal(placed_of(each), word)


async def begin(engine: Engine, component: SubmittedComponent) -> None:
    """Have a component conducted that is due; where a person said so, the engine hears the word."""
    placed = placed_of(component)
    if component.code in _SPOKEN_FOR and not component.not_before:
        await engine.signal(placed, Word.CONTINUE)
    else:
        await engine.start(placed)


def placed_of(component: SubmittedComponent) -> Placed:
    """Where a component is conducted."""
    return Placed(component.id, component.plan, component.group)
