"""The two lives, and a probe's: what is known of each, and the tables of their legal moves.

Law: an event that the table does not allow is never believed.

A *package* is one batch exported once; a *delivery* is one batch imported into one target. In the *unsure* states we
asked and hold no answer: crashes and lost answers land there, both by the same road (the journey of a lost import).
"""

from dataclasses import dataclass
from enum import StrEnum

from orchestrator.core.model.inventory import Reason
from orchestrator.core.state import events as e
from orchestrator.core.state.events import ErrorDetail


class PackageState(StrEnum):
    """Where a package stands."""

    #: not exported, or to be exported again
    PENDING = "pending"
    #: asked for, no answer
    EXPORT_UNSURE = "export unsure"
    #: a job of ours runs
    EXPORTING = "exporting"
    #: the archive waits to be downloaded, once
    EXPORTED = "exported"
    #: the one GET is under way
    DOWNLOADING = "downloading"
    #: on our disk
    STORED = "stored"
    #: only the operator can decide
    UNDECIDED = "undecided"
    #: the service refuses this batch: its deliveries are split or quarantined
    FAILED = "failed"
    #: no longer needed, removed from our disk
    DROPPED = "dropped"


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    #: not asked for
    WAITING = "waiting"
    #: asked for, no answer
    IMPORT_UNSURE = "import unsure"
    #: a job of ours runs
    IMPORTING = "importing"
    #: at the target by the service's word
    IMPORTED = "imported"
    #: compared with what was sent
    VERIFIED = "verified"
    #: the service refused it: to be split or quarantined
    FAILED = "failed"
    #: went on in parts, or together with others
    SPLIT = "split"
    #: set aside, with a reason
    QUARANTINED = "quarantined"
    #: what it needs will not be there
    BLOCKED = "blocked"
    #: only the operator can decide
    UNDECIDED = "undecided"


class ProbeState(StrEnum):
    """Where a probe of a slot stands."""

    ASKED = "asked"
    RUNNING = "running"
    OVER = "over"


#: states in which a delivery's story has ended; IMPORTED is not one: verification follows
SETTLED = frozenset({DeliveryState.VERIFIED, DeliveryState.SPLIT, DeliveryState.QUARANTINED, DeliveryState.BLOCKED})
#: states that say: its assets are at the target
LANDED = frozenset({DeliveryState.IMPORTED, DeliveryState.VERIFIED})


@dataclass(frozen=True, slots=True)
class Package:
    """One batch on its way out of its source."""

    batch: str
    state: PackageState = PackageState.PENDING
    #: when the present state began, epoch seconds
    since: float = 0.0
    #: identity and slot of the present export, "" before the first
    credentials: str = ""
    slot: str = ""
    #: when the present export was asked for
    asked_at: float = 0.0
    job: str = ""
    archive: str = ""
    #: exports asked for, for names of temporary files
    attempt: int = 0
    #: packages lost after an export (at most three)
    losses: int = 0
    #: answers lost in a row
    silences: int = 0
    #: crashes that fell into a download of this archive
    cuts: int = 0
    #: refusals in a row that said "not created"
    refusals: int = 0
    #: nothing is asked before this
    not_before: float = 0.0
    #: nothing is believed before this; 0 where the request is still ours to answer
    quiet_until: float = 0.0
    sha256: str = ""
    size: int = 0
    check: str = ""
    #: an earlier export of the same batch was suspect too
    suspects: int = 0
    reasons: tuple[Reason, ...] = ()
    words: ErrorDetail | None = None
    #: the job outlived `job_timeout` and may still run: its slot stays taken
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """One batch on its way into one target."""

    scheduled: e.DeliveryScheduled
    state: DeliveryState = DeliveryState.WAITING
    since: float = 0.0
    slot: str = ""
    #: the user who asked for the present import, as the one-job rule counts users; "" where that is not known
    user: str = ""
    asked_at: float = 0.0
    job: str = ""
    #: the first look of this lineage: source id -> target ids under its predicted names
    baseline: e.Looked | None = None
    #: the latest look, when it was asked for and when it was journaled
    look: e.Looked | None = None
    look_asked_at: float = 0.0
    looked_at: float = 0.0
    #: an earlier look of the same settling, for the proof by time
    first_look: e.Looked | None = None
    first_looked_at: float = 0.0
    refusals: int = 0
    #: answers lost in a row
    silences: int = 0
    #: imports asked for, over the lineage
    attempt: int = 0
    not_before: float = 0.0
    quiet_until: float = 0.0
    #: when ROMA accepted a job that excludes a lost import under every reading of the one-job rule; 0 = none was
    idle_at: float = 0.0
    #: when ROMA accepted a job that excludes it where kinds of jobs exclude each other; 0 = none was
    free_at: float = 0.0
    #: when ROMA last said that a job runs which may be the lost one
    busy_at: float = 0.0
    #: its lost import was taken for over by time alone: where a job runs that may be the lost one, it may run yet
    presumed: bool = False
    reasons: tuple[Reason, ...] = ()
    words: ErrorDetail | None = None
    by: str = ""
    overdue: bool = False
    landed: tuple[str, ...] = ()
    #: when it was known to be at the target, 0 before; unlike `since` it outlives verification
    landed_at: float = 0.0
    #: its delivery was split by halves to find an unnamed poison
    halved: bool = False
    parent: str = ""
    #: assets that were never asked for and have no baseline yet, where the others of the batch have one
    unlooked: tuple[str, ...] = ()
    verified: e.Verified | None = None
    #: no process of ours lived all the time from its request to the read behind it: a person may have come in between
    unwatched: bool = False
    #: from when until when, by our clock, nobody may have watched it; (0, 0) where it was watched all the time
    gap: tuple[float, float] = (0.0, 0.0)
    #: when its job ended by ROMA's clock, epoch seconds; 0 where that was not told
    over_at: float = 0.0

    @property
    def id(self) -> str:
        return self.scheduled.delivery

    @property
    def batch(self) -> str:
        return self.scheduled.batch

    @property
    def target(self) -> str:
        return self.scheduled.target


@dataclass(frozen=True, slots=True)
class Probe:
    """One question to a slot: is it idle?"""

    requested: e.ProbeRequested
    state: ProbeState = ProbeState.ASKED
    since: float = 0.0
    asked_at: float = 0.0
    job: str = ""
    quiet_until: float = 0.0
    not_before: float = 0.0


class IllegalMove(Exception):
    """An event that the table of moves does not allow: the journal is damaged or we have a defect."""


P = PackageState
D = DeliveryState


class Heard(StrEnum):
    """What the answer to a job tells of another job, the lost import of a delivery."""

    #: the service says that a job runs, and it may be the lost one
    MAY_RUN = "may run"
    #: the service accepted a job that excludes it
    OVER = "over"


#: the word of a delivery whose lost import was taken for over by time alone
PRESUMED = "presumed"

# The exceptions: moves that more than the state and the event's name decides, namely the word that `_word_of` finds.
# They go before the tables below. Every other change of a state stands in a table.

PACKAGE_EXCEPTIONS: dict[tuple[PackageState, type, str], PackageState] = {
    # A suspect file is never imported: it is exported once more, and a second one is the operator's to judge.
    (P.DOWNLOADING, e.PackageStored, "suspect"): P.PENDING,
    (P.DOWNLOADING, e.PackageStored, "suspect again"): P.UNDECIDED,
    # The operator's word: its job has ended, or its suspect file is good enough, or the batch is set aside.
    (P.UNDECIDED, e.Resolved, "imported"): P.STORED,
    (P.UNDECIDED, e.Resolved, "absent"): P.PENDING,
    (P.UNDECIDED, e.Resolved, "partial"): P.PENDING,
    (P.UNDECIDED, e.Resolved, "job-ended"): P.PENDING,
    (P.UNDECIDED, e.Resolved, "quarantine"): P.FAILED,
}

DELIVERY_EXCEPTIONS: dict[tuple[DeliveryState, type | Heard, str], DeliveryState] = {
    # The operator's word; after "partial" the split follows in the same transaction.
    (D.UNDECIDED, e.Resolved, "imported"): D.IMPORTED,
    (D.UNDECIDED, e.Resolved, "absent"): D.WAITING,
    (D.UNDECIDED, e.Resolved, "partial"): D.UNDECIDED,
    (D.UNDECIDED, e.Resolved, "job-ended"): D.IMPORT_UNSURE,
    (D.UNDECIDED, e.Resolved, "quarantine"): D.QUARANTINED,
    # The answer to another job opens again what time alone seemed to prove.
    (D.WAITING, Heard.MAY_RUN, PRESUMED): D.IMPORT_UNSURE,
    (D.WAITING, Heard.OVER, PRESUMED): D.IMPORT_UNSURE,
    # Earlier versions heard less in such answers: their journals let it wait where it is unsure now.
    (D.IMPORT_UNSURE, e.ImportRequested, PRESUMED): D.IMPORT_UNSURE,
    (D.IMPORT_UNSURE, e.BackupsChosen, PRESUMED): D.WAITING,
    (D.IMPORT_UNSURE, e.Quarantined, PRESUMED): D.QUARANTINED,
    (D.IMPORT_UNSURE, e.Blocked, PRESUMED): D.BLOCKED,
}

#: how a part of a split begins, by what the split tells of it
FATES: dict[str, DeliveryState] = {
    "waiting": D.WAITING,
    "landed": D.IMPORTED,
    "quarantined": D.QUARANTINED,
    "blocked": D.BLOCKED,
}

#: how a package moves; it begins PENDING
PACKAGE_MOVES: dict[tuple[PackageState, type], PackageState] = {
    (P.PENDING, e.ExportRequested): P.EXPORT_UNSURE,
    (P.PENDING, e.ExportFailed): P.FAILED,
    (P.DROPPED, e.ExportRequested): P.EXPORT_UNSURE,
    (P.EXPORT_UNSURE, e.ExportAccepted): P.EXPORTING,
    (P.EXPORT_UNSURE, e.ExportRefused): P.PENDING,
    (P.EXPORT_UNSURE, e.ExportFailed): P.FAILED,
    (P.EXPORT_UNSURE, e.ExportAnswerLost): P.EXPORT_UNSURE,
    (P.EXPORT_UNSURE, e.ExportLost): P.PENDING,
    (P.EXPORTING, e.Exported): P.EXPORTED,
    (P.EXPORTING, e.ExportVanished): P.PENDING,
    (P.EXPORTING, e.ExportOverdue): P.UNDECIDED,
    (P.EXPORTING, e.ExportFailed): P.FAILED,
    (P.EXPORTED, e.DownloadRequested): P.DOWNLOADING,
    (P.DOWNLOADING, e.DownloadRefused): P.EXPORTED,
    (P.DOWNLOADING, e.DownloadCut): P.EXPORTED,
    (P.DOWNLOADING, e.PackageStored): P.STORED,
    (P.DOWNLOADING, e.PackageLost): P.PENDING,
    (P.EXPORTED, e.PackageLost): P.PENDING,
    (P.STORED, e.PackageDamaged): P.PENDING,
    (P.STORED, e.PackageStale): P.PENDING,
    (P.STORED, e.PackageDropped): P.DROPPED,
    (P.DROPPED, e.PackageDamaged): P.PENDING,
    (P.FAILED, e.Retried): P.PENDING,
    (P.FAILED, e.Regrouped): P.PENDING,
}

#: how a delivery moves; it begins WAITING, and a part of a split as FATES says
DELIVERY_MOVES: dict[tuple[DeliveryState, type], DeliveryState] = {
    (D.WAITING, e.Looked): D.WAITING,
    (D.WAITING, e.BackupsChosen): D.WAITING,
    (D.WAITING, e.ImportRequested): D.IMPORT_UNSURE,
    (D.WAITING, e.ImportFound): D.IMPORTED,
    (D.WAITING, e.Split): D.SPLIT,
    (D.WAITING, e.ImportFailed): D.FAILED,
    (D.WAITING, e.Quarantined): D.QUARANTINED,
    (D.WAITING, e.Blocked): D.BLOCKED,
    (D.IMPORT_UNSURE, e.ImportAccepted): D.IMPORTING,
    (D.IMPORT_UNSURE, e.ImportRefused): D.WAITING,
    (D.IMPORT_UNSURE, e.ImportFailed): D.FAILED,
    (D.IMPORT_UNSURE, e.ImportAnswerLost): D.IMPORT_UNSURE,
    (D.IMPORT_UNSURE, e.Looked): D.IMPORT_UNSURE,
    (D.IMPORT_UNSURE, e.ImportFound): D.IMPORTED,
    (D.IMPORT_UNSURE, e.ImportMissing): D.WAITING,
    (D.IMPORT_UNSURE, e.ImportInDoubt): D.UNDECIDED,
    (D.IMPORT_UNSURE, e.Split): D.SPLIT,
    (D.IMPORTING, e.Imported): D.IMPORTED,
    (D.IMPORTING, e.ImportFailed): D.FAILED,
    (D.IMPORTING, e.ImportVanished): D.IMPORT_UNSURE,
    (D.IMPORTING, e.ImportOverdue): D.UNDECIDED,
    (D.IMPORTED, e.Verified): D.VERIFIED,
    (D.FAILED, e.Looked): D.FAILED,
    (D.FAILED, e.Split): D.SPLIT,
    (D.FAILED, e.Quarantined): D.QUARANTINED,
    (D.FAILED, e.ImportFound): D.IMPORTED,
    (D.FAILED, e.Retried): D.WAITING,
    (D.FAILED, e.Regrouped): D.SPLIT,
    (D.UNDECIDED, e.Looked): D.UNDECIDED,
    (D.UNDECIDED, e.Split): D.SPLIT,
    (D.QUARANTINED, e.Retried): D.WAITING,
    (D.QUARANTINED, e.Regrouped): D.SPLIT,
    (D.BLOCKED, e.Retried): D.WAITING,
    (D.BLOCKED, e.Regrouped): D.SPLIT,
}

#: how a probe moves; it begins ASKED, and the next one in its slot follows when it is OVER
PROBE_MOVES: dict[tuple[ProbeState, type], ProbeState] = {
    (ProbeState.ASKED, e.ProbeAccepted): ProbeState.RUNNING,
    (ProbeState.ASKED, e.ProbeAnswerLost): ProbeState.ASKED,
    (ProbeState.ASKED, e.ProbeRefused): ProbeState.OVER,
    (ProbeState.ASKED, e.ProbeEnded): ProbeState.OVER,
    (ProbeState.RUNNING, e.ProbeEnded): ProbeState.OVER,
    (ProbeState.OVER, e.ProbeRequested): ProbeState.ASKED,
}
