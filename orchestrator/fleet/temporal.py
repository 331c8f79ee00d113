"""The engine behind the protocol: Temporal. Law: it is told ids, and believed in nothing.

The server may be restarted, lose its database, or stay away: what is conducted goes on, since the leases alone say who
conducts it, and what the server forgot is started again from the rows. Only this module and `component_workflow`
import temporalio.
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import anyio
from anyio.abc import TaskGroup
from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.service import RPCError, TLSConfig
from temporalio.worker import Worker

from orchestrator.engine.runtime import Say
from orchestrator.errors import EngineUnreachable, OperatorError
from orchestrator.fleet.component_workflow import Component
from orchestrator.fleet.engine import Conduct, Cut, Leaving, Left, Placed, TryAgain, Word
from orchestrator.fleet.engine_address import EngineAddress

#: seconds for one answer of the server, and between two signs of life of what is conducted
ANSWER_TIME, BEAT = 10.0, 2.0
#: Between two signs that are really sent: 80 % of the silence, unless it is said; then a pause takes as long to arrive.
_THROTTLE = timedelta(seconds=3)
#: what the library's core says by itself on stderr: a server that stays away is told by us
_QUIET = TelemetryConfig(logging=LoggingConfig(filter=TelemetryFilter(core_level="OFF", other_level="OFF")))


class TemporalEngine:
    """One connection to one server, for the components of one journal."""

    def __init__(self, address: EngineAddress, client: Client, journal: str, silence: float) -> None:
        """`journal` names the database, so that two of them may use one namespace and never get each other's ids.

        `silence`: seconds after which a worker that gives no sign is believed dead: as long as its leases live.
        """
        self._address, self.client, self._journal, self._silence = address, client, journal, silence
        self._asked_to_drain = anyio.Event()

    @classmethod
    async def connected(
        cls, address: EngineAddress, secrets: Mapping[str, str], journal: str, silence: float, say: Say
    ) -> "TemporalEngine":
        """`say` hears what the library finds wrong; raises EngineUnreachable, OperatorError."""
        _hear_library(say)
        try:
            with anyio.fail_after(ANSWER_TIME):
                client = await Client.connect(
                    address.target, namespace=address.namespace, tls=_tls(address, secrets),
                    api_key=secrets.get("api_key"), runtime=_runtime(),
                )  # fmt: skip
        except (RuntimeError, RPCError, TimeoutError) as error:
            raise _away(address, error) from None
        except ValueError:
            raise OperatorError(f"--engine: {address.shown} is refused: its certificate or key is none") from None
        return cls(address, client, journal, silence)

    async def start(self, component: Placed) -> None:
        await self._started(component, "")

    async def signal(self, component: Placed, word: Word) -> None:
        await self._started(component, word.value)

    async def _started(self, component: Placed, word: str) -> None:
        """One request, whether or not it is known: what ended long ago begins anew, and looks at its row first."""
        try:
            await self.client.start_workflow(
                "Component", args=[component.id, self._silence], id=workflow_id(component),
                task_queue=self._queue(component.group), id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING, start_signal=word or None,
                rpc_timeout=timedelta(seconds=ANSWER_TIME),
            )  # fmt: skip
        except RPCError as error:
            raise _away(self._address, error) from None

    async def work(self, group: str, at_once: int, conduct: Conduct) -> None:
        failed: list[RuntimeError] = []
        async with anyio.create_task_group() as owner:
            conducting = _Conducting(conduct, owner)
            workers = [self._worker(each, at_once, conducting) for each in dict.fromkeys((group, ""))]
            for worker in workers:
                owner.start_soon(self._run, worker, failed)
            await self._asked_to_drain.wait()
            for worker in workers:
                await worker.shutdown()
        if failed:
            raise _away(self._address, failed[0])

    def _worker(self, group: str, at_once: int, conducting: "_Conducting") -> Worker:
        return Worker(
            self.client, task_queue=self._queue(group), workflows=[Component], activities=[conducting.conduct],
            max_concurrent_activities=at_once, max_heartbeat_throttle_interval=_THROTTLE,
            default_heartbeat_throttle_interval=_THROTTLE, max_cached_workflows=200,
        )  # fmt: skip

    async def _run(self, worker: Worker, failed: list[RuntimeError]) -> None:
        """A worker that the server refuses ends all of them: what is conducted is left in good order."""
        try:
            await worker.run()
        except RuntimeError as error:
            failed.append(error)
        finally:
            self._asked_to_drain.set()

    async def drain(self) -> None:
        self._asked_to_drain.set()

    def _queue(self, group: str) -> str:
        """The task queue of a group; a name of a plan has no blank, so that no group is called like that of all."""
        return f"{group or 'any group'} {self._journal[:8]}"


def workflow_id(component: Placed) -> str:
    """What a component is called at the server."""
    return f"component/{component.plan}/{component.id}"


@dataclass(slots=True)
class _Attempt:
    """One component in this process, between the engine and whoever conducts it."""

    component: str
    leaving: Leaving = field(default_factory=Leaving)
    over: anyio.Event = field(default_factory=anyio.Event)
    left: Left | None = None
    #: why another attempt is to be made
    again: str = "cut"


class _Conducting:
    """The activity. Whoever conducts has a task of its own, so that a cancel of the engine's cuts nothing off."""

    def __init__(self, conduct: Conduct, owner: TaskGroup) -> None:
        self._conduct, self._owner = conduct, owner

    @activity.defn(name="conduct")
    async def conduct(self, component: str) -> dict[str, float]:
        attempt = _Attempt(component)
        self._owner.start_soon(self._conducted, attempt)
        self._owner.start_soon(self._beat, attempt)
        while not attempt.over.is_set():
            with suppress(anyio.get_cancelled_exc_class()):  # the engine's word, which is asked for its meaning
                await attempt.over.wait()
            if not attempt.over.is_set():
                attempt.leaving.ask(_meaning(activity.cancellation_details()))
        if attempt.left is None:
            raise ApplicationError(attempt.again, type="TryAgain", category=ApplicationErrorCategory.BENIGN)
        return {"code": float(attempt.left.code), "not_before": attempt.left.not_before}

    async def _conducted(self, attempt: _Attempt) -> None:
        try:
            attempt.left = await self._conduct(attempt.component, attempt.leaving)
        except TryAgain as reason:
            attempt.again = str(reason)
        finally:
            attempt.over.set()

    @staticmethod
    async def _beat(attempt: _Attempt) -> None:
        """The context of the activity came along with the task."""
        while not attempt.over.is_set():
            activity.heartbeat()
            with anyio.move_on_after(BEAT):
                await attempt.over.wait()


def _meaning(details: activity.ActivityCancellationDetails | None) -> Cut:
    """A server that was away has counted our silence against us: the lease tells better who is alive."""
    if details is not None and (details.not_found or details.timed_out) and not details.worker_shutdown:
        return Cut.LOST
    return Cut.LEAVE


def _tls(address: EngineAddress, secrets: Mapping[str, str]) -> TLSConfig | bool:
    if not address.tls:
        return False
    read = {key: secrets[key].encode() for key in ("ca", "cert", "key") if key in secrets}
    return TLSConfig(read.get("ca"), address.server_name or None, read.get("cert"), read.get("key"))


class _LibraryLines(logging.Handler):
    """What the library finds wrong, as lines of our log.

    A defect of the workflow ends nothing: its task fails again and again, and only this tells. Each is counted.
    """

    def __init__(self, say: Say) -> None:
        super().__init__(logging.WARNING)
        self._say, self._failed = say, 0

    def emit(self, record: logging.LogRecord) -> None:
        words = (record.getMessage().splitlines() or [""])[0][:300]
        if "activation" in words:
            self._failed += 1
            words = f"a component's workflow has failed, {self._failed} times by now in this process: {words}"
        self._say("engine-library", failed_workflow_tasks=self._failed, text=words)


def _hear_library(say: Say) -> None:
    """From now on its lines are ours, and no traceback of it reaches a terminal."""
    logger = logging.getLogger("temporalio")
    logger.handlers[:] = [_LibraryLines(say)]
    logger.propagate = False


_made: list[Runtime] = []


def _runtime() -> Runtime:
    """The library's threads, once a process."""
    if not _made:
        _made.append(Runtime(telemetry=_QUIET))
    return _made[0]


def _away(address: EngineAddress, error: BaseException) -> EngineUnreachable:
    why = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return EngineUnreachable(
        f"the workers' engine {address.shown} cannot be reached: {why}",
        next_step="check the address, the network and the server; what was submitted is kept, and workers start it",
    )
