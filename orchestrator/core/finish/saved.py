"""A saved preview of changes, as a document. Law: sealed, so that an edited one is refused; it holds no secret."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from orchestrator.core.model.change import Change, Left
from orchestrator.errors import OperatorError

VERSION = 1
#: bytes that are read of a saved one, at most
MOST = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SavedRun:
    """What is approved of one run; of a submission's component that has none, that it never begins."""

    run: str
    digest: str
    #: (option, its words) of what was previewed
    asked: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class SavedChanges:
    """What of a saved preview its approval rests on."""

    #: the run, or the submission
    of: str
    #: names this document: the same content has the same id
    id: str
    #: run, or component of the submission -> what is approved of it
    runs: Mapping[str, SavedRun]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a command would do of one run."""

    run: str
    digest: str
    changes: Sequence[Change]
    left: Sequence[Left]
    #: (option, its words)
    asked: Mapping[str, tuple[str, ...]]


def to_json(command: str, preview: Preview, about: Mapping[str, object]) -> str:
    """The document of a run's preview; `about` holds who saved it and when."""
    return _sealed(command, {**_content(preview), **about})


def submission_to_json(
    command: str, submission: str, components: Mapping[str, Preview], about: Mapping[str, object]
) -> str:
    """The same of a submission: component -> its preview."""
    held = [{"component": id_, **_content(preview)} for id_, preview in components.items()]
    return _sealed(command, {"submission": submission, **about, "components": held})


def _content(preview: Preview) -> dict[str, object]:
    return {
        "run": preview.run, "digest": preview.digest, **{key: list(words) for key, words in preview.asked.items()},
        "changes": [
            {"id": each.id, "name": each.name, "credentials": each.credentials, "wave": each.wave,
             "before": dict(each.before), "after": dict(each.after), "facts": dict(each.facts)}
            for each in preview.changes
        ],
        "left": [
            {"kind": each.kind, "id": each.id, "name": each.name, "target": each.target, "why": each.why}
            for each in preview.left
        ],
    }  # fmt: skip


def _sealed(command: str, told: Mapping[str, object]) -> str:
    content = {"form": f"roma-migrate {command}", "version": VERSION, **told}
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
    if "submission" not in content:
        run = _saved_run(content, asked)
        return SavedChanges(run.run, str(seal)[:16], {run.run: run})
    held = content.get("components")
    if not isinstance(held, list) or not all(isinstance(each, dict) and "component" in each for each in held):
        raise OperatorError(f"not a saved {command}: it names no components")
    runs = {str(each["component"]): _saved_run(each, asked) for each in held}
    return SavedChanges(str(content["submission"]), str(seal)[:16], runs)


def _saved_run(content: Mapping[str, Any], asked: Sequence[str]) -> SavedRun:
    words = {key: tuple(map(str, content.get(key, ()))) for key in asked}
    return SavedRun(str(content.get("run", "")), str(content.get("digest", "")), words)


def _seal(content: dict[str, object]) -> str:
    return sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
