"""Durations and the other shapes of single values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.plan.plan import SecretRef, SecretSource
from orchestrator.core.plan.problems import BAD, At
from orchestrator.core.plan.scalars import Number, Reference, Text, TimeSpan, seconds_of, spelled


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("2d", 172800),
        ("1d1h1m1s", 90061),
        ("0s", 0),
        ("0.5s", 0.5),
        ("1.5h", 5400),
    ],
)
def test_a_duration_is_read_as_seconds(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "30", "s", "1m1h", "1s1s", "-1s", "1 h", "1H", "1w", "1e3s", "٣s", "1h ", "1234567s"]
)
def test_anything_else_is_no_duration(text: str) -> None:
    assert seconds_of(text) is None


@given(st.integers(0, 10**9))
def test_a_duration_is_spelled_as_it_would_be_read(seconds: int) -> None:
    assert seconds_of(spelled(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("30", "30s"),
        ("5 min", "5m"),
        ("2 hours", "2h"),
        ("1hr", "1h"),
        ("10 Secs", "10s"),
        ("3 days", "3d"),
        ("1 week", ""),
    ],
)
def test_a_duration_with_another_unit_is_understood_in_the_message_only(text: str, meant: str) -> None:
    at = At((), {})
    assert TimeSpan(0, 10**9).read(text, at) is BAD
    (problem,) = at.problems
    assert problem.message.endswith(f'; did you mean "{meant}"?') == bool(meant)


@given(st.text())
def test_a_number_is_a_number_or_a_problem(text: str) -> None:
    at = At((), {})
    value = Number(0.001, 1000).read(text, at)
    assert (value is BAD) == bool(at.problems)
    assert value is BAD or 0.001 <= value <= 1000


@given(st.text())
def test_no_reference_is_ever_repeated(text: str) -> None:
    at = At(("credentials", "me", "sk"), {})
    value = Reference().read(f"Zq9{text}zQ", at)
    assert value is BAD
    assert all("Zq9" not in problem.message for problem in at.problems)


def test_references_name_a_variable_or_a_file() -> None:
    at = At((), {})
    assert Reference().read("${env:A_1}", at) == SecretRef(SecretSource.ENV, "A_1")
    assert Reference().read("${file:/run/my secrets/x}", at) == SecretRef(SecretSource.FILE, "/run/my secrets/x")
    assert str(Reference().read("${file:x}", at)) == "${file:x}"
    for wrong in ("${env:}", "${env:1A}", "${env:A-B}", "${file:}", "${env:A}x", "${ENV:A}", "${env:A\n}"):
        assert Reference().read(wrong, at) is BAD


def test_a_text_that_may_be_empty_is_not_a_problem_when_empty() -> None:
    at = At((), {})
    assert Text("a", "a", may_be_empty=True).read("", at) == ""
    assert not at.problems
    assert Text("a", "a").read("", at) is BAD
