"""Why something was refused or failed. Law: the service's own words where there were any; never a secret."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """Why something was refused or failed, in the service's own words where there were any."""

    #: `Failure` of the request, or ours: "job", "package", "breaker", "name-taken"
    kind: str
    code: str = ""
    message: str = ""
    request_id: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.code or self.kind, self.message) if part)
