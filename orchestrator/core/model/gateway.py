"""What service integration holds beside APIs: environments, publications, policies (Finishing 2.7, 2.8), as values.

Law: a secret stands in no repr; an image holds its digest.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

#: the id of RELEASE, which every instance has (API 1.8)
RELEASE = "DEFAULT_ENVIRONMENT_RELEASE_ID"


class Place(NamedTuple):
    """Which API is meant at an instance, before and after it is there: ids differ, and are not known before."""

    #: id of the application
    app: str
    #: name of the group
    group: str
    method: str
    path: str

    @property
    def word(self) -> str:
        """For people: `GET /orders in orders-group`."""
        return f"{self.method} {self.path} in {self.group}"

    def key(self, *more: str) -> str:
        """The same text for the same place, and what of it is meant."""
        return json.dumps([*self, *more], ensure_ascii=False)


def place_of(key: str) -> tuple[Place, tuple[str, ...]]:
    """The place of a key, and what else it holds."""
    parts = [str(each) for each in json.loads(key)]
    return Place(*parts[:4]), tuple(parts[4:])


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment in which APIs are published."""

    id: str
    name: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Publication:
    """What is in force of an API in one environment, as its history tells (Finishing 2.7)."""

    env: str
    version: str
    remark: str = ""


class PolicyKind(StrEnum):
    """What can be bound to a published API; the words of the paths (Finishing 2.8)."""

    THROTTLE = "throttle"
    ACL = "acl"
    SIGN = "sign"
    PLUGIN = "plugin"


#: how each is called in a sentence
POLICIES: Mapping[PolicyKind, str] = {
    PolicyKind.THROTTLE: "throttling policy",
    PolicyKind.ACL: "access control policy",
    PolicyKind.SIGN: "signature key",
    PolicyKind.PLUGIN: "plugin",
}


@dataclass(frozen=True, slots=True)
class Policy:
    """One throttling policy, access control policy, signature key or plugin."""

    kind: PolicyKind
    id: str
    name: str
    #: (field, text) as the service names them, without the name and what is confidential
    fields: tuple[tuple[str, str], ...] = ()
    #: a signature key's secret, a plugin's content, which may hold passwords; "" for others
    secret: str = field(default="", repr=False)
    #: it has settings of single applications or users, whose ids differ elsewhere
    special: bool = False
    #: id of the application that alone may use it, "" where the whole instance may: of plugins
    app: str = ""

    def field(self, word: str) -> str:
        """One of its fields, "" where it has none of that name."""
        return dict(self.fields).get(word, "")

    @property
    def sort(self) -> str:
        """What an API has one of: one for each type of entity, or of plugin (Finishing 2.8)."""
        return self.field("entity_type") or self.field("plugin_type")


@dataclass(frozen=True, slots=True)
class Bound:
    """A policy that is in force for one API in one environment."""

    #: of the binding
    id: str
    #: name of the policy
    name: str
    api: str
    env: str
    #: see `Policy.sort`
    sort: str = ""


@dataclass(frozen=True, slots=True)
class Authorised:
    """An application that may call one API in one environment (Finishing 2.8)."""

    id: str
    app: str
    api: str
    env: str
    #: NORMAL or GREEN
    tunnel: str = ""
    #: addresses that pass, and that do not, without authentication
    whitelist: tuple[str, ...] = ()
    blacklist: tuple[str, ...] = ()
