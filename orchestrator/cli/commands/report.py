"""`report`: a run as Markdown or JSON. Law: it shows what `core.report` folded, adds nothing and hides nothing."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from orchestrator import __version__
from orchestrator.cli.context.find_run import Found, Submitted, find_meant
from orchestrator.cli.context.folded_run import whole_of
from orchestrator.cli.context.learning import known_dialect
from orchestrator.cli.context.output_file import must_be_writable, write_output
from orchestrator.cli.context.plan_runs import left_by_plan
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.render.asset_map import asset_map, is_map_of
from orchestrator.cli.render.report_json import ReportDocument, document
from orchestrator.cli.render.report_markdown import report_markdown
from orchestrator.cli.render.summary import Names
from orchestrator.core.model.counts import count
from orchestrator.core.report.assets import AssetLine
from orchestrator.core.report.whole import WholeReport
from orchestrator.core.selection.only import read_only
from orchestrator.errors import ExitCode, OperatorError
from orchestrator.storage.chain import Row


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks of `report`."""

    only: tuple[str, ...] = ()
    everything: bool = False
    html: Path | None = None
    #: source id to target id, as CSV
    map: Path | None = None
    #: all of it with the journal
    evidence: Path | None = None


def report_run(terminal: Terminal, word: str | None, wanted: Wanted) -> int:
    """Tell everything about a run: 0 when told, whatever the run came to; 70 where its counts do not agree."""
    if wanted.evidence is not None:
        if wanted.only:
            raise OperatorError("--evidence is of a whole run, so that it goes without --only")
        must_be_writable(wanted.evidence, "--evidence FILE.zip", None)
    meant = find_meant(terminal, word)
    if isinstance(meant, Submitted):
        return _of_submission(terminal, meant, wanted)
    return _of_run(terminal, meant, wanted)


def _of_submission(terminal: Terminal, submitted: Submitted, wanted: Wanted) -> int:
    """One table of all components, and the report of each run behind it; one map holds the assets of all."""
    from orchestrator.cli.context.submission_status import look
    from orchestrator.cli.render.submission import submission_json, submission_markdown

    if wanted.html is not None or wanted.evidence is not None:
        raise submitted.asks_which("--html" if wanted.html is not None else "--evidence")
    seen = look(submitted)
    told = seen.submission
    names = Names(told.id, told.plan, told.plan_file, submitted.store.home.path, submitted.store.options)
    reports = [_told(terminal, found, wanted)[0] for found in submitted.runs()]
    if wanted.map is not None:
        _write_map(terminal, wanted.map, f"submission {submitted.id}", reports)
    if terminal.common.json:
        terminal.document({**submission_json(seen, names), "reports": [asdict(each) for each in reports]})
    elif wanted.map is None:
        lines = submission_markdown(seen, names)
        terminal.page(
            "\n".join([*lines, *(line for each in reports for line in ("", *report_markdown(each, wanted.everything)))])
        )
    return int(ExitCode.DONE if all(each.agree for each in reports) else ExitCode.DEFECT)


def _of_run(terminal: Terminal, found: Found, wanted: Wanted) -> int:
    terminal.run = found.run
    told, rows = _told(terminal, found, wanted)
    if wanted.html is not None:
        _write_page(terminal, wanted.html, told)
    if wanted.map is not None:
        _write_map(terminal, wanted.map, f"run {told.run}", [told])
    if wanted.evidence is not None:
        _write_evidence(terminal, wanted.evidence, told, rows)
    if terminal.common.json:
        terminal.document(asdict(told))
    elif wanted.html is None and wanted.map is None and wanted.evidence is None:
        terminal.page("\n".join(report_markdown(told, wanted.everything)))
    return int(ExitCode.DONE if told.agree else ExitCode.DEFECT)


def _told(terminal: Terminal, found: Found, wanted: Wanted) -> tuple[ReportDocument, list[Row]]:
    whole, rows = whole_of(found)
    began = whole.report.began
    names = Names(found.run, began.plan, began.plan_file, found.home.path, found.store.options)
    left = left_by_plan(terminal, found.store, began.plan)
    known = known_dialect(terminal, found.home)
    return document(whole, names, _narrowed(whole, wanted.only), left, known), rows


def _write_page(terminal: Terminal, path: Path, told: ReportDocument) -> None:
    from orchestrator.cli.render.report_html import is_page_of, page

    # Asked before the page is made, so that a slip is told at once.
    same = partial(is_page_of, told.run)
    must_be_writable(path, "--html FILE", same)
    write_output(path, terminal.redactor.clean(page(told)).encode(), "--html FILE", same)
    terminal.say(f"report of run {told.run}: {path}", event="written", file=str(path))


def _write_map(terminal: Terminal, path: Path, whose: str, reports: Sequence[ReportDocument]) -> None:
    same = partial(is_map_of, reports[0].run) if reports else None
    write_output(path, terminal.redactor.clean(asset_map(*reports)).encode(), "--map FILE", same)
    assets = [asset for each in reports for asset in each.assets]
    known = sum(bool(each.target_id) for each in assets)
    terminal.say(
        f"map of {whose}: {path}, {count(len(assets), 'asset')}, the id at the target known of {known}",
        event="written", file=str(path), assets=len(assets), known=known,
    )  # fmt: skip


def _write_evidence(terminal: Terminal, path: Path, told: ReportDocument, rows: list[Row]) -> None:
    from orchestrator.cli.render.evidence_files import evidence_files
    from orchestrator.storage.evidence import pack

    content = pack(told.run, told.plan, __version__, rows, evidence_files(told))
    write_output(path, content, "--evidence FILE.zip")
    terminal.say(
        f"evidence of run {told.run}: {path}, {count(told.chain.entries, 'entry')}; keep the head of its chain "
        f"elsewhere: {told.chain.digest}",
        event="written", file=str(path), entries=told.chain.entries, head=told.chain.digest,
    )  # fmt: skip


def _narrowed(whole: WholeReport, words: Sequence[str]) -> list[AssetLine]:
    """The assets that `--only` lets through; the counts stay whole, so that they agree."""
    only = read_only(words, [(lane.migration, lane.target) for lane in whole.report.lanes], "the run")
    return [
        line
        for line in whole.assets
        if only.allows_lane(line.outcome.migration, line.outcome.target)
        and only.allows_asset(line.outcome.kind, line.outcome.name)
    ]
