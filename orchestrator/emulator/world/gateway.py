"""What service integration holds beside APIs: publications, environments and what hangs on them (Finishing 2.7, 2.8).

Law: plain values; an API holds its own publications, so that they come and go with it.
"""

from dataclasses import dataclass, field
from enum import StrEnum

#: epoch seconds of everything that exists from the start: 2026-01-01T00:00:00Z
GENESIS = 1767225600.0
#: the environment that every instance has (API 1.8)
RELEASE = "DEFAULT_ENVIRONMENT_RELEASE_ID"


@dataclass(frozen=True, slots=True)
class Definition:
    """What a caller of an API meets."""

    method: str
    path: str
    #: HTTP, FUNCTION or MOCK
    backend_type: str = "HTTP"
    #: where the back end listens, HOST:PORT
    address: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """What was published once."""

    id: str
    definition: Definition
    remark: str = ""
    #: epoch seconds
    time: float = GENESIS


@dataclass(frozen=True, slots=True)
class Publication:
    """An API in one environment; taken offline it is kept, for its versions."""

    env_id: str
    #: what policies are bound to
    publish_id: str
    #: newest first
    versions: tuple[Version, ...]
    online: bool = True
    #: the version in force, by its id
    in_force: str = ""

    @property
    def current(self) -> Version:
        """The version in force."""
        return next((one for one in self.versions if one.id == self.in_force), self.versions[0])


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment in which APIs can be published."""

    id: str
    name: str
    remark: str = ""
    #: epoch seconds
    create_time: float = GENESIS


class PolicyKind(StrEnum):
    """What can be bound to a published API; the words of the paths."""

    THROTTLE = "throttle"
    ACL = "acl"
    SIGN = "sign"
    PLUGIN = "plugin"


@dataclass(frozen=True, slots=True)
class Policy:
    """One throttling policy, access control policy, signature key or plugin."""

    id: str
    kind: PolicyKind
    name: str
    #: its fields by the service's names, without its name; a signature key's hold a secret
    fields: tuple[tuple[str, object], ...] = field(default=(), repr=False)
    #: epoch seconds
    update_time: float = GENESIS


@dataclass(frozen=True, slots=True)
class Binding:
    """A policy that is in force for one API in one environment."""

    id: str
    policy_id: str
    api_id: str
    env_id: str
    #: epoch seconds
    time: float = GENESIS

    @property
    def name(self) -> str:
        """It has none of its own."""
        return self.id


@dataclass(frozen=True, slots=True)
class Authorisation:
    """An application may call one API in one environment."""

    id: str
    app_id: str
    api_id: str
    env_id: str = RELEASE
    #: NORMAL or GREEN
    tunnel: str = "NORMAL"
    #: addresses that pass, and that do not, without authentication
    whitelist: tuple[str, ...] = ()
    blacklist: tuple[str, ...] = ()
    #: epoch seconds
    time: float = GENESIS

    @property
    def name(self) -> str:
        """It has none of its own."""
        return self.id
