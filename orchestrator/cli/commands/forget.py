"""`forget`: drops what ended runs keep on the disk. Law: what undo and the next run need stays.

Packages and the log always go. The journal goes too where nothing needs it any more: the run brought nothing, and
carried out no saved preview. Else it stays, and that is said.
"""

from dataclasses import dataclass

from orchestrator.cli.context.find_run import Found, find_run, plan_of, store_to_read
from orchestrator.cli.context.wiring import real_runtime
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.output.times import local
from orchestrator.core.model.counts import count
from orchestrator.core.plan.scalars import seconds_of
from orchestrator.engine.past_runs import PastRun, read_run
from orchestrator.engine.retention import drop_all, needed_by
from orchestrator.engine.runtime import Runtime
from orchestrator.errors import ExitCode, OperatorError
from orchestrator.storage.locks import Holder


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks of `forget`."""

    #: in place of a run: all that ended longer ago than this, such as 90d
    older_than: str = ""
    yes: bool = False


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What became of one run."""

    run: str
    packages: int
    #: what still needs its journal, which therefore stays; "" where all is gone
    kept_for: str


def forget(terminal: Terminal, word: str | None, wanted: Wanted) -> int:
    """Forget one run, or all that ended long ago."""
    me = real_runtime(lambda event, **fields: None)
    if (word is None) == (not wanted.older_than):
        raise OperatorError("forget needs either a RUN or --older-than TIME", next_step="roma-migrate runs")
    chosen = [_named(terminal, word)] if word is not None else _old(terminal, wanted.older_than, me)
    if chosen and not wanted.yes:
        _confirm(terminal, chosen)
    made = [_forget(found, me) for found in chosen]
    if terminal.common.json:
        told = [
            {"run": each.run, "packages": each.packages, "journal_kept_for": each.kept_for or None} for each in made
        ]
        terminal.document({"forgotten": told})
    else:
        terminal.result("\n".join(map(_told, made)) or "no run ended so long ago")
    return int(ExitCode.DONE)


def _named(terminal: Terminal, word: str) -> Found:
    found = find_run(terminal, word)
    terminal.run = found.run
    _must_have_ended(read_run(found.store, found.run))
    return found


def _old(terminal: Terminal, text: str, me: Runtime) -> list[Found]:
    """Ended runs, the oldest first; the latest of each plan stays: it tells where the plan stands."""
    span = seconds_of(text)
    if span is None:
        raise OperatorError(f"--older-than: {text!r} is no time; write 90d, for instance")
    store = store_to_read(terminal, None)
    runs = [Found(store, run) for run in store.run_ids()]
    latest = {plan_of(each.store, each.run): each.run for each in runs}
    chosen = []
    for each in runs:
        past = read_run(each.store, each.run)
        over = past.progress.ended is not None and past.progress.ended_at <= me.now() - span
        if over and each.run not in latest.values():
            chosen.append(each)
    return chosen


def _must_have_ended(past: PastRun) -> None:
    if past.progress.ended is None:
        raise OperatorError(
            f"run {past.run} has not ended: what it keeps is needed to go on",
            next_step="roma-migrate run PLAN goes on with it, roma-migrate run --abandon PLAN ends it",
        )


def _confirm(terminal: Terminal, chosen: list[Found]) -> None:
    told = f"{count(len(chosen), 'run')} would be forgotten: {', '.join(each.run for each in chosen)}"
    if not (terminal.out.isatty() and terminal.err.isatty()) or terminal.common.json:
        raise OperatorError(f"{told}; there is no terminal to ask on", next_step="the same command with --yes")
    terminal.say(f"{told}: packages and logs, and journals that nothing needs.\nType yes to do it.")
    try:
        answer = input()
    except EOFError:
        answer = ""
    if answer.strip().lower() != "yes":
        raise OperatorError("nothing was forgotten: the answer was not yes")


def _forget(found: Found, me: Runtime) -> Forgotten:
    """Under the plan's lock: an undo or a run of the plan cannot be reading meanwhile."""
    store, run = found.store, found.run
    with store.scope_of(run).hold(store.plan_of(run), Holder(me.host, me.pid, local(me.now()))):
        past = read_run(store, run)
        _must_have_ended(past)
        needed = needed_by(past)
        packages = drop_all(store, past, me)
        if needed:
            store.home.forget_log(run)
        else:
            store.forget(run)
        return Forgotten(run, packages, needed)


def _told(made: Forgotten) -> str:
    gone = f"run {made.run}: {count(made.packages, 'package')} and the log removed"
    return f"{gone}; its journal stays for {made.kept_for}" if made.kept_for else f"{gone}, and its journal"
