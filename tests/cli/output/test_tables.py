"""Tables and sentences that fit a terminal."""

from orchestrator.cli.output.tables import commands, for_reading, table, wrapped
from orchestrator.cli.output.times import local, span, utc


def test_a_table_fits_by_cutting_words_never_numbers() -> None:
    told = table(["name", "n"], [["x" * 100, "123456"]], fit=40)
    assert all(len(line) <= 40 for line in told.splitlines())
    assert "123456" in told
    assert "…" in told


def test_sentences_wrap_and_commands_do_not() -> None:
    told = commands("next: ", "word " * 40 + "\nroma-migrate run " + "x" * 100).splitlines()
    assert all(len(line) <= 80 for line in told[:-1])
    assert told[-1] == "      roma-migrate run " + "x" * 100


def test_a_line_break_in_a_sentence_or_a_cell_is_not_one_of_ours() -> None:
    assert wrapped("why: ", "a\nroma-migrate run --abandon x") == "why: a\\nroma-migrate run --abandon x"
    assert len(table(["name"], [["a\nb"]]).splitlines()) == 2


def test_printed_times_carry_their_offset_and_json_is_utc() -> None:
    assert local(1_800_000_000.0)[19] in "+-"
    assert utc(1_800_000_000.25) == "2027-01-15T08:00:00.250Z"
    assert (local(0.0), utc(0.0)) == ("-", None)


def test_spans_are_words() -> None:
    assert [span(1.24), span(45), span(200), span(7500)] == ["1.2 s", "45 s", "3 min 20 s", "2 h 5 min"]


def test_a_page_that_is_read_on_a_terminal_breaks_between_words_and_keeps_tables_and_code() -> None:
    long = "word " * 30 + "end"
    kept = ["# " + long, "", "| " + long + " |", "```", long, "```"]
    lines = for_reading("\n".join([*kept, "- " + long, long])).split("\n")
    assert lines[: len(kept)] == kept
    rest = lines[len(kept) :]
    assert all(len(line) <= 80 for line in rest)
    assert [line[:2] for line in rest[:2]] == ["- ", "  "]
    assert " ".join("".join(line if line[0] == "w" else line[1:] for line in rest).split()).count("word") == 60
