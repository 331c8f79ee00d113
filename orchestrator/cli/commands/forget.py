"""`forget`: drops what ended runs keep on the disk. Law: what undo and the next run need stays.

Packages and the log always go. The journal goes too where nothing needs it any more: the run brought nothing, and
carried out no saved preview. Else it stays, and that is said. What was submitted to a fleet goes when it is done and
no run of it is kept any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.cli.context.find_run import Found, find_meant, plan_of, store_to_read
from orchestrator.cli.context.wiring import real_runtime
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.output.times import local
from orchestrator.core.model.counts import count
from orchestrator.core.plan.scalars import seconds_of
from orchestrator.core.state.submissions import ComponentState
from orchestrator.engine.past_runs import PastRun, read_run
from orchestrator.engine.retention import drop_all, needed_by
from orchestrator.engine.runtime import Runtime
from orchestrator.errors import ExitCode, OperatorError
from orchestrator.storage.locks import Holder
from orchestrator.storage.store import LocalStore


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


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What is to be forgotten."""

    store: LocalStore
    runs: Sequence[Found]
    #: submissions that may go with them
    submissions: Sequence[str]


def forget(terminal: Terminal, word: str | None, wanted: Wanted) -> int:
    """Forget one run, those of a submission, or all that ended long ago."""
    me = real_runtime(lambda event, **fields: None)
    if (word is None) == (not wanted.older_than):
        raise OperatorError("forget needs either a RUN or --older-than TIME", next_step="roma-migrate runs")
    chosen = _named(terminal, word) if word is not None else _old(terminal, wanted.older_than, me)
    if (chosen.runs or chosen.submissions) and not wanted.yes:
        _confirm(terminal, chosen)
    made = [_forget(found, me) for found in chosen.runs]
    gone = {id_: chosen.store.submissions.forget(id_) for id_ in chosen.submissions}
    if terminal.common.json:
        told = [
            {"run": each.run, "packages": each.packages, "journal_kept_for": each.kept_for or None} for each in made
        ]
        rows = [{"submission": id_, "removed": removed} for id_, removed in gone.items()]
        terminal.document({"forgotten": told, "submissions": rows})
    else:
        lines = [*map(_told, made), *(_submission_told(*each) for each in gone.items())]
        terminal.result("\n".join(lines) or "no run ended so long ago")
    return int(ExitCode.DONE)


def _named(terminal: Terminal, word: str) -> _Chosen:
    meant = find_meant(terminal, word)
    if isinstance(meant, Found):
        terminal.run = meant.run
        _must_have_ended(read_run(meant.store, meant.run))
        unit = _unit_of(meant)
        return _Chosen(meant.store, [meant], [unit] if unit != meant.run else [])
    for each in meant.components():
        if each.state is not ComponentState.DONE:
            raise OperatorError(
                f"component {each.id} is not done: what {meant.id} keeps is needed to go on",
                next_step=f"roma-migrate status {meant.id}",
            )
    return _Chosen(meant.store, meant.runs(), [meant.id])


def _old(terminal: Terminal, text: str, me: Runtime) -> _Chosen:
    """Ended runs, the oldest first; the latest of each plan stays, of a fleet all of its submission: they tell where
    the plan stands.
    """
    span = seconds_of(text)
    if span is None:
        raise OperatorError(f"--older-than: {text!r} is no time; write 90d, for instance")
    store, before = store_to_read(terminal, None), me.now() - span
    runs = [Found(store, run) for run in store.run_ids()]
    units = {each.run: _unit_of(each) for each in runs}
    latest = set({plan_of(each.store, each.run): units[each.run] for each in runs}.values())
    chosen = [each for each in runs if units[each.run] not in latest and _is_over(read_run(store, each.run), before)]
    submissions = [each for each in store.submissions.ids() if _may_go(store, each, before, chosen)]
    return _Chosen(store, chosen, submissions)


def _is_over(past: PastRun, before: float) -> bool:
    return past.progress.ended is not None and past.progress.ended_at <= before


def _may_go(store: LocalStore, submission: str, before: float, chosen: Sequence[Found]) -> bool:
    """Whether a submission is not its plan's latest, was made long ago, and has no run but those that go."""
    told, runs = store.submissions.submission(submission), {each.run for each in chosen}
    own = [each.run for each in store.submissions.components(submission) if each.run]
    return told.at <= before and store.submissions.of_plan(told.plan)[-1] != submission and runs.issuperset(own)


def _unit_of(found: Found) -> str:
    """What a run stands and falls with: its submission, else itself."""
    component = found.store.component_of(found.run)
    return found.store.submissions.component(component).submission if component else found.run


def _must_have_ended(past: PastRun) -> None:
    if past.progress.ended is None:
        raise OperatorError(
            f"run {past.run} has not ended: what it keeps is needed to go on",
            next_step="roma-migrate run PLAN goes on with it, roma-migrate run --abandon PLAN ends it",
        )


def _confirm(terminal: Terminal, chosen: _Chosen) -> None:
    named = [*(each.run for each in chosen.runs), *chosen.submissions]
    told = f"{count(len(chosen.runs), 'run')} would be forgotten: {', '.join(named)}"
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


def _submission_told(submission: str, removed: bool) -> str:
    if removed:
        return f"submission {submission}: its rows removed"
    return f"submission {submission}: its rows stay while it is not done, or a run of it is kept"
