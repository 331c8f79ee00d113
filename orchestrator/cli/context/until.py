"""A moment that an option names: a time of day, or a date and a time. Law: the zone it is read in can be told."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import time as day_time

from orchestrator.errors import OperatorError


def moment_of(words: str, after: float, zone: tzinfo | None = None) -> float:
    """`05:00` is the first five o'clock after `after`; a date and time is that moment. Epoch seconds.

    Wall times are those of `zone`, of this host where there is none. Raises OperatorError.
    """
    with suppress(ValueError):
        return _first(day_time.fromisoformat(words), after, zone)
    try:
        return _stamp(datetime.fromisoformat(words), zone)
    except (ValueError, OverflowError):
        raise OperatorError(
            f"--until {words!r} is no time", next_step="write it as 05:00, or as 2027-03-07T05:00"
        ) from None


def _first(clock: day_time, after: float, zone: tzinfo | None) -> float:
    """That time of day, for the first time after a moment."""
    # Without a zone until the end: a day on which the clocks change is not 24 hours long.
    began = datetime.fromtimestamp(after, UTC).astimezone(zone).replace(tzinfo=None)
    at = datetime.combine(began.date(), clock)
    return _stamp(at if at > began else at + timedelta(days=1), zone)


def _stamp(at: datetime, zone: tzinfo | None) -> float:
    if at.tzinfo is None and zone is not None:
        at = at.replace(tzinfo=zone)
    return at.astimezone().timestamp()
