"""What is asked of an instance and done at once, without a job (Finishing 1), as values.

Law: one request each. A write may hold a secret, which is shown nowhere; it lives from the read to the request, and is
never journaled. `orchestrator.roma.writes` knows how each is spelled.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ActOnTasks:
    """Start or stop tasks, 1 to 10 of them (Finishing 2.5)."""

    #: start or stop
    action: str
    tasks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CreateEntry:
    """One entry of the data dictionary (Finishing 2.1)."""

    code: str
    name: str
    parent_code: str = ""
    remark: str = ""
    extend_one: str = ""
    extend_two: str = ""


@dataclass(frozen=True, slots=True)
class DeleteEntry:
    """An entry of the data dictionary, and all that lies below it (Finishing 2.1)."""

    id: str


Write = ActOnTasks | CreateEntry | DeleteEntry


@dataclass(frozen=True, slots=True)
class Written:
    """A success, which may be one in part."""

    #: (object as the write names it, the service's words): what it refuses of the request
    refused: tuple[tuple[str, str], ...] = ()
