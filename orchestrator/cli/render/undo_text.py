"""An undo for people and for programs, before it and after it. Law: what is left alone is told with its reason."""

from collections import Counter
from collections.abc import Sequence

from orchestrator.cli.output.tables import table, wrapped
from orchestrator.cli.output.times import local, utc
from orchestrator.cli.render.finish_text import change_rows
from orchestrator.cli.render.left_lines import MOST_NAMES, left_json, left_lines
from orchestrator.cli.render.undo_words import action_of, changes_told
from orchestrator.core.model.change import Change, Left
from orchestrator.core.model.counts import agreed, count
from orchestrator.core.model.restoration import NOT_RESTORED
from orchestrator.core.state.changes import ChangeLife, Changes, ChangeState
from orchestrator.core.undo.provenance import UndoPlan

#: what stands before each reason for which something stays as it is
LEFT = "left alone"


def plan_text(run: str, planned: UndoPlan, everything: bool) -> str:
    """What would be removed and restored, what is left and why, and what no backup brings back."""
    lines = [f"undo of run {run} (digest {planned.digest}): {what_of(planned)}"]
    lines += change_rows(planned.unfinished, everything)
    for head, changes in (("removed", planned.removed), ("restored", planned.restored)):
        lines += _rows(head, changes, everything)
    if planned.restored:
        lines += restored_lines(planned.until)
    if planned.gone:
        lines.append(wrapped("gone already: ", count(planned.gone, "asset")))
    lines += left_lines(LEFT, planned.left, everything)
    return "\n".join(lines)


def _rows(head: str, changes: Sequence[Change], everything: bool) -> list[str]:
    if not changes:
        return []
    rows = Counter((each.instance, _sort(each), each.credentials) for each in changes)
    shown = [[instance, str(n), count_of(kind, n), by] for (instance, kind, by), n in sorted(rows.items())]
    names = [f"{_sort(each)} {each.name}@{each.instance}" for each in changes]
    return [table(["target", "", head, "by"], shown), wrapped(f"  {head}: ", _names(names, everything))]


def restored_lines(until: float) -> list[str]:
    """Until when that is possible, and what a restored asset does not get back."""
    told = f"what Merge overwrote is put back from its backups, which are kept until {local(until)} (keep_backups)"
    return [wrapped("note: ", told), "not restored:", *(wrapped("  - ", each) for each in NOT_RESTORED)]


def _sort(change: Change) -> str:
    """`app` or `task`."""
    return change.kind.rpartition("-")[2]


def count_of(kind: str, number: int) -> str:
    """`application`, `tasks`."""
    return agreed(number, "application" if kind == "app" else "task")


def what_of(planned: UndoPlan) -> str:
    """How much would be taken back, and how much is left."""
    if not planned.changes:
        return "nothing is left to take back"
    back = len(planned.unfinished)
    told = [f"{count(back, 'change')} of finish would be taken back"] if back else []
    told += [f"{count(len(planned.removed), 'asset')} would be removed"] if planned.removed else []
    told += [f"{count(len(planned.restored), 'asset')} would be restored"] if planned.restored else []
    return ", ".join([*told, f"{len(planned.left)} left alone"] if planned.left else told)


def _names(names: Sequence[str], everything: bool) -> str:
    shown = names if everything else names[:MOST_NAMES]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more (--all)" if len(names) > len(shown) else "")


def closing_text(run: str, changes: Changes, told: Sequence[str], everything: bool) -> str:
    """How an undo ended; `told` is why it went no further."""
    lines = [f"undo of run {run}: {verdict_of(changes)}"]
    lines += [wrapped("why:  ", why) for why in told]
    for state in (ChangeState.DIFFERENT, ChangeState.REFUSED):
        lines += left_lines(
            LEFT, (_as_left(each) for each in changes.lives.values() if each.state is state), everything
        )
    lines += left_lines(LEFT, (Left(*each) for each in changes.left), everything)
    if any(life.change.restores and life.state is ChangeState.DONE for life in changes.lives.values()):
        lines += ["not restored:", *(wrapped("  - ", each) for each in NOT_RESTORED)]
    return "\n".join(lines)


def verdict_of(changes: Changes) -> str:
    """How it ended, and what became of how many."""
    pairs = ((action_of(life.change), life.state.value) for life in changes.lives.values())
    return f"{_verdict(changes)} ({changes_told(pairs) or 'nothing to remove'})"


def _verdict(changes: Changes) -> str:
    if changes.ended is None:
        return "not finished"
    if changes.ended.code != 0:
        return "done, and something is left"
    if changes.steps:
        return "what finish did is taken back"
    back = any(life.change.restores for life in changes.lives.values())
    return "everything that the run made is gone" + (", and what it overwrote is restored" if back else "")


def _as_left(life: ChangeLife) -> Left:
    change = life.change
    return Left(change.kind, change.object, change.name, change.instance, life.why)


def plan_json(planned: UndoPlan) -> dict[str, object]:
    """For programs."""
    return {
        "digest": planned.digest,
        "gone": planned.gone,
        "changes": [
            {"id": each.id, "kind": each.kind, "target": each.instance, "object": each.object, "name": each.name,
             "migration": each.migration, "credentials": each.credentials, "wave": each.wave,
             "before": dict(each.before), "after": dict(each.after), "package": each.package}
            for each in planned.changes
        ],
        "possible_until": utc(planned.until),
        "not_restored": list(NOT_RESTORED) if planned.restored else [],
        "left": [left_json(each) for each in planned.left],
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
        "left": [left_json(Left(*each)) for each in changes.left],
        "not_restored": list(NOT_RESTORED) if any(each.change.restores for each in changes.lives.values()) else [],
    }  # fmt: skip
