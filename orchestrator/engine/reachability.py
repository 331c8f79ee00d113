"""What answers tell of the way to ROMA: who is silent, who refuses, whose slot is busy.

Law: it is known to this process alone, and may be forgotten at any time. Only an outage is journaled, for deadlines.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from orchestrator.core.decisions import steps
from orchestrator.core.decisions.context import Busy, SchedulerContext, Silence, lists_of
from orchestrator.core.decisions.scheduler import Scheduler
from orchestrator.core.model.failures import Failure
from orchestrator.core.model.retries import LONGEST_RETRY_AFTER, Action
from orchestrator.core.state import events as e
from orchestrator.core.state.ends import End
from orchestrator.core.state.events import Event
from orchestrator.core.state.holders import lost_request_in
from orchestrator.core.state.slots import host_of
from orchestrator.engine.backoff import outage_wait
from orchestrator.engine.foreign_jobs import ForeignJobs
from orchestrator.engine.performer import Answered, Trouble
from orchestrator.engine.runtime import Runtime, moment
from orchestrator.errors import ExitCode

#: before another start, seconds: who has held a slot for all of `busy_timeout` will hardly have left it sooner
BUSY_PAUSE = 300.0


class Reachability:
    """Learns from each answer, and gives up where nothing helps within the plan's limits."""

    def __init__(
        self, scheduler: Scheduler, runtime: Runtime, remember: Callable[[Sequence[Event]], Awaitable[None]]
    ) -> None:
        self._scheduler, self._runtime, self._remember = scheduler, runtime, remember
        #: slot, or "credentials@instance" for downloads -> since when every request is refused as one too many
        self._throttled: dict[str, float] = {}
        #: silent hosts that have answered a poll since: the job goes on, but the silence is over
        self._back: set[str] = set()
        self._foreign = ForeignJobs()

    @property
    def _context(self) -> SchedulerContext:
        return self._scheduler.context

    async def note(self, step: steps.Step, answered: Answered) -> None:
        """Learn from an answer who is silent, who refuses and whose slot is busy."""
        if answered.local or isinstance(step, steps.RecoverDownload | steps.DropPackage):
            return
        host = host_of(self._context.plan.instances[step.instance].endpoint)
        trouble = answered.trouble
        if answered.disagrees:
            await self._heard_from(host)
            self._disagrees(step, answered.disagrees)
        if trouble is None:
            if answered.event is not None:
                await self._heard_from(host)
                self._unhindered(step)
            return
        if trouble.failed.failure is not Failure.THROTTLED:
            self._throttled.pop(_way_of(step), None)
        match trouble.decision.action:
            case Action.OUTAGE:
                await self._silent(host, trouble)
            case Action.WAIT_FOR_SLOT if isinstance(step, steps.ASKING):
                await self._heard_from(host)
                self._busy(step.slot, host, trouble)
            case Action.ASK_AGAIN if trouble.failed.failure is Failure.THROTTLED:
                await self._heard_from(host)
                self._throttle(_way_of(step), trouble)
            case Action.REFUSED | Action.RENEW:
                self._refused(step, trouble)
            case Action.SETTLE:
                pass
            case _:
                await self._heard_from(host)

    def hears(self, instance: str) -> bool:
        """An answer that ends no step, such as a poll of a job that still runs; True where a silence is over by it."""
        host = host_of(self._context.plan.instances[instance].endpoint)
        if host not in self._context.silent:
            return False
        self._back.add(host)
        return True

    async def believe_polls(self) -> None:
        """The silences that such answers have ended."""
        while self._back:
            await self._heard_from(self._back.pop())

    def slots_left(self, slots: Iterable[str]) -> None:
        """Jobs of ours have ended there: whose job comes next began later."""
        for slot in slots:
            self._foreign.left(slot, self._runtime.now())

    def _unhindered(self, step: steps.Step) -> None:
        """A step has got what it asked for."""
        self._throttled.pop(_way_of(step), None)
        if isinstance(step, steps.ASKING):
            self._context.busy.pop(step.slot, None)
            self._foreign.accepted(step.slot, self._runtime.now())
        if isinstance(step, steps.LISTING):
            self._context.silent.pop(lists_of(step.instance), None)

    async def _heard_from(self, host: str) -> None:
        silence = self._context.silent.pop(host, None)
        if silence is not None:
            await self._remember([e.OutageEnded(host, round(self._runtime.now() - silence.since, 1))])
            self._scheduler.touch_all()

    async def _silent(self, host: str, trouble: Trouble) -> None:
        now, unheard = self._runtime.now(), trouble.unanswered
        silence = self._context.silent.get(host)
        if silence is None:
            silence = self._context.silent[host] = Silence(now - unheard.seconds, now)
            words = e.ErrorDetail(trouble.failed.failure.value, trouble.failed.code, trouble.failed.message)
            await self._remember([e.OutageBegan(host, words)])
        left = min(unheard.left, silence.since + unheard.seconds + unheard.left - now)
        self._ask_later(silence, left)
        if left <= 0:
            throttled = trouble.failed.failure is Failure.THROTTLED
            how = "has refused every request as one too many" if throttled else "has given no usable answer"
            told = f"{host} {how} for {now - silence.since:.0f} s (outage_timeout): {trouble.failed.message}"
            self._end(host, End(ExitCode.UNREACHABLE, told))

    def _ask_later(self, silence: Silence, left: float) -> None:
        """After a pause that grows, but never beyond the moment at which it would be given up."""
        silence.asking = None
        pause = outage_wait(silence.times, self._runtime.draw())
        silence.retry_at = self._runtime.now() + min(pause, max(left, 0.0))
        silence.times += 1

    def _disagrees(self, step: steps.Step, told: str) -> None:
        """A list that contradicts itself: whoever needs it waits, and then this target alone goes no further."""
        now, limit = self._runtime.now(), self._context.settings.outage_timeout
        silence = self._context.silent.get(lists_of(step.instance))
        if silence is None:
            silence = self._context.silent[lists_of(step.instance)] = Silence(now, now)
            until = now + limit
            text = f"{told}; it is listed again until {moment(until)}, and everything else goes on"
            self._runtime.say("list-disagrees", instance=step.instance, until=until, text=text)
        left = silence.since + limit - now
        self._ask_later(silence, left)
        if left <= 0:
            waited = f"{told}, and so on for {now - silence.since:.0f} s (outage_timeout)"
            self._end(f"{step.credentials}@{step.instance}", End(ExitCode.UNREACHABLE, waited))

    def _throttle(self, what: str, trouble: Trouble) -> None:
        """Certainly not done, but a service that does nothing else is out of reach too."""
        now = self._runtime.now()
        since = self._throttled.setdefault(what, now)
        if now - since >= self._context.settings.outage_timeout:
            told = f"{trouble.request}: refused as one too many for {now - since:.0f} s (outage_timeout)"
            self._end(what, End(ExitCode.UNREACHABLE, f"{told}: {trouble.failed.message}"))

    def _busy(self, slot: str, host: str, trouble: Trouble) -> None:
        now = self._runtime.now()
        busy = self._context.busy.setdefault(slot, Busy(now, now))
        waited = now - busy.since - self._context.progress.outages.seconds(host, busy.since, now)
        left = self._context.settings.busy_timeout - waited
        asked = min(trouble.failed.retry_after, LONGEST_RETRY_AFTER)
        wait = self._foreign.refused(slot, now, self._runtime.draw())
        busy.until = now + min(max(asked, wait), max(left, 0.0))
        if left <= 0:
            told = f"{self._holder_of(slot)} the slot {slot} for {waited:.0f} s (busy_timeout)"
            self._end(slot, End(ExitCode.NOT_FINISHED, told, now + BUSY_PAUSE))

    def _holder_of(self, slot: str) -> str:
        """Whose job it is that ROMA says is running, as far as we can know."""
        lost = lost_request_in(self._context.progress, slot)
        if not lost:
            return "somebody else's job has held"
        kind = "import" if lost in self._context.progress.deliveries else "export"
        return f"our own lost {kind} {lost} may still run: a job has held"

    def _refused(self, step: steps.Step, trouble: Trouble) -> None:
        failed = trouble.failed
        said = " ".join(part for part in (failed.code, failed.message) if part)
        told = f"{trouble.request}: {said}" + (f" (request_id {failed.request_id})" if failed.request_id else "")
        self._end(f"{step.credentials}@{step.instance}", End(ExitCode.REFUSED, told))

    def _end(self, what: str, end: End) -> None:
        self._context.ends[what] = end
        self._runtime.say("gave-up", what=what, reason=end.sentence, text=f"gave up: {end.sentence}")
        self._scheduler.touch_all()


def _way_of(step: steps.Step) -> str:
    """What ends where the service refuses everything: the slot, or where there is none the credentials' way."""
    return step.slot if isinstance(step, steps.ASKING) else f"{step.credentials}@{step.instance}"
