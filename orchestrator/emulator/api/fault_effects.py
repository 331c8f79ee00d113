"""What faults do to replies. Law: pure; a reply goes in, another comes out."""

import re
from collections.abc import Mapping
from dataclasses import replace

from orchestrator.emulator.protocol.errors import gateway, refused_reply, throttled
from orchestrator.emulator.protocol.messages import (
    Body,
    Delayed,
    Drip,
    Dropped,
    Filler,
    Hang,
    How,
    Json,
    NoLength,
    Reply,
    Truncated,
    Whole,
    WrongLength,
)
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.readings import StatusVocab

#: kinds that strike a reply after the request was executed
AFTER = frozenset(
    {
        Kind.RESET_AFTER_SEND,
        Kind.HANG_EXECUTED,
        Kind.SLOW_DRIP,
        Kind.TRUNCATED_WITH_LENGTH,
        Kind.TRUNCATED_WITHOUT_LENGTH,
        Kind.CORRUPT_ARCHIVE,
        Kind.WRONG_LENGTH,
        Kind.MISSING_LENGTH,
        Kind.GARBAGE_200,
        Kind.HALF_JSON,
        Kind.BAD_GATEWAY_AFTER,
        Kind.GATEWAY_TIMEOUT_AFTER,
        Kind.ERROR_AFTER,
        Kind.DELAYED,
        Kind.WRONG_TOTAL,
    }
)
#: kinds that change how a job is told
JOB_VIEWS = frozenset(
    {
        Kind.STALE_STATUS,
        Kind.STATUS_BACKWARDS,
        Kind.UNKNOWN_STATE_NAME,
        Kind.ARCHIVE_ID_MISSING,
        Kind.JOB_VANISHES,
        Kind.JOB_VANISHES_ONCE,
    }
)

_HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_GARBAGE = b"<!doctype html><p>Sign in to the network</p>"
_RUNNING = {StatusVocab.UPPER: "RUNNING", StatusVocab.LEGACY: "Running", StatusVocab.MIXED: "Running"}


def gateway_fault(rule: Rule, request_id: str) -> Reply:
    """The answer of something in front of the service, which never saw the request."""
    match rule.kind:
        case Kind.HTML_502_BEFORE:
            return Reply(502, {"content-type": "text/html"}, Body((_HTML,)))
        case Kind.REDIRECTED:
            return Reply(302, {"location": "/elsewhere", "content-type": "text/html"}, Body((b"<h1>302 Found</h1>",)))
        case Kind.GATEWAY_TIMEOUT_BEFORE:
            return refused_reply(gateway(504, "APIGW.0201", "Backend timeout"), request_id, 0)
        case Kind.UNAVAILABLE:
            return refused_reply(gateway(503, "APIGW.0613", "Service unavailable"), request_id, 0)
        case Kind.THROTTLED | Kind.THROTTLED_RETRY_AFTER:
            says = rule.kind is Kind.THROTTLED_RETRY_AFTER
            return refused_reply(throttled(max(rule.duration, 0.0) if says else -1.0), request_id, 0)
        case _:
            return refused_reply(gateway(500, "APIGW.0601", "Internal server error"), request_id, 0)


def spoil(rule: Rule, reply: Reply, request_id: str) -> Reply:
    """The reply of an executed request as it arrives after all."""
    match rule.kind:
        case Kind.GARBAGE_200:
            return Reply(200, {"content-type": "text/html"}, Body((_GARBAGE,)))
        case Kind.HALF_JSON:
            content = bytes(reply.body)
            return replace(reply, body=Body((content[: len(content) // 2],)))
        case Kind.BAD_GATEWAY_AFTER:
            return refused_reply(gateway(502, "APIGW.0201", "Backend unavailable"), request_id, 0)
        case Kind.GATEWAY_TIMEOUT_AFTER:
            return refused_reply(gateway(504, "APIGW.0201", "Backend timeout"), request_id, 0)
        case Kind.ERROR_AFTER:
            return refused_reply(gateway(500, "APIGW.0601", "Internal server error"), request_id, 0)
        case Kind.WRONG_TOTAL:
            return replace(reply, body=Body((_with_more(bytes(reply.body), rule.amount),)))
        case Kind.CORRUPT_ARCHIVE:
            return replace(reply, body=_corrupted(reply.body))
        case _:
            return replace(reply, how=_how(rule, reply))


def without_length(reply: Reply) -> Reply:
    """The same reply without a Content-Length, where it travels whole."""
    return replace(reply, how=NoLength()) if reply.how == Whole() else reply


def job_view(rule: Rule, told: Json, before: Mapping[str, object] | None, vocab: StatusVocab) -> Json:
    """The job as a fault tells it; unchanged where the fault has nothing to change."""
    running = "end_time" not in told
    match rule.kind:
        case Kind.STALE_STATUS if before is not None:
            return dict(before)
        case Kind.STATUS_BACKWARDS:
            kept: Json = {key: told[key] for key in ("id", "type", "begin_time") if key in told}
            return {**kept, "status": _RUNNING[vocab], "progress_percent": 0.01}
        case Kind.UNKNOWN_STATE_NAME if running:
            return told | {"status": rule.text}
        case Kind.ARCHIVE_ID_MISSING:
            return {key: value for key, value in told.items() if key not in {"archive_id", "entities"}}
        case _:
            return told


def _how(rule: Rule, reply: Reply) -> How:
    size = len(reply.body)
    match rule.kind:
        case Kind.RESET_AFTER_SEND:
            return Dropped(executed=True)
        case Kind.HANG_EXECUTED:
            return Hang(executed=True)
        case Kind.SLOW_DRIP:
            return Drip(max(rule.amount, 1), rule.duration)
        case Kind.TRUNCATED_WITH_LENGTH | Kind.TRUNCATED_WITHOUT_LENGTH:
            return Truncated(min(rule.amount, max(size - 1, 0)), rule.kind is Kind.TRUNCATED_WITH_LENGTH)
        case Kind.WRONG_LENGTH:
            return WrongLength(size + rule.amount)
        case Kind.MISSING_LENGTH:
            return NoLength()
        case Kind.DELAYED:
            return Delayed(rule.duration)
        case _:
            return Whole()


def _with_more(content: bytes, more: int) -> bytes:
    """The page of a list whose `total` is `more` too large."""
    return re.sub(rb'^{"total":(\d+)', lambda found: b'{"total":%d' % (int(found[1]) + more), content)


def _corrupted(body: Body) -> Body:
    """Turns some bytes in the middle of the first long piece: the zip's checksum no longer fits."""
    parts = list(body.parts)
    for index, part in enumerate(parts):
        if not isinstance(part, Filler) and len(part) > 100:
            middle = len(part) // 2
            turned = bytes(byte ^ 0xFF for byte in part[middle : middle + 8])
            parts[index] = part[:middle] + turned + part[middle + 8 :]
            break
    return Body(tuple(parts))
