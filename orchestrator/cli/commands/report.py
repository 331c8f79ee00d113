"""`report`: a run as Markdown or JSON. Law: it shows what `core.report` folded, adds nothing and hides nothing."""

from collections.abc import Sequence
from dataclasses import asdict

from orchestrator.cli.context.find_run import find_run
from orchestrator.cli.context.folded_run import whole_of
from orchestrator.cli.context.plan_runs import handover_of, runs_of_plan
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.render.report_json import document
from orchestrator.cli.render.report_markdown import report_markdown
from orchestrator.cli.render.summary import Names
from orchestrator.core.report.assets import AssetLine
from orchestrator.core.report.report import QUIET
from orchestrator.core.report.whole import WholeReport
from orchestrator.core.selection.only import read_only
from orchestrator.errors import ExitCode


def report_run(terminal: Terminal, word: str | None, only: Sequence[str]) -> int:
    """Tell everything about a run: 0 when told, whatever the run came to; 70 where its counts do not agree."""
    found = find_run(terminal, word)
    terminal.run = found.run
    whole = whole_of(found)
    made = whole.report
    names = Names(found.run, made.began.plan, made.began.plan_file, found.home.path)
    left = handover_of(runs_of_plan(found.home, made.began.plan))
    shown = _narrowed(whole, only)
    if terminal.common.json:
        terminal.document(asdict(document(whole, names, shown, left)))
    else:
        troubled = [line.outcome for line in shown if line.outcome.kept_as not in QUIET]
        terminal.result("\n".join(report_markdown(made, names, troubled, left)))
    return int(ExitCode.DEFECT if made.disagreements else ExitCode.DONE)


def _narrowed(whole: WholeReport, words: Sequence[str]) -> list[AssetLine]:
    """The assets that `--only` lets through; the counts stay whole, so that they agree."""
    only = read_only(words, [(lane.migration, lane.target) for lane in whole.report.lanes], "the run")
    return [
        line
        for line in whole.assets
        if only.allows_lane(line.outcome.migration, line.outcome.target)
        and only.allows_asset(line.outcome.kind, line.outcome.name)
    ]
