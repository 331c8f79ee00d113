"""What was submitted to a fleet, and where each component stands. Law: values; only the database says who lives.

A component is waiting for a worker, parked until a person acts, or done. Whether a worker conducts it now is no state
of its own: that is its lease.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.errors import PRECEDENCE, RESTARTABLE, ExitCode

#: starts that may end without a word before a component is parked: it may be what kills its workers
MOST_TRIES = 3
#: a submission's code is the first of these that one of its components has
_GRAVITY = (*PRECEDENCE[:3], ExitCode.BLOCKED, ExitCode.USAGE, *PRECEDENCE[3:])
#: seconds until a component is tried again that could not go on, and whose end names no time
AGAIN = 60.0


class ComponentState(StrEnum):
    """Where a component stands, apart from whether it is being conducted."""

    #: for a worker, or for its `not_before`
    WAITING = "waiting"
    #: until a person acts
    PARKED = "parked"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Approved:
    """The saved preview that a submission carries out, and what was accepted of its drift."""

    #: tells the document from every other
    id: str
    #: as printed by preview, run and report
    digest: str
    #: who saved it, and when, in epoch seconds
    by: str
    at: float
    #: who signed it, where a signature was demanded
    signed_by: str = ""
    #: migrations that have drifted are left out, the others of their component start
    hold_drifted: bool = False
    #: changed content starts all the same, and is listed
    accept_changed: bool = False
    #: with which it was saved
    note: str = ""


@dataclass(frozen=True, slots=True)
class Submission:
    """A plan that was handed to a fleet."""

    id: str
    #: the plan's name
    plan: str
    #: where its file lay
    plan_file: str
    plan_text: str
    #: who submitted it, and where
    by: str
    host: str
    note: str
    #: epoch seconds
    at: float
    #: what its workers carry out, where they may carry out nothing else
    approved: Approved | None = None


@dataclass(frozen=True, slots=True)
class SubmittedComponent:
    """One component of a submission."""

    id: str
    submission: str
    plan: str
    #: names of its migrations
    migrations: tuple[str, ...]
    #: the group of workers that conducts it, or "" where all may
    group: str
    #: leases of its instances and slots, held while it is conducted
    keys: tuple[str, ...]
    state: ComponentState = ComponentState.WAITING
    #: how it ended last; None before its first end
    code: int | None = None
    why: str = ""
    #: epoch seconds before which it need not be tried again
    not_before: float = 0.0
    #: starts since it ended last
    tries: int = 0
    #: its run, or "" before that began
    run: str = ""

    @property
    def name(self) -> str:
        """For people: its first migration, and how many more."""
        more = len(self.migrations) - 1
        return self.migrations[0] + (f" and {more} more" if more else "")


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that conducts components."""

    id: str
    host: str
    pid: int
    group: str
    version: str
    #: takes nothing new, and ends when what it conducts has ended
    draining: bool = False
    #: epoch seconds, by the database's clock
    started: float = 0.0
    #: seconds since it was last seen, by the database's clock
    unseen: float = 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a component stands after an end."""

    state: ComponentState
    not_before: float = 0.0


class Stands(StrEnum):
    """Where a component stands now, for those who count."""

    #: held by a worker
    CONDUCTED = "conducted"
    #: due, and for a worker
    WAITING = "waiting"
    #: for its `not_before`
    LATER = "later"
    PARKED = "parked"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class SubmissionCounts:
    """A plan's latest submission in numbers."""

    plan: str
    submission: str
    #: how many components stand where; all of them, also where there is none
    stands: Mapping[Stands, int]
    #: the gravest code, once nothing of it goes on by itself; else None
    code: ExitCode | None


def counts_of(plan: str, submission: str, groups: Iterable[tuple[Stands, int | None, int]]) -> SubmissionCounts:
    """`groups`: where components stand, how they ended last, and how many there are of them."""
    held = list(groups)
    stands = dict.fromkeys(Stands, 0)
    for each, _, number in held:
        stands[each] += number
    over = all(each in {Stands.PARKED, Stands.DONE} for each, _, _ in held)
    code = gravest_of(ExitCode(code) for _, code, _ in held if code is not None) if over else None
    return SubmissionCounts(plan, submission, stands, code)


def standing_after(code: int, not_before: float, now: float) -> Standing:
    """What follows an end with this code; `not_before` is what the end itself named, in epoch seconds like `now`."""
    if code in {ExitCode.DONE, ExitCode.INCOMPLETE}:
        return Standing(ComponentState.DONE)
    if code in {ExitCode.NOT_FINISHED, ExitCode.UNREACHABLE}:
        return Standing(ComponentState.WAITING, not_before or now + AGAIN)
    if code in RESTARTABLE - {ExitCode.DEFECT} or code == ExitCode.HELD:
        return Standing(ComponentState.WAITING, not_before)
    return Standing(ComponentState.PARKED)


def code_of(component: SubmittedComponent) -> ExitCode:
    """What a component would end with now: while it waits it is not finished, or its service cannot be reached."""
    code = component.code
    if component.state is ComponentState.WAITING or code is None:
        return ExitCode.UNREACHABLE if code == ExitCode.UNREACHABLE else ExitCode.NOT_FINISHED
    return ExitCode(code)


def gravest_code(components: Iterable[SubmittedComponent]) -> ExitCode:
    """The code of a submission: of all its components' the one that counts first."""
    return gravest_of(code_of(each) for each in components)


def gravest_of(codes: Iterable[ExitCode]) -> ExitCode:
    """The code that counts first; an interruption before all others, 0 where there is none."""
    return min(codes, key=lambda code: _GRAVITY.index(code) if code in _GRAVITY else -1, default=ExitCode.DONE)
