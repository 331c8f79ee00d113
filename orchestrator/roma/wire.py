"""What an answer means. Law: an error is classified by its code, then by its HTTP status; no answer can break us.

Five envelopes are read by one tolerant rule (API 1.7); all texts from outside are bounded, cleaned and carry no secret.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from functools import lru_cache

from orchestrator.core.model.failures import Failed, Failure
from orchestrator.roma.limits import CODE_LENGTH, ERROR_BYTES, MESSAGE_LENGTH, too_many_values

#: seconds of clock skew worth telling; signatures are refused beyond 15 min (API 4)
SKEW_WORTH_TELLING = 300.0
_NODES = 200
_ENVELOPES = (("error_code", "error_msg"), ("errorCode", "errorMsg"), ("code", "message"))

#: codes that decide whatever the HTTP status is (API 3); 12001 is of one application only, so the batch is split
_BY_CODE = {
    "ROMA.10012": Failure.BUSY,
    "ROMA.10010": Failure.NOT_CREATED,
    "ROMA.1000": Failure.DENIED,
    "ROMA.1006": Failure.DENIED,
    "ROMA.1007": Failure.DENIED,
    "ROMA.12002": Failure.DENIED,
    "ROMA.10011": Failure.INVALID,
    "ROMA.10013": Failure.INVALID,
    "ROMA.12001": Failure.INVALID,
    "ROMA.13000": Failure.INVALID,
    "ROMA.13001": Failure.INVALID,
    "FDI.3081": Failure.GONE,
    "FDI.9999": Failure.SERVER,
    "APIG.1005": Failure.DENIED,
    "APIG.9999": Failure.SERVER,
    "APIGW.0302": Failure.DENIED,
    "APIGW.0305": Failure.DENIED,
    "APIGW.0306": Failure.DENIED,
    "APIGW.0310": Failure.DENIED,
    "APIGW.0402": Failure.DENIED,
    "APIGW.0801": Failure.DENIED,
    "APIGW.0802": Failure.DENIED,
    "APIGW.0308": Failure.THROTTLED,
    "APIG.0308": Failure.THROTTLED,
}
#: codes that a new token may cure; with a signature they are a refusal
_EXPIRED = {"ROMA.1002", "APIG.1002", "APIGW.0307", "APIGW.0301"}


class Proof(Enum):
    """By what a request showed who asks: it decides what a refusal means."""

    #: `X-Auth-Token`, which may have ended
    TOKEN = auto()
    #: AK/SK
    SIGNATURE = auto()
    #: a key that ends and can be renewed
    SESSION = auto()
    #: the user's password itself, at IAM
    PASSWORD = auto()


@dataclass(frozen=True, slots=True)
class Said:
    """What stands in an error envelope."""

    #: "" where there was none
    code: str = ""
    message: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """What of an answer is not its body, and how it was asked."""

    status: int
    #: names in lower case
    headers: Mapping[str, str]
    proof: Proof
    #: our wall clock
    now: datetime
    #: replaces secrets that the service may echo
    conceal: Callable[[str], str] = str


def classify(head: Head, body: bytes) -> Failed:
    """The failure that an answer of any status but success means; never raises."""
    said = read_envelope(body, head.conceal)
    failure = _failure(head, said.code)
    return Failed(
        failure,
        code=said.code,
        message=clean(_words(head, said, body, failure), MESSAGE_LENGTH),
        status=head.status,
        request_id=said.request_id or clean(head.conceal(head.headers.get("x-request-id", "")), 128),
        retry_after=retry_after(head.headers, head.now),
    )


def misshapen(head: Head, body: bytes, expected: str) -> Failed:
    """A success status over a body that is not as documented: a known error inside it counts, else GARBAGE."""
    failed = classify(head, body)
    if _known(failed.code, head.proof) is None:
        return replace(failed, failure=Failure.GARBAGE, message=f"the answer is not {expected}")
    return failed


def unknown_job(failed: Failed) -> Failed:
    """The one place that guesses how ROMA says "I do not know this job", which is not documented (API 3.4).

    A 404 is GONE already. A 400 or 403 with a code of ROMA's own that is neither about permission nor anything else
    known is taken for it; the gateway's codes never are.
    """
    guess = failed.failure is Failure.INVALID and failed.status in (400, 403) and failed.code
    return replace(failed, failure=Failure.GONE) if guess and not failed.code.startswith("APIGW.") else failed


def parse(body: bytes) -> object:
    """The JSON value; raises ValueError for anything else, also for too deep nesting and too many values."""
    if too_many_values(body):
        raise ValueError("it holds too many values")
    try:
        value: object = json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def read_envelope(body: bytes, conceal: Callable[[str], str] = str) -> Said:
    """Code and words from any of the five envelopes, nested ones included (API 1.7); empty where there is none.

    Secrets are taken out of the whole texts, before any of them is cut.
    """
    try:
        value = parse(body[:ERROR_BYTES])
    except ValueError:
        return Said()
    objects = list(_objects(value))
    ids = (x.get("request_id") for x in objects)
    request_id = next((clean(conceal(x), 128) for x in ids if isinstance(x, str)), "")
    for code_key, message_key in _ENVELOPES:
        for candidate in objects:
            code, message = candidate.get(code_key), candidate.get(message_key)
            if isinstance(code, str | int) and isinstance(message, str):
                return Said(clean(conceal(str(code)), CODE_LENGTH), conceal(message), request_id)
    return Said(request_id=request_id)


def clean(text: str, longest: int) -> str:
    """One printable line that can always be encoded, at most `longest` characters."""
    line = "".join(char if char.isprintable() else " " for char in text[: longest * 2])
    line = " ".join(line.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def retry_after(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds of `Retry-After`, given as seconds or as a date; -1 where there is none that can be read."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return -1.0
    try:
        seconds = float(text)
    except ValueError:
        moment = _date(text)
        if moment is None:
            return -1.0
        # Against the service's own clock where it tells it: ours may be off.
        seconds = max(0.0, (moment - (_date(headers.get("date", "")) or now)).total_seconds())
    return seconds if math.isfinite(seconds) and seconds >= 0 else -1.0


def skew(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds by which the service's clock is ahead of ours, to the second; None where it does not tell."""
    moment = _date(headers.get("date", ""))
    return None if moment is None else (moment - now).total_seconds()


def _failure(head: Head, code: str) -> Failure:
    known = _known(code, head.proof)
    if known is not None:
        return known
    if code.startswith("APIGW.01"):  # no such API in this region: never to be read as "no such job"
        return Failure.DENIED
    if code.startswith("ROMA.") and head.status == 403:  # its pages list 403 for any of its errors (API 3.1)
        return Failure.INVALID
    return _by_status(head.status)


def _known(code: str, proof: Proof) -> Failure | None:
    """What a code decides whatever the status; APIC and APIG are two spellings of one layer (API 3.3)."""
    code = code.replace("APIC.", "APIG.", 1)
    if code in _EXPIRED:
        return Failure.EXPIRED if proof in (Proof.TOKEN, Proof.SESSION) else Failure.DENIED
    if code.startswith("APIGW.06"):
        return Failure.SERVER
    return _BY_CODE.get(code)


def _by_status(status: int) -> Failure:
    match status:
        case 401 | 403 | 407:
            return Failure.DENIED
        case 404 | 410:
            return Failure.GONE
        case 413:
            return Failure.TOO_LARGE
        case 429:
            return Failure.THROTTLED
        case _ if 200 <= status < 400:  # a redirection too: it comes from something on the way, and may pass
            return Failure.GARBAGE
        case _ if 400 <= status < 500 and status != 408:
            return Failure.INVALID
        case _:
            return Failure.SERVER


def _words(head: Head, said: Said, body: bytes, failure: Failure) -> str:
    """What a person is told: the service's words, ours where it has none, and what only we can see."""
    if 300 <= head.status < 400:
        return f"HTTP {head.status}: a redirection, which is never followed; check the endpoint in the plan"
    words = said.message or head.conceal(body.decode("utf-8", "replace")).strip() or f"HTTP {head.status}, no text"
    if failure is Failure.DENIED and head.status == 401 and head.proof is Proof.SIGNATURE:
        words = f"{clean(words, MESSAGE_LENGTH // 2)} (check the key and the clock{_skew_words(head)})"
    return words


def _skew_words(head: Head) -> str:
    seconds = skew(head.headers, head.now)
    if seconds is None or abs(seconds) <= SKEW_WORTH_TELLING:
        return ""
    return f": this host's clock is {abs(seconds):.0f} s {'behind' if seconds > 0 else 'ahead of'} the service's"


def _objects(value: object) -> Iterator[Mapping[str, object]]:
    """Every object in a value, outer ones first, of which at most some are looked at."""
    queue = [value]
    for _ in range(_NODES):
        if not queue:
            return
        node = queue.pop(0)
        if isinstance(node, dict):
            yield node
            queue.extend(child for child in node.values() if isinstance(child, dict | list))
        elif isinstance(node, list):
            queue.extend(child for child in node[:_NODES] if isinstance(child, dict | list))


@lru_cache(maxsize=64)
def _date(text: str) -> datetime | None:
    """A moment as HTTP writes it; many answers tell the same second."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
