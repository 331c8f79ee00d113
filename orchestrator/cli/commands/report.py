"""`report`: a run as Markdown or JSON. Law: it shows what `core.report` folded, adds nothing and hides nothing."""

from collections.abc import Sequence

from orchestrator.cli.context.find_run import find_run
from orchestrator.cli.context.folded_run import report_of
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.render.report_json import report_json
from orchestrator.cli.render.report_markdown import report_markdown
from orchestrator.cli.render.summary import Names
from orchestrator.core.report.outcome import AssetOutcome
from orchestrator.core.report.report import Report
from orchestrator.core.selection.only import read_only
from orchestrator.errors import ExitCode


def report_run(terminal: Terminal, word: str | None, only: Sequence[str]) -> int:
    """Tell everything about a run: 0 when told, whatever the run came to; 70 where its counts do not agree."""
    found = find_run(terminal, word)
    terminal.run = found.run
    made = report_of(found)
    names = Names(found.run, made.began.plan, made.began.plan_file, found.home.path)
    shown = _narrowed(made, only)
    if terminal.common.json:
        terminal.document(report_json(made, names, shown))
    else:
        terminal.result("\n".join(report_markdown(made, names, shown)))
    return int(ExitCode.DEFECT if made.disagreements else ExitCode.DONE)


def _narrowed(made: Report, words: Sequence[str]) -> list[AssetOutcome]:
    """The named assets that `--only` lets through; the counts stay whole, so that they agree."""
    only = read_only(words, [(lane.migration, lane.target) for lane in made.lanes], "the run")
    return [
        line
        for line in made.troubled
        if only.allows_lane(line.migration, line.target) and only.allows_asset(line.kind, line.name)
    ]
