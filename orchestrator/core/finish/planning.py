"""What a `finish` would do now, from what was read. Law: the same answers give the same rows and digest."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256

from orchestrator.core.finish.ground import Ground, Rows
from orchestrator.core.finish.kind import Step
from orchestrator.core.finish.kinds import BY_WORD, KINDS, STEPS
from orchestrator.core.finish.looks import Look, Seen, not_held
from orchestrator.core.model.change import Change, Left, Proves
from orchestrator.core.plan.plan import FinishStep, Plan


@dataclass(frozen=True, slots=True)
class FinishPlan:
    """Row by row."""

    steps: tuple[FinishStep, ...]
    changes: tuple[Change, ...] = ()
    left: tuple[Left, ...] = ()
    #: objects that are as they shall be already
    already: int = 0
    #: what of the handover list is done with that
    found: tuple[Proves, ...] = ()

    @property
    def digest(self) -> str:
        """The same for the same rows, such as `7f3a-19c2`."""
        told = sorted(f"{each.id} {each.before} {each.after} {each.facts}" for each in self.changes)
        text = sha256("\n".join(told).encode()).hexdigest()
        return f"{text[:4]}-{text[4:8]}"


def steps_of(plan: Plan, named: Collection[FinishStep] = (), opened: Collection[str] = ()) -> tuple[FinishStep, ...]:
    """Those that the plan asks for: the named ones, or all but what needs a person's own word.

    `opened` are gates that a person has opened: that is his word for the step of the same name (promise 18).
    """
    wanted = [step.name for step in STEPS if any(step.wanted(each.finish) for each in plan.migrations)]
    return tuple(each for each in wanted if (each in named if named else each not in BY_WORD or each.value in opened))


def missing_looks(ground: Ground, steps: Collection[FinishStep], seen: Seen) -> tuple[Look, ...]:
    """What is still to be read before these steps can be planned; none when everything is known."""
    return not_held((look for step in _chosen(steps) for look in step.looks(ground, seen)), seen)


def finish_plan(ground: Ground, steps: Collection[FinishStep], seen: Seen) -> FinishPlan:
    """The rows of these steps; what its credentials have no right to is left, and so is what builds on it."""
    rows = sum((step.planned(ground, seen) for step in _chosen(steps)), Rows())
    allowed, left = _with_rights(rows.changes, seen)
    return FinishPlan(tuple(steps), allowed, (*rows.left, *left), rows.already, rows.found)


def _chosen(steps: Collection[FinishStep]) -> Iterator[Step]:
    return (step for step in STEPS if step.name in steps)


def _with_rights(changes: tuple[Change, ...], seen: Seen) -> tuple[tuple[Change, ...], list[Left]]:
    """Found before anything is asked for, from the roles that lists show (Finishing 1.1)."""
    why = {each.id: told for each in changes if (told := KINDS[each.kind].right(each, seen))}
    names = {each.id: each.name for each in changes}
    while built := {
        each.id: f"{names[need]} comes before it and is left"
        for each in changes
        for need in each.behind
        if need in why and each.id not in why
    }:
        why |= built
    left = [Left(each.kind, each.object, each.name, each.instance, why[each.id]) for each in changes if each.id in why]
    unproved = {proved for each in changes if each.id in why for proved in each.proves if proved.in_part}
    allowed = (each for each in changes if each.id not in why)
    return tuple(replace(each, proves=tuple(p for p in each.proves if p not in unproved)) for each in allowed), left


def inverses(changes: Collection[Change]) -> tuple[Change, ...]:
    """What takes these back, the latest first, each behind the inverses of what had come behind it."""
    made = {each.id: inverse for each in changes if (inverse := KINDS[each.kind].inverse(each)) is not None}
    behind = {
        name: tuple(made[each.id].id for each in changes if name in each.behind and each.id in made) for name in made
    }
    last = max((each.wave for each in changes), default=0)
    turned = [replace(each, behind=behind[name], wave=last - each.wave) for name, each in made.items()]
    return tuple(sorted(turned, key=lambda each: each.wave))
