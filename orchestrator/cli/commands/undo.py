"""`undo`: removes what a run made, and only that. Law: previewed first, and begun only by a person's word."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from orchestrator.cli.changing import Changing, ask, carried, ended_under, named_again, read_steps, told_of
from orchestrator.cli.changing_each import Agreed, Manner, Shown, Words, change_each, read_saved
from orchestrator.cli.context.measuring import Monitoring
from orchestrator.cli.context.observers import Observer
from orchestrator.cli.each_run import Part, Told, in_short
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.render.summary import Names
from orchestrator.cli.render.undo_text import changes_json, closing_text, plan_json, plan_text, verdict_of, what_of
from orchestrator.core.finish.saved import Preview, SavedChanges
from orchestrator.core.plan.plan import Plan
from orchestrator.core.selection.only import Only, parse_only
from orchestrator.core.state.submissions import ComponentState
from orchestrator.core.undo.provenance import Asked, UndoPlan
from orchestrator.engine.change_run import Carried
from orchestrator.engine.undo_run import UndoWish, preview_undo, undo_run
from orchestrator.errors import ExitCode, OperatorError, PreflightBlocked

#: the kinds that `--include` takes
_KINDS = ("app", "task")
#: options that a saved undo holds
_ASKED = ("only", "include", "steps")
#: of a component that no worker has begun
_NEVER_BEGUN = "it has not begun"


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
    read_steps(wanted.steps)
    saved = read_saved("undo", _ASKED, wanted.approved)
    act = _Undo(wanted)
    _must_be_alone(act.words, saved)
    asks = saved is None and not wanted.dry_run and not wanted.yes
    person = _Person(terminal) if asks else None
    return change_each(terminal, word, act, Manner(wanted.dry_run, wanted.save, saved, wanted.monitoring, person))


def _must_be_alone(words: Words, saved: SavedChanges | None) -> None:
    if saved is not None and any(words.values()) and any(each.asked != words for each in saved.runs.values()):
        raise OperatorError("--approved carries out what was saved: --only, --include and --step are in it")


@dataclass(frozen=True, slots=True)
class _Person:
    """Whoever sits at this terminal."""

    terminal: Terminal

    def must_be_there(self) -> None:
        terminal = self.terminal
        if not (terminal.out.isatty() and terminal.err.isatty()) or terminal.common.json:
            raise OperatorError(
                "undo removes and restores assets at the target and asks before; there is no terminal to ask on",
                next_step="look first: roma-migrate undo RUN --dry-run\nthen say it: roma-migrate undo RUN --yes",
            )

    def must_agree(self) -> None:
        self.terminal.say("Type yes to take this back; anything else leaves everything as it is.")
        try:
            answer = input()
        except EOFError:
            answer = ""
        if answer.strip().lower() != "yes":
            raise OperatorError("nothing was taken back: the answer was not yes", next_step="roma-migrate undo RUN")


class _Undo:
    """What it does of one run."""

    command = "undo"

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self.words: Words = {
            key: tuple(part.strip() for word in words for part in word.split(",") if part.strip())
            for key, words in (("only", wanted.only), ("include", wanted.include), ("steps", wanted.steps))
        }

    def must_fit(self, plan: Plan) -> None:
        """Whatever was done can be taken back, also where the plan asks for it no more."""

    def ordered(self, parts: Sequence[Part]) -> Sequence[Part]:
        """The last one first."""
        return list(reversed(parts))

    def apart(self, part: Part) -> Told | None:
        """Only an undo of all that was submitted ends what has not begun."""
        component = part.component
        if component is None or part.run:
            return None
        done = component.state is ComponentState.DONE
        if not done and not any(self.words.values()):
            return None
        text = "it brought nothing: nothing is left to take back" if done else f"{_NEVER_BEGUN}: it is left as it is"
        return in_short(ExitCode.DONE, text)

    # --- to look at ------------------------------------------------------------------------------------------------

    def preview(self, made: Changing, asked: Words) -> Shown:
        if not made.run:
            return _unbegun(asked)
        wish = _asked(made, asked)
        planned = ask(made, lambda: preview_undo(made.runs, made.run, wish))
        held = {"only": wish.only.words, "include": wish.include, "steps": tuple(map(str, wish.steps))}
        preview = Preview(made.run, planned.digest, planned.changes, planned.left, held)
        return Shown(
            preview, plan_json(planned), plan_text(made.run, planned, self._wanted.everything), what_of(planned)
        )

    def following(self, names: Names, saved: Path | None, nothing: bool) -> str:
        if nothing:
            return names.command("report", names.run)
        if saved is not None:
            return f"when it is approved:\n{names.command('undo', names.run, '--approved', str(saved))}"
        return f"to carry it out:\n{names.command('undo', names.run)}"

    # --- to carry out ----------------------------------------------------------------------------------------------

    def carry(self, made: Changing, asked: Words, agreed: Agreed, observing: Observer) -> Told:
        with made.runs.store.hold(made.plan.name, made.assembled.holder):
            if not made.run:
                return _ended_unbegun(made)
            wish = UndoWish(
                _asked(made, asked), made.terminal.redactor.clean(made.terminal.common.note), agreed.digest,
                agreed.approved,
            )  # fmt: skip
            undone = carried(made, lambda: undo_run(made.runs, made.run, wish), observing)
            _conclude(made, undone)
        return self._told(made, undone)

    def over(self, made: Changing, approved: str) -> Told | None:
        progress = made.progress()
        ended = ended_under(progress, progress.changes, approved)
        return self._told(made, Carried(made.run, progress, {})) if ended else None

    def goes_on(self, made: Changing) -> bool:
        return made.progress().changes.unfinished

    def _told(self, made: Changing, undone: Carried) -> Told:
        changes = undone.progress.changes
        text = partial(closing_text, made.run, changes, everything=self._wanted.everything)
        named = (("--only", self.words["only"]), ("--include", self.words["include"]), ("--step", self.words["steps"]))
        step = _who_and_next(made, undone, named_again(made.part, self._wanted.approved, named))
        return told_of(made, undone, changes_json(changes), text, verdict_of(changes), step)


def _asked(made: Changing, asked: Words) -> Asked:
    for word in asked["include"]:
        kind, _, glob = word.partition(":")
        if kind not in _KINDS or not glob:
            raise OperatorError(f"--include {word}: not understood", next_step="write app:GLOB or task:GLOB")
    only = parse_only(asked["only"], made.plan) if asked["only"] else Only()
    return Asked(only, asked["include"], read_steps(asked["steps"]))


# --- a component that has not begun --------------------------------------------------------------------------------


def _unbegun(asked: Words) -> Shown:
    text = f"{_NEVER_BEGUN}, and would be ended, so that no worker begins it"
    planned = UndoPlan((), ())
    return Shown(Preview("", planned.digest, (), (), asked), plan_json(planned), text, text)


def _ended_unbegun(made: Changing) -> Told:
    """Given up before a worker began it, while this process holds it."""
    component, kept = made.part.component, made.part.store.submissions
    if component is None:
        raise AssertionError("whatever is not of a submission has begun")
    now = kept.component(component.id)
    if now.run:
        raise PreflightBlocked(
            f"a worker has begun it meanwhile, as run {now.run}", next_step="look at it again: roma-migrate undo RUN"
        )
    by = made.assembled.runtime
    kept.ended(component.id, int(ExitCode.INCOMPLETE), f"given up by {by.user} on {by.host} before it began", 0.0)
    text = f"{_NEVER_BEGUN}, and is ended: no worker begins it"
    return in_short(ExitCode.DONE, text)


def _conclude(made: Changing, undone: Carried) -> None:
    """A component whose run was ended so that it could be taken back is not begun again."""
    component, ended = made.found.store.component_of(made.run), undone.progress.ended
    kept = made.found.store.submissions
    if component and ended is not None and kept.component(component).state is not ComponentState.DONE:
        kept.ended(component, ended.code, ended.reason, 0.0)


def _who_and_next(made: Changing, undone: Carried, again: Sequence[str]) -> tuple[str, str]:
    names = made.names
    run = names.run
    if undone.progress.changes.ended is None:
        if undone.code is ExitCode.UNDECIDED:
            return "whoever can decide", names.command("resolve", run)
        who = "nobody" if undone.signal else "whoever started it"
        return who, f"go on with it:\n{names.command('undo', run, *again)}"
    if undone.code is ExitCode.DONE:
        return "nobody", names.command("report", run)
    return (
        "the owners of what is left",
        f"look at it, then name what shall go too:\n{names.command('undo', run, '--dry-run')}",
    )
