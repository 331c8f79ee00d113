"""What finishing reads, as values. Law: a question names one instance and one list or object of it; the engine asks it.

A kind of change says what it looks at, and finds the answers in a `Seen`. So planning, the read just before a write and
the proof after it are one and the same question.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, cast

from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import DataSource, DictionaryEntry, Inventory
from orchestrator.core.model.withheld import AppCode, HeldConnection, HeldSecret, Member
from orchestrator.core.values.members import Members
from orchestrator.core.values.values import Content, Given

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """One thing that can be read of an instance; `orchestrator.engine.finish_reads` knows by which method."""

    what: str
    #: id of the object that it is of, "" for a list of the instance
    of: str = ""


#: applications and tasks, as the union over the instance's credentials
INVENTORY: Read[Inventory] = Read("inventory")
#: the whole data dictionary
DICTIONARY: Read[tuple[DictionaryEntry, ...]] = Read("dictionary")


#: data sources, as the union over the instance's credentials, without their contents
SOURCES: Read[tuple[DataSource, ...]] = Read("data sources")


def connection(source: str) -> Read[HeldConnection]:
    """One data source with its content (Finishing 2.4)."""
    return Read("connection", source)


def app_secret(app: str) -> Read[HeldSecret]:
    """An application's secret (Finishing 2.3)."""
    return Read("secret", app)


def app_codes(app: str) -> Read[tuple[AppCode, ...]]:
    """The AppCodes of an application (Finishing 2.9)."""
    return Read("app codes", app)


def members(app: str) -> Read[tuple[Member, ...]]:
    """Who may do something with an application (Finishing 2.3)."""
    return Read("members", app)


def candidates(app: str) -> Read[tuple[Member, ...]]:
    """Who could, those that do among them (Finishing 2.3)."""
    return Read("candidates", app)


def values_of(path: str) -> Read[Given]:
    """A values file; no request."""
    return Read("values", path)


def content_of(path: str, key: str) -> Read[Content]:
    """The content that a values file gives one data source, its references resolved; no request."""
    return Read(f"values {path}", key)


def members_of(path: str) -> Read[Members]:
    """A list of members; no request."""
    return Read("members file", path)


def schedule(task: str) -> Read[str]:
    """When a task runs, "" where it has no schedule (Finishing 2.5)."""
    return Read("schedule", task)


class Files(Protocol):
    """What the operator wrote into files that the plan's `finish:` names."""

    def answers(self, read: Read[Any]) -> bool:
        """Whether it stands in a file."""
        ...

    def answer(self, read: Read[Any]) -> object:
        """What stands there, or Unread; blocks, and raises OperatorError where a file is wrong."""
        ...


@dataclass(frozen=True, slots=True)
class NoFiles:
    """Where none are given."""

    def answers(self, read: Read[Any]) -> bool:
        return False

    def answer(self, read: Read[Any]) -> object:
        raise LookupError(read.what)


@dataclass(frozen=True, slots=True)
class Look:
    """One question to one instance."""

    instance: str
    read: Read[Any]
    #: who asks; "" for the instance's first credentials
    credentials: str = ""


#: what was never asked
_NEVER = Unread("it was not read")


def without_digest(text: str) -> str:
    """Where no home is at hand, no secret can be told from another."""
    raise ValueError("a digest needs the key of a home")


@dataclass(frozen=True, slots=True)
class Seen:
    """Answers to looks. Secrets among them live in memory alone: an image holds their digest (promise 16)."""

    answers: Mapping[tuple[str, Read[Any]], object] = field(default_factory=dict)
    #: of a secret, under a key that only this home has
    digest: Callable[[str], str] = without_digest

    def get(self, instance: str, read: Read[T]) -> T | Unread:
        """What was read, or why it could not be."""
        return cast("T | Unread", self.answers.get((instance, read), _NEVER))

    def holds(self, look: Look) -> bool:
        return (look.instance, look.read) in self.answers


def not_held(looks: Iterable[Look], seen: Seen) -> tuple[Look, ...]:
    """Those that have no answer yet, each once."""
    return tuple(dict.fromkeys(look for look in looks if not seen.holds(look)))
