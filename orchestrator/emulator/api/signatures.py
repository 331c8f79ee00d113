"""Checks SDK-HMAC-SHA256 signatures as the gateway does (API 1.12).

Law: written from API 1.12 and API Appendix A alone, apart from the client.
"""

import hashlib
import hmac
import re
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote, unquote

from orchestrator.emulator.protocol.messages import Request

_AUTHORIZATION = re.compile(r"^SDK-HMAC-SHA256 Access=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$")
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_EMPTY = hashlib.sha256(b"").hexdigest()
_UNSIGNED = "UNSIGNED-PAYLOAD"
#: seconds that a signature's date may be off
SKEW = 15 * 60


def access_key(request: Request) -> str:
    """The access key a signed request names, "" where it is not signed."""
    found = _AUTHORIZATION.match(request.headers.get("authorization", ""))
    return found[1] if found else ""


def is_signed_by(request: Request, sk: str, now: float) -> bool:
    """Whether the signature is that of the secret key, over all it must cover, and not older than 15 minutes."""
    found = _AUTHORIZATION.match(request.headers.get("authorization", ""))
    if found is None:
        return False
    signed = found[2].split(";")
    date = request.headers.get("x-sdk-date", "")
    if not {"host", "x-sdk-date"} <= set(signed) or not _is_fresh(date, now) or not _body_is_covered(request):
        return False
    canonical = _canonical(request, signed)
    text = f"SDK-HMAC-SHA256\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    expected = hmac.digest(sk.encode(), text.encode(), "sha256").hex()
    return hmac.compare_digest(expected, found[3])


def _is_fresh(date: str, now: float) -> bool:
    try:
        return _DATE.fullmatch(date) is not None and abs(now - datetime.fromisoformat(date).timestamp()) <= SKEW
    except ValueError:
        return False


def _body_is_covered(request: Request) -> bool:
    told = request.headers.get("x-sdk-content-sha256", _UNSIGNED)
    return told == _UNSIGNED or told == hashlib.sha256(request.body).hexdigest()


def _canonical(request: Request, signed: list[str]) -> str:
    headers = "".join([f"{name}:{_header(request, name).strip()}\n" for name in signed])
    query = _query(request.query)
    return "\n".join([request.method, _uri(request.path), query, headers, ";".join(signed), _payload(request)])


def _header(request: Request, name: str) -> str:
    return request.headers.get(name, request.host if name == "host" else "")


@lru_cache(maxsize=4096)
def _uri(path: str) -> str:
    text = "/".join(quote(segment, safe="~") for segment in unquote(path).split("/"))
    return text if text.endswith("/") else f"{text}/"


@lru_cache(maxsize=1024)
def _query(pairs: tuple[tuple[str, str], ...]) -> str:
    return "&".join(f"{quote(key, safe='~')}={quote(value, safe='~')}" for key, value in sorted(pairs))


def _payload(request: Request) -> str:
    if not request.body:
        return _EMPTY
    return request.headers.get("x-sdk-content-sha256") or hashlib.sha256(request.body).hexdigest()
