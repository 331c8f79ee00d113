"""Secrets once resolved, as values. Law: no representation of them shows anything secret."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, repr=False)
class AccessKeySecret:
    """An access key, permanent or temporary (API 1.12)."""

    ak: str
    sk: str
    #: of temporary credentials, else ""
    security_token: str = ""

    def __repr__(self) -> str:
        return "AccessKeySecret(...)"


@dataclass(frozen=True, slots=True, repr=False)
class PasswordSecret:
    """An IAM user's password (API 1.11)."""

    username: str
    #: name of the account the user belongs to
    domain: str
    password: str

    def __repr__(self) -> str:
        return "PasswordSecret(...)"


@dataclass(frozen=True, slots=True, repr=False)
class CommandKey:
    """An access key that a command gave, and will give anew."""

    first: AccessKeySecret
    #: reads it anew; blocks, and raises OperatorError
    again: Callable[[], AccessKeySecret]

    def __repr__(self) -> str:
        return "CommandKey(...)"


@dataclass(frozen=True, slots=True)
class ServerAgency:
    """The agency of this server, whose temporary keys the metadata service gives (Finishing 7.1)."""

    #: scheme and authority of the metadata service
    endpoint: str
    #: what was looked for before, in words, or ""
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class IdToken:
    """An id token that is exchanged at IAM (Finishing 7.2)."""

    #: the identity provider's id
    idp: str
    #: the project's name that the exchange is scoped to, or ""
    project: str
    #: reads the token anew; blocks, and raises OperatorError
    read: Callable[[], str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AssumedAgency:
    """The agency of another account (Finishing 7.3)."""

    domain: str
    agency: str
    #: who takes it on
    by: "Secret"


Secret = AccessKeySecret | PasswordSecret | CommandKey | ServerAgency | IdToken | AssumedAgency
