"""How long changes wait for a service that is silent, throttles or works for others. Law: every wait has a deadline.

The twin of `reachability`, without a scheduler: a finish and an undo have no steps to give away, so that each instance
waits by itself. What is known here may be forgotten at any time.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from orchestrator.core.model.failures import RequestFailed
from orchestrator.core.model.retries import LONGEST_RETRY_AFTER, READ_ATTEMPTS, Action, Request, decide
from orchestrator.core.plan.plan import Plan
from orchestrator.core.state.ends import End
from orchestrator.core.state.slots import host_of
from orchestrator.engine.backoff import outage_wait
from orchestrator.engine.foreign_jobs import ForeignJobs
from orchestrator.engine.performer import words_of
from orchestrator.engine.reachability import BUSY_PAUSE
from orchestrator.engine.runtime import Runtime
from orchestrator.errors import ExitCode
from orchestrator.roma import InventoryDisagrees

T = TypeVar("T")

#: how long a read may go on showing what a job or a request has changed, seconds [I: undocumented]
PATIENCE = 120.0
#: before the second such read, seconds; each further pause is twice as long
PAUSE = 2.0


@dataclass(slots=True)
class Contact:
    """What this process knows of the ways to its instances."""

    plan: Plan
    runtime: Runtime
    #: a wait that a signal ends
    sleep: Callable[[float], Awaitable[None]]
    #: whether an instance goes no further in this process
    over: Callable[[str], bool]
    #: instance -> why it went no further
    ends: dict[str, End] = field(default_factory=dict)
    #: told when an instance goes no further
    ended: Callable[[], None] = lambda: None
    #: host -> (since when it does not answer, how often it was asked)
    _silent: dict[str, tuple[float, int]] = field(default_factory=dict)
    #: slot -> since when somebody else's job is in it
    _busy: dict[str, float] = field(default_factory=dict)
    _foreign: ForeignJobs = field(default_factory=ForeignJobs)
    #: instance -> since when nothing but throttling answers its writes
    _throttled: dict[str, float] = field(default_factory=dict)

    def answered(self, instance: str) -> None:
        """A read was answered."""
        self._silent.pop(self._host(instance), None)

    def accepted(self, instance: str, slot: str = "") -> None:
        """A write was answered well."""
        self.answered(instance)
        self._throttled.pop(instance, None)
        if slot:
            self._busy.pop(slot, None)
            self._foreign.accepted(slot, self.runtime.now())

    def not_throttled(self, instance: str) -> None:
        """A write was refused for another reason."""
        self._throttled.pop(instance, None)

    async def read(self, instance: str, ask: Callable[[], Awaitable[T]], of: str = "") -> T | None:
        """What `ask` reads, however long its service is silent; None where that is an end in this process.

        `of` is the instance that is asked, where it is not the one that waits.
        """
        while not self.over(instance):
            try:
                answer = await ask()
            except (RequestFailed, InventoryDisagrees) as error:
                await self.not_read(instance, error, of)
                continue
            self.answered(of or instance)
            return answer
        return None

    async def not_read(self, instance: str, error: RequestFailed | InventoryDisagrees, of: str = "") -> None:
        """Wait, so that it can be tried again, or end with why."""
        if isinstance(error, RequestFailed):
            action = decide(Request.READ, error.failed, READ_ATTEMPTS, 0.0).action
            if action not in {Action.OUTAGE, Action.REPEAT}:
                self.end(instance, ExitCode.REFUSED, f"{error.request}: {words_of(error.failed)}")
                return
        await self.sleep(self.outage(instance, error, of))

    def outage(self, instance: str, error: RequestFailed | InventoryDisagrees, of: str = "") -> float:
        """Seconds to the next try; past `outage_timeout` it is an end."""
        now, host = self.runtime.now(), self._host(of or instance)
        since, times = self._silent.get(host, (now, 0))
        self._silent[host] = since, times + 1
        told = str(words_of(error.failed)) if isinstance(error, RequestFailed) else error.message
        if not times:
            self.runtime.say("outage", host=host, reason=told, text=f"{host} does not answer: {told}")
        if now - since >= self.plan.settings.outage_timeout:
            self.end(instance, ExitCode.UNREACHABLE, f"{host} has not answered for {now - since:.0f} s: {told}")
        return outage_wait(times + 1, self.runtime.draw())

    def busy(self, instance: str, slot: str, error: RequestFailed, lost: bool) -> float:
        """Seconds to the next try; `lost`: an earlier request of ours for the same was not seen to end."""
        now = self.runtime.now()
        since = self._busy.setdefault(slot, now)
        left = since + self.plan.settings.busy_timeout - now
        if left <= 0:
            whose = "our own lost removal may still run: a job has" if lost else "somebody else's job has"
            told = f"{whose} held the slot {slot} for {now - since:.0f} s (busy_timeout)"
            self.end(instance, ExitCode.NOT_FINISHED, told, now + BUSY_PAUSE)
        asked = min(error.failed.retry_after, LONGEST_RETRY_AFTER)
        return min(max(asked, self._foreign.refused(slot, now, self.runtime.draw())), max(left, 0.0))

    def throttled(self, instance: str, error: RequestFailed, wait: float) -> float:
        """Certainly not done, but a service that does nothing else is out of reach too."""
        now = self.runtime.now()
        since = self._throttled.setdefault(instance, now)
        left = since + self.plan.settings.outage_timeout - now
        if left <= 0:
            told = f"{error.request}: refused as one too many for {now - since:.0f} s (outage_timeout)"
            self.end(instance, ExitCode.UNREACHABLE, f"{told}: {error.failed.message}")
        return min(wait, max(left, 0.0))

    def end(self, instance: str, code: ExitCode, sentence: str, not_before: float = 0.0) -> None:
        """This instance goes no further in this process."""
        self.ends[instance] = End(code, sentence, not_before)
        self.runtime.say("gave-up", what=instance, reason=sentence, text=f"gave up: {sentence}")
        self.ended()

    def _host(self, instance: str) -> str:
        return host_of(self.plan.instances[instance].endpoint)
