"""Briefs of ended runs as text and back. Law: believed only while the journal is as it was when its brief was made.

The first line names the plan and how the journal was, and holds the digest of what follows; its own digest ends it.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

if TYPE_CHECKING:
    from orchestrator.core.report.brief import Brief

#: of this form; another one is not read
FORM = 1


@dataclass(frozen=True, slots=True)
class BriefHead:
    """What a brief says of itself."""

    plan: str
    #: how the journal was: what changes with each entry, and with each change of its file
    journal: str
    body: bytes

    def brief(self) -> "Brief":
        """All of it; raises ValueError."""
        found: Brief = _adapter().validate_json(self.body)
        return found


def to_bytes(brief: "Brief", journal: str) -> bytes:
    """A brief with the state of the journal that it was made from."""
    body = _adapter().dump_json(brief)
    head = json.dumps([FORM, brief.plan, journal, _digest(body)])
    return f"{head} {_digest(head.encode())}\n".encode() + body


def head_of(content: bytes) -> BriefHead:
    """Raises ValueError where it is not what was written."""
    line, _, body = content.partition(b"\n")
    head, _, digest = line.rpartition(b" ")
    if digest.decode("ascii", "replace") != _digest(head):
        raise ValueError("the first line is not what was written")
    form, plan, journal, of_body = json.loads(head)
    if form != FORM or of_body != _digest(body):
        raise ValueError("not of this form, or not what was written")
    return BriefHead(plan, journal, body)


@cache
def _adapter() -> TypeAdapter[Any]:
    from orchestrator.core.report.brief import Brief

    return TypeAdapter(Brief)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
