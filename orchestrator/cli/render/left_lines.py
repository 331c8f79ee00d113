"""What an undo or a finish leaves to people, by reason. Law: each reason once, what it is about below it."""

from collections.abc import Iterable

from orchestrator.cli.output.tables import wrapped
from orchestrator.core.finish.kinds import KINDS
from orchestrator.core.model.change import Left
from orchestrator.core.model.counts import count

#: objects of one reason that are named; `--all` names each
MOST_NAMES = 10


def left_lines(head: str, left: Iterable[Left], everything: bool) -> list[str]:
    """`head: 40 objects: why`, then their names; the commonest reason first."""
    reasons: dict[str, list[str]] = {}
    for each in left:
        reasons.setdefault(each.why, []).append(f"{_what_of(each.kind)} {each.name}@{each.target}")
    found = sorted(reasons.items(), key=lambda item: -len(item[1]))
    return [line for why, names in found for line in _reason(head, why, names, everything)]


def left_json(left: Left) -> dict[str, str]:
    """One of them, for programs."""
    return {"kind": left.kind, "id": left.id, "name": left.name, "target": left.target, "why": left.why}


def _reason(head: str, why: str, names: list[str], everything: bool) -> list[str]:
    if len(names) == 1:
        return [wrapped(f"{head}: ", f"{names[0]}: {why}")]
    shown = names if everything else names[:MOST_NAMES]
    lines = [wrapped(f"{head}: ", f"{count(len(names), 'object')}: {why}"), *(wrapped("  ", each) for each in shown)]
    if len(names) > len(shown):
        lines.append(f"  and {len(names) - len(shown)} more (--all)")
    return lines


def _what_of(kind: str) -> str:
    """`task` of a change of tasks; others say themselves what they are about."""
    return KINDS[kind].what if kind in KINDS else kind.rpartition("-")[2]
