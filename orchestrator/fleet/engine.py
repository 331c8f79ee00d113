"""What a workers' engine must be able to do. Law: it is given ids alone; what is true stands in the database's rows."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from orchestrator.errors import ExitCode

#: a component that left with one of these is over
OVER = frozenset({ExitCode.DONE, ExitCode.INCOMPLETE})
#: and with one of these it goes on by itself, not before its moment
BY_ITSELF = frozenset({ExitCode.NOT_FINISHED, ExitCode.UNREACHABLE})


class Word(StrEnum):
    """What a person may say to a component, wherever it stands."""

    CONTINUE = "continue"
    PAUSE = "pause"
    STOP = "stop"


class Cut(StrEnum):
    """Why the engine asks that a component be left."""

    #: this worker is to end, or the engine was told to pause the component: left in good order, another goes on
    LEAVE = "leave"
    #: the engine believes this worker dead; the lease says otherwise, and the lease is right
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Placed:
    """A component, and the group of workers that can reach its instances."""

    id: str
    #: the name of its plan
    plan: str
    #: "" where all reach them
    group: str


@dataclass(frozen=True, slots=True)
class Left:
    """How a worker left a component."""

    code: int
    #: epoch seconds, where it goes on by itself; else 0
    not_before: float = 0.0


class TryAgain(Exception):
    """Nothing is wrong with the component: another worker, or this one a moment later, conducts it."""


#: Conducts one component until it is left; told why it should be left sooner. Raises TryAgain.
Conduct = Callable[[str, "Leaving"], Awaitable[Left]]


class Leaving:
    """Word from the engine to whoever conducts a component."""

    def __init__(self) -> None:
        self.cut: Cut | None = None
        #: called once, when the engine asks
        self.heed: Callable[[Cut], None] = lambda cut: None

    def ask(self, cut: Cut) -> None:
        if self.cut is None:
            self.cut = cut
            self.heed(cut)


class Engine(Protocol):
    """One engine, as one process uses it."""

    async def start(self, component: Placed) -> None:
        """Have it conducted, unless it is already known; raises EngineUnreachable."""
        ...

    async def signal(self, component: Placed, word: Word) -> None:
        """Say it to the component, which is started where the engine does not know it; raises EngineUnreachable."""
        ...

    async def work(self, group: str, at_once: int, conduct: Conduct) -> None:
        """Conduct what comes for this group until `drain`; raises EngineUnreachable."""
        ...

    async def drain(self) -> None:
        """Take nothing more, and have everything left in good order: `work` returns when that is done."""
        ...
