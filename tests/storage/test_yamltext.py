"""YAML text becomes plain data with bounded work; aliases, merges and bombs."""

import pytest

from orchestrator.storage.yamltext import DEEPEST, MOST_VALUES, Unreadable, read_yaml


def test_merged_keys_yield_to_own_ones_and_to_those_merged_first() -> None:
    read = read_yaml("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 0}\nd:\n  z: 0\n  <<: *b\n")
    assert read.problems == ()
    assert isinstance(read.data, dict)
    assert read.data["c"] == {"x": "0", "y": "1", "z": "2"}
    assert read.data["d"] == {"z": "0", "y": "2"}
    assert (read.lines["c", "y"], read.lines["c", "x"]) == (1, 3)


def test_a_merge_of_a_merge_brings_all() -> None:
    data = read_yaml("a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b}\n").data
    assert isinstance(data, dict)
    assert data["c"] == {"y": "2", "x": "1"}


def test_a_quoted_merge_sign_is_a_key_like_any_other() -> None:
    assert read_yaml('{"<<": a}').data == {"<<": "a"}


def test_an_aliased_value_stands_wherever_it_is_named() -> None:
    assert read_yaml("a: &a [1, {b: 2}]\nc: *a\n").data == {"a": ["1", {"b": "2"}], "c": ["1", {"b": "2"}]}


def test_quoted_null_and_a_missing_value_are_texts() -> None:
    read = read_yaml("a: 'null'\nb: \"~\"\nc:\n")
    assert (read.data, read.problems) == ({"a": "null", "b": "~", "c": ""}, ())


def test_scalars_stay_as_they_are_written() -> None:
    assert read_yaml("[no, 0123, 1.0, 2027-04-01, 0x1F, 1:30, .inf]").data == [
        "no", "0123", "1.0", "2027-04-01", "0x1F", "1:30", ".inf",
    ]  # fmt: skip


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(20)
)
LADDER = "a0: &a0 x\n" + "".join(f"a{n + 1}: &a{n + 1} [[[*a{n}]]]\n" for n in range(500))
FLOOD = "a: &a {" + ",".join(f"k{n}: 1" for n in range(20_000)) + "}\nb: {<<: [" + ",".join(["*a"] * 90_000) + "]}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LAUGHS, f"this holds more than {MOST_VALUES} values"),
        ("[" + "x," * (MOST_VALUES + 1) + "]", f"this holds more than {MOST_VALUES} values"),
        (LADDER, f"lists and mappings lie too deep in each other, allowed are {DEEPEST} levels"),
        ("[" * 500_000, "lists and mappings lie too deep in each other"),
        ("{a: " * 100_000, "lists and mappings lie too deep in each other"),
        (FLOOD, "values, each alias counted as often as it is used"),
        ("a: &a {b: {c: *a}}", "an alias (*) stands inside the very value that it names"),
    ],
    ids=["laughs", "wide", "ladder", "deep list", "deep mapping", "flood of merges", "circle"],
)
def test_a_bomb_is_refused_before_it_goes_off(text: str, expected: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_yaml(text)
    assert any(expected in message for _, message in caught.value.problems)


def test_slips_with_a_sure_cure_do_not_hide_what_comes_after_them() -> None:
    read = read_yaml("a: *\nb: [*.x, *y, ${env:Z}]\nc: 1\nc: 2\n")
    assert [line for line, _ in read.problems] == [1, 2, 2, 2, 4]
    assert read.data == {"a": "*", "b": ["*.x", "*y", "${env:Z}"], "c": "1"}


def test_slips_without_end_are_given_up() -> None:
    with pytest.raises(Unreadable) as caught:
        read_yaml("".join(f"a{n}: *\n" for n in range(1000)))
    assert len(caught.value.problems) == 20


def test_line_breaks_of_every_kind_keep_the_cure_on_its_place() -> None:
    for newline in ("\n", "\r\n", "\r"):
        read = read_yaml(newline.join(["a: 1", "b: [*x]", "c: [*y]"]))
        assert read.data == {"a": "1", "b": ["*x"], "c": ["*y"]}
        assert [line for line, _ in read.problems] == [2, 3]
