"""The message service: what is read of it, and how writes to it are spelled (Finishing 2.11).

Law: as that of `gateway`. A grant is added to what stands there; the call that replaces every grant is never used.
"""

from orchestrator.core.model.topics import ACCESS, Access, AllowOnTopic, CreateTopic, DeleteTopic, Topic, TopicWrite
from orchestrator.core.model.writes import Written
from orchestrator.roma.gateway import Lists, Ones
from orchestrator.roma.pages import Listing
from orchestrator.roma.shapes import mapping, needed, text
from orchestrator.roma.spelling import Spelled

_ROOM = "mqs/instances"
#: fields of a topic that a creation sends as they were read
_NUMBERS = ("partition", "replication", "retention_time")
_FLAGS = ("sync_replication", "sync_message_flush")
_TEXTS = ("description", "sensitive_word")


def topic(value: object) -> Topic:
    """One topic of the list."""
    found = mapping(value)
    numbers = tuple((key, word) for key in _NUMBERS if (word := text(found.get(key))))
    flags = tuple((key, "true" if found[key] is True else "false") for key in _FLAGS if key in found)
    texts = tuple((key, word) for key in _TEXTS if (word := text(found.get(key))))
    return Topic(needed(found, "name"), text(found.get("app_id")), (*numbers, *flags, *texts))


def access(value: object) -> Access:
    """What one application may do with a topic; raises ValueError for a word that no page tells."""
    found = mapping(value)
    word = text(found.get("access_policy"))
    if word not in ACCESS:
        raise ValueError(f"access_policy is {word or 'missing'}")
    owner = found.get("owner") is True
    return Access(needed(found, "user_name"), word, text(found.get("tag")), owner)


def holds_messages(value: object) -> bool:
    """Whether a page of messages has any, or their number is not 0."""
    found = mapping(value)
    messages, total = found.get("messages"), found.get("total")
    return bool(messages) if not isinstance(total, int | float) else bool(messages) or total != 0


_TOPICS = Listing("topics", "topics", 500, topic, lambda x: (x.name, x.app))
_ACCESS = Listing("access policies", "policies", 100, access, lambda x: x.key)


class Messaging:
    """Reads the message service of one instance; every method raises RequestFailed, lists also InventoryDisagrees."""

    def __init__(self, lists: Lists, ones: Ones) -> None:
        self._lists = lists
        self._ones = ones

    async def topics(self) -> tuple[Topic, ...]:
        """Every topic."""
        return await self._lists(_TOPICS, _ROOM, "topics")

    async def access(self, name: str) -> tuple[Access, ...]:
        """Which applications may use a topic, its own among them."""
        return await self._lists(_ACCESS, _ROOM, "topics", name, "accesspolicy")

    async def holds_messages(self, name: str) -> bool:
        """Whether a topic holds a message: they are lost with it."""
        return await self._ones(holds_messages, _ROOM, "messages", query=[("topic", name), ("limit", "1")])


def spelled(write: TopicWrite) -> Spelled:
    """The request that carries it out."""
    match write:
        case CreateTopic():
            return Spelled("POST", _ROOM, ("topics",), _creation(write))
        case DeleteTopic(name=name):
            return Spelled("POST", _ROOM, ("topics", "delete"), {"topics": [name]})
        case AllowOnTopic(topic=name, key=key, app=app, access=word, tag=tag):
            policy = {"user_name": key, "app_name": app, "access_policy": word} | ({"tag": tag} if tag else {})
            return Spelled("POST", _ROOM, ("topics", name, "access-policies", "batch-add"), {"policies": [policy]})


def written(write: TopicWrite, answer: object) -> Written:
    """What a success says; a deletion that failed is told in its answer."""
    if not isinstance(write, DeleteTopic):
        return Written()
    listed = mapping(answer).get("topics")
    told = [mapping(each) for each in listed] if isinstance(listed, list) else []
    return Written(
        tuple((write.name, "the service did not delete it") for each in told if each.get("success") is False)
    )


def _creation(write: CreateTopic) -> dict[str, object]:
    told: dict[str, object] = {"name": write.name, "app_id": write.key, "access_policy": write.access}
    for key, word in write.fields.items():
        told[key] = int(word) if key in _NUMBERS else word == "true" if key in _FLAGS else word
    return told | ({"tag": write.tag} if write.tag else {})
