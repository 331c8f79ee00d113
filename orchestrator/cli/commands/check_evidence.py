"""`check-evidence`: whether an evidence file is whole. Law: offline, no home, and nothing of the file reaches a disk.

0: whole. 7: it is not what was packed; the entry or the byte is named. 2: it cannot be read at all.
"""

from pathlib import Path

from orchestrator import __version__
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.render.evidence_files import untold
from orchestrator.core.model.counts import count
from orchestrator.core.report.whole import ChainHead, whole_report
from orchestrator.core.state.folding import folded
from orchestrator.errors import EvidenceDamaged, ExitCode, JournalDamaged, OperatorError
from orchestrator.storage.codec import entry_of
from orchestrator.storage.evidence import MOST_BYTES, Evidence, check

_AGAIN = "take another copy of it, or pack it anew: roma-migrate report RUN --evidence FILE.zip"


def check_evidence(terminal: Terminal, path: Path, head: str) -> int:
    """Tell that it is whole, or raise EvidenceDamaged (7) with what is not."""
    content = _content(path)
    try:
        found = check(content)
        compared = _must_agree(found)
        _must_end_at(found, head)
    except EvidenceDamaged as error:
        raise EvidenceDamaged(f"{path}: {error.message}", next_step=_AGAIN) from None
    _tell(terminal, path, found, compared, head)
    return int(ExitCode.DONE)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {(error.strerror or 'failed').lower()}") from None


def _must_agree(found: Evidence) -> bool:
    """Fold the packed journal and compare; False where another version made the report, which may tell otherwise."""
    try:
        entries = [entry_of(row) for row in found.rows]
        progress = folded(iter(entries))
        if progress.began is None:
            raise EvidenceDamaged("its journal tells of no run")
        if found.version != __version__:
            return False
        whole = whole_report(found.run, entries, progress, ChainHead(found.head.seq, found.head.chain))
        wrong = untold(found.files, whole)
    except JournalDamaged as error:
        raise EvidenceDamaged(f"its journal cannot be understood: {error.message}") from None
    except ValueError:
        raise EvidenceDamaged("its report cannot be understood") from None
    if wrong:
        raise EvidenceDamaged("; ".join(wrong))
    return True


def _must_end_at(found: Evidence, head: str) -> None:
    if head and head != found.head.chain:
        raise EvidenceDamaged(f"it is whole, but the head of its chain is {found.head.chain}, not {head}")


def _tell(terminal: Terminal, path: Path, found: Evidence, compared: bool, head: str) -> None:
    report = (
        "report, plan and digests tell what the journal tells"
        if compared
        else f"packed by version {found.version}, so that its report was not compared with the journal"
    )
    if terminal.common.json:
        terminal.document({
            "file": str(path), "code": 0, "whole": True, "run": found.run, "plan": found.plan, "version": found.version,
            "entries": found.head.seq, "head": found.head.chain, "head_compared": bool(head),
            "report_compared": compared, "files": sorted(found.files),
        })  # fmt: skip
        return
    known = "is the one that you gave" if head else "compare it with one that was kept elsewhere (--head)"
    terminal.result(
        f"{path}: whole: run {found.run} of plan {found.plan}, {count(found.head.seq, 'entry')}, "
        f"{count(len(found.files), 'file')}\n{report}\nhead of the chain: {found.head.chain}: {known}"
    )
