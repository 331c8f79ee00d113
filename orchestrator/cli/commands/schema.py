"""`schema`: the published forms of documents, for editors and programs. Law: made from the code that reads them."""

from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.render.preview_json import schema as of_preview
from orchestrator.cli.render.report_json import schema as of_report
from orchestrator.core.plan.parse import json_schema
from orchestrator.emulator.world.worldschema import world_schema
from orchestrator.errors import ExitCode, OperatorError


def schema(terminal: Terminal, preview: bool, report: bool, world: bool) -> int:
    """The JSON Schema of the plan, of what `preview --json` or `report --json` prints, or of the emulator's worlds."""
    if sum((preview, report, world)) > 1:
        raise OperatorError("--preview, --report and --world exclude each other")
    made = of_preview() if preview else of_report() if report else world_schema() if world else json_schema()
    terminal.document(made)
    return int(ExitCode.DONE)
