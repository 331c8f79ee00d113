"""`schema`: the published forms of documents, for editors and programs. Law: made from the code that reads them."""

from dataclasses import dataclass

from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.render.preview_json import schema as of_preview
from orchestrator.cli.render.report_json import schema as of_report
from orchestrator.core.plan.parse import json_schema
from orchestrator.core.values.parse import values_schema
from orchestrator.emulator.world.worldschema import world_schema
from orchestrator.errors import ExitCode, OperatorError


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for; the plan's where it asks for none."""

    preview: bool = False
    report: bool = False
    world: bool = False
    values: bool = False


def schema(terminal: Terminal, wanted: Wanted) -> int:
    """The JSON Schema of a plan, a values file, what `preview --json` or `report --json` prints, or a world."""
    made = {"preview": of_preview, "report": of_report, "world": world_schema, "values": values_schema}
    asked = [name for name in made if getattr(wanted, name)]
    if len(asked) > 1:
        raise OperatorError(f"{' and '.join(f'--{name}' for name in asked)} exclude each other")
    terminal.document(made[asked[0]]() if asked else json_schema())
    return int(ExitCode.DONE)
