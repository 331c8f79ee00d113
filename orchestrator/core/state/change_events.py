"""What happened to changes, as values. Law: past tense, append-only, no secret.

Changes that one job carries out travel in one event. Nothing is believed done but by `ChangesSettled`, which tells what
was read (promise 16).
"""

from dataclasses import dataclass

from orchestrator.core.model.change import Change, Proves
from orchestrator.core.model.error_detail import ErrorDetail
from orchestrator.core.model.inventory import Reason


@dataclass(frozen=True, slots=True)
class UndoBegan:
    """An operator asked for this run to be taken back; its changes follow in the same transaction."""

    by: str
    host: str
    pid: int
    version: str
    note: str = ""
    #: `--only` and `--include`, as given
    only: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    #: short digest of the changes, as the preview showed it
    digest: str = ""
    #: id of the approved preview that it carries out, "" where there was none
    approved: str = ""
    #: steps of `finish` to which it is limited; none: the whole run
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UndoResumed:
    """Another process goes on: what was asked for and not answered is quiet from now on."""

    by: str
    host: str
    pid: int
    version: str
    note: str = ""
    #: seconds that a lost request may still arrive after this moment
    settle_quiet: float = 90.0


@dataclass(frozen=True, slots=True)
class FinishBegan:
    """An operator asked for what ROMA does not carry to be done; its changes follow in the same transaction."""

    by: str
    host: str
    pid: int
    version: str
    note: str = ""
    #: keys of `finish:` that it does
    steps: tuple[str, ...] = ()
    #: `--only`, as given
    only: tuple[str, ...] = ()
    #: short digest of the changes, as the preview showed it
    digest: str = ""
    #: id of the approved preview that it carries out, "" where there was none
    approved: str = ""
    #: what cannot be proved by reading is done all the same
    unproved: bool = False


@dataclass(frozen=True, slots=True)
class FinishResumed:
    """Another process goes on with it: what was asked for and not answered is quiet from now on."""

    by: str
    host: str
    pid: int
    version: str
    note: str = ""
    #: seconds that a lost request may still arrive after this moment
    settle_quiet: float = 90.0


@dataclass(frozen=True, slots=True)
class FinishEnded:
    """Every change is settled, or what was not asked for is given up."""

    code: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ChangesPlanned:
    """Frozen with the undo or the finish; a long list is told in several of these."""

    changes: tuple[Change, ...]
    #: (kind, id at the target, name, target, why): what is left alone
    left: tuple[tuple[str, str, str, str, str], ...] = ()
    #: what of the handover list was read to be done already
    found: tuple[Proves, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangesRequested:
    """Intent: one request for all of them follows."""

    changes: tuple[str, ...]
    credentials: str
    slot: str


@dataclass(frozen=True, slots=True)
class ChangesAccepted:
    changes: tuple[str, ...]
    job: str


@dataclass(frozen=True, slots=True)
class ChangesRefused:
    """Certainly not done; asked again after `wait` seconds."""

    changes: tuple[str, ...]
    words: ErrorDetail
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class ChangesAnswerLost:
    """May have been done: nothing is believed before `quiet_until`."""

    changes: tuple[str, ...]
    words: ErrorDetail
    quiet_until: float


@dataclass(frozen=True, slots=True)
class ChangesEnded:
    """The job is over, or unknown to the service, or a request without a job was answered; what it did is read."""

    changes: tuple[str, ...]
    #: the service's word for how it ended
    word: str
    failed: bool = False
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangesSettled:
    """What was read of the objects, and so what became of the changes."""

    done: tuple[str, ...] = ()
    #: not done, and asked for again
    open: tuple[str, ...] = ()
    #: (change, why): somebody changed the object meanwhile, and it is left alone
    different: tuple[tuple[str, str], ...] = ()
    #: (change, why): the service refuses it
    refused: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class UndoEnded:
    """Every change is settled."""

    code: int
    reason: str = ""


#: they belong to a finish; every other change event to whichever was begun last
FinishEvent = FinishBegan | FinishResumed | FinishEnded
ChangeEvent = (
    FinishEvent
    | UndoBegan
    | UndoResumed
    | ChangesPlanned
    | ChangesRequested
    | ChangesAccepted
    | ChangesRefused
    | ChangesAnswerLost
    | ChangesEnded
    | ChangesSettled
    | UndoEnded
)
