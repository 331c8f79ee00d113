"""What answers mean: every envelope, every class of code, and whatever else may come."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model.failures import Failed, Failure
from orchestrator.roma.limits import MESSAGE_LENGTH
from orchestrator.roma.wire import (
    Head,
    Proof,
    classify,
    clean,
    misshapen,
    parse,
    read_envelope,
    retry_after,
    skew,
    unknown_job,
)

NOW = datetime(2025, 11, 21, 17, 45, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["error_code", "error_msg", "code", "x"]), inner),
)


def head(status: int, proof: Proof = Proof.TOKEN, **headers: str) -> Head:
    return Head(status, {name.replace("_", "-"): value for name, value in headers.items()}, proof, NOW)


def body(code: str, message: str = "words") -> bytes:
    return json.dumps({"error_code": code, "error_msg": message}).encode()


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "ROMA.10012", Failure.BUSY),
        (403, "ROMA.10012", Failure.BUSY),
        (500, "ROMA.10012", Failure.BUSY),
        (400, "ROMA.10010", Failure.NOT_CREATED),
        (400, "ROMA.1000", Failure.DENIED),
        (400, "ROMA.1002", Failure.EXPIRED),
        (400, "ROMA.1006", Failure.DENIED),
        (400, "ROMA.1007", Failure.DENIED),
        (400, "ROMA.10011", Failure.INVALID),
        (403, "ROMA.10013", Failure.INVALID),
        (403, "ROMA.12001", Failure.INVALID),
        (400, "ROMA.12002", Failure.DENIED),
        (403, "ROMA.13000", Failure.INVALID),
        (403, "ROMA.99999", Failure.INVALID),
        (400, "FDI.3021", Failure.INVALID),
        (404, "FDI.3081", Failure.GONE),
        (400, "FDI.3081", Failure.GONE),
        (500, "FDI.9999", Failure.SERVER),
        (401, "APIG.1002", Failure.EXPIRED),
        (401, "APIC.1002", Failure.EXPIRED),
        (403, "APIG.1005", Failure.DENIED),
        (404, "APIG.3004", Failure.GONE),
        (500, "APIG.9999", Failure.SERVER),
        (404, "APIGW.0101", Failure.DENIED),
        (400, "APIGW.0201", Failure.INVALID),
        (413, "APIGW.0201", Failure.TOO_LARGE),
        (414, "APIGW.0201", Failure.INVALID),
        (502, "APIGW.0201", Failure.SERVER),
        (504, "APIGW.0201", Failure.SERVER),
        (401, "APIGW.0301", Failure.EXPIRED),
        (403, "APIGW.0302", Failure.DENIED),
        (401, "APIGW.0305", Failure.DENIED),
        (401, "APIGW.0307", Failure.EXPIRED),
        (429, "APIGW.0308", Failure.THROTTLED),
        (403, "APIG.0308", Failure.THROTTLED),
        (503, "APIGW.0613", Failure.SERVER),
        (403, "APIGW.0802", Failure.DENIED),
        (401, "", Failure.DENIED),
        (403, "", Failure.DENIED),
        (404, "", Failure.GONE),
        (408, "", Failure.SERVER),
        (413, "", Failure.TOO_LARGE),
        (429, "", Failure.THROTTLED),
        (302, "", Failure.GARBAGE),
        (418, "", Failure.INVALID),
        (500, "", Failure.SERVER),
        (200, "", Failure.GARBAGE),
        (999, "", Failure.SERVER),
    ],
)
def test_an_error_is_classified_by_its_code_then_by_its_status(status: int, code: str, expected: Failure) -> None:
    failed = classify(head(status), body(code) if code else b"<html>gateway</html>")
    assert failed.failure is expected
    assert failed.code == code
    assert failed.status == status


@pytest.mark.parametrize("code", ["ROMA.1002", "APIG.1002", "APIGW.0301", "APIGW.0307"])
@pytest.mark.parametrize("proof", [Proof.SIGNATURE, Proof.PASSWORD])
def test_what_a_new_token_would_cure_is_a_refusal_where_there_is_no_token(code: str, proof: Proof) -> None:
    assert classify(head(401, proof), body(code)).failure is Failure.DENIED


@pytest.mark.parametrize(
    ("envelope", "code", "message", "request_id"),
    [
        ({"error_code": "ROMA.1", "error_msg": "m", "error_details": "d", "request_id": "r"}, "ROMA.1", "m", "r"),
        ({"error_code": "FDI.1", "error_msg": "m"}, "FDI.1", "m", ""),
        ({"errorCode": "A.1", "errorMsg": "m"}, "A.1", "m", ""),
        ({"error": {"code": 401, "message": "m", "title": "Unauthorized"}}, "401", "m", ""),
        ({"error": {"details": [{"error_code": "X.1", "error_msg": "m"}], "request_id": "r"}}, "X.1", "m", "r"),
        ({"code": "outer", "message": "o", "inner": {"error_code": "X.1", "error_msg": "m"}}, "X.1", "m", ""),
        ({"error_code": "X.1"}, "", "", ""),
        ([], "", "", ""),
    ],
)
def test_all_five_envelopes_are_read(envelope: object, code: str, message: str, request_id: str) -> None:
    said = read_envelope(json.dumps(envelope).encode())
    assert (said.code, said.message, said.request_id) == (code, message, request_id)


def test_the_request_id_is_taken_from_the_header_where_the_body_has_none() -> None:
    assert classify(head(500, x_request_id="from-header"), body("X.1")).request_id == "from-header"


def test_the_words_are_cut_cleaned_and_without_secrets() -> None:
    echoing = Head(401, {}, Proof.TOKEN, NOW, lambda text: text.replace("hunter22", "***"))
    failed = classify(echoing, body("X.1", "bad\n\x1b[31mtoken hunter22 " + "x" * 1000))
    assert "hunter22" not in failed.message
    assert failed.message.startswith("bad [31mtoken *** xxx")
    assert len(failed.message) == MESSAGE_LENGTH


def test_a_redirection_is_refused_in_a_sentence() -> None:
    assert "never followed" in classify(head(301), b"").message


@pytest.mark.parametrize(
    ("date", "words"),
    [
        ("Fri, 21 Nov 2025 18:00:00 GMT", "this host's clock is 900 s behind the service's"),
        ("Fri, 21 Nov 2025 17:30:00 GMT", "this host's clock is 900 s ahead of the service's"),
    ],
)
def test_a_refused_signature_tells_the_measured_clock_skew(date: str, words: str) -> None:
    failed = classify(head(401, Proof.SIGNATURE, date=date), body("APIGW.0301"))
    assert "check the key and the clock" in failed.message
    assert words in failed.message


def test_a_small_clock_skew_is_not_told() -> None:
    failed = classify(head(401, Proof.SIGNATURE, date="Fri, 21 Nov 2025 17:46:00 GMT"), body("APIGW.0301"))
    assert "behind" not in failed.message


@pytest.mark.parametrize(
    ("text", "date", "seconds"),
    [
        ("7", "", 7.0),
        ("0", "", 0.0),
        ("1.5", "", 1.5),
        ("Fri, 21 Nov 2025 17:46:00 GMT", "", 60.0),
        ("Fri, 21 Nov 2025 17:46:00 GMT", "Fri, 21 Nov 2025 17:45:30 GMT", 30.0),
        ("Fri, 21 Nov 2025 17:00:00 GMT", "", 0.0),
        ("-5", "", -1.0),
        ("inf", "", -1.0),
        ("soon", "", -1.0),
        ("", "", -1.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(text: str, date: str, seconds: float) -> None:
    assert retry_after({"retry-after": text, "date": date}, NOW) == seconds


def test_the_clock_offset_is_unknown_where_the_service_does_not_tell() -> None:
    assert skew({}, NOW) is None
    assert skew({"date": "Fri, 21 Nov 2025 17:44:00 GMT"}, NOW) == -60


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "", Failure.GONE),
        (400, "ROMA.13000", Failure.GONE),
        (403, "ROMA.10099", Failure.GONE),
        (403, "ROMA.1006", Failure.DENIED),
        (403, "", Failure.DENIED),
        (400, "", Failure.INVALID),
        (400, "APIGW.0201", Failure.INVALID),
        (404, "APIGW.0101", Failure.DENIED),
        (500, "ROMA.13000", Failure.INVALID),
        (503, "", Failure.SERVER),
    ],
)
def test_a_job_counts_as_unknown_only_where_roma_itself_says_so(status: int, code: str, expected: Failure) -> None:
    assert unknown_job(classify(head(status), body(code) if code else b"")).failure is expected


def test_a_success_status_over_an_error_envelope_counts_as_that_error_only_where_it_is_known() -> None:
    assert misshapen(head(200), body("ROMA.10012"), "a job id").failure is Failure.BUSY
    unknown = misshapen(head(200), body("ROMA.77777"), "a job id")
    assert unknown.failure is Failure.GARBAGE
    assert unknown.message == "the answer is not a job id"


def test_deep_nesting_and_huge_numbers_are_value_errors() -> None:
    for text in (b"[" * 100000, b"9" * 5000, b"\xff\xfe\xfa", b"", b"{'a': 1}"):
        with pytest.raises(ValueError, match=r"."):
            parse(text)


@given(status=st.integers(0, 1200), text=st.binary(max_size=200) | JSON.map(lambda x: json.dumps(x).encode()))
def test_no_answer_breaks_the_classification(status: int, text: bytes) -> None:
    failed = classify(head(status), text)
    assert isinstance(failed, Failed)
    assert len(failed.message) <= MESSAGE_LENGTH
    failed.message.encode()
    failed.code.encode()


@given(st.text(), st.integers(1, 50))
def test_cleaned_text_is_one_short_printable_line(text: str, longest: int) -> None:
    line = clean(text, longest)
    assert len(line) <= longest
    assert line.isprintable()
