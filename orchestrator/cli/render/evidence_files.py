"""What stands in an evidence file beside the journal. Law: made from the report's document, so that all tell the same.

`untold` is the other way round: what the packed report tells and the packed journal does not.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from orchestrator.cli.render.asset_map import asset_map
from orchestrator.cli.render.report_html import page
from orchestrator.cli.render.report_json import BatchDocument, ReportDocument, document
from orchestrator.cli.render.report_markdown import report_markdown
from orchestrator.cli.render.summary import Names
from orchestrator.core.comparison.dialect import Dialect
from orchestrator.core.report.handover import PlanHandover
from orchestrator.core.report.whole import WholeReport

REPORT, PLAN, DIGESTS = "report.json", "plan.json", "packages.sha256"
#: of the report: what rests on this home, or on other runs of the plan
_ELSEWHERE = frozenset(
    {"next", "handover", "handover_counts", "handover_open", "handover_risks", "handover_command", "dialect"}
)  # fmt: skip


def evidence_files(told: ReportDocument) -> dict[str, bytes]:
    """Name -> content."""
    made = {
        "report.html": page(told),
        "report.md": "\n".join(report_markdown(told, everything=True)) + "\n",
        REPORT: _json(asdict(told)),
        "map.csv": asset_map(told),
        PLAN: _json(told.plan_as_run),
        DIGESTS: _digests(told.batches),
    }
    return {name: content.encode() for name, content in made.items()}


def untold(files: Mapping[str, bytes], whole: WholeReport) -> list[str]:
    """A sentence for each part that is not what the journal tells; the report, the plan and the digests are compared.

    Raises ValueError where a part cannot be read.
    """
    began = whole.report.began
    names = Names(whole.report.run, began.plan, began.plan_file, Path())
    meant = document(whole, names, whole.assets, PlanHandover(), Dialect())
    found = json.loads(files.get(REPORT, b"null"))
    wanted = json.loads(_json(asdict(meant)))
    keys = [key for key in wanted if key not in _ELSEWHERE]
    wrong = [key for key in keys if not isinstance(found, dict) or found.get(key) != wanted[key]]
    sentences = [f"{REPORT} does not tell what the journal tells: {', '.join(wrong)}"] if wrong else []
    if files.get(PLAN) != _json(meant.plan_as_run).encode():
        sentences.append(f"{PLAN} is not the plan that the journal holds")
    if files.get(DIGESTS) != _digests(meant.batches).encode():
        sentences.append(f"{DIGESTS} are not the digests that the journal holds")
    return sentences


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _digests(batches: Sequence[BatchDocument]) -> str:
    """As `sha256sum` writes and checks them: the packages lie so in the home."""
    return "".join(f"{each.sha256}  {each.batch}.zip\n" for each in batches if each.sha256)
