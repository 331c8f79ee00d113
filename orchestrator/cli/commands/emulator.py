"""`emulator`: serves a local ROMA Connect until it is stopped. Law: the only command, with `demo`, that knows one."""

from pathlib import Path

import anyio

from orchestrator.cli.output.terminal import Terminal
from orchestrator.emulator import run_emulator
from orchestrator.emulator.world.generate import default_world
from orchestrator.emulator.world.worldfile import load_world
from orchestrator.errors import ExitCode, OperatorError


def emulate(terminal: Terminal, host: str, port: int, world: Path | None) -> int:
    """Serve a world until SIGINT or SIGTERM, which is how it is meant to end."""
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
