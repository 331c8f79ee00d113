"""The seam's values."""

from orchestrator.core.model.failures import Failure
from orchestrator.roma.transport import FileBody, TransportFailed, WireRequest


def test_a_request_shows_neither_headers_nor_body_nor_query() -> None:
    request = WireRequest("GET", "https://x/y?name=hidden", {"X-Auth-Token": "hidden"}, b"hidden", 1)
    assert repr(request) == "WireRequest(GET https://x/y)"


def test_the_length_of_a_form_is_known_without_reading_the_file() -> None:
    assert FileBody(b"12", "/nowhere", 100, b"345").length == 105


def test_a_failure_keeps_its_kind_and_words() -> None:
    failed = TransportFailed(Failure.HUNG, "no answer")
    assert (failed.failure, failed.message, str(failed)) == (Failure.HUNG, "no answer", "no answer")
