"""Windows: the times in which jobs may be asked for, in the wall time of a named zone (promise 19).

Law: a wall time that comes twice, or not at all, where the clocks change, is read so that the window is the shorter: it
opens at the later reading and closes at the earlier one. Moments are epoch seconds, UTC. The tables of the time zones
count as constants: nothing else of the machine is read.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as day_time
from functools import lru_cache
from heapq import merge
from itertools import count
from zoneinfo import ZoneInfo, available_timezones

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
#: years that an absolute window may lie in
FIRST_YEAR, LAST_YEAR = 2000, 2199
#: seconds beyond now, and beyond the last absolute window, within which an opening is looked for: each week has another
#: time of the year by then
HORIZON = 400 * 86400.0

_OF_WEEK = re.compile(r"([A-Za-z]{3}) ([01]?[0-9]|2[0-3]):([0-5][0-9])")
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,30}(/[A-Za-z0-9_+-]{1,30}){0,2}")


@dataclass(frozen=True, slots=True)
class Window:
    """From one wall time to another: both of a week (`Sat 02:00`) or both of the calendar (`2026-03-07T02:00:00`)."""

    opens: str
    closes: str
    #: such as Asia/Shanghai
    timezone: str

    def __str__(self) -> str:
        return f"{self.opens} to {self.closes} ({self.timezone})"


@dataclass(frozen=True, slots=True)
class Opening:
    """One time in which a window is open, epoch seconds; open at `begins`, closed at `ends`."""

    begins: float
    ends: float


#: since ever and for ever
ALWAYS = Opening(float("-inf"), float("inf"))


# --- reading -------------------------------------------------------------------------------------------------------


def of_week(text: str) -> str | None:
    """`Sat 02:00` of what somebody wrote; None where it is no time of a week."""
    found = _OF_WEEK.fullmatch(text)
    if found is None or found[1].title() not in DAYS:
        return None
    return f"{found[1].title()} {int(found[2]):02}:{found[3]}"


def moment_of(text: str) -> str | None:
    """`2026-03-07T02:00:00` of what somebody wrote; None where it is no time of the calendar, or an odd year."""
    found = _MOMENT.fullmatch(text)
    if found is None or not FIRST_YEAR <= int(text[:4]) <= LAST_YEAR:
        return None
    try:
        day = date.fromisoformat(found[1])
    except ValueError:
        return None
    return f"{day.isoformat()}T{found[2]}:{found[3]}:{found[4] or '00'}"


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo | None:
    """The zone of that name, None where there is none."""
    if not _ZONE.fullmatch(name):
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # the error of an unknown zone is a KeyError
        return None


def zones_like(name: str) -> list[str]:
    """Names of zones whose place begins like this one's: those that may be meant."""
    begins = name.rpartition("/")[2][:1].lower()
    return sorted(zone for zone in available_timezones() if zone.rpartition("/")[2][:1].lower() == begins)


def is_ever_open(window: Window) -> bool:
    """Whether it has an opening at all: a window of a week always has, where its two times differ."""
    if window.opens == window.closes:
        return False
    return window.opens[:3] in DAYS or next(openings(window, float("-inf")), None) is not None


# --- openings ------------------------------------------------------------------------------------------------------


def openings(window: Window, since: float) -> Iterator[Opening]:
    """Its openings that end after `since`, in order; those of a week never end."""
    zone = zone_of(window.timezone)
    if zone is None:
        return
    for opens, closes in _wall_times(window, zone, since):
        found = Opening(max(_readings(opens, zone)), min(_readings(closes, zone)))
        if found.begins < found.ends and found.ends > since:
            yield found


def _wall_times(window: Window, zone: ZoneInfo, since: float) -> Iterator[tuple[datetime, datetime]]:
    """(opens, closes) without their zone; for a week, from the one before `since`."""
    if window.opens[:3] not in DAYS:
        yield datetime.fromisoformat(window.opens), datetime.fromisoformat(window.closes)
        return
    today = datetime.fromtimestamp(since, UTC).astimezone(zone).date()
    monday = today - timedelta(days=today.weekday() + 7)
    for week in count():
        begin = monday + timedelta(weeks=week)
        opens, closes = _in_week(begin, window.opens), _in_week(begin, window.closes)
        yield opens, closes if closes > opens else closes + timedelta(weeks=1)


def _in_week(monday: date, text: str) -> datetime:
    day, _, clock = text.partition(" ")
    return datetime.combine(monday + timedelta(days=DAYS.index(day)), day_time.fromisoformat(clock))


def _readings(wall: datetime, zone: ZoneInfo) -> tuple[float, float]:
    """The moments that a wall time can mean; they differ where the clocks change."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    return first, second


def union(windows: Sequence[Window], since: float) -> Iterator[Opening]:
    """When any of them is open: what overlaps or touches is one opening."""
    held: Opening | None = None
    for each in merge(*(openings(window, since) for window in windows), key=lambda found: found.begins):
        if held is None or each.begins > held.ends:
            if held is not None:
                yield held
            held = each
        else:
            held = Opening(held.begins, max(held.ends, each.ends))
    if held is not None:
        yield held


#: groups of windows, each of which must have one that is open; none is always open
Levels = tuple[tuple[Window, ...], ...]


def common(levels: Levels, since: float) -> Iterator[Opening]:
    """When every level has an open window, in order, as far as `HORIZON`."""
    if not levels:
        yield ALWAYS
        return
    limit = max(since, _last_of(levels)) + HORIZON
    ways = [union(level, since) for level in levels]
    heads = [next(way, None) for way in ways]
    while True:
        held = [each for each in heads if each is not None]
        if len(held) < len(heads):
            return
        begins, ends = max(each.begins for each in held), min(each.ends for each in held)
        if begins >= limit:
            return
        if begins < ends:
            yield Opening(begins, ends)
        first = min(range(len(held)), key=lambda place: held[place].ends)
        heads[first] = next(ways[first], None)


def _last_of(levels: Levels) -> float:
    """When the last window of the calendar closes; never, where there is none."""
    ends = (
        found.ends for level in levels for window in level if window.opens[:3] not in DAYS
        for found in openings(window, float("-inf"))
    )  # fmt: skip
    return max(ends, default=float("-inf"))


@dataclass(slots=True)
class Calendar:
    """Looks for openings, and remembers those found: a run asks for them at every decision."""

    _found: dict[Levels, "_Found"] = field(default_factory=dict)

    def first(self, levels: Levels, now: float, seconds: float = 0.0) -> Opening | None:
        """The first opening, from now on, in which a job of so many seconds has room; None where there is none."""
        if not levels:
            return Opening(now, float("inf"))
        for found in self._from(levels, now):
            begins = max(found.begins, now)
            if found.ends - begins >= seconds:
                return Opening(begins, found.ends)
        return None

    def _from(self, levels: Levels, now: float) -> Iterator[Opening]:
        found = self._found.get(levels)
        if found is None or now < found.since:  # the first question, or the clock was set back
            found = self._found[levels] = _Found(now, common(levels, now))
        while found.known and found.known[0].ends <= now:
            found.since = found.known.pop(0).ends
        yield from found.known
        for opening in found.rest:
            if opening.ends > now:
                found.known.append(opening)
                yield opening
            else:
                found.since = opening.ends


@dataclass(slots=True)
class _Found:
    """What is known of some levels: every opening that ends after `since`."""

    since: float
    rest: Iterator[Opening]
    known: list[Opening] = field(default_factory=list)
