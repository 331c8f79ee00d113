"""What a person orders of a run: `pause`, `continue`, `stop`. Law: live or dead, it is journaled with who and why.

Of a submission it is said to each component that is not done: one that has begun keeps it in its run's journal. One
that nobody conducts is parked, or due again; one that a worker conducts hears of it through the journal's inbox.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.cli.context.engine import EngineFound, engine_of, tell_engine
from orchestrator.cli.context.find_run import Found, Submitted, find_meant
from orchestrator.cli.context.operator_acts import Kept, keep
from orchestrator.cli.context.wiring import real_runtime, without_secrets
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.render.summary import Names
from orchestrator.core.plan.plan import TASKS
from orchestrator.core.state.events import RunBegan, RunContinued, RunPaused, RunStopped
from orchestrator.core.state.folding import folded
from orchestrator.core.state.submissions import ComponentState, SubmittedComponent
from orchestrator.engine.runtime import Runtime
from orchestrator.errors import ExitCode, HeldElsewhere
from orchestrator.fleet.engine import Word
from orchestrator.storage.store import LocalStore

Order = RunPaused | RunStopped | RunContinued
_WORDS: Mapping[type[Order], Word] = {RunPaused: Word.PAUSE, RunStopped: Word.STOP, RunContinued: Word.CONTINUE}
#: (by, host, version, note) -> the order
Made = Callable[[str, str, str, str], Order]


def order(terminal: Terminal, word: str | None, made: Made, engine: str = "") -> int:
    """Give an order to what `word` means: 0 where it is recorded, 2 where it does not fit.

    `engine` is what `--engine` names: there a component hears of it at once, else within seconds.
    """
    found = engine_of(terminal, engine)
    meant = find_meant(terminal, word)
    me = real_runtime(lambda event, **fields: None)
    if isinstance(meant, Submitted):
        return _order_all(terminal, meant, made, me, found)
    terminal.run = meant.run
    progress = folded(iter(meant.entries()))
    given = _given(terminal, made, me, progress.began)
    component = meant.store.component_of(meant.run)
    if component:
        row = meant.store.submissions.component(component)
        kept = said(meant.store, row, given, me)
        _tell(terminal, found, meant.store, given, [_Said(row, kept)])
    else:
        kept = keep(meant, progress, [given], me)
    if terminal.common.json:
        terminal.document({"run": meant.run, "recorded": kept.recorded, "live": kept.live, "answer": kept.answer})
    else:
        terminal.result(f"run {meant.run}: {kept.answer}")
    if not kept.recorded:
        return int(ExitCode.USAGE)
    if isinstance(given, RunContinued) and not kept.live and progress.began is not None:
        if given.gate == TASKS:
            _goes_on(terminal, meant, progress.began, "finish")
        elif not component:
            _goes_on(terminal, meant, progress.began, "run")
    return int(ExitCode.DONE)


def _given(terminal: Terminal, made: Made, me: Runtime, began: RunBegan | None) -> Order:
    return made(me.user, me.host, me.version, without_secrets(terminal.common.note, terminal.redactor, began))


def _goes_on(terminal: Terminal, found: Found, began: RunBegan, command: str) -> None:
    """Nobody conducts it: a scheduler may go on with it by itself now, or whoever reads this."""
    found.home.keep_end(began.plan, None)
    if not terminal.common.json:
        names = Names(found.run, began.plan, began.plan_file, found.home.path)
        terminal.say(f"next: {names.command(command, names.file if command == 'run' else found.run)}")


# --- a submission's components -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Said:
    """What became of an order at one component."""

    component: SubmittedComponent
    kept: Kept


def _order_all(terminal: Terminal, submitted: Submitted, made: Made, me: Runtime, engine: EngineFound | None) -> int:
    given = _given(terminal, made, me, None)
    open_ = [each for each in submitted.components() if each.state is not ComponentState.DONE]
    every = [_Said(each, said(submitted.store, each, given, me)) for each in open_]
    _tell(terminal, engine, submitted.store, given, every)
    if terminal.common.json:
        answers = [
            {"component": each.component.id, "run": each.component.run or None, "recorded": each.kept.recorded,
             "live": each.kept.live, "answer": each.kept.answer}
            for each in every
        ]  # fmt: skip
        terminal.document({"submission": submitted.id, "plan": submitted.plan, "components": answers})
    else:
        lines = [f"{each.component.id}: {each.kept.answer}" for each in every]
        terminal.result("\n".join(lines) or f"{submitted.id}: all of it is done: nothing is left to be ordered")
    return int(ExitCode.DONE if any(each.kept.recorded for each in every) else ExitCode.USAGE)


def _tell(
    terminal: Terminal, engine: EngineFound | None, store: LocalStore, given: Order, every: Sequence[_Said]
) -> None:
    """Those that nobody conducts: a live one has heard it, and would be held up by it once it is left."""
    idle = [each.component for each in every if each.kept.recorded and not each.kept.live]
    tell_engine(terminal, engine, store.submissions, idle, _WORDS[type(given)])


def said(store: LocalStore, component: SubmittedComponent, given: Order, me: Runtime) -> Kept:
    """An order to one component: kept in its run's journal where that has begun, in its row where nobody is live."""
    kept = _journaled(store, component, given, me)
    if kept.live:
        return kept
    if isinstance(given, RunContinued):
        if store.submissions.wake(component.id):
            return Kept(
                f"{kept.answer}; a worker goes on with it" if kept.recorded else "a worker goes on with it", True, False
            )
        return kept
    halted = f"{'paused' if isinstance(given, RunPaused) else 'stopped'} by {given.by} on {given.host}"
    if store.submissions.park(component.id, int(ExitCode.STOPPED), halted):
        return Kept(f"{halted}; it waits for `continue`", True, False)
    return kept


def _journaled(store: LocalStore, component: SubmittedComponent, given: Order, me: Runtime) -> Kept:
    if not component.run:
        return Kept("its run has not begun", False, False)
    found = Found(store, component.run)
    try:
        return keep(found, folded(iter(found.entries())), [given], me)
    except HeldElsewhere as error:
        return Kept(f"{error.message}: say it again in a moment", False, True)
