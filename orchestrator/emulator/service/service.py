"""A local ROMA Connect as a synchronous state machine.

Law: it reads time from one injected clock, and chance from one seed.

Every public method first applies whatever became due since the last call, in time order, so a job ends at its time
whether anybody polls it or not. Refusals are raised as `Refusal`; nothing here knows of HTTP, sockets or faults
(faults reach it as `Twist` values).
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from orchestrator.emulator.protocol.errors import ARCHIVE_GONE, JOB_GONE, Refusal, busy, invalid, roma
from orchestrator.emulator.protocol.messages import Body, Json, Upload
from orchestrator.emulator.service.apply import Lander, remove, what_lands
from orchestrator.emulator.service.exports import Chosen, compose, poisoned, why_not_deleted
from orchestrator.emulator.service.imports import (
    Arrival,
    ImportPlan,
    ImportType,
    Options,
    Poison,
    Reason,
    Setting,
    judge,
)
from orchestrator.emulator.service.instance_store import (
    Holding,
    Looking,
    holding_of,
    sees_app,
    sees_datasource,
    sees_task,
)
from orchestrator.emulator.service.jobs import Archive, Job, JobType, Outcome, Twist, job_json
from orchestrator.emulator.service.ledger import Call, JobRecord, Ledger, slot_of
from orchestrator.emulator.service.packages import Manifest, read_package, write_package
from orchestrator.emulator.service.timers import Timers
from orchestrator.emulator.world.options import Duration
from orchestrator.emulator.world.readings import BusyCheck, Landing, Limit100, Visibility
from orchestrator.emulator.world.world import App, DataSource, Task, User, World, make_id

_LIMIT = 100
_STRAIGHT = Twist()
#: the ids that a call names, or the package it brought, once that was read
_About = tuple[str, ...] | list[Manifest]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, at which instance."""

    user: User
    #: the instance's name
    instance: str

    @property
    def name(self) -> str:
        """DOMAIN/NAME, whichever credential was used."""
        return f"{self.user.domain}/{self.user.name}"


class Service:
    """All instances of one world, running."""

    def __init__(self, world: World, now: Callable[[], float], seed: object = 0) -> None:
        self.world = world
        #: what really happened
        self.ledger = Ledger()
        #: epoch seconds at which it was made; fault windows count from here
        self.began = now()
        self.agenda = Timers(now)
        self._holdings = {one.name: holding_of(one) for one in world.instances}
        self._jobs: dict[str, Job] = {}
        #: archive id -> the export job that made it
        self._archives: dict[str, Job] = {}
        #: slot -> epoch seconds until which it is taken
        self._taken: dict[str, float] = {}
        self._count = 0
        self._lengths = random.Random(f"{seed}/durations")  # noqa: S311 - a simulation, not a secret
        self._noise = random.Random(f"{seed}/progress")  # noqa: S311 - a simulation, not a secret

    @property
    def time(self) -> float:
        """Epoch seconds."""
        return self.agenda.time

    def advance(self) -> None:
        """Applies everything due up to now."""
        self.agenda.catch_up()

    def end_jobs(self) -> None:
        """Every job that still runs ends now, also one that a fault keeps running: for tests that hold a run up."""
        self.advance()
        for job in self._jobs.values():
            if job.outcome is Outcome.RUNNING:
                job.end = self.time
                self.agenda.hurry(job.id)
                self._taken[self.ledger.jobs[job.id].slot] = self.time
        self.advance()

    def holding(self, instance: str) -> Holding:
        """What an instance really holds, for tests and for the wire; KeyError for an unknown name."""
        self.advance()
        return self._holdings[instance]

    def looking(self, caller: Caller) -> Looking:
        """The caller at its instance, now."""
        holding, world = self.holding(caller.instance), self.world
        return Looking(holding, caller.user, world.switches, self.time, world.users, self.agenda)

    # -- jobs -------------------------------------------------------------------------------------------------------

    def export(self, caller: Caller, chosen: Chosen, twist: Twist = _STRAIGHT) -> str:
        """Creates an export job and gives its id (API 1.2)."""
        self.advance()

        def accept() -> Job:
            self._check_chosen(caller, chosen)
            package_id = make_id("archive", self._count + 1, self.began)
            manifest = compose(
                self._holdings[caller.instance], chosen, package_id, self.world.switches.datasources_carried
            )
            job = self._new_job(caller, JobType.EXPORT, chosen.ids, twist)
            self.agenda.at(job.end, lambda: self._end_export(job, manifest, twist.poison), job.id)
            return job

        return self._ask(caller, JobType.EXPORT, chosen.ids, accept, twist)

    def import_(self, caller: Caller, data: Upload, options: Options, twist: Twist = _STRAIGHT) -> str:
        """Creates an import job from an uploaded package and gives its id (API 1.3)."""
        self.advance()
        read: list[Manifest] = []

        def accept() -> Job:
            manifest = read_package(data)
            read.append(manifest)
            self._check_count(len(manifest.apps), len(manifest.tasks))
            job = self._new_job(caller, JobType.IMPORT, manifest.asset_ids, twist)
            self._begin_import(caller, job, manifest, options, twist)
            return job

        return self._ask(caller, JobType.IMPORT, read, accept, twist)

    def delete(self, caller: Caller, chosen: Chosen, twist: Twist = _STRAIGHT) -> str:
        """Creates a delete job and gives its id (API 1.6)."""
        self.advance()

        def accept() -> Job:
            self._check_chosen(caller, chosen)
            job = self._new_job(caller, JobType.DELETE, chosen.ids, twist)
            self.agenda.at(job.end, lambda: self._end_delete(job, chosen, twist), job.id)
            return job

        return self._ask(caller, JobType.DELETE, chosen.ids, accept, twist)

    def job(self, caller: Caller, job_id: str) -> Json:
        """The job as told on the wire (API 1.4); 404 where unknown, forgotten or another user's (invented)."""
        job = self.find_job(caller, job_id)
        noise = 2 * self._noise.random() - 1
        return job_json(job, self.agenda.time, self.world.switches, noise)

    def find_job(self, caller: Caller, job_id: str) -> Job:
        """The job itself; refused like `job`."""
        self.advance()
        job = self._jobs.get(job_id)
        kept = job is not None and self.agenda.time < job.end + self.world.switches.job_record_ttl_seconds
        if job is None or not kept or job.vanished or (job.user, job.instance) != (caller.name, caller.instance):
            raise roma(JOB_GONE, "The job does not exist.", status=404)
        return job

    def download(self, caller: Caller, archive_id: str) -> Body:
        """The package; it burns the archive (API 1.5). 403 for an unknown, expired or burned one (invented)."""
        archive = self.find_archive(caller, archive_id)
        single = self.world.switches.archive_single_use
        if archive is None or self.agenda.time >= archive.expires or (archive.burned and single):
            self.ledger.denied_downloads[archive_id] += 1
            raise roma(ARCHIVE_GONE, "The archive does not exist.", status=403)
        archive.burned = True
        self.ledger.downloads[archive_id] += 1
        return write_package(archive.manifest, self.world.switches)

    def find_archive(self, caller: Caller, archive_id: str) -> Archive | None:
        """The archive itself where this user may see it."""
        self.advance()
        job = self._archives.get(archive_id)
        mine = job is not None and (job.user, job.instance) == (caller.name, caller.instance)
        return job.archive if job is not None and mine else None

    def take_slot(self, caller: Caller, kind: JobType, seconds: float) -> bool:
        """Somebody else's job of this user begins, changes nothing, ends by itself; False where the slot is taken."""
        self.advance()
        if self._is_busy(caller, kind):
            return False
        self._new_job(caller, kind, (), Twist(runs=seconds), foreign=True)
        return True

    # -- what a user sees -------------------------------------------------------------------------------------------

    def apps(self, caller: Caller) -> list[App]:
        """Applications that the caller sees, oldest first (API 1.8)."""
        shown = self.holding(caller.instance).apps.shown(self.agenda.time)
        if self.world.switches.visibility is Visibility.ALL:
            return shown
        return [one for one in shown if sees_app(one, caller.user, self.world.switches.visibility)]

    def tasks(self, caller: Caller) -> list[Task]:
        """Tasks that the caller sees (API 1.8)."""
        holding = self.holding(caller.instance)
        shown = holding.tasks.shown(self.agenda.time)
        if self.world.switches.visibility is Visibility.ALL:
            return shown
        return [one for one in shown if sees_task(one, caller.user, holding, self.world.switches.visibility)]

    def datasources(self, caller: Caller) -> list[DataSource]:
        """Data sources that the caller sees (API 1.8)."""
        holding = self.holding(caller.instance)
        shown = holding.datasources.shown(self.agenda.time)
        return [one for one in shown if sees_datasource(one, caller.user, holding, self.world.switches.visibility)]

    # -- asking -----------------------------------------------------------------------------------------------------

    def _ask(self, caller: Caller, kind: JobType, about: _About, accept: Callable[[], Job], twist: Twist) -> str:
        """Asks for one job, in the order of the switch, and writes to the ledger what became of it."""
        job_id, outcome = "", "accepted"
        try:
            first = self.world.switches.busy_check is BusyCheck.BEFORE
            if first:
                self._check_slot(caller, kind)
            # The check after validation sits in `_new_job`, which accept() calls last.
            job_id = accept().id
            return job_id
        except Refusal as refusal:
            outcome = refusal.code
            raise
        finally:
            ids = about if isinstance(about, tuple) else tuple(x for one in about for x in one.asset_ids)
            package = about[0].package_id if isinstance(about, list) and about else ""
            self.ledger.calls.append(
                Call(
                    self.agenda.time, caller.name, caller.instance, kind.word, ids, outcome, job_id, twist.late, package
                )
            )

    def _check_slot(self, caller: Caller, kind: JobType) -> None:
        if self._is_busy(caller, kind):
            self.ledger.busy[caller.name, caller.instance, kind.word] += 1
            raise busy()

    def _is_busy(self, caller: Caller, kind: JobType) -> bool:
        return self._taken.get(self._slot(caller, kind), 0.0) > self.agenda.time

    def _slot(self, caller: Caller, kind: JobType) -> str:
        return slot_of(self.world.switches.lock_scope, caller.name, caller.instance, kind.word)

    def _check_count(self, apps: int, tasks: int) -> None:
        """At most 100, and not none (API 2.2)."""
        total = self.world.switches.limit_100 is Limit100.TOTAL
        too_many = apps + tasks > _LIMIT if total else max(apps, tasks) > _LIMIT
        if too_many:
            raise invalid(f"A maximum of {_LIMIT} applications and tasks is allowed.")
        if apps + tasks == 0:
            raise invalid("No application and no task is given.")

    def _check_chosen(self, caller: Caller, chosen: Chosen) -> None:
        self._check_count(len(chosen.apps), len(chosen.tasks))
        if len(set(chosen.ids)) != len(chosen.ids):
            raise invalid("An id is given twice.")
        holding = self._holdings[caller.instance]
        visibility = self.world.switches.visibility
        for app_id in chosen.apps:
            app = holding.apps.get(app_id)
            if app is None:
                raise invalid(f"The application {app_id} does not exist.")
            if not sees_app(app, caller.user, visibility):
                raise roma("ROMA.12001", "You do not have the permissions required to operate the application.")
        for task_id in chosen.tasks:
            task = holding.tasks.get(task_id)
            if task is None or not sees_task(task, caller.user, holding, visibility):
                raise invalid(f"The task {task_id} does not exist.")

    def _new_job(
        self, caller: Caller, kind: JobType, asset_ids: tuple[str, ...], twist: Twist, foreign: bool = False
    ) -> Job:
        if not foreign and self.world.switches.busy_check is BusyCheck.AFTER:
            self._check_slot(caller, kind)
        self._count += 1
        length = twist.runs if twist.runs >= 0 else self._length(kind, len(asset_ids)) + twist.longer
        job = Job(
            make_id("job", self._count, self.began),
            kind,
            caller.name,
            caller.instance,
            self.agenda.time,
            self.agenda.time + length,
        )
        self._jobs[job.id] = job
        slot = self._slot(caller, kind)
        until = job.end + self.world.switches.busy_after_success_seconds + twist.slot_stays
        self._taken[slot] = max(self._taken.get(slot, 0.0), until)
        record = JobRecord(
            job.id, kind.word, job.user, job.instance, job.begin, math.inf, "running", asset_ids, slot, foreign
        )
        self.ledger.begun(record)
        if foreign:
            self.agenda.at(job.end, lambda: self._end(job, Outcome.SUCCEEDED), job.id)
        return job

    def _length(self, kind: JobType, assets: int) -> float:
        durations = self.world.durations
        length: Duration = {
            JobType.EXPORT: durations.export,
            JobType.IMPORT: durations.import_,
            JobType.DELETE: durations.delete,
        }[kind]
        return (length.base + length.per_asset * assets) * self._lengths.lognormvariate(0.0, length.sigma)

    # -- ends -------------------------------------------------------------------------------------------------------

    def _end(self, job: Job, outcome: Outcome, reasons: tuple[Reason, ...] = ()) -> None:
        job.outcome, job.reasons = outcome, reasons
        self.ledger.ended(job.id, self.agenda.time, outcome.value, job.archive.id if job.archive else "")

    def _end_export(self, job: Job, manifest: Manifest, poison: Poison) -> None:
        failed, reasons = poisoned(manifest, poison)
        if failed:
            self._end(job, Outcome.FAILED, reasons)
            return
        job.archive = Archive(manifest.package_id, manifest, self.agenda.time + self.world.switches.archive_ttl_seconds)
        self._archives[manifest.package_id] = job
        self._end(job, Outcome.SUCCEEDED)

    def _begin_import(self, caller: Caller, job: Job, manifest: Manifest, options: Options, twist: Twist) -> None:
        switches = self.world.switches
        lag = switches.read_lag_seconds + twist.lag
        package = (manifest.package_id, manifest.source_instance)
        lander = Lander(self._holdings[caller.instance], self.ledger, job.id, package, lag)

        def verdict() -> ImportPlan:
            holding = self._holdings[caller.instance]
            setting = Setting(holding, options, caller.user, switches, self.agenda.time, job.id, twist.poison)
            return judge(manifest, setting)

        if switches.landing is Landing.GRADUAL:
            self._land_gradually(job, lander, verdict())
        else:
            self.agenda.at(job.end, lambda: self._land_at_end(job, lander, verdict()), job.id)

    def _land_gradually(self, job: Job, lander: Lander, verdict: ImportPlan) -> None:
        arrivals = what_lands(verdict, self.world.switches)
        # A job that never ends lands as if it took an hour: its effect is there, only its end is not told.
        span = job.end - job.begin if math.isfinite(job.end) else 3600.0
        for number, arrival in enumerate(arrivals, start=1):
            time = job.begin + span * number / (len(arrivals) + 1)
            self.agenda.at(time, partial(self._land_one, lander, arrival), job.id)
        self.agenda.at(job.end, lambda: self._end_import(job, verdict), job.id)

    def _land_one(self, lander: Lander, arrival: Arrival) -> None:
        lander.land(arrival, self.agenda.time)

    def _land_at_end(self, job: Job, lander: Lander, verdict: ImportPlan) -> None:
        for arrival in what_lands(verdict, self.world.switches):
            lander.land(arrival, self.agenda.time)
        self._end_import(job, verdict)

    def _end_import(self, job: Job, verdict: ImportPlan) -> None:
        failed = verdict.failed and not self.world.switches.success_with_reasons
        self._end(job, Outcome.FAILED if failed else Outcome.SUCCEEDED, verdict.reasons)

    def _end_delete(self, job: Job, chosen: Chosen, twist: Twist) -> None:
        holding = self._holdings[job.instance]
        reasons = why_not_deleted(holding, chosen)
        if reasons:
            self._end(job, Outcome.FAILED, reasons)
            return
        lag = self.world.switches.read_lag_seconds + twist.lag
        remove(holding, self.ledger, job.id, chosen.ids, (self.agenda.time, lag))
        self._end(job, Outcome.SUCCEEDED)


def import_type(text: str) -> ImportType:
    """The query parameter `type`; AddNew where absent (API 1.3)."""
    try:
        return ImportType(text or "AddNew")
    except ValueError as error:
        raise invalid("type must be AddNew or Merge.") from error
