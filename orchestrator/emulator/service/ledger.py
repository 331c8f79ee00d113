"""What really happened at a local ROMA Connect.

Law: written by the service only, read by tests to prove "nothing twice, nothing lost".
"""

from collections import Counter
from dataclasses import asdict, dataclass, field, replace

from orchestrator.emulator.protocol.messages import Json
from orchestrator.emulator.world.readings import LockScope


@dataclass(frozen=True, slots=True)
class Call:
    """One call that asked for a change."""

    #: epoch seconds
    time: float
    user: str
    instance: str
    #: export, import, delete, task-action or the operation that changed something at once
    operation: str
    #: ids the caller named (export, delete, task-action, a change) or the package's source ids (import)
    asset_ids: tuple[str, ...]
    #: "accepted", or the code it was refused with
    outcome: str
    #: "" where refused
    job_id: str = ""
    #: executed after its caller's connection was gone
    late: bool = False
    #: the import's package, "" for others
    package_id: str = ""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job, from begin to end."""

    id: str
    #: export, import or delete
    type: str
    user: str
    instance: str
    #: epoch seconds
    begin: float
    #: epoch seconds; infinite while it runs
    end: float
    #: running, succeeded, failed
    outcome: str
    asset_ids: tuple[str, ...]
    #: the slot it takes, under the service's `lock_scope`
    slot: str = ""
    #: somebody else's job, made by a fault
    foreign: bool = False
    #: of an export, else ""
    archive_id: str = ""


@dataclass(frozen=True, slots=True)
class Landed:
    """One asset that an import created or updated."""

    #: epoch seconds
    time: float
    instance: str
    #: app, task or datasource
    kind: str
    id: str
    name: str
    #: id and instance name at the source
    source_id: str
    source_instance: str
    #: archive id of the package it came from
    package_id: str
    job_id: str
    #: created or updated
    action: str
    #: the name it was to have, before a suffix made it free
    wanted: str


@dataclass(frozen=True, slots=True)
class Removed:
    """One asset that a delete job removed."""

    #: epoch seconds
    time: float
    instance: str
    #: app, task or datasource
    kind: str
    id: str
    name: str
    job_id: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What one program has asked for, whatever it was and whatever became of it."""

    #: whole requests
    requests: int = 0
    #: epoch seconds of the last one
    last: float = 0.0


@dataclass(slots=True)
class Ledger:
    """The ground truth of one service."""

    #: every call that asked for a change, in order
    calls: list[Call] = field(default_factory=list)
    #: every job by id, in order
    jobs: dict[str, JobRecord] = field(default_factory=dict)
    #: what imports created or updated, in order
    landed: list[Landed] = field(default_factory=list)
    #: what delete jobs removed, in order
    removed: list[Removed] = field(default_factory=list)
    #: archive id -> number of downloads that burned or would have burned it
    downloads: Counter[str] = field(default_factory=Counter)
    #: refused downloads by archive id
    denied_downloads: Counter[str] = field(default_factory=Counter)
    #: (user, instance, type) -> number of ROMA.10012
    busy: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    #: slot -> most jobs that ran in it at once; 1 at most, or the emulator is wrong
    peak_per_slot: Counter[str] = field(default_factory=Counter)
    #: user -> most jobs that ran at once
    peak_per_user: Counter[str] = field(default_factory=Counter)
    #: User-Agent -> what it has asked for; who names none is not counted
    asked: dict[str, Asked] = field(default_factory=dict)
    #: jobs that run now, by slot and by user
    _in_slot: Counter[str] = field(default_factory=Counter)
    _of_user: Counter[str] = field(default_factory=Counter)

    def request(self, agent: str, at: float) -> None:
        """Counts a whole request of the program that calls itself so."""
        if agent:
            self.asked[agent] = Asked(self.asked.get(agent, Asked()).requests + 1, at)

    def begun(self, job: JobRecord) -> None:
        """Remembers a job that begins, and how many run beside it."""
        self.jobs[job.id] = job
        self._of_user[job.user] += 1
        self._in_slot[job.slot] += 1
        self.peak_per_user[job.user] = max(self.peak_per_user[job.user], self._of_user[job.user])
        self.peak_per_slot[job.slot] = max(self.peak_per_slot[job.slot], self._in_slot[job.slot])

    def ended(self, job_id: str, end: float, outcome: str, archive_id: str = "") -> None:
        """Remembers how a job ended."""
        job = self.jobs[job_id]
        self._of_user[job.user] -= 1
        self._in_slot[job.slot] -= 1
        self.jobs[job_id] = replace(job, end=end, outcome=outcome, archive_id=archive_id)

    def as_json(self) -> Json:
        """Everything, as plain values."""
        return {
            "calls": [asdict(one) for one in self.calls],
            "jobs": [_job(one) for one in self.jobs.values()],
            "landed": [asdict(one) for one in self.landed],
            "removed": [asdict(one) for one in self.removed],
            "downloads": dict(self.downloads),
            "denied_downloads": dict(self.denied_downloads),
            "busy": [
                {"user": user, "instance": instance, "type": kind, "count": count}
                for (user, instance, kind), count in self.busy.items()
            ],
            "peak_per_slot": dict(self.peak_per_slot),
            "peak_per_user": dict(self.peak_per_user),
            "asked": {agent: asdict(one) for agent, one in self.asked.items()},
        }


def _job(job: JobRecord) -> Json:
    """A running job has no end yet, and JSON no infinity."""
    return {**asdict(job), "end": None if job.outcome == "running" else job.end}


def slot_of(scope: LockScope, user: str, instance: str, kind: str) -> str:
    """The slot that a job takes; `user` is DOMAIN/NAME."""
    match scope:
        case LockScope.USER_ANY:
            return user
        case LockScope.USER_TYPE:
            return f"{user}|{kind}"
        case LockScope.INSTANCE_ANY:
            return instance
        case LockScope.INSTANCE_TYPE:
            return f"{instance}|{kind}"
        case LockScope.USER_INSTANCE_ANY:
            return f"{user}|{instance}"
        case LockScope.USER_INSTANCE_TYPE:
            return f"{user}|{instance}|{kind}"
