"""Why something was refused or failed. Law: the service's own words where there were any; never a secret."""

from dataclasses import dataclass

#: kind of an `ErrorDetail`, and beginning of a finding: it is at the target, and somebody else brought it
NOT_OURS = "not-ours"
#: kind of an `ErrorDetail`: a job of ours ended as failed
FAILED_JOB = "job"


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """Why something was refused or failed, in the service's own words where there were any."""

    #: `Failure` of the request, or ours: "job", "package", "breaker", "name-taken", "not-ours"
    kind: str
    code: str = ""
    message: str = ""
    request_id: str = ""

    def __str__(self) -> str:
        """`ROMA.500 the service's words`, or `dropped: our words` where it gave no code."""
        if self.code:
            return f"{self.code} {self.message}".rstrip()
        return f"{self.kind}: {self.message}" if self.message else self.kind
