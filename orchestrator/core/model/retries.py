"""The one table that says what follows a failed request. Law: every repetition has a bound and a reason.

Writes are never repeated here: after a POST the lives decide (`core.state.lifecycle`). `Action` names the road,
`orchestrator.roma` walks REPEAT and RENEW, the engine walks the rest.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.core.model.failures import Failed, Failure, RequestFailed
from orchestrator.errors import ServiceRefuses, ServiceUnreachable


class Request(StrEnum):
    """The kinds of request that differ in what a failure means."""

    #: GET of inventory, instance, features, job status
    READ = "read"
    #: POST to IAM for a token (API 1.11): a wrong password locks the user, so it is never repeated
    TOKEN = "token"  # noqa: S105 - the name of a request, not a secret
    #: POST assets/export, also as a probe
    EXPORT = "export"
    #: POST assets/import
    IMPORT = "import"
    #: POST assets/delete
    DELETE = "delete"
    #: GET of an archive, which can be downloaded once
    DOWNLOAD = "download"
    #: a write that is done at once, without a job (Finishing 1)
    CHANGE = "change"


class Action(StrEnum):
    """What to do next."""

    #: the same request again, after `wait` seconds
    REPEAT = "repeat"
    #: a new token, then the same request at once; a second time in a row is DENIED
    RENEW = "renew"
    #: certainly not done: ask again when the slot may be free, up to `busy_timeout`
    WAIT_FOR_SLOT = "wait-for-slot"
    #: certainly not done: ask again after `wait` seconds
    ASK_AGAIN = "ask-again"
    #: may have been done: an export is asked again after `settle_quiet`, an import is settled (promise 3)
    SETTLE = "settle"
    #: the archive is burned: this batch alone is exported again, at most three times (promise 4)
    EXPORT_AGAIN = "export-again"
    #: certainly not done, and never will be as it stands: split the batch (promises 7 and 12)
    SPLIT = "split"
    #: the thing asked about is unknown to the service
    VANISHED = "vanished"
    #: the service cannot be reached: its lanes wait, up to `outage_timeout`
    OUTAGE = "outage"
    #: a person must act: the lane ends with code 3
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """What follows a failed request, how long to wait first, and why."""

    action: Action
    #: seconds before the next attempt; 0 where the road has its own clock
    wait: float = 0.0
    reason: str = ""


#: for how long a service that never answered may be silent, seconds; later it is `outage_timeout` (Contract 1)
FIRST_CONTACT = 60.0
#: how often a read is repeated before its service counts as out of reach
READ_ATTEMPTS = 4
#: a throttled read is repeated this often: at the longest waits, for about ten minutes
THROTTLED_ATTEMPTS = 24
#: how often ROMA.10010 is asked again before the batch counts as failed
NOT_CREATED_ATTEMPTS = 3
#: longest `Retry-After` that is honoured, seconds
LONGEST_RETRY_AFTER = 300.0

_UNANSWERED = {Failure.DROPPED, Failure.HUNG, Failure.SERVER, Failure.GARBAGE}

_READ = {
    Failure.NOT_SENT: Action.REPEAT,
    Failure.DROPPED: Action.REPEAT,
    Failure.HUNG: Action.REPEAT,
    Failure.SERVER: Action.REPEAT,
    Failure.GARBAGE: Action.REPEAT,
    Failure.BUSY: Action.REPEAT,
    Failure.THROTTLED: Action.REPEAT,
    Failure.NOT_CREATED: Action.REPEAT,
    Failure.EXPIRED: Action.RENEW,
    Failure.DENIED: Action.REFUSED,
    Failure.TOO_LARGE: Action.REFUSED,
    Failure.GONE: Action.VANISHED,
    Failure.INVALID: Action.REFUSED,
}
_TOKEN = {
    failure: Action.REPEAT if failure in {Failure.NOT_SENT, Failure.THROTTLED} else Action.OUTAGE
    for failure in {*_UNANSWERED, Failure.NOT_SENT, Failure.THROTTLED, Failure.BUSY, Failure.NOT_CREATED}
} | dict.fromkeys((Failure.EXPIRED, Failure.DENIED, Failure.TOO_LARGE, Failure.GONE, Failure.INVALID), Action.REFUSED)
_WRITE = {
    Failure.NOT_SENT: Action.OUTAGE,
    **dict.fromkeys(_UNANSWERED, Action.SETTLE),
    Failure.BUSY: Action.WAIT_FOR_SLOT,
    Failure.THROTTLED: Action.ASK_AGAIN,
    Failure.NOT_CREATED: Action.ASK_AGAIN,
    Failure.EXPIRED: Action.RENEW,
    Failure.DENIED: Action.REFUSED,
    Failure.TOO_LARGE: Action.SPLIT,
    Failure.GONE: Action.REFUSED,
    Failure.INVALID: Action.SPLIT,
}
#: of one object: a refusal concerns that object alone, whatever its code
_CHANGE = _WRITE | {
    Failure.DENIED: Action.SPLIT,
    Failure.GONE: Action.SPLIT,
}
_DOWNLOAD = {
    Failure.NOT_SENT: Action.OUTAGE,
    **dict.fromkeys(_UNANSWERED, Action.EXPORT_AGAIN),
    Failure.BUSY: Action.EXPORT_AGAIN,
    Failure.THROTTLED: Action.ASK_AGAIN,
    Failure.NOT_CREATED: Action.EXPORT_AGAIN,
    Failure.EXPIRED: Action.RENEW,
    Failure.DENIED: Action.EXPORT_AGAIN,
    Failure.TOO_LARGE: Action.EXPORT_AGAIN,
    Failure.GONE: Action.EXPORT_AGAIN,
    Failure.INVALID: Action.EXPORT_AGAIN,
}
#: "failed to decompress the file" (API 3.1): this package is bad, the batch is not
BAD_PACKAGE = "ROMA.10011"

#: request kind -> failure -> action; total by construction, which a test checks
TABLE = {
    Request.READ: _READ,
    Request.TOKEN: _TOKEN,
    Request.EXPORT: _WRITE,
    Request.IMPORT: _WRITE,
    Request.DELETE: _WRITE,
    Request.DOWNLOAD: _DOWNLOAD,
    Request.CHANGE: _CHANGE,
}


def decide(request: Request, failed: Failed, attempt: float, draw: float) -> RetryDecision:
    """What follows the `attempt`-th failure (from 1) of one request; `draw` in [0, 1) spreads the waits.

    An infinite `attempt` asks what follows when every repetition is used up. A REPEAT or ASK_AGAIN past its bound
    becomes OUTAGE or SPLIT, a second RENEW in a row becomes REFUSED.
    """
    action = TABLE[request][failed.failure]
    if action is Action.SPLIT and failed.failure is Failure.INVALID and not failed.code:
        # A refusal that names no code may be anything, ROMA.10012 included: nothing is concluded from it.
        action = Action.SETTLE
    if request is Request.IMPORT and failed.code == BAD_PACKAGE:
        action = Action.EXPORT_AGAIN
    reason = f"{failed.failure}{f' {failed.code}' if failed.code else ''}"
    if action is Action.RENEW and attempt > 1:
        return RetryDecision(Action.REFUSED, reason=f"{reason}: refused again with a new token")
    bound = THROTTLED_ATTEMPTS if failed.failure is Failure.THROTTLED else READ_ATTEMPTS
    if action is Action.REPEAT and attempt >= bound:
        return RetryDecision(Action.OUTAGE, reason=f"{reason}, {attempt} times")
    if action is Action.ASK_AGAIN and failed.failure is Failure.NOT_CREATED and attempt >= NOT_CREATED_ATTEMPTS:
        return RetryDecision(Action.SPLIT, reason=f"{reason}, {attempt} times")
    return RetryDecision(action, _wait(failed, attempt, draw), reason)


def _wait(failed: Failed, attempt: float, draw: float) -> float:
    """Seconds before the next attempt: what the service asked for, else doubling from 1 s to 30 s, spread by half."""
    if failed.retry_after >= 0:
        return min(failed.retry_after, LONGEST_RETRY_AFTER) + draw
    base = float(2 ** min(attempt - 1, 5))
    base = min(base, 30.0)
    return base * (0.75 + 0.5 * draw)


_MEND_NETWORK = "check the endpoint and the network, then run the same command again"
_MEND_CERTIFICATE = (
    "check the endpoint; have the certificate renewed, or name its authority in the plan (ca_file of the instance); "
    "then run the same command again"
)


def as_error(error: RequestFailed) -> ServiceRefuses | ServiceUnreachable:
    """A failed request on which a whole command rests, in a sentence that names host and cause."""
    told = f"{error.request}: {said_of(error)}"
    if decide(Request.READ, error.failed, math.inf, 0.0).action in {Action.REFUSED, Action.VANISHED, Action.RENEW}:
        return ServiceRefuses(told, next_step=_advice(error.failed.failure))
    silence = error.unanswered
    if silence.seconds >= 1.0:
        told += f"; no usable answer from {silence.host} for {silence.seconds:.0f} s"
    return ServiceUnreachable(told, next_step=_MEND_CERTIFICATE if error.failed.lasting else _MEND_NETWORK)


def said_of(error: RequestFailed) -> str:
    """The service's words, ours where it has none, and how its owners find the request."""
    failed = error.failed
    said = " ".join(part for part in (failed.code, failed.message) if part) or str(failed.failure)
    return said + (f" (request_id {failed.request_id})" if failed.request_id else "")


def _advice(failure: Failure) -> str:
    if failure is Failure.GONE:
        return "check endpoint, project_id and instance_id in the plan"
    return (
        "check the credentials, the instance's project_id and instance_id in the plan, and the user's permissions, "
        "then run the same command again"
    )
