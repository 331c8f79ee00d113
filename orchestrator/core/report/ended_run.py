"""What a list of runs tells of one that has ended. Law: it rests on nothing, so that a list of many is told quickly."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EndedRun:
    """One run that has ended and was not taken back."""

    plan: str
    plan_file: str
    by: str
    host: str
    note: str
    #: id of the approved preview that it consumed, "" where there was none
    approved: str
    #: epoch seconds
    began_at: float
    ended_at: float
    code: int
    selected: int
    #: each class of assets -> how many
    counts: dict[str, int]
