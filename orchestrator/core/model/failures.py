"""How a request to ROMA can fail, as values. Law: classified by `error_code` first, then by HTTP status (promise 12).

`orchestrator.roma.wire` makes these values from answers; `orchestrator.core.model.retries` says what each one means.
"""

from dataclasses import dataclass
from enum import StrEnum


class Failure(StrEnum):
    """The kinds of failure that lead to different decisions."""

    #: no byte of the request left this host: refused connection, name resolution, TLS
    NOT_SENT = "not-sent"
    #: the connection ended after the request began to leave, before a whole answer came
    DROPPED = "dropped"
    #: no answer within the request's time
    HUNG = "hung"
    #: 5xx, from the gateway or the service (API 3.4): a write may have been executed
    SERVER = "server"
    #: an answer that is not of the documented form, with a success status: a write may have been executed
    GARBAGE = "garbage"
    #: ROMA.10012 (API 2.1): another asset job of this slot is running
    BUSY = "busy"
    #: 429, APIGW.0308 or APIG.0308 (API 3.4)
    THROTTLED = "throttled"
    #: 401 that says the token must be renewed: APIGW.0307, ROMA.1002, APIG.1002; APIGW.0301 with a token
    EXPIRED = "expired"
    #: authentication or permission: a person must act (API 3.1, 3.3, 3.4)
    DENIED = "denied"
    #: 413: certainly not done; the package exceeds what the gateway takes (API 2.2)
    TOO_LARGE = "too-large"
    #: ROMA.10010 "failed to create the task" (API 3.1): certainly not done, repeating may help
    NOT_CREATED = "not-created"
    #: 404 of any layer, or a job or archive that the service says it does not know
    GONE = "gone"
    #: any other refusal of this very request: certainly not done, repeating never helps
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Failed:
    """One failed request, in the service's own words. Never carries a secret."""

    failure: Failure
    #: the service's `error_code`, or "" where there was none
    code: str = ""
    #: the service's words, at most 500 characters, or ours where there was no answer
    message: str = ""
    #: HTTP status, 0 where there was no answer
    status: int = 0
    #: the service's `request_id`, or ""
    request_id: str = ""
    #: seconds of `Retry-After`, -1 where there was none
    retry_after: float = -1.0
    #: it needs a person, and waiting mends nothing: a certificate that is not trusted
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Unanswered:
    """How long a host has given no usable answer when a request failed."""

    #: "" where it was not asked
    host: str = ""
    #: seconds without any usable answer; 0 where the host answers
    seconds: float = 0.0
    #: seconds for which it may go on like that (promise 9); 0 or less = no longer
    left: float = 0.0


class RequestFailed(Exception):
    """What `orchestrator.roma` raises: the performer turns it into an event, or the command into a sentence."""

    def __init__(self, failed: Failed, *, request: str, unanswered: Unanswered | None = None) -> None:
        super().__init__(f"{request}: {failed.failure} {failed.code} {failed.message}".strip())
        self.failed = failed
        #: what was asked, for people: "POST assets/import at prod"
        self.request = request
        #: the silence that this failure is part of
        self.unanswered = unanswered or Unanswered()
