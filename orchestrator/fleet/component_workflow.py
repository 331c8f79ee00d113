"""The life of a component at Temporal. Law: it imports nothing of ours, and holds no clock, chance or secret.

One activity conducts the component, however long that takes; then this returns, sleeps until the moment at which the
component goes on by itself, or waits for a person. What is told here is no truth: the rows of the journal's database
are, and the activity looks there before it does anything. A change of this file must replay the histories saved in
`tests/fleet/histories`; what they would not bear goes behind `workflow.patched`.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception

#: exit codes with which a component is over, and with which it goes on by itself
_OVER, _BY_ITSELF = (0, 1), (8, 9)
#: the code of a defect of ours
_DEFECT = 70
#: The activity itself says when nothing is to be tried again.
_AGAIN = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10), maximum_attempts=0)


@workflow.defn(name="Component")
class Component:
    """Conducted, and conducted again, until nothing more can be done for it."""

    def __init__(self) -> None:
        #: who must say `continue` before it is conducted: "pause" or "stop", or ""
        self._halted = ""
        #: `continue` was said since it was last conducted
        self._woken = False

    @workflow.run
    async def run(self, component: str, silence: float, halted: str = "") -> int:
        """The exit code of a component that is over; `silence`: seconds after which a worker is believed dead."""
        self._halted = self._halted or halted
        while True:
            await self._until_it_may()
            code, not_before = await self._conducted(component, silence)
            if code in _OVER:
                return code
            await self._rest(code, not_before)
            if workflow.info().is_continue_as_new_suggested():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(args=[component, silence, self._halted])

    @workflow.signal(name="continue")
    def go_on(self) -> None:
        """A person has decided, opened a gate, or ended a pause."""
        self._halted, self._woken = "", True

    @workflow.signal
    def pause(self) -> None:
        """Not to be conducted again before `continue`; whoever conducts it now hears of it through the journal."""
        self._halted = "pause"

    @workflow.signal
    def stop(self) -> None:
        """The same."""
        self._halted = "stop"

    async def _until_it_may(self) -> None:
        if self._halted:
            workflow.set_current_details(f"waits for `continue` ({self._halted})")
        await workflow.wait_condition(lambda: not self._halted)

    async def _conducted(self, component: str, silence: float) -> tuple[int, float]:
        """The exit code, and the epoch seconds before which it is not to be conducted again."""
        workflow.set_current_details("with a worker, or waiting for one")
        self._woken = False
        try:
            left = await workflow.execute_activity(
                "conduct", component, result_type=dict[str, float], start_to_close_timeout=timedelta(days=365),
                heartbeat_timeout=timedelta(seconds=silence), retry_policy=_AGAIN,
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            )  # fmt: skip
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return _DEFECT, 0.0
        return int(left["code"]), left["not_before"]

    async def _rest(self, code: int, not_before: float) -> None:
        if code not in _BY_ITSELF:
            workflow.set_current_details(f"waits for a person (code {code})")
            await workflow.wait_condition(lambda: self._woken)
            return
        seconds = max(0.0, not_before - workflow.now().timestamp())
        workflow.set_current_details(f"goes on by itself (code {code})")
        try:
            await workflow.wait_condition(lambda: self._woken, timeout=timedelta(seconds=seconds))
        except TimeoutError:
            return
