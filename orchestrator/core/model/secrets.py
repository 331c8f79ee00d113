"""Secrets once resolved, as values. Law: no representation of them shows anything secret."""

from dataclasses import dataclass


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


Secret = AccessKeySecret | PasswordSecret
