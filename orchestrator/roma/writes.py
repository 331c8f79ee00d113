"""How writes without a job are spelled (Finishing 2). Law: one request each; any 2xx is success (Finishing 1)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.model.writes import ActOnTasks, CreateEntry, DeleteEntry, Write, Written
from orchestrator.roma import shapes
from orchestrator.roma.wire import parse


@dataclass(frozen=True, slots=True)
class Spelled:
    """One write as a request."""

    method: str
    #: the family of paths, such as `fdi/instances` (Finishing 1)
    room: str
    path: tuple[str, ...]
    body: Mapping[str, object] | None = None

    @property
    def bytes(self) -> bytes | None:
        return None if self.body is None else json.dumps(self.body, ensure_ascii=False).encode()


def spelled(write: Write) -> Spelled:
    """The request that carries it out."""
    match write:
        case ActOnTasks(action=action, tasks=tasks):
            if not tasks:
                raise ValueError("what an empty list means is not documented (Finishing 2.5)")
            body = {"action_id": action, "list": [{"task_id": each} for each in tasks]}
            return Spelled("POST", "fdi/instances", ("batch-operation", "tasks"), body)
        case CreateEntry():
            words = ("code", "name", "parent_code", "remark", "extend_one", "extend_two")
            told = {word: value for word in words if (value := str(getattr(write, word)))}
            return Spelled("POST", "instances", ("dictionaries",), told)
        case DeleteEntry(id=entry):
            return Spelled("DELETE", "instances", ("dictionaries", entry))


def written(write: Write, answer: object) -> Written:
    """What a success says; raises ValueError where it is not as documented."""
    match write:
        case ActOnTasks():
            return _acted(answer)
        case CreateEntry() | DeleteEntry():
            return Written()


def parsed(body: bytes) -> object:
    """Deletions answer with nothing, or with an empty text (Finishing 1)."""
    return parse(body) if body.strip() else {}


def _acted(answer: object) -> Written:
    """A lot that failed in part is a 200 too; who stands in neither list is judged by a read (Finishing 2.5)."""
    failed = shapes.mapping(answer).get("failure")
    refused = []
    for each in failed if isinstance(failed, list) else ():
        found = shapes.mapping(each)
        words = (shapes.text(found.get(key)) for key in ("error_code", "error_msg"))
        refused.append((shapes.needed(found, "task_id"), " ".join(filter(None, words))))
    return Written(tuple(refused))
