"""`finish: topics`: topics of moved applications that did not travel, and who may use them (Finishing 2.11).

Law: a topic that is there is never changed, and none is removed that holds a message. Messages and positions of
consumers are never carried.

Reads: the topics of both instances, and who may use each; before a removal, whether it holds a message. Writes: one
topic, one grant a request; a grant is added and replaces none. Proof: the lists. Inverse: deletion of what was created,
with which its grants go. Right: `modify` on the application, `delete` to delete (Finishing 1.1).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.core.finish.api_kinds import OfApplication
from orchestrator.core.finish.api_places import identities
from orchestrator.core.finish.ground import Ground, Rows
from orchestrator.core.finish.kind import turned
from orchestrator.core.finish.looks import INVENTORY, Look, Read, Seen
from orchestrator.core.finish.of_apps import app_named, moved_to
from orchestrator.core.finish.pairs import Pair
from orchestrator.core.model.change import Change, ChangeKind, Image, Left, change_id
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import App, Inventory
from orchestrator.core.model.topics import Access, AllowOnTopic, CreateTopic, DeleteTopic, Topic
from orchestrator.core.model.undocumented import MASK
from orchestrator.core.model.writes import Write
from orchestrator.core.plan.plan import Copy, Finish, FinishStep

#: every topic
TOPICS: Read[tuple[Topic, ...]] = Read("topics")
#: word of an image, and what it says where a topic is of the application that it shall be of
_OWNER, _OWN = "belongs to", "its application"


def access_of(topic: str) -> Read[tuple[Access, ...]]:
    """Which applications may use a topic."""
    return Read("topic access", topic)


def messages_in(topic: str) -> Read[bool]:
    """Whether a topic holds a message."""
    return Read("messages", topic)


# --- the kinds -------------------------------------------------------------------------------------------------------


class _Topic(OfApplication):
    what = "topic"
    wave = 10

    def looks(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, TOPICS, change.credentials),)

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        every = seen.get(change.instance, TOPICS)
        if isinstance(every, Unread):
            return every
        found = _named(every, change.object)
        own = {change.fact("application id"), change.fact("key")} - {""}
        return () if found is None else _image(found, found.app in own)


class CreateTopicLike(_Topic):
    """A topic as it is at the source, without its messages."""

    kind, act, done = ChangeKind.CREATE_TOPIC, "creation", "created"

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        change = changes[0]
        fields = {word: value for word, value in change.after if word != _OWNER}
        access, tag = change.fact("its own access"), change.fact("tag")
        return CreateTopic(change.object, change.fact("key"), access, fields, tag)

    def inverse(self, change: Change) -> Change | None:
        return turned(change, ChangeKind.REMOVE_TOPIC)


class RemoveTopic(_Topic):
    """A topic that `finish` has created, while no message is in it."""

    kind, act, done = ChangeKind.REMOVE_TOPIC, "removal", "removed"
    role = "delete"

    def needs(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, messages_in(change.object), change.credentials),)

    def hindrance(self, change: Change, seen: Seen) -> str:
        held = seen.get(change.instance, messages_in(change.object))
        if isinstance(held, Unread):
            return f"whether it holds messages cannot be read: {held.why}"
        return "it holds messages, which would be lost with it" if held else ""

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        return DeleteTopic(changes[0].object)

    def inverse(self, change: Change) -> Change | None:
        return None


class AllowUse(OfApplication):
    """Another application may use a topic that `finish` has created; what it may goes with the topic."""

    kind, act, done = ChangeKind.ALLOW_ON_TOPIC, "grant", "granted"
    what = "topic"
    wave = 10
    role = "access"
    leaves_a_trace = False

    def looks(self, change: Change) -> tuple[Look, ...]:
        asked = TOPICS, access_of(change.fact("topic"))
        return tuple(Look(change.instance, each, change.credentials) for each in asked)

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        every, told = seen.get(change.instance, TOPICS), seen.get(change.instance, access_of(change.fact("topic")))
        if not isinstance(every, Unread) and _named(every, change.fact("topic")) is None:
            return ()
        if isinstance(told, Unread):
            return told
        found = next((each for each in told if each.key == change.fact("key")), None)
        return _granted(found) if found is not None else ()

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        change = changes[0]
        words = dict(change.after)
        app = change.fact("caller")
        return AllowOnTopic(change.fact("topic"), change.fact("key"), app, words["may"], words.get("tag", ""))

    def inverse(self, change: Change) -> Change | None:
        return None


def _named(every: Sequence[Topic], name: str) -> Topic | None:
    return next((each for each in every if each.name == name), None)


def _image(topic: Topic, own: bool) -> Image:
    return (*topic.fields, (_OWNER, _OWN if own else "another application"))


def _granted(access: Access) -> Image:
    return (("may", access.word), *((("tag", access.tag),) if access.tag else ()))


# --- the step --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Planning:
    """One application's topics."""

    pair: Pair
    #: the application at either side
    here: App
    there: App
    writer: str
    #: key at the source -> application at the source, and the one at the target that stands for it
    others: Mapping[str, tuple[App, App | None]]
    rows: Rows = field(default_factory=Rows)

    def left(self, name: str, why: str) -> None:
        self.rows += Rows(left=(Left("topic", "", name, self.pair.target, why),))


class TopicsStep:
    """Topics that the target lacks, and what other applications may do with them."""

    name = FinishStep.TOPICS

    def wanted(self, finish: Finish) -> bool:
        return finish.topics is Copy.COPY

    def looks(self, ground: Ground, seen: Seen) -> Iterator[Look]:
        for pair in ground.apps(self.wanted):
            reader, writer = identities(ground, pair)
            for instance, who in ((pair.source, reader), (pair.target, writer)):
                yield Look(instance, INVENTORY)
                yield Look(instance, TOPICS, who)
            there = seen.get(pair.target, TOPICS)
            names = set() if isinstance(there, Unread) else {each.name for each in there}
            for topic in _topics_of(pair, seen):
                yield Look(pair.source, access_of(topic.name), reader)
                if topic.name in names:
                    yield Look(pair.target, access_of(topic.name), writer)

    def planned(self, ground: Ground, seen: Seen) -> Rows:
        rows = Rows()
        for pair in ground.apps(self.wanted):
            made = _planning(ground, pair, seen)
            if isinstance(made, Unread):
                rows += Rows(left=(Left("topic", "", f"topics of {pair.asset.name}", pair.target, made.why),))
                continue
            for topic in _topics_of(pair, seen):
                _topic(made, topic, seen)
            rows += made.rows
        return rows


def _planning(ground: Ground, pair: Pair, seen: Seen) -> _Planning | Unread:
    for instance in (pair.source, pair.target):
        for answer in (seen.get(instance, TOPICS), seen.get(instance, INVENTORY)):
            if isinstance(answer, Unread):
                return Unread(f"{instance}: {answer.why}")
    here, there = app_named(seen, pair.source, pair.asset.id), app_named(seen, pair.target, pair.there)
    if here is None or there is None:
        gone = pair.source if here is None else pair.target
        return Unread(f"the application is not at {gone} any more, or not visible there")
    if not here.key or not there.key:
        return Unread(f"its key cannot be read at {pair.source if not here.key else pair.target}")
    return _Planning(pair, here, there, identities(ground, pair)[1], _others(ground, pair, seen))


def _others(ground: Ground, pair: Pair, seen: Seen) -> Mapping[str, tuple[App, App | None]]:
    inventory, moved = seen.get(pair.source, INVENTORY), moved_to(ground, pair.source, pair.target)
    apps = inventory.apps if isinstance(inventory, Inventory) else ()
    twins = ((each, moved.get(each.id)) for each in apps if each.key)
    return {
        each.key: (each, app_named(seen, pair.target, twin.there) if twin is not None else None) for each, twin in twins
    }


def _topics_of(pair: Pair, seen: Seen) -> tuple[Topic, ...]:
    """Those of the application at the source."""
    every, app = seen.get(pair.source, TOPICS), app_named(seen, pair.source, pair.asset.id)
    if isinstance(every, Unread) or app is None:
        return ()
    return tuple(each for each in every if each.app and each.app in {app.id, app.key})


def _topic(planning: _Planning, topic: Topic, seen: Seen) -> None:
    """What becomes of one topic."""
    source, target = planning.pair.source, planning.pair.target
    told, every = seen.get(source, access_of(topic.name)), seen.get(target, TOPICS)
    held = () if isinstance(every, Unread) else every
    if MASK in topic.name:
        planning.left(topic.name, f"the list of {source} masks the names of topics")
    elif isinstance(told, Unread):
        planning.left(topic.name, f"who may use it cannot be read at {source}: {told.why}")
    elif (there := _named(held, topic.name)) is not None:
        _there(planning, (topic, there), told, seen)
    elif twin := next((each.name for each in held if _alike(each.name) == _alike(topic.name)), ""):
        planning.left(topic.name, f"{target} has the topic {twin}, and . and _ do not tell topics apart")
    else:
        _created(planning, topic, told)


def _there(planning: _Planning, both: tuple[Topic, Topic], told: Sequence[Access], seen: Seen) -> None:
    """A topic that is there stays as it is: what differs is named."""
    here, there = both
    target = planning.pair.target
    if there.app not in {planning.there.id, planning.there.key}:
        planning.left(here.name, f"another application of {target} has a topic of this name: it is left as it is")
        return
    planning.rows += Rows(already=1)
    held = seen.get(target, access_of(here.name))
    if isinstance(held, Unread):
        planning.left(here.name, f"who may use it cannot be read at {target}: {held.why}")
        return
    may = {each.key for each in held}
    for each in told:
        app, twin = planning.others.get(each.key, (None, None))
        if not each.owner and app is not None and (twin is None or twin.key not in may):
            planning.left(f"{here.name} for {app.name}", f"it may use it ({each.word}) at {planning.pair.source} alone")


def _created(planning: _Planning, topic: Topic, told: Sequence[Access]) -> None:
    """The creation of a topic, and of what others may do with it."""
    pair, app = planning.pair, planning.there
    own = next((each for each in told if each.owner or each.key == planning.here.key), None)
    facts = (
        ("application", app.name), ("application id", app.id), ("key", app.key),
        ("its own access", own.word if own is not None else "all"), ("tag", own.tag if own is not None else ""),
    )  # fmt: skip
    made = Change(
        change_id(ChangeKind.CREATE_TOPIC, pair.target, topic.name), ChangeKind.CREATE_TOPIC.value, pair.target,
        topic.name, topic.name, planning.writer, (), _image(topic, own=True), CreateTopicLike.wave, pair.migration,
        step=FinishStep.TOPICS.value, facts=facts,
    )  # fmt: skip
    planning.rows += Rows((made,))
    for each in told:
        if not each.owner and each.key != planning.here.key:
            _allowed(planning, made, each)


def _allowed(planning: _Planning, topic: Change, access: Access) -> None:
    pair = planning.pair
    other, there = planning.others.get(access.key, (None, None))
    if other is None or there is None or not there.key:
        who = f"{other.name} has not moved to {pair.target}" if other is not None else "no application has that key"
        name = other.name if other is not None else "an application that is not visible"
        planning.left(f"{topic.name} for {name}", f"it may use it ({access.word}) at {pair.source}, but {who}")
        return
    object_ = f"{topic.name} for {there.id}"
    facts = (("application id", planning.there.id), ("topic", topic.name), ("caller", there.name), ("key", there.key))
    change = Change(
        change_id(ChangeKind.ALLOW_ON_TOPIC, pair.target, object_), ChangeKind.ALLOW_ON_TOPIC.value, pair.target,
        object_, f"{topic.name} for {there.name}", planning.writer, (), _granted(access), AllowUse.wave,
        pair.migration, behind=(topic.id,), step=FinishStep.TOPICS.value, facts=facts,
    )  # fmt: skip
    planning.rows += Rows((change,))


def _alike(name: str) -> str:
    """`.` and `_` do not tell names of topics apart (Finishing 2.11)."""
    return name.replace(".", "_")
