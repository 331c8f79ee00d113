"""A sidecar is read back as it was written, or not at all."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.storage.sidecar import Begun, Complete, Sidecar, Stored, decode, encode

BEGUN = Begun("b1", 2, "archive-1", 4096, "boot")
COMPLETE = Complete(BEGUN, Stored("ab" * 32, 4096, "structure", "the directory is sound"))


@pytest.mark.parametrize("sidecar", [BEGUN, Begun("b1", 1, "", None, ""), COMPLETE])
def test_what_was_written_is_read(sidecar: Sidecar) -> None:
    assert decode(encode(sidecar)) == sidecar


@given(data=st.binary(max_size=200))
def test_arbitrary_bytes_are_no_sidecar(data: bytes) -> None:
    assert decode(data) is None


@pytest.mark.parametrize("length", range(0, len(encode(COMPLETE)), 5))
def test_a_torn_sidecar_is_none(length: int) -> None:
    assert decode(encode(COMPLETE)[:length]) is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", 2),
        ("begun", None),
        ("begun.batch", 7),
        ("begun.attempt", "1"),
        ("begun.attempt", True),
        ("begun.length", -1),
        ("begun.boot", None),
        ("stored", None),
        ("stored.sha256", "../../etc/passwd"),
        ("stored.sha256", "AB" * 32),
        ("stored.size", 1.5),
        ("stored.check", "fine"),
        ("stored.reason", []),
    ],
)
def test_a_field_of_another_kind_makes_it_none(path: str, value: object) -> None:
    document = json.loads(encode(COMPLETE))
    *parents, last = path.split(".")
    place = document
    for parent in parents:
        place = place[parent]
    place[last] = value

    assert decode(json.dumps(document).encode()) is None
