"""What a person orders of a run: `pause`, `continue`, `stop`. Law: live or dead, it is journaled with who and why."""

from collections.abc import Callable

from orchestrator.cli.context.find_run import Found, find_run
from orchestrator.cli.context.operator_acts import keep
from orchestrator.cli.context.wiring import real_runtime, without_secrets
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.render.summary import Names
from orchestrator.core.plan.plan import TASKS
from orchestrator.core.state.events import RunBegan, RunContinued, RunPaused, RunStopped
from orchestrator.core.state.folding import folded
from orchestrator.errors import ExitCode

Order = RunPaused | RunStopped | RunContinued
#: (by, host, version, note) -> the order
Made = Callable[[str, str, str, str], Order]


def order(terminal: Terminal, word: str | None, made: Made) -> int:
    """Give an order to the run that `word` means: 0 where it is recorded, 2 where it does not fit."""
    found = find_run(terminal, word)
    terminal.run = found.run
    progress = folded(iter(found.entries()))
    me = real_runtime(lambda event, **fields: None)
    note = without_secrets(terminal.common.note, terminal.redactor, progress.began)
    given = made(me.user, me.host, me.version, note)
    kept = keep(found, progress, [given], me)
    if terminal.common.json:
        terminal.document({"run": found.run, "recorded": kept.recorded, "live": kept.live, "answer": kept.answer})
    else:
        terminal.result(f"run {found.run}: {kept.answer}")
    if not kept.recorded:
        return int(ExitCode.USAGE)
    if isinstance(given, RunContinued) and not kept.live and progress.began is not None:
        _goes_on(terminal, found, progress.began, "finish" if given.gate == TASKS else "run")
    return int(ExitCode.DONE)


def _goes_on(terminal: Terminal, found: Found, began: RunBegan, command: str) -> None:
    """Nobody conducts it: a scheduler may go on with it by itself now, or whoever reads this."""
    found.home.keep_end(began.plan, None)
    if not terminal.common.json:
        names = Names(found.run, began.plan, began.plan_file, found.home.path)
        terminal.say(f"next: {names.command(command, names.file if command == 'run' else found.run)}")
