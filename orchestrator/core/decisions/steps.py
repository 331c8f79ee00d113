"""What the engine is asked to do. Law: one step is one question to the world, answered by one event."""

from dataclasses import dataclass

from orchestrator.core.state.events import DownloadRequested, Event, ExportRequested, ImportRequested, ProbeRequested


@dataclass(frozen=True, slots=True)
class RequestExport:
    subject: str
    instance: str
    credentials: str
    slot: str

    @property
    def intent(self) -> Event:
        return ExportRequested(self.subject, self.credentials, self.slot)


@dataclass(frozen=True, slots=True)
class AwaitExport:
    subject: str
    instance: str
    credentials: str
    job: str
    #: epoch seconds at which ROMA accepted the job, as far as known
    began: float


@dataclass(frozen=True, slots=True)
class Download:
    subject: str
    instance: str
    credentials: str
    archive: str
    attempt: int

    @property
    def intent(self) -> Event:
        return DownloadRequested(self.subject)


@dataclass(frozen=True, slots=True)
class RecoverDownload:
    """A crash fell into the download: look on our own disk."""

    subject: str
    instance: str
    credentials: str
    attempt: int


@dataclass(frozen=True, slots=True)
class ListTarget:
    subject: str
    instance: str
    credentials: str


@dataclass(frozen=True, slots=True)
class RequestImport:
    subject: str
    instance: str
    credentials: str
    slot: str

    @property
    def intent(self) -> Event:
        return ImportRequested(self.subject, self.credentials, self.slot)


@dataclass(frozen=True, slots=True)
class AwaitImport:
    subject: str
    instance: str
    credentials: str
    job: str
    began: float


@dataclass(frozen=True, slots=True)
class Verify:
    subject: str
    instance: str
    credentials: str


@dataclass(frozen=True, slots=True)
class RequestProbe:
    """Ask for the export of one asset to learn whether the slot is idle (promise 3b)."""

    subject: str
    instance: str
    credentials: str
    slot: str
    app: str = ""
    task: str = ""

    @property
    def intent(self) -> Event:
        return ProbeRequested(self.slot, self.instance, self.credentials, self.app, self.task)


@dataclass(frozen=True, slots=True)
class AwaitProbe:
    subject: str
    instance: str
    credentials: str
    slot: str
    job: str
    began: float


@dataclass(frozen=True, slots=True)
class CheckBeside:
    """ROMA has accepted a job beside another of ours: does that other one still run? (promise 2, `auto`)"""

    subject: str
    instance: str
    credentials: str
    job: str
    widening: str


@dataclass(frozen=True, slots=True)
class DropPackage:
    subject: str
    instance: str
    credentials: str
    sha256: str


Step = (
    RequestExport
    | AwaitExport
    | Download
    | RecoverDownload
    | ListTarget
    | RequestImport
    | AwaitImport
    | Verify
    | RequestProbe
    | AwaitProbe
    | CheckBeside
    | DropPackage
)

#: steps that ask for a job: they need the slot, and their intent is on the disk before the request leaves
ASKING = (RequestExport, RequestImport, RequestProbe)
#: steps that rest on a whole list of what a target holds
LISTING = (ListTarget, Verify)
