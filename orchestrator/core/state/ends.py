"""Why something can go no further in this process. Law: known to the process alone, and gone with it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class End:
    """Why something can go no further in this process: code 3, 8 or 9."""

    code: int
    sentence: str
    #: epoch seconds before which another start is in vain; 0 where that is unknown
    not_before: float = 0.0
