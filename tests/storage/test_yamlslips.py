"""Each thing the YAML parser may say has a sentence for people."""

import pytest
import yaml

from orchestrator.storage.yamlslips import explain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: %x", 'no text can begin with "%" without quotes'),
        ("a: - b", 'a "- " may not stand behind a key on its line'),
        ('a: "\\q"', 'an unknown "\\..." stands in double quotes'),
        ("a: > b", "a text that begins with > or | must be in quotes"),
        ("a: &*", "a text that begins with & must be in quotes"),
        ("a: !<x", "a text that begins with ! must be in quotes"),
        ("a: 'x' 'y'", "something stands behind a value"),
        ("a: ]", "a value is missing, or a bracket is not closed or not opened"),
        ("{a: 1\nb: 2}", 'a comma or "}" is missing'),
        ("  a: 1\nb: 2", "this line is indented less than the lines before it"),
        ("a: b\n\tc: d", "a tab stands in the indentation: write blanks"),
        ("%YAML x\n---\na: 1", "this is not YAML: look at this line and the one before"),
    ],
)
def test_a_parsers_complaint_becomes_a_sentence(text: str, expected: str) -> None:
    with pytest.raises(yaml.YAMLError) as caught:
        list(yaml.parse(text, Loader=yaml.CSafeLoader))
    assert expected in explain(caught.value, text).message


def test_a_complaint_without_a_place_is_still_a_sentence() -> None:
    assert explain(yaml.YAMLError(), "x").line == 1


def test_a_word_with_a_star_is_not_repeated_where_it_may_be_a_secret() -> None:
    for text in ("password: *SESAME*", "{ak: 1, SK: *SESAME*}", "my_token: *SESAME*"):
        with pytest.raises(yaml.YAMLError) as caught:
            list(yaml.parse(text, Loader=yaml.CSafeLoader))
        assert 'write "*" in quotes' in explain(caught.value, text).message
