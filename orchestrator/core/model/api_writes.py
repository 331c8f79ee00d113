"""What is asked of service integration and done at once (Finishing 2.6 to 2.8), as values.

Law: one request each. What may hold a secret or a confidential address is shown in no repr.
"""

from dataclasses import dataclass, field

from orchestrator.core.model.gateway import PolicyKind


@dataclass(frozen=True, slots=True)
class CreateGroup:
    """A group of APIs, of one application."""

    name: str
    app: str


@dataclass(frozen=True, slots=True)
class DeleteGroup:
    """A group that holds no API."""

    id: str


@dataclass(frozen=True, slots=True)
class ImportApis:
    """APIs from a file of definitions into a group that is there; what is there already stays."""

    group: str
    #: JSON; it may hold addresses of back ends
    file: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeleteApi:
    """An API that is published nowhere."""

    id: str


@dataclass(frozen=True, slots=True)
class CreateEnvironment:
    """An environment in which APIs can be published."""

    name: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class DeleteEnvironment:
    """An environment in which nothing is published."""

    id: str


@dataclass(frozen=True, slots=True)
class ActOnApi:
    """Publish one API in one environment, or take it offline there."""

    #: online or offline
    action: str
    api: str
    env: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class CreatePolicy:
    """A throttling policy, an access control policy, a signature key or a plugin."""

    kind: PolicyKind
    name: str
    fields: tuple[tuple[str, str], ...] = ()
    secret: str = field(default="", repr=False)
    #: of a plugin that one application alone may use
    app: str = ""


@dataclass(frozen=True, slots=True)
class DeletePolicy:
    """One that is bound to no API."""

    kind: PolicyKind
    id: str


@dataclass(frozen=True, slots=True)
class Bind:
    """A policy for one publication."""

    kind: PolicyKind
    policy: str
    publication: str


@dataclass(frozen=True, slots=True)
class Unbind:
    """The end of a binding."""

    kind: PolicyKind
    id: str


@dataclass(frozen=True, slots=True)
class Attach:
    """A plugin for one API in one environment, in place of any other of its type (Finishing 2.8)."""

    plugin: str
    api: str
    env: str


@dataclass(frozen=True, slots=True)
class Detach:
    """The plugin is in force no more for one API in one environment."""

    plugin: str
    api: str
    env: str


@dataclass(frozen=True, slots=True)
class Authorise:
    """An application may call one API in one environment."""

    app: str
    api: str
    env: str
    tunnel: str = ""
    whitelist: tuple[str, ...] = ()
    blacklist: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CancelAuthorisation:
    """The end of an authorisation."""

    id: str


ApiWrite = (
    CreateGroup
    | DeleteGroup
    | ImportApis
    | DeleteApi
    | CreateEnvironment
    | DeleteEnvironment
    | ActOnApi
    | CreatePolicy
    | DeletePolicy
    | Bind
    | Unbind
    | Attach
    | Detach
    | Authorise
    | CancelAuthorisation
)
