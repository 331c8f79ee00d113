"""Connections of data sources, from the values file of their target (Finishing 2.4). Law: no read content is sent back.

Reads: each data source with its content. Writes: the whole content of the file, because a change replaces it; then the
service is asked to try it out, with the same body. Proof: every field that may be told reads back as in the file, a
secret by its digest; where secrets are not shown, the data source's later update time, and the test. Inverse: the
former content, where no secret was in it: one that the run made is known to have none, of any other an empty field may
hide one (Finishing 5, 3). Right: `modify` on the data source.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from orchestrator.core.finish.connection_images import (
    description_of,
    digest_of,
    image_of,
    only_secrets_differ,
    public,
    restorable,
    restored,
    wanted_image,
)
from orchestrator.core.finish.connection_values import entries_of
from orchestrator.core.finish.ground import Ground, Rows
from orchestrator.core.finish.kind import Kind, turned
from orchestrator.core.finish.looks import INVENTORY, SOURCES, Look, Seen, connection, content_of, values_of
from orchestrator.core.finish.of_apps import chosen, who
from orchestrator.core.finish.pairs import Pair
from orchestrator.core.model.change import Change, ChangeKind, Image, Left, Proves, change_id
from orchestrator.core.model.handover_item import Action
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import DataSource, Inventory
from orchestrator.core.model.withheld import HeldConnection
from orchestrator.core.model.writes import EnterConnection as Enter
from orchestrator.core.model.writes import Write
from orchestrator.core.plan.plan import Finish, FinishStep
from orchestrator.core.values.values import Connection
from orchestrator.errors import PlanInvalid

#: the fact of a data source that was at the target before the run: it may have a secret that no read shows
_FOUND = "found there"
#: what a test has for images
UNTESTED: Image = (("connection", "not tried out"),)
TESTED: Image = (("connection", "works"),)


class _Connection(Kind):
    what = "connection"
    wave = 3

    def looks(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, connection(change.object), change.credentials),)


class EnterConnection(_Connection):
    """A data source's connection as its values file has it."""

    kind, act, done = ChangeKind.ENTER_CONNECTION, "entry", "entered"

    def needs(self, change: Change) -> tuple[Look, ...]:
        return (_file(change),)

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        held = seen.get(change.instance, connection(change.object))
        if isinstance(held, Unread):
            return held
        # What was written since the preview, by us or by anybody: the test behind it proves whose secret it is.
        return image_of(held, change.after, seen.digest, lambda _: held.update_time != change.fact("updated"))

    def hindrance(self, change: Change, seen: Seen) -> str:
        return _changed_since(change, seen)

    def right(self, change: Change, seen: Seen) -> str:
        held = seen.get(change.instance, connection(change.object))
        if isinstance(held, Unread) or not held.rights or {"modify", "admin"} & set(held.rights):
            return ""
        return f"the right modify on data source {held.name} is missing: it shows {', '.join(held.rights)}"

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        (change,) = changes
        return _request(change, seen, test=False)

    def inverse(self, change: Change) -> Change | None:
        if change.fact(_FOUND) or not restorable(change.before):
            return None
        return turned(change, ChangeKind.EMPTY_CONNECTION)


class EmptyConnection(_Connection):
    """The content that it had before, in which no secret was."""

    kind, act, done = ChangeKind.EMPTY_CONNECTION, "removal", "put back as before"

    def by_answer(self, change: Change) -> bool:
        return only_secrets_differ(change)

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        held = seen.get(change.instance, connection(change.object))
        if isinstance(held, Unread):
            return held
        return image_of(held, change.before, seen.digest, lambda told: told != public(change.after))

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        (change,) = changes
        held = _held(change, seen)
        return Enter(
            held.id, held.name, held.type, held.app_id, restored(change.after), description_of(change.after),
            held.custom_plugin_id,
        )  # fmt: skip

    def inverse(self, change: Change) -> Change | None:
        return None


class TestConnection(Kind):
    """Nothing is changed: the service opens the connection, and tells whether it works."""

    #: a class of the program, and not of its tests
    __test__ = False
    kind, act, done = ChangeKind.TEST_CONNECTION, "test", "tried out and found to work"
    what = "connection"
    wave = 3
    leaves_a_trace = False
    #: a gateway that gives up each time says that nothing answers there; each try logs in with the real account
    most_silences = 2

    def by_answer(self, change: Change) -> bool:
        return True

    def looks(self, change: Change) -> tuple[Look, ...]:
        return ()

    def needs(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, connection(change.object), change.credentials), _file(change))

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        return UNTESTED

    def hindrance(self, change: Change, seen: Seen) -> str:
        return _changed_since(change, seen)

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        (change,) = changes
        return _request(change, seen, test=True)

    def inverse(self, change: Change) -> Change | None:
        return None


class ConnectionsStep:
    """`finish: datasources: FILE`."""

    name = FinishStep.DATASOURCES

    def wanted(self, finish: Finish) -> bool:
        return bool(finish.datasources)

    def looks(self, ground: Ground, seen: Seen) -> Iterator[Look]:
        for pair in chosen(ground, self.wanted):
            path = ground.finish[pair.migration].values_for(pair.target)
            lists = Look(pair.target, INVENTORY), Look(pair.target, SOURCES), Look(pair.target, values_of(path))
            yield from lists
            if all(seen.holds(each) for each in lists):
                credentials, entries = who(pair, pair.target, seen), entries_of(pair.target, path, seen)
                for source in _sources(pair, seen):
                    yield Look(pair.target, connection(source.id), credentials)
                    if not isinstance(entries, Unread) and source.id in entries:
                        yield Look(pair.target, content_of(path, entries[source.id].key))

    def planned(self, ground: Ground, seen: Seen) -> Rows:
        """Raises PlanInvalid where a file names a data source that is not there, or that is of another type."""
        pairs = [(pair, ground.finish[pair.migration].values_for(pair.target)) for pair in chosen(ground, self.wanted)]
        entries = {
            (target, path): entries_of(target, path, seen)
            for target, path in dict.fromkeys((pair.target, path) for pair, path in pairs)
        }
        _must_have_secrets(pairs, entries, seen)
        return sum((_rows(pair, path, entries[pair.target, path], seen) for pair, path in pairs), Rows())


def _must_have_secrets(
    pairs: Sequence[tuple[Pair, str]], entries: Mapping[tuple[str, str], Mapping[str, Connection] | Unread], seen: Seen
) -> None:
    """Raises PlanInvalid for every secret that is missing, before anything is asked for."""
    problems: list[str] = []
    for pair, path in pairs:
        found = entries[pair.target, path]
        for source in _sources(pair, seen):
            if isinstance(found, Unread) or source.id not in found:
                continue
            content = seen.get(pair.target, content_of(path, found[source.id].key))
            if isinstance(content, Unread):
                problems += content.why.splitlines()
    if problems:
        raise PlanInvalid(
            problems,
            "set the variables, make the files readable and see that the commands work, then run the same command "
            "again; nothing was sent",
        )


def _rows(pair: Pair, path: str, entries: Mapping[str, Connection] | Unread, seen: Seen) -> Rows:
    if isinstance(entries, Unread):
        return Rows(left=(Left("connection", "", "all connections", pair.target, entries.why),))
    rows = Rows()
    for source in _sources(pair, seen):
        entry = entries.get(source.id)
        if entry is None:
            rows += _left(pair, source, f"{path} says nothing of it; finish RUN --template FILE writes its fields")
        else:
            rows += _row(pair, source, (path, entry), seen)
    return rows


def _row(pair: Pair, source: DataSource, found: tuple[str, Connection], seen: Seen) -> Rows:
    path, entry = found
    held, given = seen.get(pair.target, connection(source.id)), seen.get(pair.target, content_of(path, entry.key))
    if isinstance(held, Unread) or isinstance(given, Unread):
        return _left(pair, source, f"it cannot be read: {held.why if isinstance(held, Unread) else ''}")
    after = wanted_image(held, given, seen.digest)
    facts: Image = (
        ("asset", pair.asset.name), ("app", pair.there), ("values", path), ("entry", entry.key),
        ("updated", held.update_time), ("content", digest_of(given, seen.digest)),
        *(((_FOUND, "yes"),) if pair.was_there or not pair.owner else ()),
    )  # fmt: skip
    enter = Change(
        change_id(ChangeKind.ENTER_CONNECTION, pair.target, source.id), ChangeKind.ENTER_CONNECTION.value, pair.target,
        source.id, source.name, who(pair, pair.target, seen), (), after, EnterConnection.wave, pair.migration,
        step=FinishStep.DATASOURCES.value, facts=facts,
    )  # fmt: skip
    before = image_of(held, after, seen.digest, lambda _: False)
    if before == after:
        return Rows(already=1)
    if running := _running(pair, source, seen):
        return _left(pair, source, f"task {running} runs on it: stop it before its connection is changed")
    test = replace(
        enter, id=change_id(ChangeKind.TEST_CONNECTION, pair.target, source.id),
        kind=ChangeKind.TEST_CONNECTION.value, before=UNTESTED, after=TESTED, behind=(enter.id,),
        proves=(Proves(Action.DATASOURCE, pair.target, source.name, pair.asset.name),),
    )  # fmt: skip
    return Rows((replace(enter, before=before), test))


def _sources(pair: Pair, seen: Seen) -> list[DataSource]:
    """Data sources of the application at the target."""
    sources = seen.get(pair.target, SOURCES)
    return [] if isinstance(sources, Unread) else [each for each in sources if each.app_id == pair.there]


def _running(pair: Pair, source: DataSource, seen: Seen) -> str:
    """A task that runs on the data source, as far as the list tells (Finishing 2.4); "" where none does."""
    inventory = seen.get(pair.target, INVENTORY)
    tasks = inventory.tasks if isinstance(inventory, Inventory) else ()
    on_it = (
        each.name
        for each in tasks
        if each.running
        and (source.id in each.datasource_ids or (not each.datasource_ids and pair.there in each.app_ids))
    )
    return next(on_it, "")


def _file(change: Change) -> Look:
    return Look(change.instance, content_of(change.fact("values"), change.fact("entry")))


def _changed_since(change: Change, seen: Seen) -> str:
    """That the values file is not what the preview was made of; "" where it is."""
    given = seen.get(change.instance, content_of(change.fact("values"), change.fact("entry")))
    if isinstance(given, Unread):
        return given.why
    agreed = digest_of(given, seen.digest) == change.fact("content")
    return "" if agreed else f"{change.fact('values')} was changed after the preview"


def _request(change: Change, seen: Seen, test: bool) -> Enter:
    held = _held(change, seen)
    given = seen.get(change.instance, content_of(change.fact("values"), change.fact("entry")))
    if isinstance(given, Unread):
        raise ValueError("values that were not read")
    told = (held.id, held.name, held.type, held.app_id, given.plain, held.description, held.custom_plugin_id)
    return Enter(*told, test)


def _held(change: Change, seen: Seen) -> HeldConnection:
    held = seen.get(change.instance, connection(change.object))
    if isinstance(held, Unread):
        raise ValueError("a data source that was not read")
    return held


def _left(pair: Pair, source: DataSource, why: str) -> Rows:
    return Rows(left=(Left("connection", source.id, source.name, pair.target, why),))
