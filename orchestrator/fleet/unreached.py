"""Components whose services this worker could not reach: another worker of their group is given the chance first.

Law: an order of preference out of this process's own memory. It decides nothing for others, and it ends: where all
workers are cut off, or the others are full, whoever gave a component up conducts it again.
"""

from collections.abc import Iterable

from orchestrator.core.state.submissions import ComponentState, SubmittedComponent, Worker
from orchestrator.errors import ExitCode

#: seconds for which a component is left to others, counted from the moment at which it goes on
LEFT_TO_OTHERS = 60.0


class Unreached:
    """What one worker gave up with code 9, and until when it leaves that to others."""

    def __init__(self) -> None:
        #: component -> epoch seconds
        self._until: dict[str, float] = {}

    def left(self, component: SubmittedComponent, now: float) -> None:
        """Note how this worker has just left it; `now` in epoch seconds."""
        self._until = {id_: until for id_, until in self._until.items() if until > now and id_ != component.id}
        if component.state is ComponentState.WAITING and component.code == ExitCode.UNREACHABLE:
            self._until[component.id] = component.not_before + LEFT_TO_OTHERS

    def gave_up(self, component: str, now: float) -> bool:
        """Whether it is left to others, as far as there are any."""
        return now < self._until.get(component, 0.0)


def others_for(component: SubmittedComponent, me: Worker, workers: Iterable[Worker], ttl: float) -> list[Worker]:
    """Those beside this one who would take it; `ttl`: seconds after which a worker that was not seen counts as dead."""
    return [
        each
        for each in workers
        if each.id != me.id and component.group in {"", each.group} and not each.draining and each.unseen < ttl
    ]
