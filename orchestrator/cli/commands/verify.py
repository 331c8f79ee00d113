"""`verify`: whether source and target agree now, asset by asset. Law: reads only; every journal is left as it is."""

from dataclasses import dataclass
from pathlib import Path

import anyio

from orchestrator.cli.context.find_run import find_meant
from orchestrator.cli.context.learning import keep_learned
from orchestrator.cli.context.run_plan import plan_of_run
from orchestrator.cli.context.wiring import Assembled, assemble
from orchestrator.cli.each_run import Part, Told, close, each_run, in_short, parts_of
from orchestrator.cli.output.logs import Log
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.render.comparison import comparison_json, comparison_text, verdict
from orchestrator.cli.render.summary import Names
from orchestrator.core.comparison.carried import learned, of_packages
from orchestrator.core.plan.plan import Plan
from orchestrator.core.selection.only import Only, parse_only
from orchestrator.core.state.folding import folded
from orchestrator.core.state.progress import Progress
from orchestrator.engine.admission import Admission
from orchestrator.engine.comparing import Compared, compare_run, instances_of
from orchestrator.engine.runtime import utc_now
from orchestrator.errors import ExitCode, OperatorError


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator asked of `verify`."""

    only: tuple[str, ...] = ()
    #: whatever is told makes the code 1
    strict: bool = False
    #: name every asset
    everything: bool = False


def verify(terminal: Terminal, word: str | None, wanted: Wanted) -> int:
    """Compare both sides as they are now, of a run or of all that a submission has; 1 where something is amiss."""
    meant = find_meant(terminal, word)
    rows = each_run(terminal, parts_of(meant), lambda part: _verified(terminal, part, wanted))
    return close(terminal, meant, rows, {"strict": wanted.strict})


def _verified(terminal: Terminal, part: Part, wanted: Wanted) -> Told:
    if not part.run:
        text = "it has no run: there is nothing to verify"
        return in_short(ExitCode.DONE, text)
    found = part.found
    progress = folded(iter(found.entries()))
    if progress.began is None:
        raise OperatorError(f"run {found.run} never began: there is nothing to verify", next_step="roma-migrate runs")
    path = Path(progress.began.plan_file)
    terminal.plan = path
    plan = plan_of_run(found, progress.began)
    _must_hold(plan, progress)
    log = Log(terminal, lambda: utc_now().timestamp())
    assembled = assemble(plan, terminal.redactor, log.say, instances_of(progress))
    admission = Admission(plan, found.store, assembled.roma, assembled.users, assembled.runtime)
    compared = anyio.run(_read, admission, assembled, progress, parse_only(wanted.only, plan))
    finished = [life.change for life in progress.finishing.ours.values()]
    lessons = of_packages(learned(compared.carried), finished)
    keep_learned(terminal, found.home, plan, lessons, found.run, compared.at)
    code = _code(compared, wanted.strict)
    names = part.names(progress.began.plan, progress.began.plan_file)
    who, following = _next(code, names)
    head = {"run": found.run, "plan": names.plan, "plan_file": names.file, "strict": wanted.strict}
    text = comparison_text(found.run, compared, wanted.everything)
    return Told(code, {**head, **comparison_json(compared)}, text, verdict(compared), who, following)


def _must_hold(plan: Plan, progress: Progress) -> None:
    absent = sorted(instances_of(progress) - set(plan.instances))
    if absent:
        raise OperatorError(
            f"the plan no longer names {', '.join(absent)}, which this run read or wrote",
            next_step="put the instance back into the plan, or verify a run of the present plan",
        )


async def _read(admission: Admission, assembled: Assembled, progress: Progress, only: Only) -> Compared:
    try:
        return await compare_run(admission.plan, progress, admission, only)
    finally:
        with anyio.CancelScope(shield=True):
            await assembled.roma.aclose()


def _code(compared: Compared, strict: bool) -> ExitCode:
    told = bool(compared.dictionaries) or any(not row.clean for row in compared.rows)
    if any(row.failed for row in compared.rows) or (strict and told):
        return ExitCode.INCOMPLETE
    return ExitCode.DONE


def _next(code: ExitCode, names: Names) -> tuple[str, str]:
    """(who, next)."""
    if code is ExitCode.DONE:
        return "nobody", names.command("handover", names.run)
    return "the owners of these assets", f"what the run itself said of them:\n{names.command('report', names.run)}"
