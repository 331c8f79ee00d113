"""What the engine is asked to do. Law: one step is one question to the world, answered by one event."""

from dataclasses import dataclass

from orchestrator.core.state.events import DownloadRequested, Event, ExportRequested, ImportRequested, ProbeRequested
from orchestrator.core.state.subjects import Subject


@dataclass(frozen=True, slots=True)
class _OfPackage:
    batch: str
    instance: str
    credentials: str

    @property
    def subject(self) -> Subject:
        """Whose step it is: no second one is begun for it meanwhile."""
        return Subject.package(self.batch)


@dataclass(frozen=True, slots=True)
class _OfDelivery:
    delivery: str
    instance: str
    credentials: str

    @property
    def subject(self) -> Subject:
        """Whose step it is: no second one is begun for it meanwhile."""
        return Subject.delivery(self.delivery)


@dataclass(frozen=True, slots=True)
class _OfProbe:
    slot: str
    instance: str
    credentials: str

    @property
    def subject(self) -> Subject:
        """Whose step it is: no second one is begun for it meanwhile."""
        return Subject.probe(self.slot)


@dataclass(frozen=True, slots=True)
class RequestExport(_OfPackage):
    slot: str

    @property
    def intent(self) -> Event:
        return ExportRequested(self.batch, self.credentials, self.slot)


@dataclass(frozen=True, slots=True)
class AwaitExport(_OfPackage):
    job: str
    #: epoch seconds at which ROMA accepted the job, as far as known
    began: float


@dataclass(frozen=True, slots=True)
class Download(_OfPackage):
    archive: str
    attempt: int

    @property
    def intent(self) -> Event:
        return DownloadRequested(self.batch)


@dataclass(frozen=True, slots=True)
class RecoverDownload(_OfPackage):
    """A crash fell into the download: look on our own disk."""

    attempt: int


@dataclass(frozen=True, slots=True)
class DropPackage(_OfPackage):
    sha256: str


@dataclass(frozen=True, slots=True)
class ListTarget(_OfDelivery):
    pass


@dataclass(frozen=True, slots=True)
class RequestImport(_OfDelivery):
    slot: str

    @property
    def intent(self) -> Event:
        return ImportRequested(self.delivery, self.credentials, self.slot)


@dataclass(frozen=True, slots=True)
class AwaitImport(_OfDelivery):
    job: str
    began: float


@dataclass(frozen=True, slots=True)
class Verify(_OfDelivery):
    pass


@dataclass(frozen=True, slots=True)
class RequestProbe(_OfProbe):
    """Ask for the export of one asset to learn whether the slot is idle (promise 3b)."""

    app: str = ""
    task: str = ""

    @property
    def intent(self) -> Event:
        return ProbeRequested(self.slot, self.instance, self.credentials, self.app, self.task)


@dataclass(frozen=True, slots=True)
class AwaitProbe(_OfProbe):
    job: str
    began: float


@dataclass(frozen=True, slots=True)
class CheckBeside:
    """ROMA has accepted a job beside another of ours: does that other one still run? (promise 2, `auto`)"""

    widening: str
    instance: str
    credentials: str
    job: str

    @property
    def subject(self) -> Subject:
        """Whose step it is: no second one is begun for it meanwhile."""
        return Subject.trial(self.widening)


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
