"""A saved preview of changes, as a document. Law: sealed, so that an edited one is refused; it holds no secret."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from orchestrator.core.model.change import Change, Left
from orchestrator.errors import OperatorError

VERSION = 1
#: bytes that are read of a saved one, at most
MOST = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SavedChanges:
    """What of a saved preview its approval rests on."""

    run: str
    digest: str
    #: names this document: the same content has the same id
    id: str
    #: (option, its words), as the operator gave them
    asked: Mapping[str, tuple[str, ...]]


def to_json(
    command: str,
    run: str,
    digest: str,
    rows: tuple[Sequence[Change], Sequence[Left]],
    about: Mapping[str, object],
) -> str:
    """The document of a command's preview; `about` holds what was asked, who saved it and when."""
    changes, left = rows
    content = {
        "form": f"roma-migrate {command}", "version": VERSION, "run": run, "digest": digest, **about,
        "changes": [
            {"id": each.id, "name": each.name, "credentials": each.credentials, "wave": each.wave,
             "before": dict(each.before), "after": dict(each.after), "facts": dict(each.facts)}
            for each in changes
        ],
        "left": [
            {"kind": each.kind, "id": each.id, "name": each.name, "target": each.target, "why": each.why}
            for each in left
        ],
    }  # fmt: skip
    return json.dumps({**content, "seal": _seal(content)}, indent=2, ensure_ascii=False) + "\n"


def from_json(command: str, asked: Sequence[str], text: str) -> SavedChanges:
    """Read a preview of that command; raises OperatorError where it is not one, or was edited."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise OperatorError(f"not a saved {command}: it is not JSON") from None
    if not isinstance(content, dict) or content.get("form") != f"roma-migrate {command}":
        made = f"roma-migrate {command} RUN --dry-run --save FILE makes one"
        raise OperatorError(f"not a saved {command}", next_step=made)
    if content.get("version") != VERSION:
        raise OperatorError(f"a saved {command} of version {content.get('version')}; this program reads {VERSION}")
    seal = content.pop("seal", "")
    if seal != _seal(content):
        raise OperatorError("it was edited after it was saved", next_step="save it again and have it approved again")
    words = {key: tuple(map(str, content.get(key, ()))) for key in asked}
    return SavedChanges(str(content.get("run", "")), str(content.get("digest", "")), str(seal)[:16], words)


def _seal(content: dict[str, object]) -> str:
    return sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
