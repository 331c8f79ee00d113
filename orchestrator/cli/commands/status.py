"""`status`: where a run stands, live or dead. Law: reads the journal alone, and disturbs nobody."""

import time
from dataclasses import asdict, dataclass

from orchestrator.cli.context.find_run import Found, find_run
from orchestrator.cli.context.last_words import LastWords, last_words
from orchestrator.cli.output.lane_status import LaneStatuses
from orchestrator.cli.output.tables import commands, wrapped
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.output.times import local, seconds_of, utc
from orchestrator.cli.render.summary import Names, lane_json, lanes_table, next_step, outcome_json, verdict
from orchestrator.core.report.outcome import Outcome, outcome
from orchestrator.core.report.report import LaneReport, lane_reports
from orchestrator.core.state.progress import Progress
from orchestrator.engine.runs import folded
from orchestrator.errors import ExitCode, OperatorError
from orchestrator.storage.locks import Holder

#: seconds between two looks of `status --watch`
EVERY = 1.0


@dataclass(frozen=True, slots=True)
class RunStatus:
    """One look at a run."""

    found: Found
    progress: Progress
    outcome: Outcome
    lanes: tuple[LaneReport, ...]
    #: the process that conducts it now, or None
    holder: Holder | None
    #: "migration@target" -> what it does, in words
    doing: dict[str, str]

    @property
    def live(self) -> bool:
        return self.holder is not None

    @property
    def ended(self) -> bool:
        return self.progress.ended is not None

    @property
    def verdict(self) -> str:
        """In one line: done, unfinished or undecided; live or dead."""
        if self.ended:
            return verdict(self.outcome)
        undecided = any(why.code is ExitCode.UNDECIDED for why in self.outcome.whys)
        state = "undecided: an outcome is unknown and only you can decide it" if undecided else "unfinished"
        if self.holder is None:
            return f"{state}; dead: no process conducts it"
        return f"{state}; live: process {self.holder.pid} on {self.holder.host} since {self.holder.since}"


def look(found: Found) -> RunStatus:
    """Read a run; raises JournalDamaged, and OperatorError where it never began."""
    entries = found.entries()
    progress = folded(iter(entries))
    if progress.began is None:
        raise OperatorError(f"run {found.run} never began: it is an empty shell", next_step="roma-migrate runs")
    statuses = LaneStatuses.of(progress)
    ended = progress.ended is not None
    doing = {} if ended else {lane.name: lane.words for lane in statuses.lanes.values()}
    holder = found.holder(progress)
    return RunStatus(found, progress, outcome(progress, {}), lane_reports(progress), holder, doing)


def status(terminal: Terminal, word: str | None, watch: bool) -> int:
    """Tell where a run stands; with `watch` until it ends or its process is gone."""
    found = find_run(terminal, word)
    terminal.run = found.run
    seen = look(found)
    if watch and not terminal.common.json:
        seen = _watch(terminal, found, seen)
    elif terminal.common.json:
        while watch and seen.live:
            time.sleep(EVERY)
            seen = look(found)
        terminal.document(status_json(terminal, seen))
    else:
        terminal.result(status_text(terminal, seen))
    return int(ExitCode.DONE)


def _watch(terminal: Terminal, found: Found, seen: RunStatus) -> RunStatus:
    """Refreshed in place on a terminal; elsewhere said again whenever it has changed."""
    if terminal.out.isatty():
        from typing import IO, cast

        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        def text() -> Text:
            return Text.from_ansi(terminal.painted(status_text(terminal, seen)))

        console = Console(file=cast("IO[str]", terminal.out), highlight=False)
        with Live(text(), console=console, auto_refresh=False) as live:
            while seen.live:
                time.sleep(EVERY)
                seen = look(found)
                live.update(text(), refresh=True)
        return seen
    told = 0
    while True:
        if seen.progress.seq != told or not seen.live:
            told = seen.progress.seq
            terminal.result(status_text(terminal, seen))
        if not seen.live:
            return seen
        time.sleep(EVERY)
        seen = look(found)


def _names(terminal: Terminal, seen: RunStatus) -> Names:
    began = seen.progress.began
    plan, file = (began.plan, began.plan_file) if began else ("", "")
    return Names(seen.found.run, plan, file, seen.found.home.path)


def _next(terminal: Terminal, seen: RunStatus) -> tuple[str, str]:
    """(who, next)."""
    names = _names(terminal, seen)
    undecided = any(why.code is ExitCode.UNDECIDED for why in seen.outcome.whys)
    if seen.ended or undecided:
        return seen.outcome.who, next_step(seen.outcome, names)
    if seen.live:
        return "nobody", names.command("status", "--watch", names.run)
    return "whoever started it", f"go on with it:\n{names.command('run', names.file)}"


def _last_words(seen: RunStatus) -> LastWords | None:
    """Why nobody conducts it any more, where it has not ended."""
    return None if seen.ended or seen.live else last_words(seen.found.home.log(seen.found.run))


def _died(last: LastWords) -> str:
    return f"at {local(seconds_of(last.at))} with code {last.code}: {last.why}" if last.at else last.why


def status_text(terminal: Terminal, seen: RunStatus) -> str:
    """The verdict first, then each lane."""
    progress = seen.progress
    began = progress.began
    who, following = _next(terminal, seen)
    lines = [f"run {seen.found.run}: {seen.verdict}"]
    if began is not None:
        lines.append(f"  plan {began.plan} ({began.plan_file}), by {began.by} on {began.host}")
    lines.append(f"  began {local(progress.began_at)}")
    if last := _last_words(seen):
        lines.append(wrapped("  its process ended ", _died(last)))
    when = f"ended {local(progress.ended_at)}" if seen.ended else f"last entry {local(progress.at)}"
    lines += [f"  {when}", lanes_table(seen.lanes, None if seen.ended else seen.doing)]
    lines += [wrapped("away: ", f"{host} does not answer since {local(at)}") for host, at in progress.down.items()]
    lines += [wrapped("why:  ", why.sentence) for why in seen.outcome.whys]
    return "\n".join([*lines, wrapped("who:  ", who), commands("next: ", following)])


def status_json(terminal: Terminal, seen: RunStatus) -> dict[str, object]:
    """The same for programs."""
    progress, holder = seen.progress, seen.holder
    began = progress.began
    names = _names(terminal, seen)
    who, following = _next(terminal, seen)
    code = int(seen.outcome.code) if seen.ended else int(seen.outcome.code) or int(ExitCode.NOT_FINISHED)
    codes = sorted({code, *(int(why.code) for why in seen.outcome.whys)})
    return {
        "run": seen.found.run, "plan": names.plan, "plan_file": names.file, **outcome_json(seen.outcome, names),
        "verdict": seen.verdict, "code": code, "codes": codes, "who": who, "next": following,
        "last_words": asdict(last) if (last := _last_words(seen)) else None, "live": seen.live, "ended": seen.ended,
        "holder": {"host": holder.host, "pid": holder.pid, "since": holder.since} if holder else None,
        "by": began.by if began else "", "began": utc(progress.began_at),
        "ended_at": utc(progress.ended_at) if seen.ended else None, "last_entry": utc(progress.at),
        "lanes": [{**lane_json(lane), "now": seen.doing.get(lane.name, "")} for lane in seen.lanes],
        "away": {host: utc(at) for host, at in progress.down.items()},
    }  # fmt: skip
