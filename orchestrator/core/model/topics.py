"""Topics of the message service, and what is asked of it and done at once (Finishing 2.11), as values."""

from collections.abc import Mapping
from dataclasses import dataclass

#: what an application may do with a topic
ACCESS = ("all", "pub", "sub")


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic, by the list."""

    name: str
    #: key of its application, or its id: no document tells which where another made it
    app: str
    #: (field, text) as the service names them, in the order in which they are told
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Access:
    """What one application may do with a topic."""

    #: of the application
    key: str
    #: all, pub or sub
    word: str
    tag: str = ""
    #: it is the application that the topic belongs to
    owner: bool = False


@dataclass(frozen=True, slots=True)
class CreateTopic:
    """A topic of one application."""

    name: str
    #: key of the application
    key: str
    #: all, pub or sub: what its own application may do with it
    access: str
    #: as the service names them
    fields: Mapping[str, str]
    tag: str = ""


@dataclass(frozen=True, slots=True)
class DeleteTopic:
    """A topic, with all messages in it."""

    name: str


@dataclass(frozen=True, slots=True)
class AllowOnTopic:
    """One more application may use a topic; what others may do stays."""

    topic: str
    key: str
    app: str
    access: str
    tag: str = ""


TopicWrite = CreateTopic | DeleteTopic | AllowOnTopic
