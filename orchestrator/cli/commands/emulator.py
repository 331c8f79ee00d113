"""`emulator`: serves a local ROMA Connect until it is stopped. Law: the only command, with `demo`, that runs one."""

from dataclasses import dataclass
from pathlib import Path

import anyio

from orchestrator.cli.context.output_file import must_be_writable, write_output
from orchestrator.cli.output.terminal import Terminal
from orchestrator.emulator import run_emulator
from orchestrator.emulator.world.generate import default_world
from orchestrator.emulator.world.world import World
from orchestrator.emulator.world.worldfile import load_world
from orchestrator.errors import ExitCode, OperatorError


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks of `emulator`."""

    host: str
    port: int
    world: Path | None = None
    #: where to write a plan for it
    plan: Path | None = None


def emulate(terminal: Terminal, asked: Asked) -> int:
    """Serve a world until SIGINT or SIGTERM, which is how it is meant to end."""
    held = _world(asked.world)
    if asked.plan is not None:
        must_be_writable(asked.plan, "--write-plan FILE", None)

    def write(text: str) -> str:
        """The plan on the disk, once the address is known; its path, "" where none is wanted."""
        if asked.plan is None:
            return ""
        write_output(asked.plan, text.encode(), "--write-plan FILE")
        return str(asked.plan)

    try:
        anyio.run(run_emulator, asked.host, asked.port, held, terminal.common.json, terminal.out, write)
    except OSError as error:
        words = (error.strerror or "failed").lower()
        raise OperatorError(
            f"the emulator cannot listen on {asked.host}:{asked.port}: {words}",
            next_step="choose another --port, or 0 for any",
        ) from None
    return int(ExitCode.DONE)


def _world(path: Path | None) -> World:
    if path is None:
        return default_world()
    try:
        return load_world(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror.lower() if isinstance(error, OSError) and error.strerror else "it is not UTF-8 text"
        raise OperatorError(f"the world {path} cannot be read: {words}") from None
