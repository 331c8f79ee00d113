"""`status`: where a run stands, live or dead. Law: reads the journal alone, and disturbs nobody."""

import time

from orchestrator.cli.context.find_run import Submitted, find_meant, plan_meant
from orchestrator.cli.context.followed_run import FollowedRun, RunStatus, Until, followed
from orchestrator.cli.context.last_success import last_success
from orchestrator.cli.context.until import moment_of
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.output.times import local, utc
from orchestrator.cli.render.run_status import status_json, status_text
from orchestrator.cli.render.summary import Names
from orchestrator.core.scheduling.outlook import StatedEnd
from orchestrator.errors import ExitCode, OperatorError

#: seconds between two looks of `status --watch`
EVERY = 1.0


def status(terminal: Terminal, word: str | None, watch: bool, until: str | None = None) -> int:
    """Tell where a run or a submission stands; with `watch` until it ends or nothing goes on by itself."""
    ends = _until(until)
    found = find_meant(terminal, word)
    if isinstance(found, Submitted):
        return _of_submission(terminal, found, watch, until)
    terminal.run = found.run
    with followed(found, ends) as run:
        seen = run.look()
        if terminal.common.json:
            while watch and seen.live:
                time.sleep(EVERY)
                seen = run.look()
            terminal.document(status_json(seen, _names(seen)))
        elif watch and terminal.out.isatty():
            _redrawn(terminal, run, seen)
        elif watch:
            _told_again(terminal, run, seen)
        else:
            terminal.result(status_text(seen, _names(seen)))
    return int(ExitCode.DONE)


def _of_submission(terminal: Terminal, submitted: Submitted, watch: bool, until: str | None) -> int:
    from orchestrator.cli.context.submission_status import look
    from orchestrator.cli.render.submission import submission_json, submission_text

    if until is not None:
        raise submitted.asks_which("--until")
    seen = look(submitted)
    names = Names(
        submitted.id,
        seen.submission.plan,
        seen.submission.plan_file,
        submitted.store.home.path,
        submitted.store.options,
    )
    told = ""
    while watch and seen.live:
        if not terminal.common.json and (text := submission_text(seen, names)) != told:
            told = text
            terminal.result(text)
        time.sleep(EVERY)
        seen = look(submitted)
    if terminal.common.json:
        terminal.document(submission_json(seen, names))
    else:
        terminal.result(submission_text(seen, names))
    return int(ExitCode.DONE)


def _redrawn(terminal: Terminal, run: FollowedRun, seen: RunStatus) -> None:
    """In place; what is left behind is the last look, whole."""
    from typing import IO, cast

    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    def text() -> Text:
        told = status_text(seen, _names(seen), terminal.size[1])
        return Text.from_ansi(terminal.painted(told), no_wrap=True, overflow="crop")

    console = Console(file=cast("IO[str]", terminal.out), highlight=False)
    with Live(text(), console=console, auto_refresh=False, transient=True, vertical_overflow="crop") as live:
        while seen.live:
            time.sleep(EVERY)
            seen = run.look()
            live.update(text(), refresh=True)
    terminal.result(status_text(seen, _names(seen)))


def _told_again(terminal: Terminal, run: FollowedRun, seen: RunStatus) -> None:
    """Where no terminal is: whenever the run has moved."""
    told = 0
    while True:
        if seen.progress.seq != told or not seen.live:
            told = seen.progress.seq
            terminal.result(status_text(seen, _names(seen)))
        if not seen.live:
            return
        time.sleep(EVERY)
        seen = run.look()


def _names(seen: RunStatus) -> Names:
    began = seen.progress.began
    plan, file = (began.plan, began.plan_file) if began else ("", "")
    return Names(seen.found.run, plan, file, seen.found.home.path, seen.found.store.options)


# --- fresh ----------------------------------------------------------------------------------------------------------


def fresh(terminal: Terminal, word: str | None, text: str) -> int:
    """0 where a run of the plan ended with 0 at most so long ago."""
    from orchestrator.core.plan.scalars import seconds_of, spelled

    most = seconds_of(text)
    if most is None:
        raise OperatorError(f"--fresh: {text!r} is no time; write 8d, for instance")
    store, plan = plan_meant(terminal, word)
    run, at = last_success(store, plan)
    young = bool(run) and time.time() - at <= most
    code = ExitCode.DONE if young else ExitCode.INCOMPLETE
    told = _freshness(plan, run, at, f"{'within' if young else 'not within'} {spelled(most)}")
    if terminal.common.json:
        document = {
            "plan": plan, "fresh": young, "run": run or None, "last_success": utc(at) if run else None,
            "within_seconds": most, "sentence": told, "code": int(code), "who": "nobody" if young else "the plan owner",
            "next": "" if young else f"roma-migrate status {plan}",
        }  # fmt: skip
        terminal.document(document)
    else:
        terminal.result(told)
    return int(code)


def _freshness(plan: str, run: str, at: float, verdict: str) -> str:
    if not run:
        return f"plan {plan}: no run that ended with 0 is remembered"
    return f"plan {plan}: run {run} ended with 0 at {local(at)}, {verdict}"


# --- until ---------------------------------------------------------------------------------------------------------


def _until(words: str | None) -> Until:
    """The moment that `--until` names, as soon as the run's begin is known."""
    if words is None:
        return lambda progress: None
    moment_of(words, 0.0)  # a wrong word is told before anything is looked for
    return lambda progress: StatedEnd(moment_of(words, progress.began_at), "--until")
