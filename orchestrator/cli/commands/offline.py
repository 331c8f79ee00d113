"""`validate`, `schema`, `emulator`: what needs no service. Law: nothing is resolved, and no home is made."""

import json
from pathlib import Path

import anyio

from orchestrator.cli.output.tables import count
from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.plan.parse import json_schema
from orchestrator.errors import ExitCode, OperatorError
from orchestrator.storage.planfile import read_plan


def validate(terminal: Terminal, path: Path) -> int:
    """Read the file alone; raises PlanInvalid with every problem."""
    terminal.plan = path
    plan = read_plan(path)
    targets = sum(len(migration.targets) for migration in plan.migrations)
    told = (
        f"{count(len(plan.migrations), 'migration')}, {count(targets, 'target')}, "
        f"{count(len(plan.instances), 'instance')}"
    )
    if terminal.common.json:
        terminal.document(
            {"plan": plan.name, "plan_file": str(path), "valid": True, "code": 0,
             "migrations": [migration.name for migration in plan.migrations]}
        )  # fmt: skip
    else:
        terminal.result(f"{path}: valid: plan {plan.name}, {told}")
    return int(ExitCode.DONE)


def schema(terminal: Terminal, preview: bool) -> int:
    """The JSON Schema of the plan, or of what `preview --json` prints."""
    from orchestrator.cli.render.preview_json import schema as of_preview

    made = of_preview() if preview else json_schema()
    terminal.out.write(json.dumps(made, indent=2, ensure_ascii=False) + "\n")
    return int(ExitCode.DONE)


def emulate(terminal: Terminal, host: str, port: int, world: Path | None) -> int:
    """Serve a world until SIGINT or SIGTERM, which is how it is meant to end."""
    from orchestrator.emulator import run_emulator
    from orchestrator.emulator.world.generate import default_world
    from orchestrator.emulator.world.worldfile import load_world

    try:
        held = load_world(world.read_text(encoding="utf-8")) if world is not None else default_world()
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror.lower() if isinstance(error, OSError) and error.strerror else "it is not UTF-8 text"
        raise OperatorError(f"the world {world} cannot be read: {words}") from None
    try:
        anyio.run(run_emulator, host, port, held, terminal.common.json, terminal.out)
    except OSError as error:
        words = (error.strerror or "failed").lower()
        raise OperatorError(
            f"the emulator cannot listen on {host}:{port}: {words}", next_step="choose another --port, or 0 for any"
        ) from None
    return int(ExitCode.DONE)
