"""`undo`: removes what a run made, and only that. Law: previewed first, and begun only by a person's word."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from orchestrator.cli.changing import (
    Changing,
    ask,
    carried,
    changing,
    changing_run,
    close,
    must_be_savable,
    observed,
    read_saved,
    read_steps,
    save_preview,
    show,
    with_another_way,
)
from orchestrator.cli.context.find_run import Found, find_meant
from orchestrator.cli.context.measuring import Monitoring
from orchestrator.cli.context.observers import Observer
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.render.undo_text import changes_json, closing_text, plan_json, plan_text
from orchestrator.core.finish.saved import SavedChanges
from orchestrator.core.plan.plan import Plan
from orchestrator.core.selection.only import Only, parse_only
from orchestrator.core.state.submissions import ComponentState, gravest_of
from orchestrator.core.undo.provenance import Asked, UndoPlan
from orchestrator.engine.change_run import Carried
from orchestrator.engine.undo_run import UndoWish, preview_undo, undo_run
from orchestrator.errors import ExitCode, OperatorError

#: the kinds that `--include` takes
_KINDS = ("app", "task")
#: options that a saved undo holds
_ASKED = ("only", "include", "steps")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator asked of `undo`."""

    only: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    dry_run: bool = False
    save: Path | None = None
    approved: Path | None = None
    yes: bool = False
    everything: bool = False
    monitoring: Monitoring = field(default_factory=Monitoring)


def undo(terminal: Terminal, word: str | None, wanted: Wanted) -> int:
    """Take a run back, or those of a submission; 0 where everything is gone that it made, 1 where something is left."""
    must_be_savable("undo", wanted.save, wanted.dry_run)
    saved = read_saved("undo", _ASKED, wanted.approved)
    if saved is None and wanted.save is None and not terminal.common.json:
        meant = find_meant(terminal, word)
        runs = [meant] if isinstance(meant, Found) else list(reversed(meant.runs()))
        codes = [_undo_run(changing_run(terminal, "undo", found), wanted, saved) for found in runs]
        return int(gravest_of(codes))
    return int(_undo_run(changing(terminal, "undo", word, saved), wanted, saved))


def _undo_run(made: Changing, wanted: Wanted, saved: SavedChanges | None) -> ExitCode:
    try:
        asked = _asked(made.plan, wanted, saved)
        if wanted.dry_run:
            return ExitCode(_show(made, asked, wanted))
        conduct = partial(_conducted, made, asked, wanted, saved)
        return ExitCode(observed(made, wanted.monitoring, conduct))
    finally:
        made.log.close()


def _asked(plan: Plan, wanted: Wanted, saved: SavedChanges | None) -> Asked:
    only, include, steps = wanted.only, wanted.include, wanted.steps
    if saved is not None:
        held = saved.asked["only"], saved.asked["include"], saved.asked["steps"]
        if (only, include, steps) != ((), (), ()) and (only, include, steps) != held:
            raise OperatorError("--approved carries out what was saved: --only, --include and --step are in it")
        only, include, steps = held
    words = tuple(part.strip() for word in include for part in word.split(",") if part.strip())
    for word in words:
        kind, _, glob = word.partition(":")
        if kind not in _KINDS or not glob:
            raise OperatorError(f"--include {word}: not understood", next_step="write app:GLOB or task:GLOB")
    return Asked(parse_only(only, plan) if only else Only(), words, read_steps(steps))


# --- to look at, and to save ---------------------------------------------------------------------------------------


def _show(made: Changing, asked: Asked, wanted: Wanted) -> int:
    planned = ask(made, lambda: preview_undo(made.runs, made.found.run, asked))
    if wanted.save is not None:
        words = {"only": asked.only.words, "include": asked.include, "steps": tuple(map(str, asked.steps))}
        save_preview(made, planned.digest, (planned.changes, planned.left), words, wanted.save)
    text = partial(plan_text, made.found.run, planned, wanted.everything)
    return show(made, plan_json(planned), text, _next_of(made, planned, wanted))


def _next_of(made: Changing, planned: UndoPlan, wanted: Wanted) -> str:
    if not planned.changes:
        return made.names.command("report", made.found.run)
    if wanted.save is not None:
        return f"when it is approved:\n{made.names.command('undo', made.found.run, '--approved', str(wanted.save))}"
    return f"to carry it out:\n{made.names.command('undo', made.found.run)}"


# --- to carry out --------------------------------------------------------------------------------------------------


def _conducted(made: Changing, asked: Asked, wanted: Wanted, saved: SavedChanges | None, observing: Observer) -> int:
    with made.runs.store.hold(made.plan.name, made.assembled.holder):
        wish = UndoWish(asked, made.terminal.redactor.clean(made.terminal.common.note))
        if saved is not None:
            wish = replace(wish, digest=saved.digest, approved=saved.id)
        elif not wanted.yes:
            wish = replace(wish, digest=_confirmed(made, asked, wanted))
        undone = carried(made, lambda: undo_run(made.runs, made.found.run, wish), observing)
        _conclude(made, undone)
    changes = undone.progress.changes
    text = partial(closing_text, made.found.run, changes, everything=wanted.everything)
    return close(made, undone, changes_json(changes), text, _who_and_next(made, undone))


def _conclude(made: Changing, undone: Carried) -> None:
    """A component whose run was ended so that it could be taken back is not begun again."""
    component, ended = made.found.store.component_of(made.found.run), undone.progress.ended
    kept = made.found.store.submissions
    if component and ended is not None and kept.component(component).state is not ComponentState.DONE:
        kept.ended(component, ended.code, ended.reason, 0.0)


def _confirmed(made: Changing, asked: Asked, wanted: Wanted) -> str:
    """The digest that a person has seen and confirmed on a terminal."""
    terminal = made.terminal
    if not (terminal.out.isatty() and terminal.err.isatty()) or terminal.common.json:
        raise OperatorError(
            "undo removes and restores assets at the target and asks before; there is no terminal to ask on",
            next_step="look first: roma-migrate undo RUN --dry-run\nthen say it: roma-migrate undo RUN --yes",
        )
    looking = with_another_way(made)
    planned = ask(looking, lambda: preview_undo(looking.runs, made.found.run, asked))
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


def _who_and_next(made: Changing, undone: Carried) -> tuple[str, str]:
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
