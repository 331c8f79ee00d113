"""`pause`: no job is asked for until `continue`. Law: nothing that runs is cut; the process of the run waits."""

from orchestrator.cli.ordering import order
from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.state.events import RunPaused


def pause(terminal: Terminal, run: str | None, engine: str = "") -> int:
    """Order it, of a live run or a dead one."""
    return order(terminal, run, RunPaused, engine)
