"""The place in which one asset job may run, as a key.

Law: derived from the plan alone, written in each event, never recomputed.
"""

from dataclasses import dataclass
from enum import StrEnum

from orchestrator.core.plan import Instance, Scope


class JobKind(StrEnum):
    """The type of a job, as the one-job rule may count it (API 2.1)."""

    EXPORT = "export"
    IMPORT = "import"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class SlotRule:
    """`one_job_per`, with who the users are: credentials' name -> user (product.md section 1)."""

    scope: Scope
    users: dict[str, str]

    def slot(self, instance: Instance, credentials: str, kind: JobKind) -> str:
        """The key of the slot that a job of this kind takes; parts that do not count are left out.

        `auto` begins with the documented reading, the user (API 7, 1).
        """
        words = ("user",) if self.scope is Scope.AUTO else tuple(self.scope.value.split("+"))
        parts = [host_of(instance.endpoint)]
        if "user" in words:
            parts.append(self.users[credentials])
        if "instance" in words:
            parts.append(instance.instance_id)
        if "type" in words:
            parts.append(kind.value)
        return " ".join(parts)


def host_of(endpoint: str) -> str:
    """Host and port of an endpoint, which is what an outage strikes."""
    return endpoint.split("://", 1)[-1].rstrip("/")
