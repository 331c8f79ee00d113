"""How problems are spoken of: places, quotes, hints, and what is never shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.plan.problems import At, Place, Problem, did_you_mean, dotted, listed, quoted


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ((), ""),
        (("migrations", 0, "targets", 1, "mode"), "migrations[0].targets[1].mode"),
        (("migrations", 0, "calls", "my app*"), 'migrations[0].calls["my app*"]'),
        (("credentials", "me", "sk"), "credentials.me.sk"),
        (("credentials", "me", "passwort"), "credentials.me.passwort"),
        (("credentials", "me", "SESAME"), "credentials.me[not shown]"),
        (("credentials", "me", "password1234"), "credentials.me[not shown]"),
        (("settings", "sk=SESAME"), "settings.sk[not shown]"),
        (("password SESAME",), "password[not shown]"),
        (("x-a", "sk", "SESAME"), "x-a.sk[not shown]"),
    ],
)
def test_a_place_is_written_as_people_would(place: Place, text: str) -> None:
    assert dotted(place) == text


@given(st.text())
def test_a_quote_is_one_short_line_that_commands_no_terminal(text: str) -> None:
    assert quoted(text).isprintable()
    assert len(quoted(text)) <= 60 * 10 + 5


def test_a_problem_without_a_place_is_its_message() -> None:
    assert str(Problem((), "it is empty")) == "it is empty"
    assert str(Problem(("name",), "it is empty")) == "name: it is empty"


def test_the_nearest_known_word_is_offered_whatever_its_capitals_and_dashes() -> None:
    assert did_you_mean("addnew", ["AddNew", "Merge"]) == '; did you mean "AddNew"?'
    assert did_you_mean("left_out", ["left-out"]) == '; did you mean "left-out"?'
    assert did_you_mean("wibble", ["AddNew", "Merge"]) == ""


def test_a_long_list_is_cut() -> None:
    assert listed([]) == "none"
    assert listed(map(str, range(42))).endswith(", 38, 39 and 2 more")


def test_a_problem_is_told_once_and_values_below_credentials_never() -> None:
    at = At(("credentials", "me", "user"), {})
    at.wrong("x")
    at.wrong("x")
    assert len(at.problems) == 1
    assert "SESAME" not in at.shown("SESAME")
    assert "SESAME" not in At(("instances",), {}).shown("https://me:SESAME@host")
