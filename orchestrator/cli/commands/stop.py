"""`stop`: the run ends with 10 and stays so until `continue`. Law: nothing that runs is cut."""

from orchestrator.cli.ordering import order
from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.state.events import RunStopped


def stop(terminal: Terminal, run: str | None, engine: str = "") -> int:
    """Order it, of a live run or a dead one."""
    return order(terminal, run, RunStopped, engine)
