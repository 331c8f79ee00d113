"""What is asked of an instance and done at once, without a job (Finishing 1), as values.

Law: one request each. A write may hold a secret, which is shown nowhere; it lives from the read to the request, and is
never journaled. `orchestrator.roma.writes` knows how each is spelled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.core.model.api_writes import ApiWrite
from orchestrator.core.model.products import ProductWrite
from orchestrator.core.model.topics import TopicWrite


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


@dataclass(frozen=True, slots=True)
class EnterConnection:
    """A data source as a whole: what is left out is emptied (Finishing 2.4)."""

    id: str
    name: str
    type: str
    app_id: str
    content: Mapping[str, object] = field(repr=False)
    description: str = ""
    custom_plugin_id: str = ""
    #: only try the connection out; nothing is stored
    test: bool = False


@dataclass(frozen=True, slots=True)
class SetSecret:
    """The secret of an application; "" for a random one (Finishing 2.3)."""

    app: str
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class CreateAppCode:
    """One AppCode, chosen (Finishing 2.9)."""

    app: str
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeleteAppCode:
    """One AppCode (Finishing 2.9)."""

    app: str
    id: str


@dataclass(frozen=True, slots=True)
class SetMembers:
    """The members of an application: this list, and nobody else (Finishing 2.3)."""

    app: str
    #: (id, roles)
    users: tuple[tuple[str, tuple[str, ...]], ...]


Write = (
    ActOnTasks
    | CreateEntry
    | DeleteEntry
    | EnterConnection
    | SetSecret
    | CreateAppCode
    | DeleteAppCode
    | SetMembers
    | ApiWrite
    | TopicWrite
    | ProductWrite
)


@dataclass(frozen=True, slots=True)
class Written:
    """A success, which may be one in part."""

    #: (object as the write names it, the service's words): what it refuses of the request
    refused: tuple[tuple[str, str], ...] = ()
