"""Preflight: every question that is asked before anything is sent. Law: each id of Contract 4
is answered, always.

`preflight(ground)` gives each check's findings, or one answer `ok`; waivers are laid over it by
`orchestrator.core.preflight.waivers`. What no check can know is said by `cannot_know`, so that a clean
preview is never a bare "success".
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from orchestrator.core.model.checks import CHECKS, Check, Verdict
from orchestrator.core.plan.plan import Gate
from orchestrator.core.preflight import contents, instances, links, names, settings, timing
from orchestrator.core.preflight.context import PreflightContext

Asked = Callable[[PreflightContext], Iterator[Check]]


def _question(check: str) -> Asked:
    """The function of a check: it has the check's name, in one of these modules."""
    name = check.replace("-", "_")
    found = [
        vars(module)[name] for module in (names, instances, settings, contents, links, timing) if name in vars(module)
    ]
    made: list[Asked] = [each for each in found if callable(each)]
    (asked,) = made
    return asked


#: id -> the question; `same-instance` is asked first, see `preflight`
QUESTIONS: Mapping[str, Asked] = {check: _question(check) for check in CHECKS if check != "same-instance"}


def preflight(context: PreflightContext) -> tuple[Check, ...]:
    """Every check's findings, or its `ok`, in the order of Contract 4; worst first within a check.

    A lane that leads back into its own source collides with itself in every way: it is told once, as same-instance,
    and left out of the other questions.
    """
    facts = dict(context.facts)
    same = [route for route in context.routes if instances.same_instances(context.plan, route, facts)]
    found: dict[str, list[Check]] = {"same-instance": list(instances.same_instance(same))}
    rest = replace(context, routes=tuple(route for route in context.routes if route not in same)) if same else context
    if rest.routes or not same:
        found |= {check: list(asked(rest)) for check, asked in QUESTIONS.items()}
    answers: list[Check] = []
    for check in CHECKS:
        held = sorted(found.get(check, ()), key=lambda each: -each.verdict.rank)
        answers += held or [Check(check, Verdict.OK, "nothing to say")]
    return tuple(answers)


def cannot_know(context: PreflightContext) -> tuple[str, ...]:
    """What a preview says of itself: what the service tells nobody before the run."""
    said = [
        "assets that these credentials do not see: neither selected nor found in the way",
        "which data sources a task uses, and what a package holds: no list tells",
        "how long somebody else's job will hold the slot, and what changes between this preview and the run",
        "whether the service accepts each asset: it judges only at the import",
    ]
    if any(route.target.prefix for route in context.routes):
        said.append("whether `prefix` renames applications, tasks or both: both readings are judged (API 7, 12)")
    if any(each.gate is Gate.IMPORTS for each in context.plan.migrations):
        said.append("when a person opens the gate before the imports: the timeline takes it to be open")
    if any(route.target.only_changed for route in context.routes):
        said.append("what changed without a later update time: under only_changed it stays out")
    if any(not route.adds for route in context.routes):
        said.append("what Merge does to an asset that is there: it is taken to overwrite it (API 7, 15)")
    return tuple(said)
