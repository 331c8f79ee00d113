"""Which asset became which: source id to target id, as a table for the programs that call them. Law: every asset."""

from collections.abc import Iterable

from orchestrator.cli.render.report_json import ReportDocument
from orchestrator.core.model.escape import in_csv

COLUMNS = (
    "run", "migration", "source", "target", "kind", "source_name", "source_id", "target_name", "target_id", "outcome",
    "why",
)  # fmt: skip


def asset_map(*reports: ReportDocument) -> str:
    """One row for each asset at each target of these runs; `target_id` is empty where no read has told it."""
    return in_csv(COLUMNS, (row for told in reports for row in _rows(told)), "\r\n")


def is_map_of(run: str, beginning: bytes) -> bool:
    """Whether a file that begins so is an earlier map of the same run."""
    return beginning.startswith(f"{','.join(COLUMNS)}\r\n{run},".encode())


def _rows(told: ReportDocument) -> Iterable[tuple[str, ...]]:
    for a in told.assets:
        name = " or ".join(a.target_names)
        yield (told.run, a.migration, a.source, a.target, a.kind, a.name, a.id, name, a.target_id, a.outcome, a.why)
