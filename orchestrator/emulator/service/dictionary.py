"""The data dictionary of an instance (Finishing 2.1). Law: code and name are unique, parents come before children.

The documents name no code for any of its refusals: those here are invented.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from orchestrator.emulator.protocol.errors import (
    DEPENDENCY_ABSENT,
    ENTRY_GONE,
    IN_USE,
    NAME_EXISTS,
    QUOTA_EXCEEDED,
    Refusal,
    roma,
)
from orchestrator.emulator.protocol.messages import Json
from orchestrator.emulator.service.changing import Change, Done
from orchestrator.emulator.service.instance_store import Holding
from orchestrator.emulator.service.jobs import iso
from orchestrator.emulator.world.finishing_readings import CreateStatus, DuplicateCreate
from orchestrator.emulator.world.world import DictionaryEntry

_CODE = re.compile(r"[A-Za-z0-9_ ]{2,64}")
_NAME = re.compile(r"[A-Za-z0-9_ \u4e00-\u9fff]{2,64}")
_REMARK, _EXTEND, _PARENT, _ORDER = 200, 5000, 64, 100


def create(change: Change) -> Done:
    """A new entry; what a duplicate does is a switch (Finishing 5, 13)."""
    shelf = change.holding.dictionary
    if not change.holding.instance.link:
        raise absent()
    code, parent = change.text("code", _CODE), change.optional("parent_code", _PARENT)
    entry = _filled(
        change, DictionaryEntry(change.holding.new_id("dictionary"), code, "", parent, create_time=change.now)
    )
    if parent and not any(each.code == parent for each in shelf.all()):
        raise roma(DEPENDENCY_ABSENT, "The parent dictionary does not exist.")
    twin = _twin(shelf.all(), entry)
    if twin is not None and change.switches.duplicate_create is DuplicateCreate.REFUSE:
        raise _exists()
    if twin is not None and change.switches.duplicate_create is DuplicateCreate.SAME:
        return Done(200, told(twin))
    if len(shelf) >= change.holding.instance.quotas.dictionaries:
        raise roma(QUOTA_EXCEEDED, "The quota of dictionaries is used up.")
    shelf.put(entry, change.shown_from)
    return Done(201 if change.switches.create_status is CreateStatus.DOCUMENTED else 200, told(entry))


def change(asked: Change) -> Done:
    """Other words for an entry; its code and its parent stay, whatever the body says."""
    entry = _filled(asked, _found(asked.holding, asked.id))
    if _twin((each for each in asked.holding.dictionary.all() if each.id != entry.id), entry, by_code=False):
        raise _exists()
    asked.holding.dictionary.put(entry, asked.shown_from)
    return Done(200, told(entry))


def meddle(asked: Change) -> bool:
    """Somebody else gives the entry another remark."""
    entry = asked.holding.dictionary.get(asked.id)
    if entry is not None:
        asked.holding.dictionary.put(replace(entry, remark="changed by somebody else", update_time=asked.now))
    return entry is not None


def delete(asked: Change) -> Done:
    """The entry is gone, and all below it; a system entry is never deleted."""
    gone = [_found(asked.holding, asked.id)]
    for each in gone:
        gone += [one for one in asked.holding.dictionary.all() if one.parent_code == each.code and one not in gone]
    if any(each.system for each in gone):
        raise roma(IN_USE, "A system dictionary cannot be deleted.")
    for each in gone:
        asked.holding.dictionary.remove(each.id, asked.shown_from)
    return Done(204)


def shown(holding: Holding, entry_id: str, now: float) -> DictionaryEntry:
    """The entry as a reader sees it."""
    for each in holding.dictionary.shown(now):
        if each.id == entry_id:
            return each
    raise _gone()


def validated(holding: Holding, name: str, code: str) -> Json:
    """What a name or a code belongs to; 404 where both are free."""
    for each in holding.dictionary.all():
        if (name and each.name == name) or (code and each.code == code):
            return {"name": each.name, "code": each.code}
    raise _gone()


def told(entry: DictionaryEntry) -> Json:
    """One entry as lists and details tell it; its order is in no schema of a read, and so not here."""
    return {
        "id": entry.id,
        "name": entry.name,
        "remark": entry.remark,
        "code": entry.code,
        "extend_one": entry.extend_one,
        "extend_two": entry.extend_two,
        "parent_code": entry.parent_code,
        "type": "system" if entry.system else "user",
        "create_time": iso(entry.create_time),
        "update_time": iso(entry.update_time),
    }


def _filled(asked: Change, entry: DictionaryEntry) -> DictionaryEntry:
    """The entry with all that the body may set of it; what is absent becomes empty."""
    return replace(
        entry,
        name=asked.text("name", _NAME),
        remark=asked.optional("remark", _REMARK),
        order=asked.number("order", 1, _ORDER, 1),
        extend_one=asked.optional("extend_one", _EXTEND),
        extend_two=asked.optional("extend_two", _EXTEND),
        update_time=asked.now,
    )


def _twin(others: Iterable[DictionaryEntry], entry: DictionaryEntry, by_code: bool = True) -> DictionaryEntry | None:
    """An entry of the same name, or code."""
    for each in others:
        if each.name == entry.name or (by_code and each.code == entry.code):
            return each
    return None


def _found(holding: Holding, entry_id: str) -> DictionaryEntry:
    entry = holding.dictionary.get(entry_id)
    if entry is None:
        raise _gone()
    return entry


def absent() -> Refusal:
    """The instance has no device integration, and so no data dictionary."""
    return roma("ROMA.1007", "Invalid request URL.", status=404)


def _gone() -> Refusal:
    return roma(ENTRY_GONE, "The dictionary does not exist.", status=404)


def _exists() -> Refusal:
    return roma(NAME_EXISTS, "The name or the code of the dictionary exists.")
