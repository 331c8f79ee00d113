"""When windows are open: weeks, calendar days, and the nights in which the clocks change (promise 19)."""

from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from orchestrator.core.plan.windows import (
    Calendar,
    Opening,
    Window,
    common,
    is_ever_open,
    moment_of,
    of_week,
    openings,
    union,
    zone_of,
    zones_like,
)

SHANGHAI, BERLIN = "Asia/Shanghai", "Europe/Berlin"
NIGHTS = Window("Sat 02:00", "Sat 06:00", SHANGHAI)


def at(text: str, zone: str = SHANGHAI, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def opening(begins: str, ends: str, zone: str = SHANGHAI) -> Opening:
    return Opening(at(begins, zone), at(ends, zone))


def first(window: Window, since: str, zone: str = SHANGHAI) -> Opening:
    return next(openings(window, at(since, zone)))


def test_a_weekly_window_opens_each_week() -> None:
    found = list(islice(openings(NIGHTS, at("2026-03-07T05:00")), 2))
    assert found == [opening("2026-03-07T02:00", "2026-03-07T06:00"), opening("2026-03-14T02:00", "2026-03-14T06:00")]


def test_at_its_end_it_is_closed() -> None:
    assert first(NIGHTS, "2026-03-07T06:00") == opening("2026-03-14T02:00", "2026-03-14T06:00")


def test_a_weekly_window_may_lie_across_the_end_of_the_week() -> None:
    window = Window("Sun 22:00", "Mon 04:00", SHANGHAI)
    assert first(window, "2026-03-09T01:00") == opening("2026-03-08T22:00", "2026-03-09T04:00")


def test_a_window_of_the_calendar_opens_once() -> None:
    window = Window("2026-03-07T02:00:00", "2026-03-08T06:00:00", SHANGHAI)
    assert list(openings(window, 0.0)) == [opening("2026-03-07T02:00", "2026-03-08T06:00")]
    assert list(openings(window, at("2026-03-08T06:00"))) == []


@pytest.mark.parametrize(
    ("window", "since", "hours"),
    [
        # Clocks go forward on 2026-03-29 at 02:00 and back on 2026-10-25 at 03:00.
        (Window("Sat 23:00", "Sun 05:00", BERLIN), "2026-03-28T12:00", 5.0),
        (Window("Sat 23:00", "Sun 05:00", BERLIN), "2026-10-24T12:00", 7.0),
        (Window("Sat 23:00", "Sun 05:00", BERLIN), "2026-06-06T12:00", 6.0),
        # A time that comes twice, or not at all: the window is the shorter one.
        (Window("Sun 02:30", "Sun 05:00", BERLIN), "2026-10-24T12:00", 2.5),
        (Window("Sat 23:00", "Sun 02:30", BERLIN), "2026-10-24T12:00", 3.5),
        (Window("Sun 02:30", "Sun 05:00", BERLIN), "2026-03-28T12:00", 1.5),
        (Window("Sat 23:00", "Sun 02:30", BERLIN), "2026-03-28T12:00", 2.5),
    ],
)
def test_where_the_clocks_change_no_window_is_longer_than_its_wall_times_allow(
    window: Window, since: str, hours: float
) -> None:
    found = first(window, since, BERLIN)
    assert (found.ends - found.begins) / 3600 == hours


def test_a_window_within_the_hour_that_is_left_out_does_not_open_that_night() -> None:
    window = Window("Sun 02:10", "Sun 02:50", BERLIN)
    assert first(window, "2026-03-28T12:00", BERLIN) == opening("2026-04-05T02:10", "2026-04-05T02:50", BERLIN)


def test_windows_that_overlap_or_touch_are_one() -> None:
    later = Window("Sat 05:00", "Sat 08:00", SHANGHAI)
    touching = Window("Sat 08:00", "Sat 09:00", SHANGHAI)
    found = next(union((touching, NIGHTS, later), at("2026-03-06T00:00")))
    assert found == opening("2026-03-07T02:00", "2026-03-07T09:00")


def test_every_level_must_be_open() -> None:
    levels = ((NIGHTS,), (Window("2026-03-14T04:00:00", "2026-03-15T00:00:00", SHANGHAI),))
    assert list(common(levels, at("2026-03-01T00:00"))) == [opening("2026-03-14T04:00", "2026-03-14T06:00")]


def test_levels_that_never_meet_have_no_opening() -> None:
    levels = ((NIGHTS,), (Window("Sun 02:00", "Sun 06:00", SHANGHAI),))
    assert list(common(levels, at("2026-03-01T00:00"))) == []


def test_a_window_far_ahead_is_found_under_one_of_the_week() -> None:
    levels = ((NIGHTS,), (Window("2031-03-01T00:00:00", "2031-03-03T00:00:00", SHANGHAI),))
    assert list(common(levels, at("2026-03-01T00:00"))) == [opening("2031-03-01T02:00", "2031-03-01T06:00")]


def test_a_job_has_room_in_what_is_left_of_a_window_or_in_a_later_one() -> None:
    calendar, now = Calendar(), at("2026-03-07T05:00")
    assert calendar.first(((NIGHTS,),), now, 3600.0) == Opening(now, at("2026-03-07T06:00"))
    assert calendar.first(((NIGHTS,),), now, 3601.0) == opening("2026-03-14T02:00", "2026-03-14T06:00")
    assert calendar.first(((NIGHTS,),), now, 4 * 3600.0 + 1.0) is None
    assert calendar.first((), now, 1e9) == Opening(now, float("inf"))


def test_a_clock_that_is_set_back_finds_the_window_that_had_closed() -> None:
    calendar = Calendar()
    assert calendar.first(((NIGHTS,),), at("2026-03-07T06:30")) == opening("2026-03-14T02:00", "2026-03-14T06:00")
    assert calendar.first(((NIGHTS,),), at("2026-03-07T05:00")) is not None
    assert calendar.first(((NIGHTS,),), at("2026-03-07T06:30")) == opening("2026-03-14T02:00", "2026-03-14T06:00")
    back = at("2026-03-07T05:30")
    assert calendar.first(((NIGHTS,),), back) == Opening(back, at("2026-03-07T06:00"))


def test_what_is_written_is_read_or_refused() -> None:
    assert of_week("sat 2:00") == "Sat 02:00"
    assert [of_week(text) for text in ("Sat", "Sat 24:00", "Foo 02:00", "02:00", "Sat 02:60")] == [None] * 5
    assert moment_of("2026-03-07 02:00") == "2026-03-07T02:00:00"
    assert [moment_of(text) for text in ("2026-02-30T02:00", "1999-01-01T00:00", "2026-03-07", "07.03.2026")] == (
        [None] * 4
    )
    assert zone_of(SHANGHAI) is not None
    assert [zone_of(name) for name in ("Asia/Shangai", "../../etc/passwd", "", "CST")] == [None] * 4
    assert SHANGHAI in zones_like("Asia/Shangai")


def test_a_window_that_closes_when_it_opens_or_before_is_never_open() -> None:
    assert is_ever_open(NIGHTS)
    assert not is_ever_open(Window("Sat 02:00", "Sat 02:00", SHANGHAI))
    assert not is_ever_open(Window("2026-03-07T02:00:00", "2026-03-07T02:00:00", SHANGHAI))
    assert not is_ever_open(Window("2026-03-29T02:10:00", "2026-03-29T02:50:00", BERLIN))
