"""`finish`: does what ROMA does not carry. Law: only what the plan names, previewed row by row, proved by reading."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from orchestrator.cli.changing import (
    Changing,
    ask,
    carried,
    changing,
    ended_under,
    named_again,
    read_steps,
    told_of,
    whole_plan,
)
from orchestrator.cli.changing_each import Agreed, Manner, Shown, Words, change_each, read_saved
from orchestrator.cli.context.find_run import find_run
from orchestrator.cli.context.measuring import Monitoring
from orchestrator.cli.context.observers import Observer
from orchestrator.cli.context.output_file import must_be_writable, write_output
from orchestrator.cli.each_run import Part, Told, in_short
from orchestrator.cli.output.tables import commands
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.render.finish_text import changes_json, closing_text, plan_json, plan_text, verdict_of, what_of
from orchestrator.cli.render.submission import state_words
from orchestrator.cli.render.summary import Names
from orchestrator.core.finish.kinds import BY_WORD
from orchestrator.core.finish.planning import FinishPlan, steps_of
from orchestrator.core.finish.saved import Preview, SavedChanges
from orchestrator.core.model.counts import count
from orchestrator.core.plan.plan import FinishStep, Plan
from orchestrator.core.selection.only import Only, parse_only
from orchestrator.core.state.changes import ChangeState
from orchestrator.core.state.submissions import ComponentState, code_of
from orchestrator.engine.change_run import Carried
from orchestrator.engine.finish_run import FinishWish, finish_run, first_values_of, must_be_asked_for, preview_finish
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
    """Finish a run, or those of a submission; 0 where everything is done and proved, 1 where something is left."""
    if wanted.template is not None:
        return _write_values(terminal, word, wanted, wanted.template)
    read_steps(wanted.steps)
    saved = read_saved("finish", _ASKED, wanted.approved)
    _must_be_alone(wanted, saved)
    act = _Finish(wanted)
    return change_each(terminal, word, act, Manner(wanted.dry_run, wanted.save, saved, wanted.monitoring))


def _must_be_alone(wanted: Wanted, saved: SavedChanges | None) -> None:
    if saved is not None and (wanted.steps or wanted.only or wanted.unproved):
        raise OperatorError("--approved carries out what was saved: --step, --only and --unproved are in it")


class _Finish:
    """What it does of one run."""

    command = "finish"

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self.words: Words = {
            "steps": wanted.steps, "only": wanted.only, "unproved": ("yes",) if wanted.unproved else (),
        }  # fmt: skip

    def must_fit(self, plan: Plan) -> None:
        must_be_asked_for(plan, read_steps(self.words["steps"]))

    def ordered(self, parts: Sequence[Part]) -> Sequence[Part]:
        return parts

    def apart(self, part: Part) -> Told | None:
        """A component that is not done: what ROMA does not carry comes after what it does."""
        component = part.component
        if component is None or (component.state is ComponentState.DONE and part.run):
            return None
        if component.state is ComponentState.DONE:
            text = "it brought nothing: there is nothing to finish"
            return in_short(ExitCode.DONE, text)
        text = f"it is not done: it {state_words(component)}; what ROMA does not carry comes after it"
        following = part.names(component.plan, "").command("status", component.submission)
        return replace(in_short(code_of(component), text), following=following)

    # --- to look at ------------------------------------------------------------------------------------------------

    def preview(self, made: Changing, asked: Words) -> Shown:
        wish = _wish(made, asked)
        planned = FinishPlan(()) if wish is None else ask(made, lambda: preview_finish(made.runs, made.run, wish))
        held: Words = {
            "steps": tuple(each.value for each in planned.steps), "only": _only(made, asked).words,
            "unproved": asked["unproved"],
        }  # fmt: skip
        preview = Preview(made.run, planned.digest, planned.changes, planned.left, held)
        return Shown(
            preview, plan_json(planned), plan_text(made.run, planned, self._wanted.everything), what_of(planned)
        )

    def following(self, names: Names, saved: Path | None, nothing: bool) -> str:
        if nothing:
            return names.command("handover", names.run)
        if saved is not None:
            return f"when it is approved:\n{names.command('finish', names.run, '--approved', str(saved))}"
        named = ("--step", ",".join(self._wanted.steps)) if self._wanted.steps else ()
        return f"to carry it out:\n{names.command('finish', names.run, *named)}"

    # --- to carry out ----------------------------------------------------------------------------------------------

    def carry(self, made: Changing, asked: Words, agreed: Agreed, observing: Observer) -> Told:
        wish = _wish(made, asked, agreed)
        if wish is None:
            text = "its migrations ask for none of these steps"
            return in_short(ExitCode.DONE, text)
        with made.runs.store.hold(made.plan.name, made.assembled.holder):
            finished = carried(made, lambda: finish_run(made.runs, made.run, wish), observing)
        return self._told(made, finished)

    def over(self, made: Changing, approved: str) -> Told | None:
        progress = made.progress()
        ended = ended_under(progress, progress.finishing, approved)
        return self._told(made, Carried(made.run, progress, {})) if ended else None

    def goes_on(self, made: Changing) -> bool:
        return made.progress().finishing.unfinished

    def _told(self, made: Changing, finished: Carried) -> Told:
        changes = finished.progress.finishing
        text = partial(closing_text, made.run, changes, everything=self._wanted.everything)
        named = (("--step", self._wanted.steps), ("--only", self._wanted.only))
        step = _who_and_next(made, finished, named_again(made.part, self._wanted.approved, named))
        return told_of(made, finished, changes_json(changes), text, verdict_of(changes), step)


def _wish(made: Changing, asked: Words, agreed: Agreed = Agreed()) -> FinishWish | None:  # noqa: B008 - frozen
    """What is asked of this run; None where a component has none of the steps that are named for the whole plan."""
    steps = read_steps(asked["steps"])
    own = [each for each in steps if each in _wanted_by(made.runs.plan)]
    if steps and not own:
        return None
    note = made.terminal.redactor.clean(made.terminal.common.note)
    only = _only(made, asked)
    return FinishWish(tuple(own), only, bool(asked["unproved"]), note, agreed.digest, agreed.approved)


def _wanted_by(plan: Plan) -> tuple[FinishStep, ...]:
    return steps_of(plan, tuple(FinishStep))


def _only(made: Changing, asked: Words) -> Only:
    return parse_only(asked["only"], made.plan) if asked["only"] else Only()


def _who_and_next(made: Changing, finished: Carried, again: Sequence[str]) -> tuple[str, str]:
    names = made.names
    run = names.run
    if finished.progress.finishing.ended is None:
        who = "nobody" if finished.signal else "whoever started it"
        return who, f"go on with it:\n{names.command('finish', run, *again)}"
    if finished.code is not ExitCode.DONE:
        look = f"look at what is left, then once more:\n{names.command('finish', run, '--dry-run')}"
        return "the owners of what is left", look
    if left := _by_word(made.runs.plan, finished):
        return "whoever gives the word", names.command("finish", run, "--step", ",".join(left))
    return "nobody", names.command("handover", run)


def _by_word(plan: Plan, finished: Carried) -> list[str]:
    """Steps of the plan that wait for a person's own word, and that nobody has asked for or done anything of yet."""
    finishing = finished.progress.finishing
    done = {life.change.step for life in finishing.settled.values() if life.state is ChangeState.DONE}
    return [each.value for each in steps_of(plan, BY_WORD) if each.value not in {*done, *finishing.steps}]


# --- a first values file -------------------------------------------------------------------------------------------


def _write_values(terminal: Terminal, word: str | None, wanted: Wanted, path: Path) -> int:
    """`--template` only writes a file, of one run."""
    if wanted.steps or wanted.unproved or wanted.dry_run or wanted.approved is not None:
        raise OperatorError("--template goes with --only alone: it writes a file and changes nothing")
    must_be_writable(path, "--template", None)
    found = find_run(terminal, word, "--template")
    made = changing(terminal, "finish", Part(found.store, found.run), whole_plan(terminal, "finish", found))
    chosen = parse_only(wanted.only, made.plan) if wanted.only else Only()
    try:
        first = ask(made, lambda: first_values_of(made.runs, made.run, chosen))
    finally:
        made.log.close()
    write_output(path, first.text.encode(), "--template")
    following = made.names.command("validate", "--values", str(path))
    if terminal.common.json:
        head = {"run": made.run, "plan": made.plan.name, "template": str(path), "target": first.target}
        told = {"datasources": first.sources, "empty": first.empty, "code": 0, "who": "the plan owner"}
        terminal.document({**head, **told, "next": following})
    else:
        said = (
            f"{path}: {count(first.sources, 'data source')} of {first.target}, {count(first.empty, 'secret')} to name"
        )
        terminal.result("\n".join([said, commands("next: ", f"complete the references, then:\n{following}")]))
    return int(ExitCode.DONE)
