"""Carries out one step: one question to ROMA or to our disk, answered by one event.

Law: it decides nothing about lives.

What a failed request means is read from `model.retries`; what follows is decided by `decisions`, from the event.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import anyio

from orchestrator.core.decisions import steps
from orchestrator.core.decisions.verification import Comparison, Expected, expected_of, looked, verify
from orchestrator.core.model.contents import Contents
from orchestrator.core.model.error_detail import FAILED_JOB
from orchestrator.core.model.failures import Failed, RequestFailed, Unanswered
from orchestrator.core.model.inventory import Job, JobStatus
from orchestrator.core.model.retries import Action, Request, RetryDecision, decide
from orchestrator.core.plan.plan import Mode, Plan
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Asset, ErrorDetail, Event
from orchestrator.core.state.lifecycle import Delivery
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import iam_name
from orchestrator.engine.job_watch import JobWatch
from orchestrator.engine.poll_timing import PollTiming
from orchestrator.engine.read_metadata import unread
from orchestrator.engine.runtime import Runtime, moment
from orchestrator.engine.target_listings import TargetListings
from orchestrator.errors import PackageDamaged, SpaceReserved
from orchestrator.roma import Client, Download, InventoryDisagrees, Roma
from orchestrator.storage.sidecar import Stored
from orchestrator.storage.vault import PackageIncomplete, Vault

#: how long verification waits for the service to show what it imported, seconds [I: undocumented]
VERIFY_PATIENCE = 120.0
#: before an export for which others have reserved the space is considered again, seconds
SPACE_WAIT = 15.0
#: before the second look of a verification, seconds; each further pause is twice as long
VERIFY_PAUSE = 5.0
#: what an export may need on our disk before its size is known, bytes, where none from that source was larger (API 2.2
#: gives no size; a signed import carries 12 MB at most)
RESERVED = 16 * 1024 * 1024
#: what one asset may take of a package, bytes: a download that goes beyond it for all of its assets would never end
#: [I: API 2.2 gives no size, but an import through a signed request takes 12 MB for all of its assets]
LARGEST_ASSET = 64 * 1024 * 1024
#: fewer assets are counted as so many: what is large is seldom spread evenly
FEW_ASSETS = 32


@dataclass(frozen=True, slots=True)
class Trouble:
    """A failed request beside the event: what the conductor must know about the way to ROMA."""

    decision: RetryDecision
    failed: Failed
    request: str
    #: the silence that the failure is part of
    unanswered: Unanswered


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a step: at most one event, and trouble on the way."""

    event: Event | None = None
    trouble: Trouble | None = None
    #: a second event that the same answer shows
    also: Event | None = None
    #: ROMA was not asked: it says nothing about the way to it
    local: bool = False
    #: why a list of the instance cannot be believed now, or ""
    disagrees: str = ""


class Performer:
    """Performs steps for one run."""

    def __init__(
        self, plan: Plan, roma: Roma, vault: Vault, progress: Progress, runtime: Runtime, poll_timing: PollTiming, *,
        largest_asset: int = LARGEST_ASSET,
    ) -> None:  # fmt: skip
        self._largest_asset = largest_asset
        self._plan, self._roma, self._vault = plan, roma, vault
        self._progress, self._runtime = progress, runtime
        self.jobs = JobWatch(plan, roma, progress, runtime, poll_timing)
        self._listings = TargetListings(plan, roma)
        #: credentials -> the user that owns them, as slots count users
        self.users: Mapping[str, str] = {}

    async def perform(self, step: steps.Step) -> Answered:
        """The answer to one step; raises MemoryFailed, and nothing else that is not a defect."""
        match step:
            case steps.RequestExport():
                return await self._request_export(step)
            case steps.AwaitExport():
                return await self._await_export(step)
            case steps.Download():
                return await self._download(step)
            case steps.RecoverDownload():
                return await self._recover_download(step)
            case steps.ListTarget():
                return await self._list_target(step)
            case steps.RequestImport():
                return await self._request_import(step)
            case steps.AwaitImport():
                return await self._await_import(step)
            case steps.Verify():
                return await self._verify(step)
            case steps.RequestProbe():
                return await self._request_probe(step)
            case steps.AwaitProbe():
                return await self._await_probe(step)
            case steps.CheckBeside():
                return await self._check_beside(step)
            case steps.DropPackage():
                return await self._drop(step)

    # --- exports ---------------------------------------------------------------------------------------------------

    async def _request_export(self, step: steps.RequestExport) -> Answered:
        package = self._progress.packages[step.batch]
        space = max(RESERVED, self._progress.seen.largest[step.instance])
        try:
            await self._runtime.offload(self._vault.reserve, step.batch, package.attempt, space)
        except SpaceReserved as error:
            words = ErrorDetail("disk", message=error.message)
            return Answered(e.ExportRefused(step.batch, words, SPACE_WAIT), local=True)
        assets = self._progress.assets_of(step.batch)
        apps, tasks = _ids(assets, "app"), _ids(assets, "task")
        try:
            job = await self._client(step.instance, step.credentials).export(apps, tasks)
        except RequestFailed as error:
            return self._not_exported(step, error, package.refusals + 1)
        return Answered(e.ExportAccepted(step.batch, job))

    def _not_exported(self, step: steps.RequestExport, error: RequestFailed, attempt: int) -> Answered:
        trouble = self._trouble(Request.EXPORT, error, attempt)
        words = words_of(error.failed)
        match trouble.decision.action:
            case Action.SETTLE:
                return Answered(e.ExportAnswerLost(step.batch, words, self._quiet_until()), trouble)
            case Action.SPLIT:
                return Answered(e.ExportFailed(step.batch, (), words))
            case _:
                return Answered(e.ExportRefused(step.batch, words, trouble.decision.wait), trouble)

    async def _await_export(self, step: steps.AwaitExport) -> Answered:
        try:
            job = await self.jobs.until_ended(step)
        except RequestFailed as error:
            trouble = self._trouble(Request.READ, error, math.inf)
            if trouble.decision.action is Action.VANISHED:
                return Answered(e.ExportVanished(step.batch, words_of(error.failed)))
            return Answered(None, trouble)
        if job is None:
            return Answered(e.ExportOverdue(step.batch, step.job))
        if job.status is JobStatus.FAILED:
            return Answered(e.ExportFailed(step.batch, job.reasons, _job_words(job)))
        if not job.archive_id:
            words = ErrorDetail("no-archive", message=f"the job ended as {job.word} without an archive_id")
            return Answered(e.ExportVanished(step.batch, words))
        return Answered(e.Exported(step.batch, job.archive_id))

    async def _download(self, step: steps.Download) -> Answered:
        client = self._client(step.instance, step.credentials)
        try:
            async with client.download(step.archive) as download:
                stored = await self._receive(step, download)
        except RequestFailed as error:
            return self._not_downloaded(step, error)
        except PackageIncomplete as error:
            return Answered(e.PackageLost(step.batch, ErrorDetail("incomplete", message=str(error))))
        except _Endless as error:
            return Answered(e.PackageLost(step.batch, ErrorDetail("endless", message=str(error))))
        return Answered(e.PackageStored(step.batch, stored.sha256, stored.size, stored.check, stored.reason))

    async def _receive(self, step: steps.Download, download: Download) -> Stored:
        most = self._largest_asset * max(len(self._progress.assets_of(step.batch)), FEW_ASSETS)
        if (download.length or 0) > most:
            raise _Endless(most)
        begin = (step.batch, step.attempt, step.archive, download.length)
        incoming = await self._runtime.offload(self._vault.begin, *begin)
        whole = False
        try:
            async for chunk in download.chunks():
                if incoming.received + len(chunk) > most:
                    raise _Endless(most)
                await self._runtime.offload(incoming.write, chunk)
            stored = await self._runtime.offload(incoming.finish)
            whole = True
        finally:
            if not whole:
                incoming.abort("the stream ended early")
        return stored

    def _not_downloaded(self, step: steps.Download, error: RequestFailed) -> Answered:
        trouble = self._trouble(Request.DOWNLOAD, error, 1)
        words = words_of(error.failed)
        match trouble.decision.action:
            case Action.OUTAGE | Action.ASK_AGAIN:
                return Answered(e.DownloadRefused(step.batch, words, trouble.decision.wait), trouble)
            case Action.REFUSED:
                return Answered(e.DownloadRefused(step.batch, words, 5.0), trouble)
            case _:
                return Answered(e.PackageLost(step.batch, words))

    async def _recover_download(self, step: steps.RecoverDownload) -> Answered:
        stored = await self._runtime.offload(self._vault.adopt, step.batch, step.attempt)
        if stored is None:
            return Answered(e.DownloadCut(step.batch))
        return Answered(e.PackageStored(step.batch, stored.sha256, stored.size, stored.check, stored.reason))

    async def _drop(self, step: steps.DropPackage) -> Answered:
        await self._runtime.offload(self._vault.drop, step.sha256)
        return Answered(e.PackageDropped(step.batch))

    # --- imports ---------------------------------------------------------------------------------------------------

    async def _request_import(self, step: steps.RequestImport) -> Answered:
        life = self._progress.deliveries[step.delivery]
        package = self._progress.packages[life.batch]
        scheduled = life.scheduled
        how = (Mode(scheduled.mode), scheduled.prefix, scheduled.datasource_overwrite)
        try:
            path = await self._runtime.offload(self._vault.open_path, package.sha256, package.size)
            job = await self._client(step.instance, step.credentials).import_package(str(path), *how)
        except PackageDamaged as error:
            words = ErrorDetail("package-damaged", message=error.message)
            return Answered(e.ImportRefused(step.delivery, words), also=e.PackageDamaged(life.batch, words))
        except RequestFailed as error:
            return self._not_imported(step, error, life.refusals + 1)
        return Answered(e.ImportAccepted(step.delivery, job))

    def _not_imported(self, step: steps.RequestImport, error: RequestFailed, attempt: int) -> Answered:
        trouble = self._trouble(Request.IMPORT, error, attempt)
        words = words_of(error.failed)
        match trouble.decision.action:
            case Action.SETTLE:
                return Answered(e.ImportAnswerLost(step.delivery, words, self._quiet_until()), trouble)
            case Action.SPLIT:
                return Answered(e.ImportFailed(step.delivery, (), words))
            case Action.EXPORT_AGAIN:
                batch = self._progress.deliveries[step.delivery].batch
                return Answered(e.ImportRefused(step.delivery, words), also=e.PackageDamaged(batch, words))
            case _:
                return Answered(e.ImportRefused(step.delivery, words, trouble.decision.wait), trouble)

    async def _await_import(self, step: steps.AwaitImport) -> Answered:
        try:
            job = await self.jobs.until_ended(step)
        except RequestFailed as error:
            trouble = self._trouble(Request.READ, error, math.inf)
            if trouble.decision.action is Action.VANISHED:
                return Answered(e.ImportVanished(step.delivery, words_of(error.failed), self._quiet_until()))
            return Answered(None, trouble)
        if job is None:
            return Answered(e.ImportOverdue(step.delivery, step.job))
        if job.status is JobStatus.FAILED:
            return Answered(e.ImportFailed(step.delivery, job.reasons, _job_words(job)))
        return Answered(e.Imported(step.delivery, job.reasons, job.end_time))

    async def _list_target(self, step: steps.ListTarget) -> Answered:
        asked_at = self._runtime.now()
        try:
            there = await self._listings.assets(step.instance)
        except RequestFailed as error:
            return Answered(None, self._trouble(Request.READ, error, math.inf))
        except InventoryDisagrees as error:
            return Answered(None, disagrees=error.message)
        life = self._progress.deliveries[step.delivery]
        assets = self._progress.assets_of(life.batch)
        names = {asset.id: self._progress.names_of(life, asset.kind, asset.name) for asset in assets}
        return Answered(replace(looked(life, assets, there.inventory, names), asked_at=asked_at))

    async def _verify(self, step: steps.Verify) -> Answered:
        life = self._progress.deliveries[step.delivery]
        expected = expected_of(self._progress, life)
        patience, pause = anyio.current_time() + VERIFY_PATIENCE, VERIFY_PAUSE
        while True:
            late = anyio.current_time() >= patience
            try:
                compared = await self._compared(life, expected, late)
            except RequestFailed as error:
                return Answered(None, self._trouble(Request.READ, error, math.inf))
            except InventoryDisagrees as error:
                return Answered(None, disagrees=error.message)
            if late or not compared.waiting:
                return Answered(compared.event)
            if pause == VERIFY_PAUSE:
                self._tell_waiting(life, compared.event, patience - anyio.current_time())
            await anyio.sleep(min(pause, max(0.0, patience - anyio.current_time())))
            pause *= 2

    def _tell_waiting(self, life: Delivery, seen: e.Verified, left: float) -> None:
        """Once: what a verification waits for, why, and until when."""
        until, found = self._runtime.now() + left, seen.findings
        what = found[0][1] if found else "what it holds cannot be read yet"
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        why = "the service may be late to show what it imported"
        text = f"{life.target}: {what}{more}; {why}, so it is looked at again until {moment(until)}"
        self._runtime.say("verification-waits", delivery=life.id, target=life.target, until=until, text=text)

    async def _compared(self, life: Delivery, expected: Sequence[Expected], late: bool) -> Comparison:
        """What they hold is asked for only where that is known of the source, and they themselves are there."""
        user = iam_name(self.users.get(life.scheduled.owner, ""))
        there = replace(await self._listings.assets(life.target), user=user)
        compared = verify(life, expected, there)
        if not any(each.asset.contents for each in expected) or (compared.waiting and not late):
            return compared
        try:
            contents = await self._listings.contents(life.target)
        except (RequestFailed, InventoryDisagrees) as error:
            if not late:
                return replace(compared, waiting=True)
            why = unread(error).why
            contents = Contents({}, {}, {"datasource": why, "api": why})
        return verify(life, expected, replace(there, contents=contents))

    # --- probes ----------------------------------------------------------------------------------------------------

    async def _request_probe(self, step: steps.RequestProbe) -> Answered:
        apps, tasks = ([step.app] if step.app else []), ([step.task] if step.task else [])
        try:
            job = await self._client(step.instance, step.credentials).export(apps, tasks)
        except RequestFailed as error:
            trouble = self._trouble(Request.EXPORT, error, 1)
            words = words_of(error.failed)
            if trouble.decision.action is Action.SETTLE:
                return Answered(e.ProbeAnswerLost(step.slot, words, self._quiet_until()), trouble)
            return Answered(e.ProbeRefused(step.slot, words, max(trouble.decision.wait, 5.0)), trouble)
        return Answered(e.ProbeAccepted(step.slot, job))

    async def _await_probe(self, step: steps.AwaitProbe) -> Answered:
        try:
            job = await self.jobs.until_ended(step)
        except RequestFailed as error:
            trouble = self._trouble(Request.READ, error, math.inf)
            if trouble.decision.action is Action.VANISHED:
                return Answered(e.ProbeEnded(step.slot, "vanished"))
            return Answered(None, trouble)
        return Answered(e.ProbeEnded(step.slot, job.word if job is not None else "overdue"))

    async def _check_beside(self, step: steps.CheckBeside) -> Answered:
        """Two jobs of ours run at once, as far as one status call can tell: then their slots are apart."""
        try:
            job = await self._client(step.instance, step.credentials).job(step.job)
        except RequestFailed as error:
            trouble = self._trouble(Request.READ, error, math.inf)
            if trouble.decision.action is Action.VANISHED:
                return Answered(e.WideningShown(step.widening, "open", "the job beside it is unknown to the service"))
            return Answered(None, trouble)
        if job.status is JobStatus.RUNNING:
            return Answered(e.WideningShown(step.widening, "apart", "both jobs ran at once"))
        return Answered(e.WideningShown(step.widening, "open", "the job beside it had ended by then"))

    # --- shared ----------------------------------------------------------------------------------------------------

    def _client(self, instance: str, credentials: str) -> Client:
        return self._roma.client(self._plan.instances[instance], credentials)

    def _quiet_until(self) -> float:
        return self._runtime.now() + self._plan.settings.settle_quiet

    def _trouble(self, request: Request, error: RequestFailed, attempt: float) -> Trouble:
        decision = decide(request, error.failed, attempt, self._runtime.draw())
        wait = min(decision.wait, self._plan.settings.outage_timeout)  # whatever the service asks for (promise 9)
        return Trouble(replace(decision, wait=wait), error.failed, error.request, error.unanswered)


class _Endless(Exception):
    """More came than the export could hold."""

    def __init__(self, most: int) -> None:
        super().__init__(f"more than {most >> 20} MiB came or were announced, which is more than its assets can hold")


def words_of(failed: Failed) -> ErrorDetail:
    """A failed request in the service's own words."""
    return ErrorDetail(failed.failure.value, failed.code, failed.message, failed.request_id)


def _job_words(job: Job) -> ErrorDetail:
    for reason in job.reasons:
        return ErrorDetail(FAILED_JOB, reason.error_code, reason.error_msg)
    return ErrorDetail(FAILED_JOB, message=f"the job ended as {job.word} without a reason")


def _ids(assets: Sequence[Asset], kind: str) -> list[str]:
    return [asset.id for asset in assets if asset.kind == kind]
