"""Whether a host answers: since when it does not, and how much longer it is waited for. Law: every silence has an end.

One host's answers count for all clients of a command. A silence begins with the first request that got no usable
answer, and what a request waits in vain is part of it (promise 9). So a request towards a silent host may wait no
longer than the patience that is left.
"""

import math
from collections.abc import Callable

import anyio

from orchestrator.core.model.failures import Failed, Unanswered
from orchestrator.core.model.retries import FIRST_CONTACT, Action, Request, decide

#: seconds that any request may wait, however little patience is left: less would be no question at all
LEAST_WAIT = 5.0

#: told the host, the failure and the seconds for which it will be asked again, once for each first silence; then, once
#: it answers, the host, None and the seconds for which it was silent
Told = Callable[[str, Failed | None, float], None]


def _not_told(host: str, failed: Failed | None, seconds: float) -> None:
    """Nobody wants to know."""


class Contact:
    """The way to one host."""

    def __init__(self, host: str, patience: Callable[[], float], told: Told = _not_told) -> None:
        """`patience` is in seconds and holds once the host has answered; before that it is one minute.

        Before that nothing is waited for which only a person can mend: somebody may have just typed the command.
        """
        self.host = host
        self._patience = patience
        self._told = told
        self._known = False
        self._lasting = False
        self._answered_at = -math.inf
        #: in anyio's time; None while it answers
        self._since: float | None = None

    @property
    def left(self) -> float:
        """Seconds for which the host may still be silent; 0 or less = its time is over."""
        if self._lasting and not self._known:
            return 0.0
        limit = self._patience() if self._known else FIRST_CONTACT
        return limit - self._silent_for

    @property
    def wait(self) -> float:
        """Seconds that a request which begins now may wait for its answer."""
        return max(LEAST_WAIT, self.left)

    @property
    def unanswered(self) -> Unanswered:
        """The silence so far, as it travels with a failed request."""
        return Unanswered(self.host, self._silent_for, self.left)

    @property
    def _silent_for(self) -> float:
        return 0.0 if self._since is None else anyio.current_time() - self._since

    def answered(self) -> None:
        """The host has given a usable answer, be it a refusal."""
        if not self._known and not self._lasting and self._since is not None:
            self._told(self.host, None, self._silent_for)
        self._known = True
        self._lasting = False
        self._answered_at = anyio.current_time()
        self._since = None

    def failed(self, kind: Request, failed: Failed, began: float) -> None:
        """A request that left at `began` has failed: that is an answer, a silence, or (for a write) neither."""
        match decide(kind, failed, math.inf, 0.0).action:
            case Action.OUTAGE:
                self._silent(failed, began)
            case Action.SETTLE | Action.ASK_AGAIN | Action.EXPORT_AGAIN:
                pass  # what becomes of it decides the engine, by the lives
            case _:
                self.answered()

    def _silent(self, failed: Failed, began: float) -> None:
        self._lasting = failed.lasting
        if self._since is not None:
            return
        self._since = max(began, self._answered_at)
        if not self._known and not failed.lasting:
            self._told(self.host, failed, self.left)
