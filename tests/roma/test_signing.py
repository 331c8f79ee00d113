"""The signer against the vectors of API Appendix A, and against the official core package as an oracle."""

import hashlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model.secrets import AccessKeySecret
from orchestrator.roma.client import address
from orchestrator.roma.signing import canonical, sign
from orchestrator.roma.transport import FileBody, WireRequest

AK = "AKEXAMPLE0000000000X"
SK = "SKexample/secret+key0000000000000000000000"
PROJECT = "0123456789abcdef0123456789abcdef"
NOW = datetime(2025, 11, 21, 17, 45, tzinfo=UTC)
BASE = f"https://roma.cn-north-4.myhuaweicloud.com/v2/{PROJECT}/instances/11111111-2222-3333-4444-555555555555"
EXPORT = b'{"apps": [{"id": "b1e6b1e6-4f3f-4a80-bb45-f4b9039f95a3"}], "tasks": []}'

VECTORS = [
    pytest.param(
        WireRequest("GET", f"{BASE}/apps?limit=100&offset=0", {"Content-Type": "application/json"}, None, 1),
        "",
        "content-type;host;x-project-id;x-sdk-date",
        "0240cb8d0a56d50bc86528dbab647b951160fef5c642a9b03ebcaed86e5681fa",
        "23899ec0f9cba340b343f2f1ee0278589eda9b784d919f5d41554683594880ef",
        id="1-get",
    ),
    pytest.param(
        WireRequest("POST", f"{BASE}/assets/export", {"Content-Type": "application/json;charset=UTF-8"}, EXPORT, 1),
        "",
        "content-type;host;x-project-id;x-sdk-date",
        "b79133e7a59446b1ab191b17ea9152a3d292ba99f4a6739e3e2e86265c237afa",
        "1da23ac6561103773d45a23e982835f15638989728c3cdf71ef4950ea48d6210",
        id="2-json",
    ),
    pytest.param(
        WireRequest(
            "POST",
            f"{BASE}/assets/import?datasource_overwrite=false&prefix=dev_&type=Merge",
            {"Content-Type": "multipart/form-data; boundary=BOUNDARY"},
            FileBody(b"head", "/nowhere.zip", 10, b"tail"),
            1,
        ),
        "",
        "content-type;host;x-project-id;x-sdk-content-sha256;x-sdk-date",
        "3de024816ed179035d0c143a6644157a9a94f4d36cc11a6818297135ff8d03e2",
        "fb080416a3868de826e7c8e43e92a8b7ebcc343d2dfa6390cd1f11274a215333",
        id="3-multipart",
    ),
    pytest.param(
        WireRequest("GET", f"{BASE}/apps?limit=10&name=%E8%AE%A2%E5%8D%95%20app~1%2F%28a%2Bb%29%2A", {}, None, 1),
        "STOKEN",
        "host;x-project-id;x-sdk-date;x-security-token",
        "f299cadcdebb28951f8763bb21deaf1855ce24bb3d4481341286a6941658cc73",
        "8f00d420f4a856bbf59c4817510a6eb75f26d86ba19dfba98c9a9484e2e0d285",
        id="4-temporary-key",
    ),
]


@pytest.mark.parametrize(("request_", "security_token", "names", "canonical_hash", "signature"), VECTORS)
def test_signs_as_the_vectors_of_the_fact_sheet(
    request_: WireRequest, security_token: str, names: str, canonical_hash: str, signature: str
) -> None:
    headers = sign(request_, AccessKeySecret(AK, SK, security_token), PROJECT, NOW)
    assert headers["Authorization"] == f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders={names}, Signature={signature}"
    lowered = {name.lower(): value for name, value in headers.items() if name != "Authorization"}
    assert hashlib.sha256(canonical(request_, lowered).encode()).hexdigest() == canonical_hash


SEGMENTS = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=8), min_size=1)
QUERIES = st.dictionaries(st.text("ab_é ~+&=", min_size=1), st.text(st.characters(codec="utf-8"), max_size=8))
BODIES = st.one_of(st.none(), st.binary(max_size=40))
TYPES = st.sampled_from(["application/json", "application/json;charset=UTF-8", "multipart/form-data; boundary=x"])


@given(
    segments=SEGMENTS,
    query=QUERIES,
    body=BODIES,
    content_type=TYPES,
    method=st.sampled_from(["GET", "POST"]),
    security_token=st.sampled_from(["", "STOKEN"]),
)
def test_signs_as_the_official_package(
    segments: list[str],
    query: dict[str, str],
    body: bytes | None,
    content_type: str,
    method: str,
    security_token: str,
) -> None:
    url = address("https://roma.example:8443", *segments, query=list(query.items()))
    request = WireRequest(method, url, {"Host": "roma.example:8443", "Content-Type": content_type}, body, 1)
    ours = sign(request, AccessKeySecret(AK, SK, security_token), PROJECT, NOW)

    path = url.removeprefix("https://roma.example:8443").partition("?")[0]
    oracle = SdkRequest(
        method=method,
        schema="https",
        host="roma.example:8443",
        resource_path=path,
        query_params=list(query.items()),
        header_params={"Content-Type": content_type, "X-Sdk-Date": "20251121T174500Z"},
        body=body,
    )
    credentials = BasicCredentials(AK, SK, PROJECT)
    if security_token:
        credentials = credentials.with_security_token(security_token)
    credentials.sign_request(oracle)

    assert ours["Authorization"] == oracle.header_params["Authorization"]
    assert url == f"https://roma.example:8443{oracle.uri}"


def test_another_time_zone_does_not_shift_the_date() -> None:
    request = WireRequest("GET", f"{BASE}/apps", {}, None, 1)
    there = NOW.astimezone(timezone(timedelta(hours=8)))
    assert sign(request, AccessKeySecret(AK, SK), "", there)["X-Sdk-Date"] == "20251121T174500Z"


def test_a_streamed_body_is_never_signed_as_if_it_were_hashed() -> None:
    request = WireRequest("POST", BASE, {"Content-Type": "application/json"}, FileBody(b"", "x", 1, b""), 1)
    with pytest.raises(ValueError, match="multipart"):
        sign(request, AccessKeySecret(AK, SK), PROJECT, NOW)
