"""A moment that an option names: in which zone, and which day."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from orchestrator.cli.context.until import moment_of
from orchestrator.errors import OperatorError

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


@pytest.mark.parametrize(
    ("words", "after", "moment"),
    [
        ("05:00", "2027-03-06T23:00", "2027-03-07T05:00"),
        ("05:00", "2027-03-07T04:59", "2027-03-07T05:00"),
        ("05:00", "2027-03-07T05:00", "2027-03-08T05:00"),
        # The night in which the clocks go forward is 23 hours long.
        ("05:00", "2027-03-27T05:00", "2027-03-28T05:00"),
        ("2027-03-09T05:00", "2027-03-06T23:00", "2027-03-09T05:00"),
        ("2027-03-09 05:00", "2027-03-06T23:00", "2027-03-09T05:00"),
        ("2027-03-09T12:00+08:00", "2027-03-06T23:00", "2027-03-09T05:00"),
    ],
)
def test_a_time_of_day_is_the_first_one_and_a_date_is_that_moment(words: str, after: str, moment: str) -> None:
    assert moment_of(words, at(after), BERLIN) == at(moment)


@pytest.mark.parametrize("words", ["monday", "25:00", "5", "2027-13-01T05:00", ""])
def test_what_is_no_time_is_refused_with_how_to_write_one(words: str) -> None:
    with pytest.raises(OperatorError) as refused:
        moment_of(words, at("2027-03-06T23:00"), BERLIN)
    assert "write it as 05:00" in refused.value.next_step
