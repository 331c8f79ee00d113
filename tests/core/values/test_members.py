"""Who becomes whom, from a CSV: each line or its problem."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.values.members import MOST, Members, members_from


def test_users_are_read_with_and_without_the_first_line() -> None:
    told = 'Source user, Target user\nalice,a.smith\n# left\n\n"bob",bob\n'
    for text in (told, told.partition("\n")[2], told.replace("\n", "\r\n")):
        found = members_from(text)
        assert isinstance(found, Members)
        assert found.users == {"alice": "a.smith", "bob": "bob"}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("source user,target user\nalice;a.smith\n", 2, "a semicolon stands between the users"),
        ("alice\n", 1, "1 columns stand here, allowed is source user,target user"),
        ("a,b,c\n", 1, "3 columns stand here"),
        ("a,b\na,c\n", 2, '"a" stands here twice, first on line 1'),
        ("a,\n", 1, "the target user is missing"),
        ("a,b\x07\n", 1, "is no user's name"),
        ('"a,b\nc,d\n', 2, "is a quote missing?"),
        ("", 1, "nobody is named here"),
        ("a,b\n" + "".join(f"u{n},v\n" for n in range(MOST + 1)), MOST + 1, "users stand here"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, words: str) -> None:
    found = members_from(text)
    assert not isinstance(found, Members)
    assert any(at == line and words in message for at, message in found), found


@given(st.text())
def test_any_text_gives_members_or_problems(text: str) -> None:
    found = members_from(text)
    assert isinstance(found, Members) or found
