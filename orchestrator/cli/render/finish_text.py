"""A finish for people and for programs, before it and after it. Law: every row with before and after, and no secret."""

from collections import Counter
from collections.abc import Mapping, Sequence

from orchestrator.cli.output.tables import wrapped
from orchestrator.cli.render.finish_document import FinishChangeDocument
from orchestrator.cli.render.left_lines import left_json, left_lines
from orchestrator.core.finish.kinds import KINDS
from orchestrator.core.finish.planning import FinishPlan
from orchestrator.core.model.change import TECHNICAL, Change, Left
from orchestrator.core.model.counts import count
from orchestrator.core.state.changes import ChangeLife, Changes, ChangeState
from orchestrator.core.state.ends import End

#: rows of one kind that are told one by one; `--all` tells each
MOST_ROWS = 30
#: what stands before each reason for which something is not done
LEFT = "left to people"
#: what each state is called where it is not done
_STATES = {
    ChangeState.PENDING: "not done yet", ChangeState.UNSURE: "asked for, and not known to be done",
    ChangeState.REFUSED: "refused", ChangeState.DIFFERENT: "left alone",
}  # fmt: skip


def plan_text(run: str, planned: FinishPlan, everything: bool) -> str:
    """What would be done, row by row, and what is left to people and why."""
    steps = ", ".join(planned.steps) or "nothing that the plan asks for"
    lines = [f"finish of run {run}, {steps} (digest {planned.digest}): {what_of(planned)}"]
    lines += change_rows(planned.changes, everything)
    if planned.already:
        lines.append(wrapped("as they shall be already: ", count(planned.already, "object")))
    return "\n".join([*lines, *left_lines(LEFT, planned.left, everything)])


def change_rows(changes: Sequence[Change], everything: bool) -> list[str]:
    """Each change with before and after, by kind in the order in which they are done."""
    kinds = dict.fromkeys(each.kind for each in changes)
    return [line for kind in kinds for line in _rows([each for each in changes if each.kind == kind], everything)]


def what_of(planned: FinishPlan) -> str:
    """How much would be done, and how much is left."""
    told = [count(len(planned.changes), "change")] if planned.changes else ["nothing is left to do"]
    return ", ".join([*told, f"{len(planned.left)} left to people"] if planned.left else told)


def _rows(changes: Sequence[Change], everything: bool) -> list[str]:
    kind = KINDS[changes[0].kind]
    shown = changes if everything else changes[:MOST_ROWS]
    lines = [f"{kind.act} of {count(len(changes), kind.what)}:"]
    for each in shown:
        facts = "".join(f"; {word}: {value}" for word, value in each.facts if value and word not in TECHNICAL)
        by = f"by {each.credentials}"
        lines.append(
            wrapped("  ", f"{each.name}@{each.instance}: {turned(dict(each.before), dict(each.after))} ({by}{facts})")
        )
    if len(changes) > len(shown):
        lines.append(f"  and {len(changes) - len(shown)} more (--all)")
    return lines


def turned(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """What changes, as `running -> stopped` where one word says it."""
    if not before:
        return f"not there -> there{_held(after)}"
    if not after:
        return "there -> not there"
    moved = [(word, before.get(word, ""), after.get(word, "")) for word in {**before, **after}]
    changed = [each for each in moved if each[1] != each[2]]
    if len(moved) == 1:
        return f"{moved[0][1]} -> {moved[0][2]}"
    return ", ".join(f"{word} {one or 'nothing'} -> {other or 'nothing'}" for word, one, other in changed)


def _held(image: Mapping[str, str]) -> str:
    """What something new is like."""
    told = ", ".join(f"{word} {value}" for word, value in image.items() if value)
    return f", {told}" if told else ""


def closing_text(run: str, changes: Changes, told: Sequence[str], everything: bool) -> str:
    """How a finish ended; `told` is why it went no further."""
    lines = [f"finish of run {run}: {verdict_of(changes)}"]
    lines += [wrapped("why:  ", why) for why in told]
    left = [
        Left(life.change.kind, life.change.object, life.change.name, life.change.instance, life.why)
        for state in (ChangeState.DIFFERENT, ChangeState.REFUSED)
        for life in changes.lives.values()
        if life.state is state
    ]
    return "\n".join([*lines, *left_lines(LEFT, [*left, *(Left(*each) for each in changes.left)], everything)])


def verdict_of(changes: Changes) -> str:
    """How it ended, and what became of how many."""
    return f"{_verdict(changes)} ({numbers_of(changes) or 'nothing to do'})"


def _verdict(changes: Changes) -> str:
    if changes.ended is None:
        return "not finished"
    return "everything is done and proved" if changes.ended.code == 0 else "done, and something is left to people"


def numbers_of(changes: Changes) -> str:
    """`3 tasks stopped, 2 tasks started, 1 task left alone`."""
    found = Counter(_told_as(life) for life in changes.lives.values())
    return ", ".join(f"{count(number, what)} {word}" for (what, word), number in found.items())


def _told_as(life: ChangeLife) -> tuple[str, str]:
    return KINDS[life.change.kind].what, _became(life.change.kind, life.state)


def _became(kind: str, state: str) -> str:
    return KINDS[kind].done if state == ChangeState.DONE else f"{_STATES[ChangeState(state)]} ({KINDS[kind].act})"


def finished_as(each: FinishChangeDocument) -> str:
    """`task stopped`, as the report's document tells a change."""
    return f"{KINDS[each.kind].what} {_became(each.kind, each.state)}"


def plan_json(planned: FinishPlan) -> dict[str, object]:
    """For programs."""
    return {
        "digest": planned.digest,
        "steps": [each.value for each in planned.steps],
        "already": planned.already,
        "changes": [
            {"id": each.id, "step": each.step, "kind": each.kind, "instance": each.instance, "object": each.object,
             "name": each.name, "migration": each.migration, "credentials": each.credentials,
             "before": dict(each.before), "after": dict(each.after), "facts": dict(each.facts),
             "behind": list(each.behind)}
            for each in planned.changes
        ],
        "left": [left_json(each) for each in planned.left],
    }  # fmt: skip


def changes_json(changes: Changes) -> dict[str, object]:
    """How far the changes are."""
    return {
        "counts": dict(Counter(life.state.value for life in changes.lives.values())),
        "changes": [
            {"id": key, "step": life.change.step, "kind": life.change.kind, "instance": life.change.instance,
             "object": life.change.object, "name": life.change.name, "before": dict(life.change.before),
             "after": dict(life.change.after), "state": life.state.value, "why": life.why, "requests": life.attempts}
            for key, life in changes.lives.items()
        ],
        "left": [left_json(Left(*each)) for each in changes.left],
    }  # fmt: skip


def reasons_of(ends: Mapping[str, End], signal: str) -> list[str]:
    """Why it went no further; `signal` is what stopped it, or ""."""
    reasons = [end.sentence for end in ends.values()]
    if signal:
        reasons.append(f"interrupted by {signal}; what was asked for is settled by the next start")
    return reasons
