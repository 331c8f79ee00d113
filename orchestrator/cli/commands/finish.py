"""`finish`: does what ROMA does not carry. Law: only what the plan names, previewed row by row, proved by reading."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from orchestrator.cli.changing import (
    Changing,
    ask,
    carried,
    changing,
    close,
    must_be_savable,
    observed,
    read_saved,
    read_steps,
    save_preview,
    show,
)
from orchestrator.cli.context.measuring import Monitoring
from orchestrator.cli.context.observers import Observer
from orchestrator.cli.context.output_file import must_be_writable, write_output
from orchestrator.cli.output.tables import commands
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.render.finish_text import changes_json, closing_text, plan_json, plan_text
from orchestrator.core.finish.kinds import BY_WORD
from orchestrator.core.finish.planning import FinishPlan, steps_of
from orchestrator.core.finish.saved import SavedChanges
from orchestrator.core.model.counts import count
from orchestrator.core.plan.plan import Plan
from orchestrator.core.selection.only import Only, parse_only
from orchestrator.core.state.changes import ChangeState
from orchestrator.engine.change_run import Carried
from orchestrator.engine.finish_run import FinishWish, finish_run, first_values_of, preview_finish
from orchestrator.errors import ExitCode, OperatorError

#: options that a saved finish holds
_ASKED = ("steps", "only", "unproved")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator asked of `finish`."""

    steps: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    unproved: bool = False
    dry_run: bool = False
    save: Path | None = None
    approved: Path | None = None
    everything: bool = False
    monitoring: Monitoring = field(default_factory=Monitoring)
    template: Path | None = None


def finish(terminal: Terminal, word: str | None, wanted: Wanted) -> int:
    """Finish a run; 0 where everything is done and proved, 1 where something is left to people."""
    must_be_savable("finish", wanted.save, wanted.dry_run)
    _must_stand_alone(wanted)
    saved = read_saved("finish", _ASKED, wanted.approved)
    made = changing(terminal, "finish", word, saved)
    try:
        if wanted.template is not None:
            return _write_values(made, wanted.only, wanted.template)
        wish = _wish(made, wanted, saved)
        if wanted.dry_run:
            return _show(made, wish, wanted)
        return observed(made, wanted.monitoring, lambda observing: _conducted(made, wish, wanted.everything, observing))
    finally:
        made.log.close()


def _wish(made: Changing, wanted: Wanted, saved: SavedChanges | None) -> FinishWish:
    steps, only, unproved = wanted.steps, wanted.only, wanted.unproved
    if saved is not None:
        if steps or only or unproved:
            raise OperatorError("--approved carries out what was saved: --step, --only and --unproved are in it")
        steps, only, unproved = saved.asked["steps"], saved.asked["only"], bool(saved.asked["unproved"])
    note = made.terminal.redactor.clean(made.terminal.common.note)
    wish = FinishWish(read_steps(steps), parse_only(only, made.plan) if only else Only(), unproved, note)
    return wish if saved is None else replace(wish, digest=saved.digest, approved=saved.id)


# --- a first values file -------------------------------------------------------------------------------------------


def _must_stand_alone(wanted: Wanted) -> None:
    """`--template` only writes a file."""
    if wanted.template is None:
        return
    if wanted.steps or wanted.unproved or wanted.dry_run or wanted.approved is not None:
        raise OperatorError("--template goes with --only alone: it writes a file and changes nothing")
    must_be_writable(wanted.template, "--template", None)


def _write_values(made: Changing, only: tuple[str, ...], path: Path) -> int:
    chosen = parse_only(only, made.plan) if only else Only()
    first = ask(made, lambda: first_values_of(made.runs, made.found.run, chosen))
    write_output(path, first.text.encode(), "--template")
    following = made.names.command("validate", "--values", str(path))
    if made.terminal.common.json:
        head = {"run": made.found.run, "plan": made.plan.name, "template": str(path), "target": first.target}
        told = {"datasources": first.sources, "empty": first.empty, "code": 0, "who": "the plan owner"}
        made.terminal.document({**head, **told, "next": following})
    else:
        said = (
            f"{path}: {count(first.sources, 'data source')} of {first.target}, {count(first.empty, 'secret')} to name"
        )
        made.terminal.result("\n".join([said, commands("next: ", f"complete the references, then:\n{following}")]))
    return int(ExitCode.DONE)


# --- to look at, and to save ---------------------------------------------------------------------------------------


def _show(made: Changing, wish: FinishWish, wanted: Wanted) -> int:
    planned = ask(made, lambda: preview_finish(made.runs, made.found.run, wish))
    if wanted.save is not None:
        asked = {
            "steps": tuple(each.value for each in planned.steps), "only": wish.only.words,
            "unproved": ("yes",) if wish.unproved else (),
        }  # fmt: skip
        save_preview(made, planned.digest, (planned.changes, planned.left), asked, wanted.save)
    text = partial(plan_text, made.found.run, planned, wanted.everything)
    return show(made, plan_json(planned), text, _next_of(made, planned, wanted))


def _next_of(made: Changing, planned: FinishPlan, wanted: Wanted) -> str:
    run = made.found.run
    if not planned.changes:
        return made.names.command("handover", run)
    if wanted.save is not None:
        return f"when it is approved:\n{made.names.command('finish', run, '--approved', str(wanted.save))}"
    named = ("--step", ",".join(wanted.steps)) if wanted.steps else ()
    return f"to carry it out:\n{made.names.command('finish', run, *named)}"


# --- to carry out --------------------------------------------------------------------------------------------------


def _conducted(made: Changing, wish: FinishWish, everything: bool, observing: Observer) -> int:
    with made.runs.store.hold(made.plan.name, made.assembled.holder):
        finished = carried(made, lambda: finish_run(made.runs, made.found.run, wish), observing)
    changes = finished.progress.finishing
    text = partial(closing_text, made.found.run, changes, everything=everything)
    return close(made, finished, changes_json(changes), text, _who_and_next(made, finished))


def _who_and_next(made: Changing, finished: Carried) -> tuple[str, str]:
    run, names = made.found.run, made.names
    if finished.progress.finishing.ended is None:
        return "nobody" if finished.signal else "whoever started it", f"go on with it:\n{names.command('finish', run)}"
    if finished.code is not ExitCode.DONE:
        again = f"look at what is left, then once more:\n{names.command('finish', run, '--dry-run')}"
        return "the owners of what is left", again
    if left := _by_word(made.plan, finished):
        return "whoever gives the word", names.command("finish", run, "--step", ",".join(left))
    return "nobody", names.command("handover", run)


def _by_word(plan: Plan, finished: Carried) -> list[str]:
    """Steps of the plan that wait for a person's own word, and that nobody has asked for or done anything of yet."""
    finishing = finished.progress.finishing
    done = {life.change.step for life in finishing.settled.values() if life.state is ChangeState.DONE}
    return [each.value for each in steps_of(plan, BY_WORD) if each.value not in {*done, *finishing.steps}]
