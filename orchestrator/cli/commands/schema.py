"""`schema`: the published forms of documents, for editors and programs. Law: made from the code that reads them."""

import json

from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.render.preview_json import schema as of_preview
from orchestrator.core.plan.parse import json_schema
from orchestrator.errors import ExitCode


def schema(terminal: Terminal, preview: bool) -> int:
    """The JSON Schema of the plan, or of what `preview --json` prints."""
    made = of_preview() if preview else json_schema()
    terminal.out.write(json.dumps(made, indent=2, ensure_ascii=False) + "\n")
    return int(ExitCode.DONE)
