"""What an instance tells beside its assets. Law: each part is either what was read, or why it was not (promise 13)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from orchestrator.core.model.inventory import Api, ApiGroup, DataSource, DictionaryEntry, InstanceDetails, ProjectConfig

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unread:
    """A read that only informs was refused, failed or was never made."""

    #: in the service's own words where there were any; never a secret
    why: str


_NEVER = Unread("it was not read")


@dataclass(frozen=True, slots=True)
class Facts:
    """One instance, as far as its informing reads tell (API 1.8, 1.10)."""

    instance: str
    details: InstanceDetails | Unread = _NEVER
    #: name -> whether it is on
    features: Mapping[str, bool] | Unread = _NEVER
    configs: tuple[ProjectConfig, ...] | Unread = _NEVER
    dictionaries: tuple[DictionaryEntry, ...] | Unread = _NEVER
    #: as the union over the credentials that were asked
    datasources: tuple[DataSource, ...] | Unread = _NEVER
    #: as the union over the credentials that were asked
    apis: tuple[Api, ...] | Unread = _NEVER
    groups: tuple[ApiGroup, ...] | Unread = _NEVER
    #: seconds by which ROMA's clock is ahead of ours
    clock_offset: float | Unread = _NEVER
    #: when it was read, epoch seconds, UTC; 0 where it was not
    at: float = 0.0


def entries_amiss(one: Facts, other: Facts) -> tuple[tuple[DictionaryEntry, str], ...]:
    """Dictionary entries of `one` that `other` lacks or calls otherwise, each with its name there, "" where absent.

    Nothing is amiss where either could not be read: who needs to know that looks there (Finishing 2.1).
    """
    if isinstance(one.dictionaries, Unread) or isinstance(other.dictionaries, Unread):
        return ()
    there = {(entry.parent_code, entry.code): entry.name for entry in other.dictionaries}
    found = ((entry, there.get((entry.parent_code, entry.code), "")) for entry in one.dictionaries)
    return tuple((entry, name) for entry, name in found if name != entry.name)


def read_or(value: T | Unread, otherwise: T) -> T:
    """What was read, or `otherwise`."""
    return otherwise if isinstance(value, Unread) else value
