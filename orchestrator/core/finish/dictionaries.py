"""Entries of the data dictionary that a target lacks (Finishing 2.1). Law: what is there is never changed.

Reads: the whole dictionary of both instances. Writes: one entry a request, parents first. Proof: an entry of that code,
with the same words. Inverse: deletion of what was created, children first, and only while nothing of anybody else lies
below it: the service deletes the children too. Right: none is listed (Finishing 1.1).
"""

from collections.abc import Iterator, Sequence

from orchestrator.core.finish.ground import Ground, Rows, Way
from orchestrator.core.finish.kind import Kind, turned
from orchestrator.core.finish.looks import DICTIONARY, Look, Seen
from orchestrator.core.model.change import Change, ChangeKind, Image, Left, Proves, change_id
from orchestrator.core.model.handover_item import Action
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import DictionaryEntry
from orchestrator.core.model.writes import CreateEntry, DeleteEntry, Write
from orchestrator.core.plan.plan import Dictionaries, Finish, FinishStep

Entries = Sequence[DictionaryEntry]


class _Entry(Kind):
    what = "dictionary entry"
    wave = 1

    def looks(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, DICTIONARY, change.credentials),)

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        entries = seen.get(change.instance, DICTIONARY)
        return entries if isinstance(entries, Unread) else image_of(_by_code(entries, change.object))


class CreateDictionaryEntry(_Entry):
    """An entry as it is at the source."""

    kind, act, done = ChangeKind.CREATE_ENTRY, "creation", "created"

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        return CreateEntry(changes[0].object, **dict(changes[0].after))

    def inverse(self, change: Change) -> Change | None:
        return turned(change, ChangeKind.REMOVE_ENTRY)


class RemoveDictionaryEntry(_Entry):
    """An entry that `finish` has created."""

    kind, act, done = ChangeKind.REMOVE_ENTRY, "removal", "removed"

    def hindrance(self, change: Change, seen: Seen) -> str:
        entries = seen.get(change.instance, DICTIONARY)
        below = [] if isinstance(entries, Unread) else [e for e in entries if e.parent_code == change.object]
        return f"the entry {below[0].code} lies below it, and would be deleted with it" if below else ""

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        entries = seen.get(changes[0].instance, DICTIONARY)
        found = None if isinstance(entries, Unread) else _by_code(entries, changes[0].object)
        if found is None:
            raise ValueError(f"the entry {changes[0].object} was not read")
        return DeleteEntry(found.id)

    def inverse(self, change: Change) -> Change | None:
        return None


class DictionariesStep:
    """`finish: dictionaries`: before the import, because assets may need them."""

    name = FinishStep.DICTIONARIES

    def wanted(self, finish: Finish) -> bool:
        return finish.dictionaries is Dictionaries.CREATE

    def looks(self, ground: Ground, seen: Seen) -> Iterator[Look]:
        for way in self._ways(ground):
            yield Look(way.source, DICTIONARY)
            yield Look(way.target, DICTIONARY)

    def planned(self, ground: Ground, seen: Seen) -> Rows:
        rows = Rows()
        for way in self._ways(ground):
            here, there = seen.get(way.source, DICTIONARY), seen.get(way.target, DICTIONARY)
            if isinstance(here, Unread) or isinstance(there, Unread):
                instance, why = (way.source, here) if isinstance(here, Unread) else (way.target, there)
                told = f"the dictionary of {instance} could not be read: {why.why if isinstance(why, Unread) else ''}"
                rows += Rows(left=(Left("dictionary", "", "all entries", way.target, told),))
            else:
                rows += _rows(ground, way, here, there)
        return rows

    def _ways(self, ground: Ground) -> Iterator[Way]:
        """Each pair of instances once, for the first migration that asks for it."""
        found: dict[tuple[str, str], Way] = {}
        for way in ground.ways():
            if self.wanted(ground.finish[way.migration]):
                found.setdefault((way.source, way.target), way)
        yield from found.values()


def image_of(entry: DictionaryEntry | None) -> Image:
    """All of it that a read tells; its order is in no schema of one."""
    if entry is None:
        return ()
    words = ("name", "parent_code", "remark", "extend_one", "extend_two")
    return tuple((word, str(getattr(entry, word))) for word in words)


def _rows(ground: Ground, way: Way, here: Entries, there: Entries) -> Rows:
    held, names = {each.code: each for each in there}, {each.name for each in there}
    created: dict[str, Change] = {}
    left: list[Left] = []
    lost: set[str] = set()
    for entry in here:  # parents come before their children
        if entry.code in held:
            if image_of(held[entry.code]) != image_of(entry):
                why = f"it is another at {way.target}, where it is called {held[entry.code].name}: it is left as it is"
                left.append(Left("dictionary", held[entry.code].id, entry.code, way.target, why))
            continue
        if why := _why_not(entry, names, lost, way):
            lost.add(entry.code)
            left.append(Left("dictionary", "", entry.code, way.target, why))
            continue
        parent = created.get(entry.parent_code)
        created[entry.code] = Change(
            change_id(ChangeKind.CREATE_ENTRY, way.target, entry.code), ChangeKind.CREATE_ENTRY.value, way.target,
            entry.code, entry.name, ground.plan.instances[way.target].credentials[0], (), image_of(entry),
            CreateDictionaryEntry.wave, way.migration, behind=(parent.id,) if parent is not None else (),
            step=FinishStep.DICTIONARIES.value,
            proves=(Proves(Action.DICTIONARY, way.target, f"{entry.parent_code}/{entry.code}"),),
        )  # fmt: skip
    return Rows(tuple(created.values()), tuple(left), len(held.keys() & {each.code for each in here}))


def _why_not(entry: DictionaryEntry, names: set[str], lost: set[str], way: Way) -> str:
    if entry.system:
        return f"it is an entry of the service itself, which {way.target} does not have"
    if entry.parent_code in lost:
        return f"its parent {entry.parent_code} is not created"
    return f"another entry of {way.target} is called {entry.name}, and names are unique" if entry.name in names else ""


def _by_code(entries: Entries, code: str) -> DictionaryEntry | None:
    """Codes are unique in an instance."""
    return next((each for each in entries if each.code == code), None)
