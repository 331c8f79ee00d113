"""Printed times. Law: what people read carries its offset, what programs read is UTC."""

from datetime import UTC, datetime


def local(at: float) -> str:
    """Epoch seconds as `2026-03-01 14:32:10+01:00`, in this host's zone; "-" for 0."""
    return datetime.fromtimestamp(at, UTC).astimezone().isoformat(" ", "seconds") if at else "-"


def clock(at: float) -> str:
    """Epoch seconds as `14:32:10+01:00`."""
    return datetime.fromtimestamp(at, UTC).astimezone().timetz().isoformat("seconds")


def utc(at: float) -> str | None:
    """Epoch seconds as `2026-03-01T13:32:10.123Z`; None for 0."""
    if not at:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def span(seconds: float) -> str:
    """A length of time in words: `45 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def after(seconds: float) -> str:
    """Time from the begin of a run: `2:05`, `1:02:05`."""
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"


def seconds_of(moment: str | None) -> float:
    """What `utc` made, as epoch seconds again; 0 where there is none."""
    return datetime.fromisoformat(moment).timestamp() if moment else 0.0
