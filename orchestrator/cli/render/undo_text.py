"""An undo for people and for programs, before it and after it. Law: what is left alone is told with its reason."""

from collections import Counter
from collections.abc import Iterable, Sequence

from orchestrator.cli.output.tables import table, wrapped
from orchestrator.core.model.counts import agreed, count
from orchestrator.core.state.changes import ChangeLife, Changes, ChangeState
from orchestrator.core.undo.provenance import Left, UndoPlan

#: objects of one reason that are named; `--all` names each
MOST_NAMES = 10


def plan_text(run: str, planned: UndoPlan, everything: bool) -> str:
    """What would be removed, what is left and why."""
    lines = [f"undo of run {run} (digest {planned.digest}): {_what(planned)}"]
    if planned.changes:
        rows = Counter((each.instance, each.kind.removeprefix("remove-"), each.credentials) for each in planned.changes)
        shown = [[instance, str(n), count_of(kind, n), by] for (instance, kind, by), n in sorted(rows.items())]
        lines.append(table(["target", "", "removed", "by"], shown))
        shown_names = [f"{each.kind.removeprefix('remove-')} {each.name}@{each.instance}" for each in planned.changes]
        lines.append(wrapped("  removed: ", _names(shown_names, everything)))
    if planned.gone:
        lines.append(wrapped("gone already: ", count(planned.gone, "asset")))
    lines += left_lines(planned.left, everything)
    return "\n".join(lines)


def count_of(kind: str, number: int) -> str:
    """`application`, `tasks`."""
    return agreed(number, "application" if kind == "app" else "task")


def _what(planned: UndoPlan) -> str:
    if not planned.changes:
        return "nothing is left to remove"
    return f"{count(len(planned.changes), 'asset')} would be removed" + (
        f", {len(planned.left)} left alone" if planned.left else ""
    )


def left_lines(left: Iterable[Left], everything: bool) -> list[str]:
    """What stays, by reason; the commonest first."""
    reasons: dict[str, list[str]] = {}
    for each in left:
        reasons.setdefault(each.why, []).append(f"{each.kind} {each.name}@{each.target}")
    found = sorted(reasons.items(), key=lambda item: -len(item[1]))
    return [wrapped("left alone: ", f"{why}: {_names(names, everything)}") for why, names in found]


def _names(names: Sequence[str], everything: bool) -> str:
    shown = names if everything else names[:MOST_NAMES]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more (--all)" if len(names) > len(shown) else "")


def closing_text(run: str, changes: Changes, told: Sequence[str], everything: bool) -> str:
    """How an undo ended; `told` is why it went no further."""
    counts = Counter(life.state.value for life in changes.lives.values())
    numbers = ", ".join(f"{number} {state}" for state, number in sorted(counts.items())) or "nothing to remove"
    lines = [f"undo of run {run}: {_verdict(changes)} ({numbers})"]
    lines += [wrapped("why:  ", why) for why in told]
    for state in (ChangeState.DIFFERENT, ChangeState.REFUSED):
        lines += left_lines((_as_left(life) for life in changes.lives.values() if life.state is state), everything)
    lines += left_lines((Left(*each) for each in changes.left), everything)
    return "\n".join(lines)


def _verdict(changes: Changes) -> str:
    if changes.ended is None:
        return "not finished"
    return "everything that the run made is gone" if changes.ended.code == 0 else "done, and something is left"


def _as_left(life: ChangeLife) -> Left:
    change = life.change
    return Left(change.kind.removeprefix("remove-"), change.object, change.name, change.instance, life.why)


def plan_json(planned: UndoPlan) -> dict[str, object]:
    """For programs."""
    return {
        "digest": planned.digest,
        "gone": planned.gone,
        "changes": [
            {"id": each.id, "kind": each.kind, "target": each.instance, "object": each.object, "name": each.name,
             "migration": each.migration, "credentials": each.credentials, "wave": each.wave,
             "before": dict(each.before), "after": dict(each.after)}
            for each in planned.changes
        ],
        "left": [_left_json(each) for each in planned.left],
    }  # fmt: skip


def changes_json(changes: Changes) -> dict[str, object]:
    """How far the changes are."""
    return {
        "counts": dict(Counter(life.state.value for life in changes.lives.values())),
        "changes": [
            {"id": key, "kind": life.change.kind, "target": life.change.instance, "object": life.change.object,
             "name": life.change.name, "state": life.state.value, "why": life.why if life.why else "",
             "job": life.job, "requests": life.attempts}
            for key, life in changes.lives.items()
        ],
        "left": [_left_json(Left(*each)) for each in changes.left],
    }  # fmt: skip


def _left_json(left: Left) -> dict[str, str]:
    return {"kind": left.kind, "id": left.id, "name": left.name, "target": left.target, "why": left.why}
