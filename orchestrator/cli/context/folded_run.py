"""A run's journal folded into its report, for every command that tells of a run. Law: reads, and disturbs nobody."""

from orchestrator.cli.context.find_run import Found
from orchestrator.core.report.outcome import outcome
from orchestrator.core.report.report import Report, report
from orchestrator.core.report.whole import ChainHead, WholeReport, whole_report
from orchestrator.core.state.folding import folded
from orchestrator.core.state.progress import Progress
from orchestrator.errors import ExitCode, OperatorError
from orchestrator.storage.chain import Row


def report_of(found: Found) -> Report:
    """Fold a run's journal; raises JournalDamaged, and OperatorError where the run never began."""
    return report_and_progress(found)[0]


def report_and_progress(found: Found) -> tuple[Report, Progress]:
    """The same, and the progress that it was made from."""
    entries = found.entries()
    progress = folded(iter(entries))
    _must_have_begun(found, progress)
    return report(found.run, entries, progress, outcome(progress, {})), progress


def _must_have_begun(found: Found, progress: Progress) -> None:
    if progress.began is None:
        raise OperatorError(f"run {found.run} never began: it is an empty shell", next_step="roma-migrate runs")


def code_of(made: Report) -> int:
    """What the run ended with, or what it would exit with now."""
    if made.finished:
        return int(made.outcome.code)
    return int(made.outcome.code) or int(ExitCode.NOT_FINISHED)


def whole_of(found: Found) -> tuple[WholeReport, list[Row]]:
    """The same with every asset, the timeline and the chain's head; and the very rows that it was made from."""
    kept = found.store.kept(found.run)
    rows, entries = [row for row, _ in kept], [entry for _, entry in kept]
    progress = folded(iter(entries))
    _must_have_begun(found, progress)
    return whole_report(found.run, entries, progress, ChainHead(rows[-1].seq, rows[-1].chain)), rows
