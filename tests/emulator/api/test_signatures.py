"""Signatures are checked against the vectors of API Appendix A."""

import calendar

import pytest

from orchestrator.emulator.api.signatures import is_signed_by
from orchestrator.emulator.protocol.messages import Request
from orchestrator.emulator.world.generate import DEV_USER
from tests.emulator.in_memory_client import BEGIN, signed

AK, SK = "AKEXAMPLE0000000000X", "SKexample/secret+key0000000000000000000000"
PROJECT = "0123456789abcdef0123456789abcdef"
BASE = f"/v2/{PROJECT}/instances/11111111-2222-3333-4444-555555555555"
HOST = "roma.cn-north-4.myhuaweicloud.com"
AT = float(calendar.timegm((2025, 11, 21, 17, 45, 0)))
JSON, UTF8 = {"content-type": "application/json"}, {"content-type": "application/json;charset=UTF-8"}
FORM = {"content-type": "multipart/form-data; boundary=BOUNDARY", "x-sdk-content-sha256": "UNSIGNED-PAYLOAD"}
EXPORT = b'{"apps": [{"id": "b1e6b1e6-4f3f-4a80-bb45-f4b9039f95a3"}], "tasks": []}'
VECTORS = [
    (
        Request("GET", f"{BASE}/apps", (("limit", "100"), ("offset", "0")), JSON),
        "23899ec0f9cba340b343f2f1ee0278589eda9b784d919f5d41554683594880ef",
    ),
    (
        Request("POST", f"{BASE}/assets/export", (), UTF8, EXPORT),
        "1da23ac6561103773d45a23e982835f15638989728c3cdf71ef4950ea48d6210",
    ),
    (
        Request(
            "POST",
            f"{BASE}/assets/import",
            (("type", "Merge"), ("prefix", "dev_"), ("datasource_overwrite", "false")),
            FORM,
            b"any",
        ),
        "fb080416a3868de826e7c8e43e92a8b7ebcc343d2dfa6390cd1f11274a215333",
    ),
    (
        Request(
            "GET", f"{BASE}/apps", (("name", "订单 app~1/(a+b)*"), ("limit", "10")), {"x-security-token": "STOKEN"}
        ),
        "8f00d420f4a856bbf59c4817510a6eb75f26d86ba19dfba98c9a9484e2e0d285",
    ),
]


def vector(request: Request, signature: str) -> Request:
    headers = {**request.headers, "host": HOST, "x-project-id": PROJECT, "x-sdk-date": "20251121T174500Z"}
    names = ";".join(sorted(headers))
    headers["authorization"] = f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders={names}, Signature={signature}"
    return Request(request.method, request.path, request.query, headers, request.body, HOST)


@pytest.mark.parametrize(("request_", "signature"), VECTORS)
def test_the_published_vectors_are_accepted(request_: Request, signature: str) -> None:
    assert is_signed_by(vector(request_, signature), SK, AT)


@pytest.mark.parametrize(("request_", "signature"), VECTORS)
def test_another_key_another_digit_and_another_time_are_refused(request_: Request, signature: str) -> None:
    assert not is_signed_by(vector(request_, signature), SK + "x", AT)
    assert not is_signed_by(vector(request_, signature[:-1] + "_"), SK, AT)
    assert is_signed_by(vector(request_, signature), SK, AT + 900)
    assert not is_signed_by(vector(request_, signature), SK, AT + 901)
    assert not is_signed_by(vector(request_, signature), SK, AT - 901)


def test_another_body_is_refused_unless_it_is_unsigned() -> None:
    request, signature = VECTORS[1]
    changed = Request("POST", request.path, (), request.headers, EXPORT + b" ")
    assert not is_signed_by(vector(changed, signature), SK, AT)
    request, signature = VECTORS[2]
    changed = Request("POST", request.path, request.query, request.headers, b"other")
    assert is_signed_by(vector(changed, signature), SK, AT)


def test_what_the_bench_signs_is_accepted() -> None:
    request = Request("POST", "/v2/p/instances", (("b", "2 3"), ("a", "1/2")), {}, b"{}")
    assert is_signed_by(signed(request, DEV_USER, BEGIN), DEV_USER.sk, BEGIN)
