"""`handover`: what people must do by hand after a plan's runs. Law: told from the journals; only `--check` reads ROMA.

The list belongs to the plan: RUN only says which plan is meant, so a later run that found nothing to do hides nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from orchestrator.cli.context.find_run import Found, Submitted, find_meant
from orchestrator.cli.context.operator_acts import keep
from orchestrator.cli.context.plan_runs import FoldedRun, handover_of, runs_beside, runs_of_plan
from orchestrator.cli.context.run_plan import plan_of_run
from orchestrator.cli.context.wiring import Assembled, assemble, real_runtime, without_secrets
from orchestrator.cli.output.logs import Log
from orchestrator.cli.output.terminal import Sheet, Terminal
from orchestrator.cli.output.times import local
from orchestrator.core.handover.items import Now, Verification
from orchestrator.core.handover.render import Standings, open_items, to_csv, to_data, to_markdown
from orchestrator.core.handover.verify import provable, verified, with_reads
from orchestrator.core.model.counts import count
from orchestrator.core.model.handover_item import Item
from orchestrator.core.plan.plan import Plan
from orchestrator.core.report.handover import PlanHandover
from orchestrator.core.state.events import HandoverDone
from orchestrator.engine.admission import Admission
from orchestrator.engine.read_inventories import read_inventories
from orchestrator.engine.read_metadata import facts
from orchestrator.engine.runtime import utc_now
from orchestrator.errors import ExitCode, OperatorError


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks of `handover`."""

    sheet: Sheet = Sheet.NONE
    #: read again, and tick what that proves
    check: bool = False
    #: ids of items that a person says are done
    done: tuple[str, ...] = ()


def handover(terminal: Terminal, word: str | None, asked: Asked) -> int:
    """Tell a plan's list, or tick items of it by hand."""
    if asked.sheet and terminal.common.json:
        raise OperatorError("--csv and --json exclude each other")
    meant = find_meant(terminal, word)
    if isinstance(meant, Found):
        terminal.run = meant.run
        runs = runs_beside(terminal, meant)
    else:
        runs = _runs_of(terminal, meant)
    if asked.done:
        return _tick(terminal, runs, asked)
    held = handover_of(runs)
    seen = _reads(terminal, runs[-1], held.items) if asked.check else ()
    known = with_reads(held.standings, seen)
    if terminal.common.json:
        terminal.document(_json(runs, held, known, asked.check))
    elif asked.sheet:
        terminal.table(to_csv(held.items, known), asked.sheet)
    else:
        terminal.page(_text(runs, held, known))
    if asked.check:
        told = _summary(held.items, known, seen)
        terminal.say(told, event="checked", done=len(held.items) - len(open_items(held.items, known)))
    return int(ExitCode.DONE)


def _runs_of(terminal: Terminal, submitted: Submitted) -> tuple[FoldedRun, ...]:
    runs = runs_of_plan(terminal, submitted.store, submitted.plan)
    if not runs:
        raise OperatorError(
            f"{submitted.id}: none of its components has begun", next_step=f"roma-migrate status {submitted.id}"
        )
    return runs


def _json(runs: Sequence[FoldedRun], held: PlanHandover, known: Standings, checked: bool) -> dict[str, object]:
    latest = runs[-1]
    return {
        "plan": latest.began.plan, "plan_file": latest.began.plan_file, "run": latest.found.run,
        "runs": [each.found.run for each in runs], "digest": latest.began.digest, "finished": _finished(runs),
        "checked": checked, "open": len(open_items(held.items, known)), "items": to_data(held.items, known),
    }  # fmt: skip


def _text(runs: Sequence[FoldedRun], held: PlanHandover, known: Standings) -> str:
    latest = runs[-1]
    head = [f"# Handover of plan {latest.began.plan}", ""]
    caused = {run: n for run in dict.fromkeys(s.run for s in known.values()) if (n := _caused(known, run))}
    for each in runs:
        if each.found.run in caused:
            began = local(each.progress.began_at)
            head += [f"- run {each.found.run}, begun {began}: {count(caused[each.found.run], 'item')}"]
    if empty := len(runs) - len(caused):
        head += [f"- {count(empty, 'other run')} left nothing more to people"]
    if not held.items:
        return "\n".join([*head, "", "Nothing is left to people."])
    left = len(open_items(held.items, known))
    head += ["", f"{left} of {count(len(held.items), 'item')} open." if left else "Everything on the list is done.", ""]
    if open_ := [each.found.run for each in runs if each.progress.ended is None]:
        head += [f"Run {open_[-1]} has not ended: wait with what is to be done after it.", ""]
    return "\n".join([*head, to_markdown(held.items, known)])


def _caused(known: Standings, run: str) -> int:
    return sum(each.run == run for each in known.values())


def _finished(runs: Sequence[FoldedRun]) -> bool:
    return all(each.progress.ended is not None for each in runs)


def _summary(items: Sequence[Item], known: Standings, seen: Sequence[Verification]) -> str:
    proved = sum(each.done for each in seen)
    by_hand = len(items) - len(open_items(items, known)) - proved
    told = f"{proved} of {count(len(items), 'item')} proved to be done"
    told += f", {by_hand} more ticked by hand" if by_hand else ""
    wrong = sum(each.disproved and bool(known[each.item.id].by) for each in seen)
    told += f"; {wrong} ticked by hand, and a read shows the opposite" if wrong else ""
    return f"{told}; {len(items) - len(provable(items))} can be proved by no read"


# --- ticking by hand -----------------------------------------------------------------------------------------------


def _tick(terminal: Terminal, runs: Sequence[FoldedRun], asked: Asked) -> int:
    """Journal that these items are done, each in the run that caused it, or through the run that goes on now."""
    if asked.check or asked.sheet:
        raise OperatorError("--done goes without --check and --csv")
    note = without_secrets(terminal.common.note, terminal.redactor, runs[-1].began)
    if not note:
        again = f"roma-migrate handover --done {','.join(asked.done)} --note TEXT"
        raise OperatorError("--done needs --note TEXT: it is journaled, for whoever asks later", next_step=again)
    held = handover_of(tuple(runs))
    items = [_named(held.items, word) for word in dict.fromkeys(asked.done)]
    me = real_runtime(lambda event, **fields: None)
    live = next((each for each in runs if each.found.holder(each.progress) is not None), None)
    told: list[dict[str, object]] = []
    for each in runs:
        mine = [item for item in items if (live or _causing(runs, held, item)) is each]
        if mine:
            acts = [HandoverDone(item.id, me.user, me.host, me.version, note) for item in mine]
            kept = keep(each.found, each.progress, acts, me)
            told += [{"id": item.id, "run": each.found.run, "recorded": kept.recorded} for item in mine]
            terminal.say(kept.answer, event="handover-done", items=[item.id for item in mine])
    after = handover_of(runs_beside(terminal, runs[-1].found))
    if terminal.common.json:
        terminal.document({"plan": runs[-1].began.plan, "done": told, "open": len(after.open)})
    else:
        terminal.result(f"{len(after.open)} of {count(len(after.items), 'item')} still open")
    return int(ExitCode.DONE if all(each["recorded"] for each in told) else ExitCode.USAGE)


def _named(items: Sequence[Item], word: str) -> Item:
    """The item of an id, or of a unique beginning of one."""
    fitting = [item for item in items if word and item.id.startswith(word)]
    if len(fitting) == 1:
        return fitting[0]
    why = f"fits {count(len(fitting), 'item')}" if fitting else "is no item of this plan's list"
    raise OperatorError(f"--done {word}: {why}", next_step="roma-migrate handover shows each with its id")


def _causing(runs: Sequence[FoldedRun], held: PlanHandover, item: Item) -> FoldedRun:
    return next(each for each in runs if each.found.run == held.standings[item.id].run)


# --- reading again -------------------------------------------------------------------------------------------------


def _reads(terminal: Terminal, latest: FoldedRun, items: Sequence[Item]) -> Sequence[Verification]:
    """Read the instances that the list names, and compare; raises ServiceRefuses (3), ServiceUnreachable (9)."""
    terminal.plan = Path(latest.began.plan_file)
    plan = plan_of_run(latest.found, latest.began)
    where = {item.where for item in provable(items)} & set(plan.instances)
    assembled = assemble(plan, terminal.redactor, Log(terminal, lambda: utc_now().timestamp()).say, where)
    admission = Admission(plan, latest.found.store, assembled.roma, assembled.users, assembled.runtime)
    return verified(items, anyio.run(_read, plan, admission, assembled, where))


async def _read(plan: Plan, admission: Admission, assembled: Assembled, where: set[str]) -> Now:
    readers = admission.readers(where)
    try:
        inventories = await read_inventories(plan, readers)
        return Now(inventories, await facts(plan, readers, inventories, assembled.runtime))
    finally:
        with anyio.CancelScope(shield=True):
            await assembled.roma.aclose()
