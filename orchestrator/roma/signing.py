"""AK/SK request signing, SDK-HMAC-SHA256 (API 1.12). Law: byte for byte what the official signer makes.

Checked against the vectors of API Appendix A and against the official core package as an oracle.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from orchestrator.core.model.secrets import AccessKeySecret
from orchestrator.roma.transport import WireRequest

_ALGORITHM = "SDK-HMAC-SHA256"
_UNSIGNED = "UNSIGNED-PAYLOAD"


@lru_cache(maxsize=4096)
def encode(text: str) -> str:
    """Percent-encoded as the signature wants it; the same few texts stand in every address."""
    return quote(text, safe="~")


def encode_query(pairs: list[tuple[str, str]]) -> str:
    """The canonical query string: the same one is signed and sent."""
    return "&".join(f"{encode(key)}={encode(value)}" for key, value in sorted(pairs))


def sign(request: WireRequest, secret: AccessKeySecret, project_id: str, now: datetime) -> dict[str, str]:
    """The request's headers with those of the signature; `now` is the wall clock (the service allows 15 min of skew).

    All headers given are signed, so what may change on the way must be added afterwards.
    """
    headers = {**request.headers, "X-Sdk-Date": now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")}
    headers.setdefault("Host", urlsplit(request.url).netloc)
    if project_id:
        headers["X-Project-Id"] = project_id
    if secret.security_token:
        headers["X-Security-Token"] = secret.security_token
    lowered = {key.lower(): value.strip() for key, value in headers.items() if "_" not in key}
    content_type = lowered.get("content-type", "")
    if content_type and not content_type.startswith(("application/json", "application/bson")):
        headers["X-Sdk-Content-Sha256"] = lowered["x-sdk-content-sha256"] = _UNSIGNED
    names = ";".join(sorted(lowered))
    to_sign = "\n".join((_ALGORITHM, headers["X-Sdk-Date"], _sha256(canonical(request, lowered).encode())))
    signature = hmac.digest(secret.sk.encode(), to_sign.encode(), "sha256").hex()
    headers["Authorization"] = f"{_ALGORITHM} Access={secret.ak}, SignedHeaders={names}, Signature={signature}"
    return headers


def canonical(request: WireRequest, lowered: Mapping[str, str]) -> str:
    """The canonical request (API 1.12, 4); `lowered` are the signed headers under lower-case names."""
    names = sorted(lowered)
    return "\n".join(
        (
            request.method.upper(),
            *_canonical_address(request.url),
            "".join([f"{name}:{lowered[name]}\n" for name in names]),
            ";".join(names),
            _payload_hash(request, lowered),
        )
    )


@lru_cache(maxsize=1024)
def _canonical_address(url: str) -> tuple[str, str]:
    """Path and query as they are signed; a job or a list is asked for again and again at one address."""
    parts = urlsplit(url)
    path = "/".join(map(encode, unquote(parts.path).split("/")))
    return path if path.endswith("/") else path + "/", encode_query(parse_qsl(parts.query, keep_blank_values=True))


def _payload_hash(request: WireRequest, lowered: Mapping[str, str]) -> str:
    if not request.body:
        return _sha256(b"")
    announced = lowered.get("x-sdk-content-sha256", "")
    if announced:
        return announced
    if isinstance(request.body, bytes):
        return _sha256(request.body)
    raise ValueError("a streamed body is only signed as multipart")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
