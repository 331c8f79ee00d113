"""How a local ROMA Connect refuses, in all error envelopes (API 1.7, Finishing 1).

Law: one exception, one place that writes it.

Codes that start with ROMA.19 are invented here: the documents name none for their case (API 3.4, end).
"""

from enum import StrEnum

from orchestrator.emulator.protocol.messages import Json, Reply, json_reply


class Layer(StrEnum):
    """Which layer refuses; it decides the envelope (API 1.7)."""

    #: ROMA public and asset APIs
    ROMA = "roma"
    FDI = "fdi"
    #: schedules of tasks, which nest what the rest of FDI says (Finishing 1)
    DISPATCH = "dispatch"
    #: the message service
    MQS = "mqs"
    #: devices
    LINK = "link"
    #: service integration
    APIC = "apic"
    #: the gateway in front
    GATEWAY = "gateway"
    IAM = "iam"


class Refusal(Exception):
    """A request that is refused, by the layer that refuses it."""

    def __init__(self, layer: Layer, status: int, code: str, message: str, details: str = "") -> None:
        super().__init__(f"{code} {message}")
        self.layer = layer
        #: HTTP status; 0 = the one of the switch `error_http_status`
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        #: seconds after which to come back (Retry-After); less than 0 = it does not say
        self.retry_after = -1.0


#: an archive that is unknown, expired or was downloaded before (invented)
ARCHIVE_GONE = "ROMA.19001"
#: a job that is unknown, forgotten or another user's (invented)
JOB_GONE = "ROMA.19002"
#: a name that exists (invented)
NAME_EXISTS = "ROMA.19003"
#: something an asset needs is absent (invented)
DEPENDENCY_ABSENT = "ROMA.19004"
#: a quota is used up (invented)
QUOTA_EXCEEDED = "ROMA.19005"
#: the same data source id exists (invented)
DATASOURCE_EXISTS = "ROMA.19006"
#: paths of APIs conflict under another instance configuration (invented)
PATH_CONFLICT = "ROMA.19007"
#: a fault said so (invented)
POISON = "ROMA.19008"
#: an application key exists (invented)
KEY_EXISTS = "ROMA.19009"
#: an asset is in use or running (invented)
IN_USE = "ROMA.19010"
#: an entry of the data dictionary that is unknown (invented)
ENTRY_GONE = "ROMA.19011"


def roma(code: str, message: str, details: str = "", status: int = 0) -> Refusal:
    """A refusal by ROMA itself; its status is the switch's unless given (API 3.1)."""
    return Refusal(Layer.ROMA, status, code, message, details)


def gateway(status: int, code: str, message: str) -> Refusal:
    """A refusal by the gateway in front (API 3.4)."""
    return Refusal(Layer.GATEWAY, status, code, message)


def not_permitted() -> Refusal:
    """The user may not do this (API 3.1)."""
    return roma("ROMA.1006", "You do not have the permissions required to perform this operation.", status=403)


def busy() -> Refusal:
    """Another job of the slot is running (API 2.1)."""
    return roma("ROMA.10012", "An asset management task is running.")


def invalid(details: str) -> Refusal:
    """The parameters are wrong (API 3.1)."""
    return roma("ROMA.13000", "Invalid parameters.", details)


def throttled(retry_after: float = -1.0) -> Refusal:
    """One request too many, in the form that was seen (API 3.4)."""
    message = "The throttling threshold has been reached: policy user over ratelimit,limit:10,time:1 minute"
    refusal = gateway(429, "APIGW.0308", message)
    refusal.retry_after = retry_after
    return refusal


def refused_reply(refusal: Refusal, request_id: str, roma_status: int) -> Reply:
    """The refusal in the envelope of its layer."""
    headers = {"x-request-id": request_id}
    if refusal.retry_after >= 0:
        headers["retry-after"] = str(round(refusal.retry_after))
    status = refusal.status or roma_status
    body = _envelope(refusal, status, request_id)
    return json_reply(status, body, headers)


def _envelope(refusal: Refusal, status: int, request_id: str) -> Json:
    match refusal.layer:
        case Layer.ROMA:
            return {
                "error_code": refusal.code,
                "error_msg": refusal.message,
                "error_details": (refusal.details or refusal.message)[:128],
                "request_id": request_id,
            }
        case Layer.FDI | Layer.APIC:
            return {"error_code": refusal.code, "error_msg": refusal.message}
        case Layer.DISPATCH:
            return {"code": status, "reason": {"error_code": refusal.code, "error_msg": refusal.message}}
        case Layer.MQS:
            return {"error_code": status, "error_msg": refusal.message}
        case Layer.GATEWAY | Layer.LINK:
            return {"error_code": refusal.code, "error_msg": refusal.message, "request_id": request_id}
        case Layer.IAM:
            return {"error": {"code": status, "message": refusal.message, "title": refusal.code}}
