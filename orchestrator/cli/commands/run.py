"""`run`: what its command line asks for. Law: whatever can be refused is refused before anything is sent."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.cli.conducting import conduct
from orchestrator.cli.context.approval_file import Gated
from orchestrator.cli.context.due import NotDue, not_due
from orchestrator.cli.context.find_run import store_for, store_of
from orchestrator.cli.context.measuring import Monitoring, monitors
from orchestrator.cli.context.observers import Observers
from orchestrator.cli.context.telling import Telling, read_plan_or_tell
from orchestrator.cli.context.until import moment_of
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.output.times import local, utc
from orchestrator.core.plan.plan import Plan
from orchestrator.core.plan.windows import zone_of
from orchestrator.core.selection.only import parse_only
from orchestrator.engine.runs import Wish
from orchestrator.engine.runtime import utc_now
from orchestrator.errors import ExitCode, OperatorError
from orchestrator.storage.finishfiles import files_must_be_sound


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks of `run`."""

    only: tuple[str, ...] = ()
    resume: bool = False
    abandon: bool = False
    retry: bool = False
    #: with `resume`, for schedulers: only if the last end needs no person and its time has come
    if_due: bool = False
    gated: Gated = field(default_factory=Gated)
    monitoring: Monitoring = field(default_factory=Monitoring)
    #: a time of day, or a date and a time, from which no job is asked for
    until: str = ""
    #: go on with what ROMA does not carry
    finish: bool = False


def run_plan(terminal: Terminal, path: Path, asked: Asked) -> int:
    """Read the plan, hold it, conduct its run, tell how it ended."""
    terminal.plan = path
    # The journal keeps the whole path: the next command may be typed elsewhere.
    plan = replace(read_plan_or_tell(terminal, path), path=str(path.absolute()))
    telling = Telling(terminal, plan)
    with telling.around():
        return _conducted(terminal, path, plan, asked, telling)


def _conducted(terminal: Terminal, path: Path, plan: Plan, asked: Asked, telling: Telling) -> int:
    if asked.finish:
        files_must_be_sound(plan, path)  # a night's work would end with the mistake
    approval = asked.gated.approval()
    if approval is not None and asked.retry:
        raise OperatorError("--approved and --retry exclude each other", next_step="roma-migrate run --retry PLAN")
    only = parse_only(asked.only, plan)
    until = _until(terminal, plan, asked.until) if asked.until else 0.0
    wish = Wish(only, terminal.common.note, asked.resume, asked.retry, asked.abandon, approval, until)
    if asked.if_due and (why := not_due(store_of(terminal, path), plan.name, lambda: utc_now().timestamp())):
        return _nothing_due(terminal, why)
    store = store_for(terminal, path)
    observers = Observers([telling, *monitors(terminal, plan, store, asked.monitoring)])
    return conduct(terminal, plan, store, wish, observers=observers, finish=asked.finish)


def _until(terminal: Terminal, plan: Plan, words: str) -> float:
    """The moment that `--until` names, in the zone of the plan's windows, else in this host's; which one is told."""
    now = utc_now().timestamp()
    windows = [*plan.windows, *(window for each in plan.instances.values() for window in each.windows)]
    zone = zone_of(windows[0].timezone) if windows else None
    at = moment_of(words, now, zone)
    if at <= now:
        raise OperatorError(f"--until {words} is over: {local(at)}")
    whose = f"{zone.key}, as the plan's windows" if zone is not None else "this host's time zone"
    told = datetime.fromtimestamp(at, UTC).astimezone(zone).isoformat(" ", "seconds")
    terminal.say(f"no job is asked for that would not end before {told} ({whose})", event="until", until=utc(at))
    return at


def _nothing_due(terminal: Terminal, found: NotDue) -> int:
    """A scheduler asks every few minutes, and its mails and logs are for what happens: it is told nothing."""
    if terminal.common.json:
        terminal.document({"code": 0, "due": False, "why": found.why, "not_before": utc(found.not_before)})
    elif terminal.err.isatty():
        terminal.say(found.why + (f", not before {local(found.not_before)}" if found.not_before else ""))
    return int(ExitCode.DONE)
