"""The closing summary of a run: counts, whys, who must act. Law: a command that is told can be pasted."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.cli.output.tables import commands, table, wrapped
from orchestrator.cli.output.times import local, utc
from orchestrator.core.model.checks import Check, in_short
from orchestrator.core.model.counts import agreed, count
from orchestrator.core.report.handover import PlanHandover
from orchestrator.core.report.lanes import MEANING, LaneReport, lane_reports
from orchestrator.core.report.outcome import AssetClass, Outcome
from orchestrator.core.report.verdict import MEANINGS, is_held, is_only_held, verdict
from orchestrator.core.state.progress import Progress
from orchestrator.errors import ExitCode
from orchestrator.storage.home import find_home

if TYPE_CHECKING:  # `status` tells of a run without its report
    from orchestrator.core.report.report import Report

NOTHING_LEFT = PlanHandover()
#: how a class is named where there is little room
_SHORT = {
    AssetClass.UNVERIFIED: "unverified",
    AssetClass.DIFFERENT: "differs",
}


@dataclass(frozen=True, slots=True)
class Names:
    """The real names that stand in the commands to paste."""

    run: str
    plan: str
    #: path of the plan file
    file: str
    home: Path
    #: what else was named on the command line of where runs are kept
    options: tuple[str, ...] = ()

    def command(self, *words: str) -> str:
        """A command to paste where this one was typed: it names the home where it would not be found by itself."""
        plan = Path(self.file) if self.file in words else None
        found = find_home(None, os.environ, plan, Path.cwd()).path
        home = () if found == self.home else ("--home", str(self.home))
        return shlex.join(("roma-migrate", *words, *home, *self.options))


def verdict_of(made: "Report") -> str:
    """The verdict of a run that may not have ended."""
    if made.finished:
        return verdict(made.outcome)
    if any(why.code is ExitCode.UNDECIDED for why in made.outcome.whys):
        return f"unfinished: {MEANINGS[ExitCode.UNDECIDED]}"
    if any(why.code is ExitCode.STOPPED for why in made.outcome.whys):
        return f"unfinished: {MEANINGS[ExitCode.STOPPED]}"
    return "unfinished"


def next_of(made: "Report", names: Names, left: PlanHandover) -> str:
    """What to do next for whoever reads the report of a run that may not have ended; `left` as in `next_step`."""
    if not made.finished:
        return next_step(made.outcome, names) if made.outcome.whys else names.command("run", names.file)
    handover = _handover(left, names)
    if made.outcome.code is ExitCode.DONE:
        return handover or "nothing: it is done"
    if made.outcome.code is not ExitCode.INCOMPLETE:
        return next_step(made.outcome, names, left)
    if is_only_held(made.outcome):
        return next_step(made.outcome, names, left)
    mend = f"mend what is named here{_again(made.outcome, names)}"
    return f"{handover}\nthen {mend}" if handover else mend


def next_step(outcome: Outcome, names: Names, left: PlanHandover = NOTHING_LEFT) -> str:
    """What to do next, ending in a command with real names where there is one; `left` is what is left to people."""
    step = _next_step(outcome, names)
    if outcome.code not in {ExitCode.DONE, ExitCode.INCOMPLETE} or not left.open:
        return step
    told = "what was done, asset by asset:\n" if outcome.code is ExitCode.DONE else "then "
    return f"{_handover(left, names)}\n{told}{step}"


def _handover(left: PlanHandover, names: Names) -> str:
    """What is left to people, with the command that lists it; "" where nothing is."""
    return f"{left_to_people(left)}:\n{names.command('handover', names.run)}" if left.open else ""


def left_to_people(left: PlanHandover) -> str:
    """How much of it is open, and how much of that may process data twice."""
    risks = len(left.risks)
    told = f"{count(len(left.open), 'thing')} {agreed(len(left.open), 'is')} left to people"
    if not risks:
        return told
    runs = "is a task that still runs" if risks == 1 else "are tasks that still run"
    return f"{told}; {risks} of them {runs} at the source, so that data may be processed twice"


def given_word(outcome: Outcome, names: Names) -> str | None:
    """The command that gives a person's decision or word; None where the run waits for neither."""
    if outcome.code is ExitCode.UNDECIDED:
        return names.command("resolve", names.run)
    if outcome.code is ExitCode.STOPPED and outcome.word is not None:
        return names.command("continue", *outcome.word, names.run)
    return None


def _next_step(outcome: Outcome, names: Names) -> str:
    again = names.command("run", names.file)
    report = names.command("report", names.run)
    match outcome.code:
        case ExitCode.DONE:
            return report
        case ExitCode.INCOMPLETE if is_held(outcome) and is_only_held(outcome):
            return f"have what was held back approved anew:\n{_approve(names)}"
        case ExitCode.INCOMPLETE:
            return f"mend what the report names:\n{report}{_again(outcome, names)}"
        case ExitCode.UNDECIDED:
            return f"decide, then go on:\n{given_word(outcome, names)}\n{again}"
        case ExitCode.REFUSED:
            return f"mend the credentials or permissions, then go on:\n{again}"
        case ExitCode.STOPPED if outcome.word is not None:
            return f"give the word, then go on:\n{given_word(outcome, names)}\n{again}"
        case ExitCode.STOPPED:
            return f"give the plan a window that opens, then go on:\n{again}"
        case ExitCode.NOT_FINISHED:
            return f"go on later:\n{again}"
        case ExitCode.UNREACHABLE:
            return f"check the endpoint and the network, then go on:\n{again}"
        case _:
            return f"go on:\n{again}"


def _again(outcome: Outcome, names: Names) -> str:
    """How what was mended is tried once more, and what was held back is approved."""
    held = f"\nand have what was held back approved anew:\n{_approve(names)}" if is_held(outcome) else ""
    retry = names.command("run", "--retry", names.file)
    return f"\nthen try it once more:\n{retry}{held}"


def _approve(names: Names) -> str:
    """The way of a preview that has to be approved again."""
    file = f"{names.plan}.preview.json"
    save = names.command("preview", "--save", file, names.file)
    return f"{save}\n{names.command('run', '--approved', file, names.file)}"


def closing_text(
    progress: Progress, outcome: Outcome, names: Names, log: str, left: PlanHandover = NOTHING_LEFT, following: str = ""
) -> str:
    """The summary for people, on stdout."""
    lines = [wrapped("", f"run {names.run} of plan {names.plan}: {verdict(outcome)} (code {int(outcome.code)})")]
    lines += [wrapped("  ", MEANING), lanes_table(lane_reports(progress))]
    lines += [wrapped("why:  ", why.sentence) for why in outcome.whys]
    lines += [commands("warn: ", warned(progress.findings, names))] if progress.findings and not following else []
    lines += [wrapped("who:  ", outcome.who), commands("next: ", following or next_step(outcome, names, left))]
    if not_before := moment(outcome, progress.at):
        lines.append(f"not before: {local(not_before)}")
    if progress.began is not None:
        lines += [wrapped("held: ", line) for line in progress.began.held]
        lines.append(f"digest: {progress.began.digest}")
    return "\n".join([*lines, commands("log:  ", log)])


def closing_json(
    progress: Progress, outcome: Outcome, names: Names, log: str, left: PlanHandover = NOTHING_LEFT
) -> dict[str, object]:
    """The same for programs."""
    return {
        "run": names.run,
        "plan": names.plan,
        "plan_file": names.file,
        "digest": progress.began.digest if progress.began else "",
        "held": list(progress.began.held) if progress.began else [],
        "findings": [finding_json(each) for each in progress.findings],
        **outcome_json(outcome, names),
        "next": next_step(outcome, names, left),
        "handover": {"open": len(left.open), "double_processing": len(left.risks)},
        "not_before": utc(moment(outcome, progress.at)),
        "lanes": [lane_json(each) for each in lane_reports(progress)],
        "log": log,
    }


def warned(findings: Sequence[Check], names: Names) -> str:
    """How much preflight warned of when the run began, by check, and where it is told."""
    told = "; it ".join(in_short(findings))
    return f"before it began, preflight {told}; the report tells all of it:\n{names.command('report', names.run)}"


def finding_json(check: Check) -> dict[str, Any]:
    return {
        "check": check.id, "verdict": check.verdict.value, "where": check.where, "sentence": check.sentence,
        "assets": list(check.assets), "remedy": check.remedy,
    }  # fmt: skip


def moment(outcome: Outcome, at: float) -> float:
    """Code 8: when to start again; at once where only the process that ended knew."""
    return (outcome.not_before or at) if outcome.code is ExitCode.NOT_FINISHED else 0.0


def outcome_json(outcome: Outcome, names: Names) -> dict[str, object]:
    return {
        "code": int(outcome.code),
        "codes": sorted({int(outcome.code), *(int(why.code) for why in outcome.whys)}),
        "verdict": verdict(outcome),
        "whys": [{"code": int(why.code), "sentence": why.sentence} for why in outcome.whys],
        "counts": {each.value: outcome.counts.get(each.value, 0) for each in AssetClass},
        "who": outcome.who,
        "next": next_step(outcome, names),
    }


def lane_json(lane: LaneReport) -> dict[str, object]:
    return {
        "migration": lane.migration,
        "source": lane.source,
        "target": lane.target,
        "selected": lane.selected,
        "counts": dict(lane.counts),
    }


def lanes_table(lanes: tuple[LaneReport, ...], doing: dict[str, str] | None = None) -> str:
    """Counts per migration@target; classes that nobody is in are left out, but for the verified."""
    held = [
        each for each in AssetClass if each is AssetClass.VERIFIED or any(lane.counts.get(each.value) for lane in lanes)
    ]
    head = ["migration@target", "selected", *(_SHORT.get(each, each.value) for each in held)]
    rows = [[lane.name, str(lane.selected), *(str(lane.counts[each.value]) for each in held)] for lane in lanes]
    if doing is not None:
        head.append("now")
        rows = [[*row, doing.get(lane.name, "")] for row, lane in zip(rows, lanes, strict=True)]
    return table(head, rows)
