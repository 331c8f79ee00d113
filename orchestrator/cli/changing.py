"""One run that `finish` or `undo` changes: its plan and the way to its instances, and how that is carried out here."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import anyio

from orchestrator.cli.context.find_run import Found, Submitted
from orchestrator.cli.context.finishing import can_finish
from orchestrator.cli.context.first_signal import FirstSignal
from orchestrator.cli.context.observers import Observer
from orchestrator.cli.context.run_plan import part_of_run, plan_of_run
from orchestrator.cli.context.signals import told
from orchestrator.cli.context.wiring import Assembled, assemble
from orchestrator.cli.each_run import Part, Told
from orchestrator.cli.output.logs import Log
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.render.finish_text import reasons_of
from orchestrator.cli.render.summary import Names
from orchestrator.core.plan.plan import FinishStep, Plan
from orchestrator.core.selection.components import part_of
from orchestrator.core.state.changes import Changes
from orchestrator.core.state.events import Entry, RunBegan
from orchestrator.core.state.folding import folded
from orchestrator.core.state.progress import Progress
from orchestrator.engine.change_run import Carried
from orchestrator.engine.runs import Runs
from orchestrator.engine.runtime import utc_now
from orchestrator.errors import OperatorError
from orchestrator.storage.planfile import plan_in

T = TypeVar("T")


@dataclass(slots=True)
class Changing:
    """One run of a command that changes what runs left, put together."""

    #: finish or undo
    command: str
    terminal: Terminal
    part: Part
    #: the whole plan; of a component that conducts a part of it, `runs` has that part
    plan: Plan
    assembled: Assembled
    runs: Runs
    names: Names
    log: Log

    @property
    def found(self) -> Found:
        return self.part.found

    @property
    def run(self) -> str:
        """ "" where the component has none."""
        return self.part.run

    def progress(self) -> Progress:
        """All that the journal tells by now; raises JournalDamaged."""
        return folded(iter(self.found.entries()))


def whole_plan(terminal: Terminal, command: str, meant: Found | Submitted) -> Plan:
    """The plan of all that is meant; raises OperatorError, PlanInvalid."""
    if isinstance(meant, Submitted):
        submission = meant.store.submissions.submission(meant.id)
        path = Path(submission.plan_file)
        return replace(plan_in(submission.plan_text, path), path=str(path.absolute()))
    began = _began(meant)
    if began is None:
        raise OperatorError(
            f"run {meant.run} never began: there is nothing to {command}", next_step="roma-migrate runs"
        )
    terminal.plan = Path(began.plan_file)
    plan = replace(plan_of_run(meant, began), path=str(terminal.plan.absolute()))
    if plan.name != began.plan:
        raise OperatorError(f"{began.plan_file} is the plan {plan.name} now; the run is one of {began.plan}")
    return plan


def _began(found: Found) -> RunBegan | None:
    """By the run's first entry."""
    for entry in found.store.read(found.run):
        return entry.event if isinstance(entry.event, RunBegan) else None
    return None


def changing(terminal: Terminal, command: str, part: Part, plan: Plan) -> Changing:
    """Put one run of this plan together; whoever gets it closes the log."""
    component, store = part.component, part.store
    log = Log(terminal, lambda: utc_now().timestamp(), component.id if component is not None else "")
    own = part_of(plan, component.migrations) if component is not None else part_of_run(part.found, plan)
    scope = store.of_component(component) if component is not None else store.scope_of(part.run)
    assembled = assemble(own, terminal.redactor, log.say)
    runs = Runs(own, scope, assembled.roma, assembled.users, assembled.runtime)
    can_finish(runs, store.home, terminal)
    return Changing(command, terminal, part, plan, assembled, runs, part.names(plan.name, plan.path), log)


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


def ended_under(progress: Progress, held: Changes, approved: str) -> bool:
    """Whether these changes are the run's last act, and have ended under that approval."""
    began = held.began
    return progress.act is held and held.ended is not None and began is not None and began.approved == approved


def named_again(part: Part, approved: Path | None, named: Iterable[tuple[str, Sequence[str]]]) -> Sequence[str]:
    """What must be named beside the command to go on with it; `named` is (option, its words).

    Of a submission, whose other components may not have begun; of a single run its journal knows.
    """
    if part.component is None:
        return ()
    if approved is not None:
        return "--approved", str(approved)
    return [word for option, words in named if words for word in (option, ",".join(words))]


def told_of(
    made: Changing, done: Carried, told: Mapping[str, object], text: Callable[[list[str]], str], verdict: str,
    step: tuple[str, str],
) -> Told:  # fmt: skip
    """How it ended; `text` is told why it went no further, `step` is who acts and what comes next."""
    whys, (who, following) = reasons_of(done.ends, done.signal), step
    head = {"run": made.run, "plan": made.plan.name, "dry_run": False}
    document = {**head, **told, "whys": whys}
    return Told(done.code, document, text(whys), verdict, who, following, stopped=bool(made.runs.signal))


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
