"""What happened, as values: the words that journal, log and report share. Law: past tense, append-only, no secret.

An event is the answer to one question, or an intent written before the question is asked. `Entry` is an event with
its place and time in the journal. Times are epoch seconds, UTC.
"""

from dataclasses import dataclass, field

from orchestrator.core.model.checks import Check
from orchestrator.core.model.error_detail import ErrorDetail as ErrorDetail
from orchestrator.core.model.handover_item import Item
from orchestrator.core.model.inventory import Reason
from orchestrator.core.model.place import Place
from orchestrator.core.plan.hours import Hours
from orchestrator.core.state.change_events import ChangeEvent, ChangesRequested


@dataclass(frozen=True, slots=True)
class Asset:
    """One asset as it was when the run began."""

    id: str
    #: "app" or "task"
    kind: str
    name: str
    #: ISO text as the source wrote it, "" where unknown
    update_time: str = ""
    #: applications a task touches, applications an application calls: ids at the source
    needs: tuple[str, ...] = ()
    #: the integration key of an application, "" where unknown
    key: str = ""
    #: a task's run state when first seen
    running: bool = False
    #: what ROMA should carry with it, as far as readable: "datasource:NAME", "api:METHOD PATH"
    contents: tuple[str, ...] = ()


# --- the run -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunBegan:
    """The run exists; its schedule follows in the same transaction."""

    plan: str
    plan_file: str
    #: canonical JSON of what moves (`orchestrator.core.plan.plan.what_moves`): a resume must agree with it
    moves: str
    by: str
    host: str
    pid: int
    version: str
    note: str = ""
    #: `--only` selectors, as given
    only: tuple[str, ...] = ()
    #: short digest of the preview that this run carries out
    digest: str = ""
    #: id of the approved preview that it consumed, "" where there was none
    approved: str = ""
    #: changes since that approval which the operator accepted
    accepted: tuple[str, ...] = ()
    #: preflight findings that the plan waives, each with its reason
    waived: tuple[str, ...] = ()
    #: migrations of that approved preview which do not start, because they have drifted: each difference as a line
    held: tuple[str, ...] = ()
    #: the plan's `one_job_per`
    one_job_per: str = "user"
    #: who saved the approved preview and when (epoch seconds), and what was noted then; "" and 0 where there was none
    approved_by: str = ""
    approved_at: float = 0.0
    approved_note: str = ""
    #: who signed that preview, with the key's fingerprint, where a signature was demanded
    signed_by: str = ""
    #: (credentials, user), as the one-job rule counts users; none in journals that did not tell them
    users: tuple[tuple[str, str], ...] = ()
    #: the plan's `busy_timeout` in seconds; 0 where it was not told
    busy_timeout: float = 0.0
    #: the plan's `keep_backups`, seconds; 0 in journals that did not tell it
    keep_backups: float = 0.0
    #: the beginning of the plan file's SHA-256, and what the plan's names stood for; none in journals that did not tell
    plan_digest: str = ""
    places: tuple[Place, ...] = ()
    #: when its jobs may be asked for, and what waits for a person; none in journals that did not tell it
    hours: Hours = field(default_factory=Hours)


@dataclass(frozen=True, slots=True)
class SelectionMade:
    """What one migration takes from its source for one target; every touched asset in exactly one list (promise 11)."""

    migration: str
    source: str
    target: str
    selected: int
    excluded: tuple[str, ...] = ()
    #: (asset id, name, why)
    left_out: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class AssetsSkipped:
    """Assets that an earlier run imported and the target still holds."""

    migration: str
    target: str
    assets: tuple[Asset, ...]
    reason: str
    #: (source id, id at the target, name there) where exactly one of the ids seen then is still held
    held: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class AssetsHeld:
    """Assets of a migration that does not start, because it is not what was approved any more."""

    migration: str
    target: str
    assets: tuple[Asset, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class BatchScheduled:
    """A batch was frozen: its assets travel together, exported once."""

    batch: str
    source: str
    assets: tuple[Asset, ...]
    #: credentials that see all its assets: only these may export it (promise 14)
    exporters: tuple[str, ...]
    #: place in the frozen order; children of a split come right behind their parent
    position: float
    #: it travels nowhere: `source` is a target, and Merge may overwrite these assets of it
    backup: bool = False
    #: the backup that failed and is taken in parts, of which this is one; "" for others
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryScheduled:
    """A batch is to be imported into a target."""

    delivery: str
    batch: str
    migration: str
    target: str
    mode: str
    prefix: str
    datasource_overwrite: bool
    #: credentials that import it and own what it creates; where `owners` are told, those that are foreseen
    owner: str
    #: source ids outside the batch that must be at the target first
    needs: tuple[str, ...] = ()
    #: migrations whose imports must be final first
    after: tuple[str, ...] = ()
    on_partial: str = "ask"
    #: assets whose taken names the plan waives: the service is asked all the same
    forced: tuple[str, ...] = ()
    #: what it may overwrite is backed up before: not in journals of versions that knew no backup
    backup: bool = False
    #: batches of backups that must lie in the vault before it is asked for
    backups: tuple[str, ...] = ()
    #: credentials of which one imports it, `owner` among them: which one is settled when it is asked for, because
    #: nothing ties it to one (promise 14); none where something does
    owners: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where its assets arrive: one target under one prefix."""
        return f"{self.target}~{self.prefix}"

    @property
    def candidates(self) -> tuple[str, ...]:
        """Credentials that may import it, those that are foreseen first."""
        return (self.owner, *(name for name in self.owners if name != self.owner))

    @property
    def owner_words(self) -> str:
        """Who imports it, for people."""
        return f"any of {', '.join(self.owners)}" if self.owners else self.owner


@dataclass(frozen=True, slots=True)
class RunResumed:
    """Another process (or the same command again) goes on; what was unsure is quiet from now on."""

    by: str
    host: str
    pid: int
    version: str
    note: str = ""
    #: seconds that a lost answer may still arrive after this moment
    settle_quiet: float = 90.0
    one_job_per: str = "user"
    #: "retry" or "abandon" where the operator asked for that, "" where the run only goes on
    asked: str = ""
    #: (credentials, user) from now on
    users: tuple[tuple[str, str], ...] = ()
    #: the plan's `busy_timeout` from now on, in seconds; 0 where it was not told
    busy_timeout: float = 0.0
    #: when its jobs may be asked for from now on, and what waits for a person
    hours: Hours = field(default_factory=Hours)


@dataclass(frozen=True, slots=True)
class RunInterrupted:
    """A signal asked us to stop; nothing new was started after this."""

    signal: str
    #: whose process it was: who sent the signal is not known
    by: str = ""
    host: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """Every delivery is settled, or the run was abandoned."""

    code: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class GateReached:
    """Nothing is left to do before this gate: the run waits for a person (promise 18)."""

    #: "imports"
    gate: str


@dataclass(frozen=True, slots=True)
class RunPaused:
    """An operator wants no job asked for until he says so; the process that conducts the run waits."""

    by: str
    host: str
    version: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class RunStopped:
    """An operator wants no job asked for, and the process ended: so it stays until `RunContinued`."""

    by: str
    host: str
    version: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class RunContinued:
    """An operator ends a pause or a stop; with `gate` he opens that gate instead."""

    by: str
    host: str
    version: str
    note: str = ""
    #: "imports", "tasks", or ""
    gate: str = ""


@dataclass(frozen=True, slots=True)
class OutageBegan:
    """A service stopped answering: its lanes wait."""

    host: str
    words: ErrorDetail


@dataclass(frozen=True, slots=True)
class OutageEnded:
    """It answers again; no other deadline was used up."""

    host: str
    seconds: float


@dataclass(frozen=True, slots=True)
class TargetStopped:
    """The breaker: a cause in the instance, not in an asset (promise 7). `instance` may be a source."""

    instance: str
    words: ErrorDetail
    #: "export" or "import"
    direction: str = "import"


@dataclass(frozen=True, slots=True)
class TargetReopened:
    """`run --retry` closed the breaker."""

    instance: str
    direction: str = "import"


# --- a package's life ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ExportRequested:
    """Intent: the POST follows."""

    batch: str
    credentials: str
    slot: str


@dataclass(frozen=True, slots=True)
class ExportAccepted:
    batch: str
    job: str


@dataclass(frozen=True, slots=True)
class ExportRefused:
    """Certainly not done; asked again after `wait` seconds."""

    batch: str
    words: ErrorDetail
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class ExportAnswerLost:
    """May have been done: nothing is believed before `quiet_until`."""

    batch: str
    words: ErrorDetail
    quiet_until: float


@dataclass(frozen=True, slots=True)
class ExportLost:
    """The quiet time is over: a lost export needs only to be asked again."""

    batch: str


@dataclass(frozen=True, slots=True)
class Exported:
    batch: str
    archive: str


@dataclass(frozen=True, slots=True)
class ExportFailed:
    batch: str
    reasons: tuple[Reason, ...]
    words: ErrorDetail


@dataclass(frozen=True, slots=True)
class ExportVanished:
    """The job is unknown to the service, or ended without an archive: exported again."""

    batch: str
    words: ErrorDetail


@dataclass(frozen=True, slots=True)
class ExportOverdue:
    """The job ran past `job_timeout`: it may still run, so its slot stays taken until the operator decides."""

    batch: str
    job: str


@dataclass(frozen=True, slots=True)
class DownloadRequested:
    """Intent: the one GET follows (promise 4)."""

    batch: str


@dataclass(frozen=True, slots=True)
class DownloadRefused:
    """Certainly not done (no byte left us, a 401 or a 429): the GET may be repeated after `wait` seconds."""

    batch: str
    words: ErrorDetail
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class DownloadCut:
    """A crash fell into the download and nothing whole was found: the GET may be repeated once."""

    batch: str


@dataclass(frozen=True, slots=True)
class PackageStored:
    batch: str
    sha256: str
    size: int
    #: "crc", "structure" or "suspect"
    check: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PackageLost:
    """The archive is burned: this batch alone is exported again."""

    batch: str
    words: ErrorDetail


@dataclass(frozen=True, slots=True)
class PackageDamaged:
    """The stored bytes are not what was journaled: exported again."""

    batch: str
    words: ErrorDetail


@dataclass(frozen=True, slots=True)
class PackageDropped:
    """All its deliveries are settled and `keep_packages` does not keep it."""

    batch: str


@dataclass(frozen=True, slots=True)
class PackageStale:
    """A stored package whose assets changed at the source before any import of it was asked: exported anew."""

    batch: str
    changed: tuple[str, ...]


# --- a delivery's life ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Looked:
    """What the target holds now under the batch's predicted names, as the union over its credentials.

    The first one of a lineage is its *baseline*.
    """

    delivery: str
    #: source id -> target ids under its predicted names; assets without any are absent
    present: tuple[tuple[str, tuple[str, ...]], ...] = ()
    #: assets all of whose predicted names are held: under AddNew there is no name left for them
    taken: tuple[str, ...] = ()
    #: "app:ID" or "task:ID" of one asset that the delivery's owner sees there, for a probe; "" where there is none
    sample: str = ""
    #: when it was asked for, epoch seconds; 0 in journals that did not tell it: as late as it was answered
    asked_at: float = 0.0
    #: (target id, its update time as ROMA wrote it), where a backup is wanted
    times: tuple[tuple[str, str], ...] = ()

    @property
    def seen(self) -> dict[str, tuple[str, ...]]:
        return dict(self.present)


@dataclass(frozen=True, slots=True)
class BackupsChosen:
    """Which backups must lie in the vault before this import: those that it was scheduled with are not all."""

    delivery: str
    backups: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ImportRequested:
    """Intent: the POST follows. The baseline was journaled before."""

    delivery: str
    credentials: str
    slot: str


@dataclass(frozen=True, slots=True)
class ImportAccepted:
    delivery: str
    job: str


@dataclass(frozen=True, slots=True)
class ImportRefused:
    delivery: str
    words: ErrorDetail
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class ImportAnswerLost:
    delivery: str
    words: ErrorDetail
    quiet_until: float


@dataclass(frozen=True, slots=True)
class Imported:
    delivery: str
    #: "success with reasons" (API 7, 19): warnings in the service's words
    reasons: tuple[Reason, ...] = ()
    #: when the job ended by ROMA's own clock, as it wrote it; "" where it did not
    end_time: str = ""


@dataclass(frozen=True, slots=True)
class ImportFailed:
    delivery: str
    reasons: tuple[Reason, ...]
    words: ErrorDetail


@dataclass(frozen=True, slots=True)
class ImportVanished:
    """The job is unknown to the service: its outcome is settled like a lost answer."""

    delivery: str
    words: ErrorDetail
    quiet_until: float


@dataclass(frozen=True, slots=True)
class ImportOverdue:
    delivery: str
    job: str


@dataclass(frozen=True, slots=True)
class ImportFound:
    """A lost import was done: its names were absent from the baseline and are all there."""

    delivery: str


@dataclass(frozen=True, slots=True)
class ImportMissing:
    """A lost import was not done, or may be repeated safely (Merge): it is asked again."""

    delivery: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ImportInDoubt:
    """A lost import turned out half there, and the plan says to ask."""

    delivery: str
    landed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verified:
    """The target was compared with what was sent."""

    delivery: str
    #: present under its name, of its kind, with its links, data sources and published APIs
    verified: tuple[str, ...]
    #: (asset id, why it counts as imported but unverified)
    unverified: tuple[tuple[str, str], ...] = ()
    #: (asset id, what is missing or different)
    findings: tuple[tuple[str, str], ...] = ()
    #: source id -> id at the target
    ids: tuple[tuple[str, str], ...] = ()
    #: (kind, whether the prefix renamed it): the reading that the service showed, where there is a prefix
    renamed: tuple[tuple[str, bool], ...] = ()
    #: what could not be read at the target and was not compared, and why; "" where everything was
    uncompared: str = ""
    #: (target id, its update time as ROMA wrote it), where a backup was wanted
    times: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Child:
    """One part of a split delivery; its batch is scheduled in the same transaction where it needs one."""

    delivery: str
    batch: str
    assets: tuple[str, ...]
    #: "waiting", "landed", "quarantined" or "blocked"
    fate: str
    words: ErrorDetail | None = None
    #: source id it is blocked by
    by: str = ""


@dataclass(frozen=True, slots=True)
class Split:
    """A delivery went on in parts, each with a life of its own."""

    delivery: str
    children: tuple[Child, ...]
    #: "reasons", "halves", "other-half", "landed", "blocked", "too-large", "name-taken", "resolved", "no-backup"
    why: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One asset (or a delivery that cannot be split) is set aside, in the service's own words."""

    delivery: str
    words: ErrorDetail


@dataclass(frozen=True, slots=True)
class Blocked:
    """What it needs will not be at the target."""

    delivery: str
    by: str


@dataclass(frozen=True, slots=True)
class Regrouped:
    """`run --retry`: what was set aside in parts is tried once more in fewer batches."""

    #: the deliveries that go on in others
    parts: tuple[str, ...]
    #: those others: their batches hold the same assets
    scheduled: tuple[DeliveryScheduled, ...]


@dataclass(frozen=True, slots=True)
class Retried:
    """`run --retry`: once more."""

    delivery: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """The operator decided an unknown outcome."""

    #: delivery id, or batch id where a package is undecided
    subject: str
    #: imported, absent, partial, quarantine or job-ended
    outcome: str
    reason: str
    by: str
    host: str
    settle_quiet: float = 90.0
    version: str = ""
    note: str = ""


# --- a probe of a slot ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProbeRequested:
    """Intent: an export of one asset, asked only to learn whether the slot is idle (promise 3b)."""

    slot: str
    instance: str
    credentials: str
    app: str = ""
    task: str = ""


@dataclass(frozen=True, slots=True)
class ProbeAccepted:
    slot: str
    job: str


@dataclass(frozen=True, slots=True)
class ProbeRefused:
    slot: str
    words: ErrorDetail
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class ProbeAnswerLost:
    slot: str
    words: ErrorDetail
    quiet_until: float


@dataclass(frozen=True, slots=True)
class ProbeEnded:
    slot: str
    word: str


@dataclass(frozen=True, slots=True)
class WideningTried:
    """Intent of `auto`: the subject's request, a real job, follows beside an own running one (promise 2)."""

    #: "kind" or "instance"
    widening: str
    #: the slot that both would share under the present reading
    slot: str
    #: batch or delivery that is asked for, and the one whose job runs
    subject: str
    beside: str
    #: whether the two differ in kind and in instance: a refusal then answers both
    both: bool = False


@dataclass(frozen=True, slots=True)
class WideningShown:
    """What came of it; used from now on."""

    widening: str
    #: "apart", "one" (ROMA.10012), or "open" where it could not be seen
    shown: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HandoverListed:
    """What ROMA does not carry, as known when the run began; a long list is told in several of these."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class FindingsNoted:
    """What preflight warned of or could not check when the run began; many are told in several of these."""

    findings: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class JobPredicted:
    """When one job was expected to run, in seconds from the run's begin."""

    #: batch (its export) or delivery (its import)
    subject: str
    slot: str
    starts: float
    ends: float


@dataclass(frozen=True, slots=True)
class DurationPredicted:
    """How long jobs of one kind at one instance were expected to take, as `core.scheduling.estimates` knows it."""

    instance: str
    #: "export", "import" or "delete"
    kind: str
    #: seconds for one asset and for 100 assets: median; others lie on the line through both
    one: float
    hundred: float
    #: spread of the logarithm from job to job, and doubt about the median
    sigma: float
    doubt: float
    #: earlier jobs that it rests on; 0 where it is a guess
    jobs: int = 0


@dataclass(frozen=True, slots=True)
class WriteRate:
    """How many writes a second one identity sends when a run begins, and what that rests on."""

    credentials: str
    per_second: float
    #: it rises so far while the service takes it; 0 where the plan sets the rate, which then stays as it is
    most: float = 0.0
    #: the rate at which a write was refused last, 0 where none was since
    refused: float = 0.0
    #: the region that taught it, what it took, and when, epoch seconds; "" where nothing is known of it
    region: str = ""
    learned: float = 0.0
    learned_at: float = 0.0


@dataclass(frozen=True, slots=True)
class WriteRateLearned:
    """A region takes more writes a second than were sent, or has refused one as one too many (429, API 3.4)."""

    region: str
    credentials: str
    #: writes a second from now on, and before
    per_second: float
    before: float
    #: the rate at which a write was refused last, 0 where none was since
    refused: float = 0.0


@dataclass(frozen=True, slots=True)
class SchedulePredicted:
    """What was expected of the schedule when the run began: the timeline that a preview shows."""

    #: seconds after which the run is over in half of the cases, and in nine of ten
    p50: float
    p90: float
    jobs: tuple[JobPredicted, ...] = ()
    durations: tuple[DurationPredicted, ...] = ()
    #: (kind, instance, credentials, slot): who works where
    slots: tuple[tuple[str, str, str, str], ...] = ()
    #: seconds between two writes of each identity, in journals of versions that knew one rate for all; else 0
    pause: float = 0.0
    #: how many writes each identity sends
    rates: tuple[WriteRate, ...] = ()
    #: reads a second of each identity; 0 in journals of versions that did not tell it
    reads: float = 0.0


@dataclass(frozen=True, slots=True)
class HandoverDone:
    """A person says that an item of the list is done; it may stand in the journal of a run that has ended."""

    #: the item's id
    item: str
    by: str
    host: str
    version: str
    note: str


#: events that move one package's life
PackageEvent = (
    ExportRequested
    | ExportAccepted
    | ExportRefused
    | ExportAnswerLost
    | ExportLost
    | Exported
    | ExportFailed
    | ExportVanished
    | ExportOverdue
    | DownloadRequested
    | DownloadRefused
    | DownloadCut
    | PackageStored
    | PackageLost
    | PackageDamaged
    | PackageDropped
    | PackageStale
)
#: events that move one delivery's life, and no other
DeliveryEvent = (
    Looked
    | BackupsChosen
    | ImportRequested
    | ImportAccepted
    | ImportRefused
    | ImportAnswerLost
    | Imported
    | ImportFailed
    | ImportVanished
    | ImportOverdue
    | ImportFound
    | ImportMissing
    | ImportInDoubt
    | Verified
    | Quarantined
    | Blocked
)
#: a gate, and what operators order of a run
OrderEvent = GateReached | RunPaused | RunStopped | RunContinued
#: events that move one probe's life
ProbeEvent = ProbeRequested | ProbeAccepted | ProbeRefused | ProbeAnswerLost | ProbeEnded
#: each event belongs to one of these; what stands here by its own name is told to the run as a whole, or moves several
Event = (
    RunBegan
    | SelectionMade
    | AssetsSkipped
    | AssetsHeld
    | BatchScheduled
    | DeliveryScheduled
    | RunResumed
    | RunInterrupted
    | RunEnded
    | OrderEvent
    | OutageBegan
    | OutageEnded
    | TargetStopped
    | TargetReopened
    | PackageEvent
    | DeliveryEvent
    | Split
    | Regrouped
    | Retried
    | Resolved
    | ProbeEvent
    | WideningTried
    | WideningShown
    | HandoverListed
    | ChangeEvent
    | FindingsNoted
    | SchedulePredicted
    | WriteRateLearned
    | HandoverDone
)

#: events that are written before a question is asked: they are on the disk before the request leaves
INTENTS = (ExportRequested, ImportRequested, DownloadRequested, ProbeRequested, ChangesRequested)
#: these too are forced to the disk: a person was told that his word is recorded
ORDERS = (RunPaused, RunStopped, RunContinued)


@dataclass(frozen=True, slots=True)
class Entry:
    """One event in its place."""

    seq: int
    #: epoch seconds, UTC
    at: float
    event: Event = field(repr=True)
