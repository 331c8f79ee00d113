"""`undo`: removes what a run made, and only that. Law: previewed first, and begun only by a person's word."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import anyio

from orchestrator.cli.context.approval_file import content_of, must_be_free, understood, write_new
from orchestrator.cli.context.find_run import Found, find_run
from orchestrator.cli.context.first_signal import FirstSignal
from orchestrator.cli.context.measuring import Monitoring, monitors
from orchestrator.cli.context.observers import Observer, Observers
from orchestrator.cli.context.signals import told
from orchestrator.cli.context.wiring import Assembled, assemble
from orchestrator.cli.output.logs import Log
from orchestrator.cli.output.tables import commands, wrapped
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.output.times import utc
from orchestrator.cli.render.summary import Names
from orchestrator.cli.render.undo_text import changes_json, closing_text, plan_json, plan_text
from orchestrator.core.plan.plan import Plan
from orchestrator.core.selection.only import Only, parse_only
from orchestrator.core.state.events import Entry, RunBegan
from orchestrator.core.state.folding import folded
from orchestrator.core.state.progress import Progress
from orchestrator.core.undo.provenance import Asked, UndoPlan
from orchestrator.core.undo.saved import MOST, SavedUndo, from_json, to_json
from orchestrator.engine.runs import Runs
from orchestrator.engine.runtime import utc_now
from orchestrator.engine.undo_run import Undone, UndoWish, preview_undo, undo_run
from orchestrator.errors import ExitCode, OperatorError
from orchestrator.storage.planfile import read_plan

T = TypeVar("T")

#: the kinds that `--include` takes
_KINDS = ("app", "task")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator asked of `undo`."""

    only: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    dry_run: bool = False
    save: Path | None = None
    approved: Path | None = None
    yes: bool = False
    everything: bool = False
    monitoring: Monitoring = field(default_factory=Monitoring)


@dataclass(slots=True)
class _Undo:
    """One undo, put together."""

    terminal: Terminal
    found: Found
    plan: Plan
    assembled: Assembled
    runs: Runs
    asked: Asked
    names: Names
    log: Log


def undo(terminal: Terminal, word: str | None, wanted: Wanted) -> int:
    """Take a run back; 0 where everything that it made is gone, 1 where something is left."""
    if wanted.save is not None and not wanted.dry_run:
        raise OperatorError("--save goes with --dry-run", next_step="roma-migrate undo RUN --dry-run --save FILE")
    if wanted.save is not None:
        must_be_free(wanted.save)
    saved = _read_saved(wanted.approved) if wanted.approved is not None else None
    made = _assembled(terminal, word, wanted, saved)
    try:
        if wanted.dry_run:
            return _show(made, wanted)
        return _carry_out(made, wanted, saved)
    finally:
        made.log.close()


def _assembled(terminal: Terminal, word: str | None, wanted: Wanted, saved: SavedUndo | None) -> _Undo:
    found = find_run(terminal, word if word is not None or saved is None else saved.run)
    terminal.run = found.run
    if saved is not None and saved.run != found.run:
        raise OperatorError(f"the saved undo is of run {saved.run}, not of {found.run}")
    began = folded(iter(found.entries())).began
    if began is None:
        raise OperatorError(f"run {found.run} never began: there is nothing to undo", next_step="roma-migrate runs")
    path = Path(began.plan_file)
    terminal.plan = path
    plan = replace(read_plan(path), path=str(path.absolute()))
    _must_be_the_plan(plan, began)
    log = Log(terminal, lambda: utc_now().timestamp())
    assembled = assemble(plan, terminal.redactor, log.say)
    runs = Runs(plan, found.store, assembled.roma, assembled.users, assembled.runtime)
    names = Names(found.run, plan.name, plan.path, found.home.path, found.store.options)
    return _Undo(terminal, found, plan, assembled, runs, _asked(plan, wanted, saved), names, log)


def _must_be_the_plan(plan: Plan, began: RunBegan) -> None:
    if plan.name != began.plan:
        raise OperatorError(f"{began.plan_file} is the plan {plan.name} now; the run is one of {began.plan}")


def _asked(plan: Plan, wanted: Wanted, saved: SavedUndo | None) -> Asked:
    only, include = wanted.only, wanted.include
    if saved is not None:
        if (only, include) != ((), ()) and (only, include) != (saved.only, saved.include):
            raise OperatorError("--approved carries out what was saved: --only and --include are in it")
        only, include = saved.only, saved.include
    words = tuple(part.strip() for word in include for part in word.split(",") if part.strip())
    for word in words:
        kind, _, glob = word.partition(":")
        if kind not in _KINDS or not glob:
            raise OperatorError(f"--include {word}: not understood", next_step="write app:GLOB or task:GLOB")
    return Asked(parse_only(only, plan) if only else Only(), words)


def _read_saved(path: Path) -> SavedUndo:
    return understood(path, content_of(path, MOST), "a saved undo", from_json)


# --- to look at, and to save ---------------------------------------------------------------------------------------


def _show(made: _Undo, wanted: Wanted) -> int:
    planned = _ask(made, lambda: preview_undo(made.runs, made.found.run, made.asked))
    if wanted.save is not None:
        _save(made, planned, wanted.save)
    following = _next_of(made, planned, wanted)
    if made.terminal.common.json:
        head = {"run": made.found.run, "plan": made.plan.name, "dry_run": True}
        made.terminal.document({**head, **plan_json(planned), "code": 0, "who": "nobody", "next": following})
    else:
        shown = plan_text(made.found.run, planned, wanted.everything)
        made.terminal.result("\n".join([shown, commands("next: ", following)]))
    return int(ExitCode.DONE)


def _save(made: _Undo, planned: UndoPlan, path: Path) -> None:
    runtime = made.assembled.runtime
    about = {"saved_by": f"{runtime.user} on {runtime.host}", "saved": utc(runtime.now()) or ""}
    write_new(path, to_json(made.found.run, planned, (made.asked.only.words, made.asked.include), about))


def _next_of(made: _Undo, planned: UndoPlan, wanted: Wanted) -> str:
    if not planned.changes:
        return made.names.command("report", made.found.run)
    if wanted.save is not None:
        return f"when it is approved:\n{made.names.command('undo', made.found.run, '--approved', str(wanted.save))}"
    return f"to carry it out:\n{made.names.command('undo', made.found.run)}"


def _ask(made: _Undo, read: Callable[[], Awaitable[T]]) -> T:
    async def both() -> T:
        try:
            return await read()
        finally:
            with anyio.CancelScope(shield=True):
                await made.assembled.roma.aclose()

    return anyio.run(both)


# --- to carry out --------------------------------------------------------------------------------------------------


def _carry_out(made: _Undo, wanted: Wanted, saved: SavedUndo | None) -> int:
    observers = Observers(monitors(made.terminal, made.plan, made.found.store, wanted.monitoring, "undo"))
    observers.attached(made.log.say)
    try:
        code = _conducted(made, wanted, saved, observers)
    except BaseException as error:
        observers.failed(error)
        raise
    else:
        observers.left(code)
        return code
    finally:
        observers.close()


def _conducted(made: _Undo, wanted: Wanted, saved: SavedUndo | None, observing: Observer) -> int:
    with made.found.store.hold(made.plan.name, made.assembled.holder):
        wish = UndoWish(made.asked, made.terminal.redactor.clean(made.terminal.common.note))
        if saved is not None:
            wish = replace(wish, digest=saved.digest, approved=saved.id)
        elif not wanted.yes:
            wish = replace(wish, digest=_confirmed(made, wanted))
        undone = _undone(made, wish, observing)
    return _close(made, undone, wanted)


def _confirmed(made: _Undo, wanted: Wanted) -> str:
    """The digest that a person has seen and confirmed on a terminal."""
    terminal = made.terminal
    if not (terminal.out.isatty() and terminal.err.isatty()) or terminal.common.json:
        raise OperatorError(
            "undo removes and restores assets at the target and asks before; there is no terminal to ask on",
            next_step="look first: roma-migrate undo RUN --dry-run\nthen say it: roma-migrate undo RUN --yes",
        )
    # A client of its own: this one is closed behind the question.
    looking = assemble(made.plan, terminal.redactor, made.log.say)
    runs = replace(made.runs, roma=looking.roma)
    planned = _ask(replace(made, runs=runs, assembled=looking), lambda: preview_undo(runs, made.found.run, made.asked))
    terminal.result(plan_text(made.found.run, planned, wanted.everything))
    if not planned.changes:
        return planned.digest
    terminal.say("Type yes to take this back; anything else leaves everything as it is.")
    try:
        answer = input()
    except EOFError:
        answer = ""
    if answer.strip().lower() != "yes":
        raise OperatorError("nothing was taken back: the answer was not yes", next_step="roma-migrate undo RUN")
    return planned.digest


def _undone(made: _Undo, wish: UndoWish, observing: Observer) -> Undone:
    def listen(progress: Progress, entry: Entry) -> None:
        made.log.entry(entry, progress)
        observing.heard(progress, entry)

    def announce(run: str, resumed: bool, progress: Progress) -> None:
        made.log.open(made.found.home.log(run))
        observing.started(run, resumed, progress)

    made.runs.listen, made.runs.announce = listen, announce
    first = FirstSignal(lambda number, all_of_it: _stop(made, number.name))
    with told(first.hear):
        undone = _ask(made, lambda: first.heeded(lambda: undo_run(made.runs, made.found.run, wish)))
    if undone is None:
        raise AssertionError("an undo stops by itself: nothing cuts it")
    return undone


def _stop(made: _Undo, name: str) -> None:
    """Ask for nothing new."""
    runs = made.runs
    runs.signal = name
    for each in (runs.conductor, runs.undoing):
        if each is not None:
            made.terminal.say(f"{name}: nothing new is asked for; once more to leave at once")
            each.stop(name)


def _close(made: _Undo, undone: Undone, wanted: Wanted) -> int:
    changes, code = undone.progress.changes, undone.code
    reasons = [end.sentence for end in undone.ends.values()]
    if undone.signal:
        reasons.append(f"interrupted by {undone.signal}; what was asked for is settled by the next start")
    who, following = _who_and_next(made, undone)
    if made.terminal.common.json:
        head = {"run": made.found.run, "plan": made.plan.name, "dry_run": False, "code": int(code)}
        document = {**head, **changes_json(changes), "whys": reasons, "who": who, "next": following}
        made.terminal.document(document)
    else:
        shown = closing_text(made.found.run, changes, reasons, wanted.everything)
        made.terminal.result("\n".join([shown, wrapped("who:  ", who), commands("next: ", following)]))
    return int(code)


def _who_and_next(made: _Undo, undone: Undone) -> tuple[str, str]:
    run, names = made.found.run, made.names
    if undone.progress.changes.ended is None:
        if undone.code is ExitCode.UNDECIDED:
            return "whoever can decide", names.command("resolve", run)
        return "nobody" if undone.signal else "whoever started it", f"go on with it:\n{names.command('undo', run)}"
    if undone.code is ExitCode.DONE:
        return "nobody", names.command("report", run)
    return (
        "the owners of what is left",
        f"look at it, then name what shall go too:\n{names.command('undo', run, '--dry-run')}",
    )
