"""What can end a command, split by whose fault it is. Law: every error carries its exit code and what to do next.

    RomaMigrateError (70: a defect of ours)
    |- OperatorError (2: the plan or the command line)
    |  |- PlanInvalid       every problem of a plan file at once
    |  |- NotYet            a feature that is promised and does not stand
    |  `- PreflightBlocked  (4)
    |- FarSideError
    |  |- ServiceRefuses    (3: authentication, permission, unknown instance)
    |  |- ServiceUnreachable (9)
    |  |- JournalUnreachable (9: the database that keeps the journal)
    |  `- EngineUnreachable (9: the engine that gives a fleet's components to workers)
    |- JournalInDoubt (5: the journal's database may lack what was written last)
    |- HeldElsewhere (6: another process holds this plan's run)
    `- MemoryFailed (7: disk full, journal or package damaged)
       |- JournalDamaged
       |- PackageDamaged
       |- EvidenceDamaged
       `- LeaseLost (75: another process has taken over)

A delivery that fails is data, not an exception: an exception means that the command cannot go on.
"""

from collections.abc import Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """The documented exit codes (Contract 2)."""

    #: done
    DONE = 0
    #: ended, but some assets failed, are quarantined, blocked, missing or different
    INCOMPLETE = 1
    #: the plan or the command line is wrong; nothing was sent
    USAGE = 2
    #: the service refuses us
    REFUSED = 3
    #: preflight found blockers, or the approved preview has drifted or was used
    BLOCKED = 4
    #: an outcome is unknown and only the operator can decide
    UNDECIDED = 5
    #: another process holds this plan's run
    HELD = 6
    #: our own memory failed
    MEMORY = 7
    #: not finished, nothing wrong
    NOT_FINISHED = 8
    #: the service cannot be reached
    UNREACHABLE = 9
    #: stopped by an operator
    STOPPED = 10
    #: a defect of ours
    DEFECT = 70
    #: a fleet worker lost its lease
    LEASE_LOST = 75
    #: interrupted by SIGHUP, SIGINT, SIGTERM
    HANGUP = 129
    INTERRUPTED = 130
    TERMINATED = 143


#: Where several codes apply, the first in this order is the exit code; the report lists all.
PRECEDENCE = (
    ExitCode.MEMORY,
    ExitCode.DEFECT,
    ExitCode.REFUSED,
    ExitCode.UNREACHABLE,
    ExitCode.UNDECIDED,
    ExitCode.STOPPED,
    ExitCode.NOT_FINISHED,
    ExitCode.INCOMPLETE,
    ExitCode.DONE,
)

#: After these the same command may be started again without a person, 8 not before its `not_before`.
RESTARTABLE = frozenset({
    ExitCode.NOT_FINISHED, ExitCode.UNREACHABLE, ExitCode.DEFECT, ExitCode.LEASE_LOST, ExitCode.HANGUP,
    ExitCode.INTERRUPTED, ExitCode.TERMINATED,
})  # fmt: skip


class RomaMigrateError(Exception):
    """Base of all. `message` is for the operator, in `lines` of ours; `next_step` what to do; `who` must act."""

    exit_code = ExitCode.DEFECT
    who = "the developers of roma-migrate"

    def __init__(self, *lines: str, next_step: str = "") -> None:
        self.message = "\n".join(lines)
        super().__init__(self.message)
        #: a line break within one of them is not ours
        self.lines = lines
        self.next_step = next_step


class OperatorError(RomaMigrateError):
    """The plan or the command line is wrong; nothing was sent."""

    exit_code = ExitCode.USAGE
    who = "the plan owner"


class PlanInvalid(OperatorError):
    """Every problem of a plan or a file it names, each a line `FILE:LINE: path: what is wrong, what is allowed`."""

    def __init__(
        self, problems: Sequence[str], next_step: str = "correct the plan file, then run: roma-migrate validate PLAN"
    ) -> None:
        super().__init__(*problems, next_step=next_step)
        self.problems = tuple(problems)


class NotYet(OperatorError):
    """A name that scripts may rely on later, for something that does not stand yet."""


class PreflightBlocked(OperatorError):
    """Preflight found blockers, or an approved preview has drifted or was used; nothing was started."""

    exit_code = ExitCode.BLOCKED


class FarSideError(RomaMigrateError):
    """The service, or the way to it."""


class ServiceRefuses(FarSideError):
    """Authentication, permission or an unknown instance: a person must act, a restart never helps."""

    exit_code = ExitCode.REFUSED
    who = "the owner of the credentials"


class ServiceUnreachable(FarSideError):
    """The service cannot be reached, or has been silent past its deadline."""

    exit_code = ExitCode.UNREACHABLE
    who = "whoever runs the network or the service"


class JournalUnreachable(FarSideError):
    """The database that keeps the journal cannot be reached; nothing was asked of the service meanwhile."""

    exit_code = ExitCode.UNREACHABLE
    who = "whoever runs the journal's database"


class EngineUnreachable(FarSideError):
    """The engine that gives a fleet's components to its workers cannot be reached; what was written stands."""

    exit_code = ExitCode.UNREACHABLE
    who = "whoever runs the workers' engine"


class JournalInDoubt(RomaMigrateError):
    """The journal's database was restored or has failed over, and nobody has said whether it lost anything."""

    exit_code = ExitCode.UNDECIDED
    who = "whoever runs the journal's database"


class HeldElsewhere(RomaMigrateError):
    """Another process holds this plan's run."""

    exit_code = ExitCode.HELD
    who = "nobody"


class MemoryFailed(RomaMigrateError):
    """Our own memory failed: disk full, unreadable or damaged."""

    exit_code = ExitCode.MEMORY
    who = "whoever runs this host, now"


class SpaceReserved(MemoryFailed):
    """The disk has room, but packages that are on their way will need it: there will be room when they have come."""


class JournalDamaged(MemoryFailed):
    """The journal's bytes are not what was written."""


class PackageDamaged(MemoryFailed):
    """A stored package's bytes are not what was journaled."""


class EvidenceDamaged(MemoryFailed):
    """An evidence file's bytes are not what was packed."""

    who = "whoever keeps the file"


class LeaseLost(MemoryFailed):
    """Another process has taken over this run: nothing more may be written."""

    exit_code = ExitCode.LEASE_LOST
    who = "nobody: restart it"
