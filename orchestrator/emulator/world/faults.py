"""Named faults of a local ROMA Connect.

Law: a fault is a frozen rule; what it strikes depends on seed and call order only.

A rule matches requests by operation, instance, count, chance and time window; its kind says what happens.
`orchestrator.emulator.api.fault_matcher` holds the rules of a running service and counts what was reached.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.emulator.world.operations import CHANGES, IAM, LISTS, ROMA, WRITES, Operation

_ALL = frozenset(Operation)
#: operations just before which somebody else may change what they are about
MEDDLING = frozenset(
    {
        Operation.DICTIONARY_CHANGE,
        Operation.DATASOURCE_CHANGE,
        Operation.MEMBERS_CHANGE,
        Operation.API_IMPORT,
        Operation.API_PUBLISH,
        Operation.API_ACTION,
        Operation.ENV_CREATE,
        Operation.AUTHORISE,
        Operation.THROTTLE_CREATE,
        Operation.THROTTLE_BIND,
        Operation.ACL_CREATE,
        Operation.ACL_BIND,
        Operation.SIGN_CREATE,
        Operation.SIGN_BIND,
        Operation.PLUGIN_CREATE,
        Operation.PLUGIN_ATTACH,
        Operation.TOPIC_CREATE,
        Operation.PRODUCT_IMPORT,
    }
)


class Kind(StrEnum):
    """The kinds of fault. `seconds`, `count`, `names`, `text` are fields of the rule, with the meaning told here."""

    #: nothing listens: no byte of the request leaves the caller
    CONNECTION_REFUSED = "connection-refused"
    #: the connection ends before the request has left
    RESET_BEFORE_SEND = "reset-before-send"
    #: the request is executed, the connection ends before the answer
    RESET_AFTER_SEND = "reset-after-send"
    #: the request has left and is not executed, the connection ends
    RESET_AFTER_SEND_NOT_EXECUTED = "reset-after-send-not-executed"
    #: executed, no answer ever comes
    HANG_EXECUTED = "hang-executed"
    #: not executed, no answer ever comes
    HANG_NOT_EXECUTED = "hang-not-executed"
    #: the body comes `count` bytes at a time, `seconds` apart
    SLOW_DRIP = "slow-drip"
    #: the body ends after `count` bytes of its Content-Length
    TRUNCATED_WITH_LENGTH = "truncated-with-length"
    #: the body ends after `count` bytes, no Content-Length was sent
    TRUNCATED_WITHOUT_LENGTH = "truncated-without-length"
    #: some bytes of the archive are other bytes
    CORRUPT_ARCHIVE = "corrupt-archive"
    #: the Content-Length is `count` bytes too large
    WRONG_LENGTH = "wrong-length"
    #: no Content-Length is sent
    MISSING_LENGTH = "missing-length"
    #: executed, 200 with a page that is no JSON
    GARBAGE_200 = "garbage-200"
    #: executed, 200 with half of the JSON
    HALF_JSON = "half-json"
    #: not executed, 502 with a page of the load balancer
    HTML_502_BEFORE = "html-502-before"
    #: executed, then 502
    BAD_GATEWAY_AFTER = "502-after"
    #: executed, then 504 (API 3.4)
    GATEWAY_TIMEOUT_AFTER = "504-after"
    #: not executed, 504
    GATEWAY_TIMEOUT_BEFORE = "504-before"
    #: not executed, 503
    UNAVAILABLE = "503"
    #: not executed, 500
    ERROR_BEFORE = "500-before"
    #: executed, then 500
    ERROR_AFTER = "500-after"
    #: 401 APIGW.0307 for a token that has not ended yet; that token is void from now on
    TOKEN_EXPIRED_EARLY = "token-expired-early"  # noqa: S105 - the name of a fault
    #: the token ends while the package is uploaded: 401 APIGW.0307, not executed
    TOKEN_EXPIRES_DURING_UPLOAD = "token-expires-during-upload"  # noqa: S105 - the name of a fault
    #: 401 APIGW.0301 that does not come back
    UNAUTHORISED_ONCE = "unauthorised-once"
    #: 429 with Retry-After of `seconds`
    THROTTLED_RETRY_AFTER = "throttled-retry-after"
    #: 429 without Retry-After
    THROTTLED = "throttled"
    #: somebody else's job takes the slot for `seconds` just before the request
    BUSY_FOREIGN_JOB = "busy-foreign-job"
    #: the slot stays taken for `seconds` after the job of this request ends
    BUSY_AFTER_SUCCESS = "busy-after-success"
    #: the connection ends, and the request is executed up to `seconds` later
    LATE_EXECUTION = "late-execution"
    #: a job's previous status is told once more
    STALE_STATUS = "stale-status"
    #: a job's progress and status go back
    STATUS_BACKWARDS = "status-backwards"
    #: a running job's status is a word that nobody knows: `text`
    UNKNOWN_STATE_NAME = "unknown-state-name"
    #: a successful export names no archive
    ARCHIVE_ID_MISSING = "archive-id-missing"
    #: the archive counts as downloaded before it was
    ARCHIVE_BURNED = "archive-burned"
    #: the job is not known: 404 this time
    JOB_VANISHES_ONCE = "job-vanishes-once"
    #: the job is not known, from now on
    JOB_VANISHES = "job-vanishes"
    #: the job of this request runs for `seconds`, by default for ever
    JOB_RUNS_FOREVER = "job-runs-forever"
    #: the job of this request takes `seconds` longer
    SLOW_JOB = "slow-job"
    #: ROMA.10010
    NOT_CREATED = "not-created"
    #: 413 for more than `count` assets
    TOO_LARGE = "too-large"
    #: the service is away: every matching request is refused, within the time window
    OUTAGE = "outage"
    #: IAM is away, within the time window
    IAM_OUTAGE = "iam-outage"
    #: the service's clock is `seconds` ahead, for signatures
    CLOCK_SKEW = "clock-skew"
    #: what was written shows `seconds` later
    READ_AFTER_WRITE_LAG = "read-after-write-lag"
    #: an export that holds an asset of `names` fails and names it
    POISON_EXPORT = "poison-export"
    #: an export that holds an asset of `names` fails and gives no reason
    POISON_EXPORT_UNNAMED = "poison-export-unnamed"
    #: an import that holds an asset of `names` (as named at the source) fails and names it
    POISON_IMPORT = "poison-import"
    #: an import that holds an asset of `names` fails and gives no reason
    POISON_IMPORT_UNNAMED = "poison-import-unnamed"
    #: the start or stop of a task of `names` fails alone: the answer is a 200 (Finishing 2.5)
    TASK_FAILS = "task-fails"
    #: one API of `names` fails alone as it is published, imported or authorised: the answer is good (Finishing 2.6)
    API_FAILS = "api-fails"
    #: somebody else changes what the request is about, just before it (Finishing 1: the last writer wins)
    MEDDLED = "meddled"
    #: 403 for a download that is not burned by it
    EXPORT_DENIED_DOWNLOAD = "export-denied-download"
    #: the whole reply arrives `seconds` later
    DELAYED = "delayed"
    #: a list says that it has `count` more elements than it tells
    WRONG_TOTAL = "wrong-total"
    #: not executed, 302 to another address
    REDIRECTED = "302"


#: which operations a kind strikes where its rule does not say
TARGETS: dict[Kind, frozenset[Operation]] = {
    Kind.SLOW_DRIP: frozenset({Operation.ARCHIVE}),
    Kind.TRUNCATED_WITH_LENGTH: frozenset({Operation.ARCHIVE}),
    Kind.TRUNCATED_WITHOUT_LENGTH: frozenset({Operation.ARCHIVE}),
    Kind.CORRUPT_ARCHIVE: frozenset({Operation.ARCHIVE}),
    Kind.WRONG_LENGTH: frozenset({Operation.ARCHIVE}),
    Kind.MISSING_LENGTH: frozenset({Operation.ARCHIVE}),
    Kind.EXPORT_DENIED_DOWNLOAD: frozenset({Operation.ARCHIVE}),
    Kind.ARCHIVE_BURNED: frozenset({Operation.ARCHIVE}),
    Kind.TOKEN_EXPIRED_EARLY: ROMA,
    Kind.UNAUTHORISED_ONCE: ROMA,
    Kind.TOKEN_EXPIRES_DURING_UPLOAD: frozenset({Operation.IMPORT}),
    Kind.BUSY_FOREIGN_JOB: WRITES,
    Kind.BUSY_AFTER_SUCCESS: WRITES,
    Kind.LATE_EXECUTION: WRITES | CHANGES,
    Kind.STALE_STATUS: frozenset({Operation.JOB}),
    Kind.STATUS_BACKWARDS: frozenset({Operation.JOB}),
    Kind.UNKNOWN_STATE_NAME: frozenset({Operation.JOB}),
    Kind.ARCHIVE_ID_MISSING: frozenset({Operation.JOB}),
    Kind.JOB_VANISHES_ONCE: frozenset({Operation.JOB}),
    Kind.JOB_VANISHES: frozenset({Operation.JOB}),
    Kind.JOB_RUNS_FOREVER: WRITES,
    Kind.SLOW_JOB: WRITES,
    Kind.NOT_CREATED: WRITES,
    Kind.TOO_LARGE: WRITES,
    Kind.OUTAGE: ROMA,
    Kind.IAM_OUTAGE: IAM,
    Kind.CLOCK_SKEW: ROMA,
    Kind.READ_AFTER_WRITE_LAG: frozenset({Operation.IMPORT, Operation.DELETE}) | CHANGES,
    Kind.POISON_EXPORT: frozenset({Operation.EXPORT}),
    Kind.POISON_EXPORT_UNNAMED: frozenset({Operation.EXPORT}),
    Kind.POISON_IMPORT: frozenset({Operation.IMPORT}),
    Kind.POISON_IMPORT_UNNAMED: frozenset({Operation.IMPORT}),
    Kind.TASK_FAILS: frozenset({Operation.TASK_ACTION}),
    Kind.API_FAILS: frozenset({Operation.API_IMPORT, Operation.API_PUBLISH, Operation.API_ACTION, Operation.AUTHORISE}),
    Kind.MEDDLED: MEDDLING,
    Kind.WRONG_TOTAL: LISTS,
}

#: kinds that strike as long as their rule's window lasts, whatever `times` says
LASTING = frozenset(
    {
        Kind.OUTAGE,
        Kind.IAM_OUTAGE,
        Kind.CLOCK_SKEW,
        Kind.POISON_EXPORT,
        Kind.POISON_EXPORT_UNNAMED,
        Kind.POISON_IMPORT,
        Kind.POISON_IMPORT_UNNAMED,
        Kind.TASK_FAILS,
        Kind.API_FAILS,
        Kind.TOO_LARGE,
    }
)

#: `seconds` where the rule gives none
SECONDS: dict[Kind, float] = {
    Kind.SLOW_DRIP: 0.01,
    Kind.THROTTLED_RETRY_AFTER: 1.0,
    Kind.BUSY_FOREIGN_JOB: 5.0,
    Kind.BUSY_AFTER_SUCCESS: 5.0,
    Kind.LATE_EXECUTION: 30.0,
    Kind.JOB_RUNS_FOREVER: math.inf,
    Kind.SLOW_JOB: 30.0,
    Kind.CLOCK_SKEW: 1200.0,
    Kind.READ_AFTER_WRITE_LAG: 5.0,
    Kind.DELAYED: 1.0,
}

#: `count` where the rule gives none
COUNTS: dict[Kind, int] = {
    Kind.SLOW_DRIP: 256,
    Kind.TRUNCATED_WITH_LENGTH: 64,
    Kind.TRUNCATED_WITHOUT_LENGTH: 64,
    Kind.WRONG_LENGTH: 100,
    Kind.TOO_LARGE: 50,
    Kind.WRONG_TOTAL: 1,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault: what it does and which requests it strikes. Every condition must hold."""

    kind: Kind
    #: operations it strikes; none = those the kind is made for, else all
    operations: frozenset[Operation] = frozenset()
    #: name of the instance, "" = all
    instance: str = ""
    #: the first matching request that may be struck, from 1
    nth: int = 1
    #: how many requests it strikes; 0 = no bound. Kinds in `LASTING` ignore it
    times: int = 1
    #: chance that a matching request is struck, drawn from the service's seed
    probability: float = 1.0
    #: window in seconds after the service began
    after: float = 0.0
    until: float = math.inf
    #: see the kind; -1 = the kind's default
    seconds: float = -1.0
    #: see the kind; -1 = the kind's default
    count: int = -1
    #: asset names or ids, for poison
    names: frozenset[str] = frozenset()
    #: see the kind
    text: str = "Archiving"

    @property
    def strikes_on(self) -> frozenset[Operation]:
        """The operations it strikes."""
        return self.operations or TARGETS.get(self.kind, _ALL)

    @property
    def duration(self) -> float:
        """`seconds`, or the kind's default."""
        return self.seconds if self.seconds >= 0 else SECONDS.get(self.kind, 0.0)

    @property
    def amount(self) -> int:
        """`count`, or the kind's default."""
        return self.count if self.count >= 0 else COUNTS.get(self.kind, 0)
