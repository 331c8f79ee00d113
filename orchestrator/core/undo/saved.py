"""A saved preview of an undo, as a document. Law: sealed, so that an edited one is refused; it holds no secret."""

import json
from dataclasses import dataclass
from hashlib import sha256

from orchestrator.core.undo.provenance import UndoPlan
from orchestrator.errors import OperatorError

FORM = "roma-migrate undo"
VERSION = 1
#: bytes that are read of a saved undo, at most
MOST = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SavedUndo:
    """What of a saved undo its approval rests on."""

    run: str
    digest: str
    #: names this document: the same content has the same id
    id: str
    only: tuple[str, ...]
    include: tuple[str, ...]


def to_json(run: str, planned: UndoPlan, words: tuple[tuple[str, ...], tuple[str, ...]], about: dict[str, str]) -> str:
    """The document; `words` are `--only` and `--include`, `about` says who saved it and when."""
    content = {
        "form": FORM, "version": VERSION, "run": run, "digest": planned.digest, "only": list(words[0]),
        "include": list(words[1]), **about,
        "changes": [
            {"id": each.id, "name": each.name, "credentials": each.credentials, "wave": each.wave,
             "before": dict(each.before)}
            for each in planned.changes
        ],
        "left": [
            {"kind": each.kind, "id": each.id, "name": each.name, "target": each.target, "why": each.why}
            for each in planned.left
        ],
    }  # fmt: skip
    return json.dumps({**content, "seal": _seal(content)}, indent=2, ensure_ascii=False) + "\n"


def from_json(text: str) -> SavedUndo:
    """Read it; raises OperatorError where it is not one, or was edited."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise OperatorError("not a saved undo: it is not JSON") from None
    if not isinstance(content, dict) or content.get("form") != FORM:
        raise OperatorError("not a saved undo", next_step="roma-migrate undo RUN --dry-run --save FILE makes one")
    if content.get("version") != VERSION:
        raise OperatorError(f"a saved undo of version {content.get('version')}; this program reads {VERSION}")
    seal = content.pop("seal", "")
    if seal != _seal(content):
        raise OperatorError("it was edited after it was saved", next_step="save it again and have it approved again")
    words = (tuple(map(str, content.get(key, []))) for key in ("only", "include"))
    return SavedUndo(str(content.get("run", "")), str(content.get("digest", "")), str(seal)[:16], *words)


def _seal(content: dict[str, object]) -> str:
    return sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
