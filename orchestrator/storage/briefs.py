"""Briefs of ended runs as text and back. Law: believed only while the journal is as it was when its brief was made.

The first line says how the journal was, what a list of runs tells of this one, and the digest of what follows; its own
digest ends it. A list of runs reads no more than that line.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from orchestrator.core.report.ended_run import EndedRun

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from orchestrator.core.report.brief import Brief

#: of this form; another one is not read
FORM = 2


@dataclass(frozen=True, slots=True)
class BriefHead:
    """What a brief's first line says."""

    ended: EndedRun
    #: how the journal was: what changes with each entry, and with each change of its file
    journal: str
    #: of what follows
    digest: str

    def brief(self, body: bytes) -> "Brief":
        """All of it, of what follows the first line; raises ValueError where it is not what was written."""
        if _digest(body) != self.digest:
            raise ValueError("not what was written")
        found: Brief = _adapter().validate_json(body)
        return found


def to_bytes(brief: "Brief", journal: str) -> bytes:
    """A brief with the state of the journal that it was made from."""
    body = _adapter().dump_json(brief)
    head = json.dumps([FORM, journal, asdict(brief.ended), _digest(body)]).encode()
    return b"%s %s\n%s" % (head, _digest(head).encode(), body)


def head_of(line: bytes) -> BriefHead:
    """What the first line says; raises ValueError where it is not what was written."""
    head, _, digest = line.rpartition(b" ")
    if digest.decode("ascii", "replace") != _digest(head):
        raise ValueError("the first line is not what was written")
    form, *told = json.loads(head)
    if form != FORM:
        raise ValueError("not of this form")
    journal, ended, of_body = told
    return BriefHead(EndedRun(**ended), journal, of_body)


@cache
def _adapter() -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter

    from orchestrator.core.report.brief import Brief

    return TypeAdapter(Brief)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
