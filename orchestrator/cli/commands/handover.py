"""`handover`: what people must do by hand after a run. Law: told from the journal; only `--check` reads ROMA."""

from collections.abc import Sequence
from pathlib import Path

import anyio

from orchestrator.cli.context.find_run import Found, find_run
from orchestrator.cli.context.folded_run import report_of
from orchestrator.cli.context.wiring import Assembled, assemble
from orchestrator.cli.output.tables import count
from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.handover.items import Now, Verification
from orchestrator.core.handover.render import to_csv, to_data, to_markdown
from orchestrator.core.handover.verify import provable, verified
from orchestrator.core.model.handover_item import Item
from orchestrator.core.plan.plan import Plan
from orchestrator.core.report.report import Report
from orchestrator.engine.admission import Admission
from orchestrator.engine.read_inventories import read_inventories
from orchestrator.engine.read_metadata import facts
from orchestrator.errors import ExitCode, OperatorError
from orchestrator.storage.planfile import read_plan
from orchestrator.storage.store import HomeStore


def handover(terminal: Terminal, word: str | None, as_csv: bool, check: bool) -> int:
    """Tell a run's list; with `check`, with what a read proves to be done."""
    if as_csv and terminal.common.json:
        raise OperatorError("--csv and --json exclude each other")
    found = find_run(terminal, word)
    terminal.run = found.run
    made = report_of(found)
    ticks = _ticks(terminal, found, made) if check else ()
    if terminal.common.json:
        terminal.document(_json(found, made, ticks))
    elif as_csv:
        terminal.table(to_csv(made.handover, ticks))
    else:
        terminal.result(_text(made, ticks))
    if check:
        terminal.say(_summary(made.handover, ticks), event="checked", done=sum(each.done for each in ticks))
    return int(ExitCode.DONE)


def _json(found: Found, made: Report, ticks: Sequence[Verification]) -> dict[str, object]:
    return {
        "run": found.run, "plan": made.began.plan, "plan_file": made.began.plan_file, "digest": made.began.digest,
        "finished": made.finished, "checked": bool(ticks), "items": to_data(made.handover, ticks),
    }  # fmt: skip


def _text(made: Report, ticks: Sequence[Verification]) -> str:
    head = [f"# Handover of run {made.run}, plan {made.began.plan}", ""]
    if not made.finished:
        head += ["The run has not ended: wait with what is to be done after it.", ""]
    return "\n".join([*head, to_markdown(made.handover, ticks) or "Nothing is left to people."])


def _summary(items: Sequence[Item], ticks: Sequence[Verification]) -> str:
    done, tried = sum(each.done for each in ticks), len(provable(items))
    return f"{done} of {count(len(items), 'thing')} proved to be done; {len(items) - tried} can be proved by no read"


# --- reading again -------------------------------------------------------------------------------------------------


def _ticks(terminal: Terminal, found: Found, made: Report) -> Sequence[Verification]:
    """Read the instances that the list names, and compare; raises ServiceRefuses (3), ServiceUnreachable (9)."""
    path = Path(made.began.plan_file)
    terminal.plan = path
    plan = read_plan(path)
    where = {item.where for item in provable(made.handover)} & set(plan.instances)
    assembled = assemble(plan, terminal.redactor, lambda event, **fields: None, where)
    admission = Admission(plan, HomeStore(found.home), assembled.roma, assembled.users, assembled.runtime)
    return verified(made.handover, anyio.run(_read, plan, admission, assembled, where))


async def _read(plan: Plan, admission: Admission, assembled: Assembled, where: set[str]) -> Now:
    readers = admission.readers(where)
    try:
        inventories = await read_inventories(plan, readers, assembled.runtime)
        return Now(inventories, await facts(plan, readers, inventories, assembled.runtime))
    finally:
        with anyio.CancelScope(shield=True):
            await assembled.roma.aclose()
