"""Waits for a job of ours to end. Law: polls are not journaled, and a silence of the service uses up no deadline."""

import math
from collections.abc import Callable

import anyio

from orchestrator.core.decisions import steps
from orchestrator.core.model.failures import Failure, RequestFailed
from orchestrator.core.model.inventory import Job, JobStatus
from orchestrator.core.model.retries import Action, Request, decide
from orchestrator.core.plan.plan import Plan
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import JobKind, host_of
from orchestrator.engine.poll_timing import Poller, PollTiming
from orchestrator.engine.runtime import Runtime
from orchestrator.roma import Client, Roma

#: for how long a job must be unknown to the service before that is believed, and how often it is asked, seconds
#: [I: whether each of its servers knows a job from the first moment on is undocumented]
GONE_AFTER = 30.0
GONE_PAUSE = 5.0
#: a job that was accepted longer ago has been waited for before, seconds
TAKEN_UP = 5.0

Awaiting = steps.AwaitExport | steps.AwaitImport | steps.AwaitProbe


class JobWatch:
    """Polls the jobs of one run."""

    def __init__(self, plan: Plan, roma: Roma, progress: Progress, runtime: Runtime, poll_timing: PollTiming) -> None:
        self._plan, self._roma, self._progress = plan, roma, progress
        self._runtime, self._poll_timing = runtime, poll_timing
        #: told the instance of each poll that is answered
        self.hears: Callable[[str], None] = lambda instance: None

    async def until_ended(self, step: Awaiting) -> Job | None:
        """Poll until the job has ended, or its deadline; None = overdue. Polls are not journaled."""
        client = self._roma.client(self._plan.instances[step.instance], step.credentials)
        poller = self._poller(step)
        age = self._runtime.now() - step.began
        # After a restart or an outage nobody knows how far the job is: it is asked at once.
        await anyio.sleep(poller.wait(age) if age < TAKEN_UP else 0.0)
        while True:
            job = await self._polled(client, step)
            if job is None:
                return None
            self.hears(step.instance)
            age = self._runtime.now() - step.began
            if job.status is not JobStatus.RUNNING:
                poller.ended(age)
                return job
            poller.polled(age, job.progress)
            if self._runtime.now() >= self._deadline(step):
                return None
            await anyio.sleep(poller.wait(self._runtime.now() - step.began))

    def _deadline(self, step: Awaiting) -> float:
        """A job has `job_timeout`; what an outage has taken up to this moment is added (promise 9)."""
        host = host_of(self._plan.instances[step.instance].endpoint)
        away = self._progress.outages.seconds(host, step.began, self._runtime.now())
        return step.began + self._plan.settings.job_timeout + away

    async def _polled(self, client: Client, step: Awaiting) -> Job | None:
        """One poll; None where it is not answered and the job is overdue, not counting what the host is silent."""
        try:
            return await self._known_job(client, step.job)
        except RequestFailed as error:
            silent = decide(Request.READ, error.failed, math.inf, 0.0).action is Action.OUTAGE
            if silent and self._runtime.now() >= self._deadline(step) + error.unanswered.seconds:
                return None
            raise

    async def _known_job(self, client: Client, job: str) -> Job:
        """One poll; a service that does not know the job is asked again for a while before that is believed."""
        gone_at = self._runtime.now() + GONE_AFTER
        while True:
            try:
                return await client.job(job)
            except RequestFailed as error:
                if error.failed.failure is not Failure.GONE or self._runtime.now() >= gone_at:
                    raise
            await anyio.sleep(GONE_PAUSE)

    def _poller(self, step: Awaiting) -> Poller:
        match step:
            case steps.AwaitExport(batch=batch):
                return self._poll_timing.poller(step.instance, JobKind.EXPORT, len(self._progress.assets_of(batch)))
            case steps.AwaitImport(delivery=name):
                batch = self._progress.deliveries[name].batch
                return self._poll_timing.poller(step.instance, JobKind.IMPORT, len(self._progress.assets_of(batch)))
            case steps.AwaitProbe():
                return self._poll_timing.poller(step.instance, JobKind.EXPORT, 1)
