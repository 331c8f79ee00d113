"""What `finish` and `undo` share: which run they mean, how they read and how they are carried out in this process."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import anyio

from orchestrator.cli.context.approval_file import content_of, must_be_free, understood, write_new
from orchestrator.cli.context.find_run import Found, find_run
from orchestrator.cli.context.finishing import can_finish
from orchestrator.cli.context.first_signal import FirstSignal
from orchestrator.cli.context.measuring import Monitoring, monitors
from orchestrator.cli.context.observers import Observer, Observers
from orchestrator.cli.context.run_plan import plan_of_run
from orchestrator.cli.context.signals import told
from orchestrator.cli.context.wiring import Assembled, assemble
from orchestrator.cli.output.logs import Log
from orchestrator.cli.output.tables import commands, wrapped
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.output.times import utc
from orchestrator.cli.render.finish_text import reasons_of
from orchestrator.cli.render.summary import Names
from orchestrator.core.finish.saved import MOST, SavedChanges, from_json, to_json
from orchestrator.core.model.change import Change, Left
from orchestrator.core.plan.plan import FinishStep, Plan
from orchestrator.core.state.events import Entry, RunBegan
from orchestrator.core.state.folding import folded
from orchestrator.core.state.progress import Progress
from orchestrator.engine.change_run import Carried
from orchestrator.engine.runs import Runs
from orchestrator.engine.runtime import utc_now
from orchestrator.errors import ExitCode, OperatorError

T = TypeVar("T")


@dataclass(slots=True)
class Changing:
    """One command that changes what a run left, put together."""

    #: finish or undo
    command: str
    terminal: Terminal
    found: Found
    plan: Plan
    assembled: Assembled
    runs: Runs
    names: Names
    log: Log


def changing(terminal: Terminal, command: str, word: str | None, saved: SavedChanges | None) -> Changing:
    """Find the run, or that of a saved preview, and read its plan; whoever gets it closes the log."""
    found = find_run(terminal, word if word is not None or saved is None else saved.run)
    if saved is not None and saved.run != found.run:
        raise OperatorError(f"the saved {command} is of run {saved.run}, not of {found.run}")
    return changing_run(terminal, command, found)


def changing_run(terminal: Terminal, command: str, found: Found) -> Changing:
    """The same of a run that was found."""
    terminal.run = found.run
    began = folded(iter(found.entries())).began
    if began is None:
        raise OperatorError(
            f"run {found.run} never began: there is nothing to {command}", next_step="roma-migrate runs"
        )
    path = Path(began.plan_file)
    terminal.plan = path
    plan = replace(plan_of_run(found, began), path=str(path.absolute()))
    _must_be_the_plan(plan, began)
    log = Log(terminal, lambda: utc_now().timestamp())
    assembled = assemble(plan, terminal.redactor, log.say)
    runs = Runs(plan, found.store.scope_of(found.run), assembled.roma, assembled.users, assembled.runtime)
    can_finish(runs, found.home, terminal)
    names = Names(found.run, plan.name, plan.path, found.home.path, found.store.options)
    return Changing(command, terminal, found, plan, assembled, runs, names, log)


def _must_be_the_plan(plan: Plan, began: RunBegan) -> None:
    if plan.name != began.plan:
        raise OperatorError(f"{began.plan_file} is the plan {plan.name} now; the run is one of {began.plan}")


def with_another_way(made: Changing) -> Changing:
    """The same with connections of its own: those of `made` are closed behind a question."""
    looking = assemble(made.plan, made.terminal.redactor, made.log.say)
    return replace(made, runs=replace(made.runs, roma=looking.roma), assembled=looking)


def ask(made: Changing, read: Callable[[], Awaitable[T]]) -> T:
    """What `read` answers; the connections are closed behind it."""

    async def both() -> T:
        try:
            return await read()
        finally:
            with anyio.CancelScope(shield=True):
                await made.assembled.roma.aclose()

    return anyio.run(both)


def read_steps(words: Sequence[str]) -> tuple[FinishStep, ...]:
    """What `--step` names, in the order of the steps; raises OperatorError."""
    known = [each.value for each in FinishStep]
    held = tuple(part.strip() for word in words for part in word.split(",") if part.strip())
    for word in held:
        if word not in known:
            raise OperatorError(f"--step {word}: no such step", next_step=f"one of {', '.join(known)}")
    return tuple(each for each in FinishStep if each.value in held)


# --- previews that are saved, and approved -------------------------------------------------------------------------


def must_be_savable(command: str, save: Path | None, dry_run: bool) -> None:
    """`--save` goes with `--dry-run`, and writes over nothing."""
    if save is None:
        return
    if not dry_run:
        raise OperatorError("--save goes with --dry-run", next_step=f"roma-migrate {command} RUN --dry-run --save FILE")
    must_be_free(save)


def read_saved(command: str, asked: Sequence[str], path: Path | None) -> SavedChanges | None:
    """The saved preview, where one is to be carried out; `asked` are the options that it holds."""
    if path is None:
        return None
    return understood(path, content_of(path, MOST), f"a saved {command}", lambda text: from_json(command, asked, text))


def save_preview(
    made: Changing,
    digest: str,
    rows: tuple[Sequence[Change], Sequence[Left]],
    asked: dict[str, tuple[str, ...]],
    path: Path,
) -> None:
    """Keep it, with who saved it and when."""
    runtime = made.assembled.runtime
    about = {"saved_by": f"{runtime.user} on {runtime.host}", "saved": utc(runtime.now()) or ""}
    told = {key: list(words) for key, words in asked.items()}
    write_new(path, to_json(made.command, made.found.run, digest, rows, {**told, **about}))


# --- to tell ------------------------------------------------------------------------------------------------------


def show(made: Changing, told: Mapping[str, object], text: Callable[[], str], following: str) -> int:
    """What a preview says, as `told` for programs or as `text` for people, and the next step."""
    if made.terminal.common.json:
        head = {"run": made.found.run, "plan": made.plan.name, "dry_run": True}
        made.terminal.document({**head, **told, "code": 0, "who": "nobody", "next": following})
    else:
        made.terminal.result("\n".join([text(), commands("next: ", following)]))
    return int(ExitCode.DONE)


def close(
    made: Changing, done: Carried, told: Mapping[str, object], text: Callable[[list[str]], str],
    step: tuple[str, str],
) -> int:  # fmt: skip
    """How it ended; `text` is told why it went no further, `step` is who acts and what comes next."""
    whys, (who, following) = reasons_of(done.ends, done.signal), step
    if made.terminal.common.json:
        head = {"run": made.found.run, "plan": made.plan.name, "dry_run": False, "code": int(done.code)}
        made.terminal.document({**head, **told, "whys": whys, "who": who, "next": following})
    else:
        made.terminal.result("\n".join([text(whys), wrapped("who:  ", who), commands("next: ", following)]))
    return int(done.code)


# --- to carry out --------------------------------------------------------------------------------------------------


def observed(made: Changing, monitoring: Monitoring, conduct: Callable[[Observer], int]) -> int:
    """The code of what is conducted, while monitors watch."""
    observers = Observers(monitors(made.terminal, made.plan, made.found.store, monitoring, made.command))
    observers.attached(made.log.say)
    try:
        code = conduct(observers)
    except BaseException as error:
        observers.failed(error)
        raise
    else:
        observers.left(code)
        return code
    finally:
        observers.close()


def carried(made: Changing, carry: Callable[[], Awaitable[Carried]], observing: Observer) -> Carried:
    """Carry it out, told as it goes; the first signal ends it in good order."""

    def listen(progress: Progress, entry: Entry) -> None:
        made.log.entry(entry, progress)
        observing.heard(progress, entry)

    def announce(run: str, resumed: bool, progress: Progress) -> None:
        made.log.open(made.found.home.log(run))
        observing.started(run, resumed, progress)

    made.runs.listen, made.runs.announce = listen, announce
    first = FirstSignal(lambda number, all_of_it: _stop(made, number.name))
    with told(first.hear):
        done = ask(made, lambda: first.heeded(carry))
    if done is None:
        raise AssertionError("it stops by itself: nothing cuts it")
    return done


def _stop(made: Changing, name: str) -> None:
    """Ask for nothing new."""
    runs = made.runs
    runs.signal = name
    for each in (runs.conductor, runs.changing):
        if each is not None:
            made.terminal.say(f"{name}: nothing new is asked for; once more to leave at once")
            each.stop(name)
